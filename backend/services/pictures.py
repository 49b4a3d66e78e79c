"""Who looks at a picture, and why: recorded first, shown after (promise 5).

A reviewer opens a review with a reason once; each picture shown in it is a record of its own. The
record is committed before the picture is decrypted, so that a look without a record cannot happen,
not even by a crash in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, exists, or_, select

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError, conflict, denied, missing
from backend.domain.organisation import within
from backend.domain.record import Record
from backend.services.context import ServiceContext
from backend.store.pictures import PictureStore
from backend.store.tables import alert, picture, review, seal_use
from backend.store.uploads import COMPLETE, ERASED

REVIEW_MS: Final = 12 * 3_600_000
_DAY_MS: Final = 86_400_000
_MAX_REASON: Final = 200

# An administrator looks after the installation and need not see villagers' faces or papers for it.
VIEWERS: Final[Mapping[str, tuple[Role, ...]]] = {
    "face": (Role.SUPERVISOR, Role.APPROVER, Role.CUSTODIAN),
    "page_before": (Role.SUPERVISOR, Role.APPROVER, Role.CUSTODIAN),
    "page_after": (Role.SUPERVISOR, Role.APPROVER, Role.CUSTODIAN),
    "document": (
        Role.SUPERVISOR,
        Role.APPROVER,
        Role.CUSTODIAN,
        Role.APPLICANT,
        Role.OPERATOR,
    ),
    "enrolment": (Role.SUPERVISOR, Role.CUSTODIAN),
    "evidence": (Role.SUPERVISOR, Role.APPROVER, Role.CUSTODIAN),
    "crop": (Role.SUPERVISOR, Role.APPROVER, Role.CUSTODIAN),
}
"""Which roles, held for a branch in which the picture lies, may look at which kind."""

ERASERS: Final = (Role.ADMIN, Role.SUPERVISOR)


@dataclass(frozen=True, slots=True)
class Review:
    """A stretch of looking with one stated reason. Times are ms UTC."""

    id: str
    org_path: str
    reason: str
    opened_at: int
    closes_at: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture in the clear, for the one who was recorded looking at it."""

    data: bytes = field(repr=False)
    mime: str
    kind: str


@dataclass(frozen=True, slots=True)
class Placeholder:
    """What a list shows of a picture: that there is one."""

    id: str
    kind: str
    state: str
    press: int | None
    frame: int | None
    created_at: int


@dataclass(frozen=True, slots=True)
class Retention:
    """How long pictures are kept, in ms from their making, by kind; a kind that is not named stays
    (enrolment pictures go when consent is withdrawn). Thresholds for each installation to choose.
    """

    keep_ms: Mapping[str, int] = field(
        default_factory=lambda: {
            "face": 180 * _DAY_MS,
            "page_before": 3 * 365 * _DAY_MS,
            "page_after": 3 * 365 * _DAY_MS,
            "document": 3 * 365 * _DAY_MS,
            "evidence": 3 * 365 * _DAY_MS,
            "crop": 3 * 365 * _DAY_MS,
        }
    )


