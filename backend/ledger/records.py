"""Records and sleeve keys for an export, read from the journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select, true

from backend.ledger.approvals import APPROVED
from backend.ledger.disclosure import DisclosedRecord, Scope, SleeveKey
from backend.ledger.entries import commitment, decode_entry
from backend.ledger.export import ExportSummary, export
from backend.ledger.findings import Finding, Findings
from backend.ledger.log import Log
from backend.ledger.note import VerifierKey
from backend.ledger.storage import entries_at
from backend.ledger.tables import ledger_entry
from backend.store.tables import device_key, record, signing_key

_CHUNK = 2_000


def read_records(conn: Connection, scope: Scope) -> Iterator[DisclosedRecord]:
    """The records of ``scope`` by rising index, read in pieces.

    Raises:
        ValueError: when the scope's values are not what its kind needs.
    """
    wanted = _condition(conn, scope)
    begin = 0
    while True:
        rows = conn.execute(
            select(record.c.seq, record.c.body, record.c.salt, record.c.commitment)
            .where(wanted, record.c.seq >= begin)
            .order_by(record.c.seq)
            .limit(_CHUNK)
        ).all()
        for row in rows:
            yield DisclosedRecord(row.seq, row.body, row.salt, row.commitment)
        if len(rows) < _CHUNK:
            return
        begin = rows[-1].seq + 1


def read_sleeves(conn: Connection, scope: Scope) -> list[SleeveKey]:
    """The public keys of the sleeves that the scope's records come from."""
    devices: Select[tuple[str | None]] = (
        select(record.c.device).where(_condition(conn, scope), record.c.device.is_not(None))
    ).distinct()
    rows = conn.execute(
        select(device_key)
        .where(device_key.c.device_id.in_(devices))
        .order_by(device_key.c.device_id, device_key.c.from_counter)
    )
    return [
        SleeveKey(row.device_id, row.alg, row.public, row.from_counter, row.until_counter)
        for row in rows
    ]


def check_records(conn: Connection) -> tuple[Finding, ...]:
    """Whether journal and log agree: a record for each leaf, and each fits its commitment."""
    found = Findings()
    expected = 0
    source = read_records(conn, Scope.everything())
    while batch := list(islice(source, _CHUNK)):
        entries = entries_at(conn, [item.index for item in batch])
        for item in batch:
            for missing in range(expected, item.index):
                found.add("record_missing", missing)
            expected = item.index + 1
            if item.index not in entries:
                found.add("entry_missing", item.index)
            elif not _fits(item, entries[item.index]):
                found.add("commitment_wrong", item.index)
    leaves = conn.execute(select(func.count()).select_from(ledger_entry)).scalar_one()
    for missing in range(expected, leaves):
        found.add("record_missing", missing)
    return found.all()


def export_scope(
    conn: Connection,
    destination: Path,
    scope: Scope,
    *,
    log: Log,
    log_keys: Sequence[VerifierKey],
    since: Sequence[int] = (),
) -> ExportSummary:
    """Export what ``scope`` selects from the journal; see :func:`backend.ledger.export.export`.

    Raises:
        LogError: when no checkpoint was signed yet.
        ValueError: when the scope's values are not what its kind needs.
    """
    return export(
        conn,
        destination,
        log=log,
        scope=scope,
        records=read_records(conn, scope),
        sleeves=read_sleeves(conn, scope),
        log_keys=log_keys,
        since=since,
    )


def _condition(conn: Connection, scope: Scope) -> ColumnElement[bool]:
    match scope.kind, scope.values:
        case "everything", ():
            return true()
        case "range", (first, last):
            return record.c.seq.between(int(first), int(last))
        case "organisation", (path,) if path.startswith("/") and path.endswith("/"):
            return record.c.org_path.startswith(path, autoescape=True)
        case "use", (use_id,):
            return _story(conn, use_id)
    raise ValueError(f"not a scope: {scope.kind} {scope.values}")


def _story(conn: Connection, use_id: str) -> ColumnElement[bool]:
    """The use's own records, those of the application and grant that led to it, and the
    registrations of the keys of who approved it."""
    rows = conn.execute(
        select(record.c.application, record.c.grant_id).where(record.c.use_id == use_id).distinct()
    ).all()
    applications = {row.application for row in rows if row.application}
    grants = {row.grant_id for row in rows if row.grant_id}
    # A record of another use of the same application belongs to that use's story.
    before = or_(record.c.application.in_(applications), record.c.grant_id.in_(grants))
    approvers = select(record.c.person).where(
        record.c.application.in_(applications), record.c.kind == APPROVED
    )
    keys = select(signing_key.c.record_seq).where(signing_key.c.person_id.in_(approvers))
    return or_(
        record.c.use_id == use_id,
        before & record.c.use_id.is_(None),
        record.c.seq.in_(keys),
    )


def _fits(item: DisclosedRecord, entry: bytes) -> bool:
    try:
        commit = decode_entry(entry).commit
        if item.body is None or item.salt is None:
            return commit == item.commitment
        told = commitment(item.salt, item.body)
    except ValueError:
        return False
    return commit == item.commitment == told
