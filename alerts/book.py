"""The book of alerts: the same active alert is updated, never doubled.

The unique index on the active ``dedupe`` decides, not a look beforehand: two workers that find the
same at the same time end with one row, counted twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, or_, select, update

from alerts.dialect import inserted
from alerts.policies import Policies
from alerts.rules.finding import RANK, Finding, Severity
from backend.domain.organisation import within
from backend.domain.record import Record
from backend.services.context import ServiceContext
from backend.store.tables import alert, suppression

LATE_MS: Final = 60_000
"""What was found this much after it happened is called late: both times are said."""

_CHUNK: Final = 500


class Change(StrEnum):
    """What a finding did to the book."""

    RAISED = "raised"
    UPDATED = "updated"
    WORSE = "worse"
    SUPPRESSED = "suppressed"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Entry:
    """An alert's row after a change of it."""

    change: Change
    row: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """A finding with the record that made it; ``seq`` None: the clock made it."""

    finding: Finding
    seq: int | None = None


class AlertBook:
    """Writes findings into the book, inside the caller's transaction."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def write(
        self, conn: Connection, found: Iterable[Found], policies: Policies, now: int
    ) -> list[Entry]:
        """What each finding changed, in order; what changed nothing is left out."""
        entries: list[Entry] = []
        found = list(found)
        self._lock(conn, {one.finding.dedupe for one in found})
        for one in found:
            if one.finding.clears:
                entry = self._clear(conn, one, now)
            else:
                grave = replace(one, finding=policies.as_grave(one.finding))
                entry = self._put(conn, grave, policies, now)
            if entry is not None:
                entries.append(entry)
        return entries

    def journal(self, conn: Connection, entries: Sequence[Entry], now: int) -> None:
        """One record for each entry. Call it last: it takes the log's lock.

        An alert that the clock made is its own origin: it gets the seq of its record.
        """
        records = [record_of(entry, now) for entry in entries]
        written = self._context.journal.append(conn, records)
        for entry, record in zip(entries, written, strict=True):
            if entry.row["seq"] < 0:
                conn.execute(
                    update(alert)
                    .where(alert.c.id == entry.row["id"], alert.c.seq < 0)
                    .values(seq=record.seq, last_seq=record.seq)
                )

    def _put(self, conn: Connection, one: Found, policies: Policies, now: int) -> Entry | None:
        row = self._active(conn, one.finding.dedupe)
        if row is None:
            fresh = self._fresh(conn, one, policies, now)
            if inserted(conn, alert, fresh):
                quiet = fresh["data"].get("suppressed")
                return Entry(Change.SUPPRESSED if quiet else Change.RAISED, fresh)
            row = self._active(conn, one.finding.dedupe)
            if row is None:
                # Raised and closed by others in between: theirs is over, ours is not.
                return self._put(conn, one, policies, now)
        return self._again(conn, row, one, now)

    def _again(self, conn: Connection, row: Row[Any], one: Found, now: int) -> Entry:
        finding = one.finding
        worse = RANK[finding.severity] > RANK[Severity(row.severity)]
        changed: dict[str, Any] = {
            "count": row._mapping["count"] + 1,
            "last_seq": row.last_seq if one.seq is None else max(row.last_seq, one.seq),
            "data": {**row.data, **finding.data},
            "severity": finding.severity.value if worse else row.severity,
            "late": row.late or now - finding.happened_at > LATE_MS,
            "updated_at": now,
        }
        conn.execute(update(alert).where(alert.c.id == row.id).values(**changed))
        loud = worse and not changed["data"].get("suppressed")
        return Entry(Change.WORSE if loud else Change.UPDATED, {**row._asdict(), **changed})

    def _clear(self, conn: Connection, one: Found, now: int) -> Entry | None:
        row = self._active(conn, one.finding.dedupe)
        if row is None:
            return None
        changed = {"active": False, "cleared_at": now, "updated_at": now}
        conn.execute(update(alert).where(alert.c.id == row.id).values(**changed))
        return Entry(Change.CLEARED, {**row._asdict(), **changed})

    @staticmethod
    def _lock(conn: Connection, dedupes: Collection[str]) -> None:
        """Lock what is active, in one order for everybody, so that nobody waits in a circle."""
        wanted = sorted(dedupes)
        for start in range(0, len(wanted), _CHUNK):
            part = wanted[start : start + _CHUNK]
            query = select(alert.c.id).where(alert.c.dedupe.in_(part), alert.c.active.is_(True))
            conn.execute(query.order_by(alert.c.dedupe).with_for_update()).all()

    @staticmethod
    def _active(conn: Connection, dedupe: str) -> Row[Any] | None:
        query = select(alert).where(alert.c.dedupe == dedupe, alert.c.active.is_(True))
        return conn.execute(query.with_for_update()).one_or_none()

    def _fresh(self, conn: Connection, one: Found, policies: Policies, now: int) -> dict[str, Any]:
        finding = one.finding
        data = dict(finding.data)
        reason = _suppressed(conn, finding, now)
        if reason is not None:
            data["suppressed"] = reason
        seq = -1 if one.seq is None else one.seq
        return {
            "id": self._context.new_id(),
            "code": finding.code,
            "dedupe": finding.dedupe,
            "org_path": finding.org_path,
            "severity": finding.severity.value,
            "active": True,
            "acknowledged": False,
            "stage": "new",
            "device": finding.device,
            "seal": finding.seal,
            "application": finding.application,
            "grant_id": finding.grant_id,
            "use_id": finding.use_id,
            "person": finding.person,
            "seq": seq,
            "last_seq": seq,
            "count": 1,
            "late": now - finding.happened_at > LATE_MS,
            "data": data,
            "happened_at": finding.happened_at,
            "raised_at": now,
            "updated_at": now,
            "escalation": 0,
            "escalate_at": None if reason is not None else policies.first_step(finding, now),
            "version": 0,
        }


def _suppressed(conn: Connection, finding: Finding, now: int) -> str | None:
    """The id of a suppression that covers the finding now."""
    query = select(suppression).where(
        suppression.c.code == finding.code,
        suppression.c.expires_at > now,
        or_(suppression.c.device.is_(None), suppression.c.device == finding.device),
    )
    for row in conn.execute(query):
        if within(finding.org_path, row.org_path):
            found: str = row.id
            return found
    return None


def record_of(entry: Entry, now: int) -> Record:
    """What a change of an alert leaves in the journal: ids and codes only."""
    row = entry.row
    kind = "updated" if entry.change is Change.WORSE else entry.change.value
    return Record(
        kind=f"alert.{kind}",
        org_path=row["org_path"],
        at=now,
        happened_at=row["happened_at"],
        device=row["device"],
        seal=row["seal"],
        application=row["application"],
        grant_id=row["grant_id"],
        use_id=row["use_id"],
        person=row["person"],
        data={
            "alert": row["id"],
            "code": row["code"],
            "dedupe": row["dedupe"],
            "severity": row["severity"],
            "count": row["count"],
            "source": row["last_seq"] if row["last_seq"] >= 0 else None,
        },
    )
