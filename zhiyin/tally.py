"""Compares what sleeves sent with what an installation holds: nothing lost, nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, select

from backend.domain.record import Record
from backend.ledger.log import Log
from backend.ledger.records import check_records
from backend.store.journal import read_all
from backend.store.tables import device, record, seal_use
from gateway.protocol import envelope
from zhiyin.crowd import STAMPS, PlainSleeve

NEVER: Final = ("fork.found", "gap.closed", "poison.kept")
"""Records that honest sleeves must not bring about."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts from the database and the log. ``problems`` is empty when all is as it must be."""

    uses: int
    events: int
    records: int
    log_verified: bool
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def tally(conn: Connection, log: Log, sleeves: Sequence[PlainSleeve]) -> Tally:
    """Read everything and compare with what the sleeves signed."""
    problems: list[str] = []
    events = sum(_compare(conn, one, problems) for one in sleeves)
    uses = conn.execute(select(func.count()).select_from(seal_use)).scalar_one()
    if uses != sum(one.uses for one in sleeves):
        problems.append(f"{uses} uses kept of {sum(one.uses for one in sleeves)}")
    pressed = conn.execute(select(func.coalesce(func.sum(seal_use.c.pressed), 0))).scalar_one()
    if pressed != STAMPS * sum(one.uses for one in sleeves):
        problems.append(f"{pressed} stamps counted of {STAMPS * sum(one.uses for one in sleeves)}")
    counted = conn.execute(
        select(record.c.kind, func.count().label("times"))
        .where(record.c.kind.in_(NEVER))
        .group_by(record.c.kind)
    )
    problems += [f"{row.times} × {row.kind}" for row in counted]
    checked = log.check(conn)
    findings = [*checked.findings, *check_records(conn)]
    problems += [f"log: {one.en}" for one in findings if one.level == "problem"]
    records = conn.execute(select(func.count()).select_from(record)).scalar_one()
    if records != checked.size:
        problems.append(f"{records} records, {checked.size} leaves")
    verified = checked.ok and records == checked.size
    return Tally(uses, events, records, verified, tuple(problems))


def _compare(conn: Connection, one: PlainSleeve, problems: list[str]) -> int:
    kept: dict[int, bytes] = {}
    for item in read_all(conn, record.c.device == one.id, record.c.kind.like("event.%")):
        if item.counter is None or item.evidence is None:
            problems.append(f"{one.id}: record {item.seq} is no event")
        elif item.counter in kept:
            problems.append(f"{one.id}: event {item.counter} is kept twice")
        else:
            kept[item.counter] = envelope.digest(item.evidence)
            if not _live(item):
                problems.append(f"{one.id}: {item.kind} {item.counter}: {item.data['verdict']}")
    if kept != one.tips:
        lost = sorted(one.tips.keys() - kept.keys())
        strange = sorted(kept.keys() - one.tips.keys())
        changed = sorted(n for n in kept.keys() & one.tips.keys() if kept[n] != one.tips[n])
        problems.append(f"{one.id}: lost {lost[:5]}, strange {strange[:5]}, changed {changed[:5]}")
    stands = conn.execute(
        select(device.c.counter, device.c.tip, device.c.total).where(device.c.id == one.id)
    ).one()
    if (stands.counter, stands.tip, stands.total) != (one.counter, one.prev, one.total):
        problems.append(f"{one.id}: its row stands at {stands.counter} of {one.counter}")
    return len(kept)


def _live(item: Record) -> bool:
    """Whether the event was judged as what honest sleeves do: by a live grant, used once."""
    verdict = item.data.get("verdict", {})
    if item.kind == "event.unlock_request":
        return "granted" in verdict
    if item.kind == "event.grant_burnt":
        return verdict.get("grant") == "live" and not verdict.get("reused")
    if item.kind == "event.stamped":
        return verdict.get("grant") == "live" and not verdict.get("over")
    return True
