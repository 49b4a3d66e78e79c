"""What came of the day, counted in the database and the log, never in the script."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from backend.ledger.disclosure import Scope
from backend.ledger.records import export_scope
from backend.ledger.verify import verify
from backend.store.tables import alert, delivery, device, record, seal_use
from seal_firmware_sim.scenarios.format import Scenario
from seal_firmware_sim.scenarios.player import Player
from zhiyin.wiring import House


def count(house: House, player: Player) -> dict[str, Any]:
    """The result: keys as README explains them."""
    with house.db.read() as conn:
        uses = conn.execute(
            select(func.count()).select_from(seal_use).where(seal_use.c.pressed > 0)
        ).scalar_one()
        records = conn.execute(select(func.count()).select_from(record)).scalar_one()
        alerts: dict[str, int] = dict(
            conn.execute(
                select(alert.c.code, func.count()).group_by(alert.c.code).order_by(alert.c.code)
            )
            .tuples()
            .all()
        )
        deliveries = conn.execute(
            select(func.count()).select_from(delivery).where(delivery.c.state == "delivered")
        ).scalar_one()
        duplicates = conn.execute(select(func.sum(device.c.duplicates))).scalar_one() or 0
        counters = dict(conn.execute(select(device.c.id, device.c.counter)).tuples().all())
    return {
        "uses": uses,
        "records": records,
        "alerts": dict(sorted(alerts.items(), key=lambda item: int(item[0][1:]))),
        "deliveries": deliveries,
        "duplicates": int(duplicates),
        "missing_receipts": _missing(player, counters),
        "log_verified": _verified(house),
    }


def _missing(player: Player, counters: Mapping[str, int]) -> int:
    """Events that a sleeve has made and that our store does not hold in its chain."""
    missing = 0
    for actor in player.actors.values():
        firmware = actor.sleeve.firmware
        if firmware is None:
            continue  # its plug is pulled; what it had said was receipted before
        missing += firmware.core.memory.counter - counters.get(actor.sleeve.device, 0)
        missing += firmware.pending().events
    return missing


def _verified(house: House) -> bool:
    """Export everything and check it with the stand-alone verifier, as a third party would."""
    origin = house.settings.log_origin
    with house.db.write() as conn:
        house.log.sign_checkpoint(conn, house.keys.log_signer(origin), house.now())
    with tempfile.TemporaryDirectory(prefix="zhiyin-demo-") as folder:
        file = Path(folder) / "export.zip"
        keys = house.keys.log_keys(origin)
        with house.db.read() as conn:
            export_scope(conn, file, Scope.everything(), log=house.log, log_keys=keys)
        return verify(file, log_keys=keys).ok


def as_expected(
    scenario: Scenario, result: Mapping[str, Any], given_up: Sequence[str] = ()
) -> list[str]:
    """What is not as the scenario says, ``given_up`` actions among it; empty when all is."""
    wrong = [f"not played to its end: {one}" for one in given_up]
    if result["uses"] != scenario.expect.uses:
        wrong.append(f"uses: {result['uses']}, expected {scenario.expect.uses}")
    for code in sorted(set(scenario.expect.alerts) | set(result["alerts"])):
        found, wanted = result["alerts"].get(code, 0), scenario.expect.alerts.get(code, 0)
        if found != wanted:
            wrong.append(f"alerts {code}: {found}, expected {wanted}")
    if result["missing_receipts"]:
        wrong.append(f"missing_receipts: {result['missing_receipts']}")
    if not result["log_verified"]:
        wrong.append("the log did not verify")
    return wrong
