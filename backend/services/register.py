"""The register of uses: read by whoever watches, looked through by supervisors, questioned by
whoever finds their name in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, or_, select, update

from backend.domain.actor import Actor, Role
from backend.domain.application_actions import READERS
from backend.domain.application_guards import stated
from backend.domain.errors import DomainError, conflict, denied, missing
from backend.domain.record import Record
from backend.services import search
from backend.services.context import ServiceContext
from backend.services.paging import Page, decode_cursor, encode_cursor
from backend.services.views import Named, RegisterRow
from backend.store import register, standing
from backend.store.register import RegisterFilter
from backend.store.scope import in_branches
from backend.store.tables import application, seal_use


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page of the register. ``older`` and ``newer`` are cursors of the leaves beside it, ``None``
    where there is none; ``behind``: the newest uses are not to be found yet."""

    items: Sequence[RegisterRow]
    older: str | None
    newer: str | None
    behind: bool


class RegisterService:
    """Lists uses, takes remarks of supervisors and questions of those concerned."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def list(
        self,
        actor: Actor,
        wanted: RegisterFilter | None = None,
        *,
        after: str | None = None,
        limit: int | None = None,
    ) -> Page[RegisterRow]:
        """Newest first; ``after`` is the cursor of the page before.

        Raises:
            DomainError: ``bad_cursor``, ``search_too_short``.
        """
        leaf = self.leaf(actor, wanted, older_than=after, limit=limit)
        return Page(leaf.items, leaf.older)

    def leaf(
        self,
        actor: Actor,
        wanted: RegisterFilter | None = None,
        *,
        older_than: str | None = None,
        newer_than: str | None = None,
        limit: int | None = None,
        brief: bool = False,
    ) -> Leaf:
        """As :meth:`list`, to be turned both ways: by the cursors ``older`` and ``newer`` of
        another leaf. ``brief``: without who approved and where it was carried to.

        Raises:
            DomainError: ``bad_cursor``, ``search_too_short``.
        """
        size = self._context.settings.clamp(limit)
        wanted = wanted or RegisterFilter()
        asked = search.question(actor, wanted, self._context.now())
        before, after = _use_of(older_than), _use_of(newer_than)
        with self._context.db.read() as conn:
            if wanted.application_id is not None:
                found = search.of_application(conn, actor, asked, wanted.application_id)
            else:
                found = search.find(conn, actor, asked, before=before, after=after, limit=size)
            rows = found.rows
            return Leaf(
                _views(conn, rows, brief=brief),
                encode_cursor((rows[-1].id,)) if rows and found.older else None,
                encode_cursor((rows[0].id,)) if rows and found.newer else None,
                found.behind,
            )

    def get(self, actor: Actor, use_id: str) -> RegisterRow:
        """One use.

        Raises:
            DomainError: ``not_found``, also outside the actor's view.
        """
        with self._context.db.read() as conn:
            return _views(conn, [self._visible(conn, actor, use_id)])[0]

    def review(self, actor: Actor, use_id: str, remarks: str) -> RegisterRow:
        """A supervisor has looked at the use; the remarks stand in the register.

        Raises:
            DomainError: ``not_found``, ``denied``, ``reason_missing``, ``already_reviewed``.
        """
        remarks = stated(remarks)
        now = self._context.now()
        with self._context.db.write() as conn:
            row = self._visible(conn, actor, use_id)
            actor.must(Role.SUPERVISOR, row.org_path)
            if actor.person_id in search.concerned(row):
                raise denied("不能复核自己参与的用印", "who took part may not review")
            changed = conn.execute(
                update(seal_use)
                .where(seal_use.c.id == use_id, seal_use.c.reviewed_at.is_(None))
                .values(remarks=remarks, reviewed_by=actor.person_id, reviewed_at=now)
            )
            if changed.rowcount == 0:
                raise conflict("already_reviewed", "该次用印已复核", "it has been reviewed")
            self._append(conn, row, "use.reviewed", actor, now, {"remarks": remarks})
            return _views(conn, [self._visible(conn, actor, use_id)])[0]

    def review_several(self, actor: Actor, use_ids: Sequence[str], remarks: str) -> int:
        """:meth:`review` each; how many were marked. One that was reviewed meanwhile, or that the
        actor may not review, is left out.

        Raises:
            DomainError: ``reason_missing``.
        """
        stated(remarks)
        marked = 0
        for use_id in dict.fromkeys(use_ids):
            try:
                self.review(actor, use_id, remarks)
            except DomainError:
                continue
            marked += 1
        return marked

    def beside(
        self, actor: Actor, wanted: RegisterFilter, use_id: str
    ) -> tuple[str | None, str | None]:
        """The uses next newer and next older than ``use_id`` among those wanted: for going from one
        to the next.

        Raises:
            DomainError: ``bad_cursor``, ``search_too_short``.
        """
        cursor = encode_cursor((use_id,))
        newer = self.leaf(actor, wanted, newer_than=cursor, limit=1, brief=True).items
        older = self.leaf(actor, wanted, older_than=cursor, limit=1, brief=True).items
        return newer[0].id if newer else None, older[0].id if older else None

    def question(self, actor: Actor, use_id: str, reason: str) -> None:
        """“This was not so”: whoever sees a use may say that something is wrong with it; it goes
        on record, and to those who watch.

        Raises:
            DomainError: ``not_found``, ``reason_missing``.
        """
        reason = stated(reason)
        now = self._context.now()
        with self._context.db.write() as conn:
            row = self._visible(conn, actor, use_id)
            self._append(conn, row, "use.questioned", actor, now, {"reason": reason})

    @staticmethod
    def _visible(conn: Connection, actor: Actor, use_id: str) -> Row[Any]:
        row = register.one(conn, use_id)
        if row is None or not search.sees(actor, row):
            raise missing("该次用印", "use")
        return row

    def _append(
        self,
        conn: Connection,
        row: Row[Any],
        kind: str,
        actor: Actor,
        now: int,
        data: Mapping[str, Any],
    ) -> None:
        self._context.journal.append(
            conn,
            [
                Record(
                    kind=kind,
                    org_path=row.org_path,
                    at=now,
                    happened_at=now,
                    device=row.device_id,
                    seal=row.seal_id,
                    application=row.application_id,
                    grant_id=row.grant_id,
                    use_id=row.id,
                    person=actor.person_id,
                    data=data,
                )
            ],
        )


def _use_of(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    (use_id,) = decode_cursor(cursor, (str,))
    return str(use_id)


def seen_uses(conn: Connection, actor: Actor) -> ColumnElement[bool]:
    """Which uses the actor may see: those of their branches, and their own (promise 6)."""
    own = select(application.c.id).where(application.c.applicant_id == actor.person_id)
    u = seal_use.c
    return or_(
        in_branches(conn, u.org_path, actor.branches(*READERS)),
        u.operator_id == actor.person_id,
        u.stamped_by == actor.person_id,
        u.witness_id == actor.person_id,
        u.application_id.in_(own),
    )


def _views(conn: Connection, rows: Sequence[Row[Any]], *, brief: bool = False) -> list[RegisterRow]:
    ids = [] if brief else [row.application_id for row in rows if row.application_id is not None]
    approved = register.approvers(conn, ids) if ids else {}
    trips = register.trips(conn, ids) if ids else {}
    people = standing.names(
        conn,
        (
            one
            for row in rows
            for one in (
                row.applicant_id,
                row.operator_id,
                row.stamped_by,
                row.witness_id,
                row.reviewed_by,
            )
        ),
    )
    return [_view(row, approved, trips, people) for row in rows]


def _view(
    row: Row[Any],
    approved: Mapping[str, Sequence[tuple[str, str]]],
    trips: Mapping[str, tuple[str, int | None]],
    people: Mapping[str, str],
) -> RegisterRow:
    def named(person_id: str | None) -> Named | None:
        return None if person_id is None else Named(person_id, people.get(person_id, ""))

    place, returned_at = trips.get(row.application_id, (None, None))
    return RegisterRow(
        id=row.id,
        number=row.number,
        used_at=row.first_stamp_at or row.started_at,
        org=Named(row.org_id or "", row.org_name or ""),
        org_path=row.org_path,
        seal=Named(row.seal_id, row.seal_name or ""),
        device_id=row.device_id,
        application_id=row.application_id,
        application_number=row.application_number,
        applicant=named(row.applicant_id),
        beneficiary=row.beneficiary,
        matter=row.matter_name,
        title=row.title,
        copies=row.copies,
        granted=row.granted,
        pressed=row.pressed,
        approvers=[Named(*one) for one in approved.get(row.application_id, ())],
        operator=named(row.operator_id),
        stamped_by=named(row.stamped_by),
        witness=named(row.witness_id),
        person_check=row.person_check,
        reviewed_by=named(row.reviewed_by),
        lat=row.lat,
        lon=row.lon,
        place=place,
        returned_at=returned_at,
        amount_fen=row.amount_fen,
        counterparty=row.counterparty,
        resolution=row.resolution,
        offline=row.offline,
        finish_reason=row.finish_reason,
        remarks=row.remarks,
    )