class PictureService:
    """Reviews, looks, erasures."""

    def __init__(self, context: ServiceContext, store: PictureStore) -> None:
        self._context = context
        self._store = store

    def open_review(self, actor: Actor, reason: str, org_path: str) -> Review:
        """Begin to look at pictures of a branch, for :data:`REVIEW_MS`.

        Raises:
            DomainError: ``denied`` without a viewing role for the branch, ``reason_needed``.
        """
        reason = _stated(reason)
        actor.must_any((Role.SUPERVISOR, Role.APPROVER, Role.CUSTODIAN), org_path)
        now = self._context.now()
        opened = Review(self._context.new_id(), org_path, reason, now, now + REVIEW_MS)
        with self._context.db.write() as conn:
            conn.execute(
                review.insert(),
                {
                    "id": opened.id,
                    "person_id": actor.person_id,
                    "org_path": org_path,
                    "reason": reason,
                    "opened_at": now,
                    "closes_at": opened.closes_at,
                },
            )
            data = {"review": opened.id, "reason": reason, "closes_at": opened.closes_at}
            self._append(conn, "review.opened", org_path, now, actor.person_id, data)
        return opened

    def view(
        self,
        actor: Actor,
        picture_id: str,
        *,
        review_id: str | None = None,
        reason: str | None = None,
    ) -> Shown:
        """Show a picture within an open review of the actor's own, or for a reason stated now.

        Raises:
            DomainError: ``not_found`` (also outside the actor's branch), ``reason_needed``,
                ``review_closed``, ``denied`` (the review is about another branch), or why there is
                nothing to show: see :meth:`PictureStore.get`.
        """
        now = self._context.now()
        with self._context.db.read() as conn:
            row = self._visible(conn, actor, picture_id)
            if review_id is not None:
                reason = self._reason_of(conn, actor, review_id, row.org_path, now)
            else:
                reason = _stated(reason or "")
            if row.state != COMPLETE:
                self._store.get(conn, picture_id)  # says why not; nothing is shown
        with self._context.db.write() as conn:
            data = {
                "picture": picture_id,
                "kind": row.kind,
                "review": review_id,
                "reason": reason,
            }
            self._append(conn, "picture.viewed", row.org_path, now, actor.person_id, data, row)
        # Only now, with the record committed, is anything decrypted.
        with self._context.db.read() as conn:
            return Shown(self._store.get(conn, picture_id), row.mime, row.kind)

    def placeholders(self, actor: Actor, use_id: str) -> list[Placeholder]:
        """The pictures of a use, without showing any.

        Raises:
            DomainError: ``not_found``.
        """
        with self._context.db.read() as conn:
            path = conn.execute(select(seal_use.c.org_path).where(seal_use.c.id == use_id)).scalar()
            if path is None or not actor.may_any(tuple(Role), path):
                raise missing("该次用印", "use")
            rows = conn.execute(
                select(picture)
                .where(picture.c.use_id == use_id)
                .order_by(picture.c.counter, picture.c.frame, picture.c.id)
            ).all()
        return [
            Placeholder(row.id, row.kind, row.state, row.press, row.frame, row.created_at)
            for row in rows
        ]

    def erase(self, actor: Actor, picture_id: str, reason: str) -> None:
        """Destroy a picture on somebody's word; the proofs that name it stay valid.

        Raises:
            DomainError: ``not_found``, ``denied``, ``reason_needed``, ``picture_erased``,
                ``picture_in_case`` while a case about its use is open.
        """
        reason = _stated(reason)
        with self._context.db.write() as conn:
            row = conn.execute(select(picture).where(picture.c.id == picture_id)).one_or_none()
            if row is None or not actor.may_any(tuple(Role), row.org_path):
                raise missing("该图片", "picture")
            actor.must_any(ERASERS, row.org_path)
            if conn.execute(select(_in_open_case(row.use_id))).scalar():
                raise conflict(
                    "picture_in_case",
                    "该图片涉及尚未办结的线索，办结后方可删除",
                    "a case about this use is still open; erase the picture when it is closed",
                )
            if not self._erase(conn, row, actor.person_id, reason):
                raise conflict("picture_erased", "图片已删除", "the picture is already erased")

    def sweep(self, retention: Retention, limit: int = 200) -> int:
        """Erase pictures past their time, at most ``limit``; returns how many went. Those of a use
        with an open case stay until it is closed."""
        if not retention.keep_ms:
            return 0
        now = self._context.now()
        past = or_(
            *(
                (picture.c.kind == kind) & (picture.c.created_at < now - kept)
                for kind, kept in sorted(retention.keep_ms.items())
            )
        )
        due = (
            select(picture)
            .where(past, picture.c.state != ERASED, ~_in_open_case(picture.c.use_id))
            .order_by(picture.c.created_at)
            .limit(limit)
        )
        with self._context.db.read() as conn:
            if conn.execute(due).first() is None:
                return 0  # most of the time; nobody who writes has to wait for it
        with self._context.db.write() as conn:
            rows = conn.execute(due).all()
            return sum(self._erase(conn, row, None, "retention") for row in rows)

    def _erase(self, conn: Connection, row: Row[Any], person: str | None, reason: str) -> bool:
        now = self._context.now()
        if not self._store.erase(conn, row.id, now):
            return False
        data = {"picture": row.id, "kind": row.kind, "reason": reason}
        self._append(conn, "picture.erased", row.org_path, now, person, data, row)
        return True

    def _visible(self, conn: Connection, actor: Actor, picture_id: str) -> Row[Any]:
        row: Row[Any] | None = conn.execute(
            select(picture).where(picture.c.id == picture_id)
        ).one_or_none()
        if row is None or not actor.may_any(VIEWERS.get(row.kind, ()), row.org_path):
            raise missing("该图片", "picture")
        return row

    @staticmethod
    def _reason_of(conn: Connection, actor: Actor, review_id: str, path: str, now: int) -> str:
        row = conn.execute(
            select(review).where(review.c.id == review_id, review.c.person_id == actor.person_id)
        ).one_or_none()
        if row is None:
            raise missing("该次查阅", "review")
        if not row.opened_at <= now < row.closes_at:
            raise conflict(
                "review_closed",
                "本次查阅已超过12小时，请重新说明事由",
                "the review has ended; open a new one and state the reason",
            )
        if not within(path, row.org_path):
            raise denied(
                "该图片不在本次查阅的组织范围内", "the review is about another branch than this"
            )
        return str(row.reason)

    def _append(
        self,
        conn: Connection,
        kind: str,
        path: str,
        now: int,
        person: str | None,
        data: dict[str, Any],
        row: Row[Any] | None = None,
    ) -> None:
        self._context.journal.append(
            conn,
            [
                Record(
                    kind=kind,
                    org_path=path,
                    at=now,
                    happened_at=now,
                    device=row.device_id if row is not None else None,
                    use_id=row.use_id if row is not None else None,
                    person=person,
                    data=data,
                )
            ],
        )


def _in_open_case(use_id: Any) -> Any:
    return exists().where(alert.c.use_id == use_id, alert.c.closed_at.is_(None))


def _stated(reason: str) -> str:
    reason = reason.strip()
    if not 2 <= len(reason) <= _MAX_REASON:
        raise DomainError(
            "reason_needed",
            f"请用2到{_MAX_REASON}个字写明查看或删除的事由",
            f"state the reason in 2 to {_MAX_REASON} characters",
        )
    return reason
