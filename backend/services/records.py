"""The journal as people may read it, and the proof that a record stands in the log."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, select

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError, conflict, missing
from backend.ledger.log import Log, LogError
from backend.services.context import ServiceContext
from backend.services.paging import Page, decode_cursor, page
from backend.services.plain import readable
from backend.store.journal import from_row
from backend.store.scope import in_branches
from backend.store.tables import record

READERS: Final = (Role.SUPERVISOR, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class RecordInfo:
    """A record. ``data`` holds ids and codes; bytes are hex. ``seq`` is its leaf in the log."""

    seq: int
    kind: str
    org_path: str
    at: int
    happened_at: int
    device: str | None
    counter: int | None
    seal: str | None
    application: str | None
    grant_id: str | None
    use_id: str | None
    person: str | None
    data: Mapping[str, Any]
    erased: bool


@dataclass(frozen=True, slots=True)
class RecordProof:
    """What somebody needs to check one record without us.

    ``entry`` is the leaf, ``salt`` and ``body`` what it commits to (SHA-256(salt ‖ body); absent
    once erased), all base64; ``proof`` is a c2sp.org/tlog-proof text with a signed checkpoint.
    """

    seq: int
    entry: str
    salt: str | None
    body: str | None
    proof: str


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """What is wanted. ``kind`` is a kind or its beginning up to a dot (``person.``)."""

    branch: str | None = None
    kind: str | None = None
    device: str | None = None
    seal: str | None = None
    application: str | None = None
    use_id: str | None = None
    person: str | None = None
    from_at: int | None = None
    until_at: int | None = None


class RecordService:
    """Reads records and hands out proofs."""

    def __init__(self, context: ServiceContext, log: Log) -> None:
        self._context = context
        self._log = log

    def find(
        self, actor: Actor, wanted: RecordFilter, *, cursor: str | None = None, limit: int = 50
    ) -> Page[RecordInfo]:
        """Records of the actor's branches, newest first.

        Raises:
            DomainError: ``bad_cursor``.
        """
        r = record.c
        with self._context.db.read() as conn:
            query = select(record).where(in_branches(conn, r.org_path, actor.branches(*READERS)))
            if wanted.branch is not None:
                query = query.where(in_branches(conn, r.org_path, [wanted.branch]))
            if wanted.kind is not None:
                is_family = wanted.kind.endswith(".")
                query = query.where(
                    r.kind.startswith(wanted.kind, autoescape=True)
                    if is_family
                    else r.kind == wanted.kind
                )
            for column, value in (
                (r.device, wanted.device),
                (r.seal, wanted.seal),
                (r.application, wanted.application),
                (r.use_id, wanted.use_id),
                (r.person, wanted.person),
            ):
                if value is not None:
                    query = query.where(column == value)
            if wanted.from_at is not None:
                query = query.where(r.at >= wanted.from_at)
            if wanted.until_at is not None:
                query = query.where(r.at < wanted.until_at)
            if cursor is not None:
                (last,) = decode_cursor(cursor, (int,))
                query = query.where(r.seq < last)
            rows = conn.execute(query.order_by(r.seq.desc()).limit(limit + 1)).all()
        return page([_info(row) for row in rows], limit, lambda one: (one.seq,))

    def get(self, actor: Actor, seq: int) -> RecordInfo:
        """One record.

        Raises:
            DomainError: ``not_found``.
        """
        return _info(self._visible(actor, seq))

    def proof(self, actor: Actor, seq: int) -> RecordProof:
        """That the record stands in the log, under the newest signed checkpoint.

        Raises:
            DomainError: ``not_found``, ``not_signed_yet``.
        """
        row = self._visible(actor, seq)
        with self._context.db.read() as conn:
            try:
                found = self._log.proof(conn, seq)
            except LogError as error:
                raise conflict(
                    "not_signed_yet",
                    "该记录尚未纳入已签名的存证点，请稍后再试",
                    "no signed checkpoint covers this record yet; try again in a moment",
                ) from error
            entry = self._log.entry(conn, seq)
        return RecordProof(
            seq,
            _base64(entry),
            _base64(row.salt) if row.salt is not None else None,
            _base64(row.body) if row.body is not None else None,
            found.text,
        )

    def checkpoint(self) -> str:
        """The newest signed checkpoint (c2sp.org/tlog-checkpoint), for everybody to compare.

        Raises:
            DomainError: ``not_found`` before the first.
        """
        with self._context.db.read() as conn:
            found = self._log.latest_checkpoint(conn)
        if found is None:
            raise missing("存证点", "checkpoint")
        return found

    def consistency(self, old: int, new: int) -> list[str]:
        """Hashes (base64) that prove that the log of ``new`` entries begins with that of ``old``.

        Raises:
            DomainError: ``bad_size``.
        """
        with self._context.db.read() as conn:
            try:
                hashes = self._log.consistency_proof(conn, old, new)
            except ValueError as error:
                raise DomainError(
                    "bad_size", "存证点大小不对", "the log has no such sizes"
                ) from error
        return [_base64(one) for one in hashes]

    def _visible(self, actor: Actor, seq: int) -> Row[Any]:
        with self._context.db.read() as conn:
            row = conn.execute(select(record).where(record.c.seq == seq)).one_or_none()
        if row is None or not actor.may_any(READERS, row.org_path):
            raise missing("该记录", "record")
        return row


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _info(row: Row[Any]) -> RecordInfo:
    item = from_row(row)
    return RecordInfo(
        seq=item.seq,
        kind=item.kind,
        org_path=item.org_path,
        at=item.at,
        happened_at=item.happened_at,
        device=item.device,
        counter=item.counter,
        seal=item.seal,
        application=item.application,
        grant_id=item.grant_id,
        use_id=item.use_id,
        person=item.person,
        data=readable(item.data),
        erased=row.body is None,
    )
