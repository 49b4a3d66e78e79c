"""``zhiyin bench loop``: the seal drops → the message is handed to the channel; and a face's CPU.

Sleeves stamp without a grant, which raises an alert (C1) that must break through at once. Measured
from the press at the sleeve to the moment when the channel has taken the message, through broker,
gateway, database, rules and outbox, with every part as in ``zhiyin serve``.
"""

from __future__ import annotations

import os
import time
from typing import Any, Final

from sqlalchemy import insert, select

from alerts.channels.base import Delivered, Description, Message, Outcome
from alerts.service import Alerts
from backend.domain.actor import Role
from backend.services.context import ServiceContext
from backend.store.tables import alert, delivery, organisation, person, preference, role
from backend.vision.faces.bench import bench_face_check
from gateway.protocol.messages import Stamped
from zhiyin.bench import load
from zhiyin.bench.site import LOAD_USER, ORG, Site, running, say, wall_ms

_CHANNEL: Final = "bench"


class _Takes:
    """A channel that takes every message at once."""

    def describe(self) -> Description:
        """What it is."""
        return Description(_CHANNEL, "任意", "any", one_person=True)

    def check_config(self) -> tuple[str, ...]:
        """Nothing to check."""
        return ()

    def send(self, message: Message) -> Outcome:
        """Taken."""
        return Delivered(message.dedupe_id)


def run(*, quick: bool) -> dict[str, Any]:
    """Measure; keys as docs/performance.md explains them."""
    presses, rate = (100, 10) if quick else (600, 10)
    frames = 60 if quick else 300
    alerts: list[Alerts] = []

    def wake() -> None:
        for one in alerts:
            one.wake()

    with running(presses, committed=wake) as site:
        supervisor = _people(site)
        context = ServiceContext(site.db, site.journal, wall_ms, os.urandom)
        watching = Alerts(context, {_CHANNEL: _Takes()})
        alerts.append(watching)
        watching.start()
        try:
            say(f"{presses} presses without a grant, {rate} a second …")
            _press(site, presses, rate)
            times = _times(site, supervisor, presses)
        finally:
            watching.stop()
    say(f"face checks, {frames} frames …")
    face = bench_face_check(frames)
    return {
        "bench": "loop",
        "presses": presses,
        "delivered": len(times),
        "p50_ms": times[len(times) // 2],
        "p99_ms": times[len(times) * 99 // 100],
        "face_cpu_ms": round(face["face_cpu_ms"], 1),
    }


def _people(site: Site) -> str:
    """One supervisor over the sleeves' village, told by the bench's channel."""
    now, parts = wall_ms(), ORG.strip("/").split("/")
    with site.db.write() as conn:
        conn.execute(
            insert(organisation),
            [
                {
                    "id": code,
                    "parent_id": parts[depth - 1] if depth else None,
                    "path": "/" + "/".join(parts[: depth + 1]) + "/",
                    "name": code,
                    "level": level,
                    "settings": {},
                    "created_at": now,
                }
                for depth, (code, level) in enumerate(
                    zip(parts, ("district", "town", "village"), strict=True)
                )
            ],
        )
        conn.execute(
            insert(person),
            {
                "id": "supervisor",
                "org_path": ORG,
                "name": "监督员",
                "status": "active",
                "created_at": now,
            },
        )
        conn.execute(
            insert(role),
            {
                "id": "role",
                "person_id": "supervisor",
                "org_id": parts[-1],
                "org_path": ORG,
                "role": Role.SUPERVISOR.value,
                "starts_at": 0,
            },
        )
        conn.execute(
            insert(preference),
            {
                "person_id": "supervisor",
                "channels": [{"channel": _CHANNEL, "address": "supervisor"}],
                "kinds": {},
                "updated_at": now,
            },
        )
    return "supervisor"


def _press(site: Site, presses: int, rate: int) -> None:
    client = load.connect(site.broker.port, LOAD_USER, site.password, "bench-presses")
    begun = time.perf_counter()
    for number, sleeve in enumerate(site.sleeves[:presses]):
        while (left := begun + number / rate - time.perf_counter()) > 0:
            time.sleep(left)
        [(topic, raw)] = load.signed(sleeve, [Stamped(use=0, press=0, total=1, contact_ms=500)])
        client.publish(topic, raw, qos=1)
    client.disconnect()


def _times(site: Site, supervisor: str, presses: int) -> list[int]:
    """ms from each press (the sleeve's clock is ours) to its delivery, in order."""
    query = (
        select(delivery.c.delivered_at - alert.c.happened_at)
        .join(alert, alert.c.id == delivery.c.alert_id)
        .where(
            alert.c.code == "C1",
            delivery.c.person_id == supervisor,
            delivery.c.state == "delivered",
        )
    )
    deadline = time.monotonic() + 20
    while True:
        with site.db.read() as conn:
            times = sorted(conn.execute(query).scalars())
        if len(times) >= presses or time.monotonic() > deadline:
            return times
        time.sleep(0.05)
