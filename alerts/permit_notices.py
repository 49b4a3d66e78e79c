"""Off-site permits: who is to decide is told that one is wanted; carrier, whoever asked and who
keeps the sleeve are told what came of it."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Row, select

from alerts import recipients
from alerts.outbox import Telling
from alerts.wording import Namer
from backend.domain.actor import Role
from backend.domain.record import Record
from backend.store import standing
from backend.store.tables import offsite_permit
from backend.store.tables import record as records

LINK: Final = "permit"
"""Among a message's fields: the permit that it is about."""

_WANTED: Final = "permit.wanted"


def wanted(conn: Connection, record: Record, namer: Namer, now: int) -> list[Telling]:
    """To the approvers of the place; where there is none but the carrier and who keeps the seal,
    who may not decide, to its supervisors, and else to administrators."""
    row = _permit(conn, record)
    if row is None or row.state != "wanted":
        return []
    out = {row.carrier_id, record.person, *_keepers(conn, record, now)}
    held = standing.holders(conn, Role.APPROVER, [record.org_path], now)
    people = recipients.without(sorted(held[record.org_path]), out)
    if not people:
        above = recipients.supervisors(conn, record.org_path, now, all_levels=False)
        people = recipients.without(above, out)
    people = people or recipients.admins(conn, record.org_path, now)
    return [_telling("permit_wanted", record, people, _fields(row, record, namer))]


def decided(conn: Connection, record: Record, namer: Namer, now: int) -> list[Telling]:
    """To the carrier, to whoever asked, and to who keeps the sleeve; not to who decided."""
    row = _permit(conn, record)
    if row is None:
        return []
    people = [row.carrier_id, *_asker(conn, row), *sorted(_keepers(conn, record, now))]
    fields = _fields(row, record, namer)
    fields["decision"] = record.kind.removeprefix("permit.")
    for name, value in (("approver", namer.person(record.person)), ("reason", row.reason)):
        if value:
            fields[name] = value
    told = recipients.without(people, {record.person})
    return [_telling("permit_decided", record, told, fields)]


def _permit(conn: Connection, record: Record) -> Row[Any] | None:
    query = select(offsite_permit).where(offsite_permit.c.id == record.data.get("permit"))
    return conn.execute(query).one_or_none()


def _asker(conn: Connection, row: Row[Any]) -> list[str]:
    query = select(records.c.person).where(
        records.c.kind == _WANTED,
        records.c.device == row.device_id,
        records.c.at == row.created_at,
    )
    return [one for one in conn.execute(query).scalars() if one is not None]


def _keepers(conn: Connection, record: Record, now: int) -> frozenset[str]:
    return frozenset() if record.seal is None else recipients.custodians(conn, record.seal, now)


def _fields(row: Row[Any], record: Record, namer: Namer) -> dict[str, Any]:
    found = {
        "village": namer.village(record.org_path),
        "seal": namer.seal(record.seal),
        "carrier": namer.person(row.carrier_id),
        "applicant": namer.person(record.person) if record.kind == _WANTED else None,
        "place": row.place,
        "purpose": row.purpose,
        "leave_at": row.from_at,
        "return_at": row.until_at,
        "at": record.at,
        LINK: row.id,
    }
    return {name: value for name, value in found.items() if value is not None}


def _telling(kind: str, record: Record, people: list[str], fields: dict[str, Any]) -> Telling:
    return Telling(
        kind=kind,
        dedupe=f"{fields[LINK]}:{record.seq}",
        org_path=record.org_path,
        people=people,
        fields=fields,
    )
