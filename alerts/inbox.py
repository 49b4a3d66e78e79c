"""What a person finds in the app itself, and a test of their own channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select, update

from alerts.ledger import words
from alerts.outbox import dedupe_key
from alerts.preferences import Preferences
from alerts.wording import Namer
from backend.domain.actor import Actor
from backend.domain.errors import DomainError
from backend.services.context import ServiceContext
from backend.services.paging import Page, decode_cursor, page
from backend.store.tables import delivery, inbox_notice

_TESTS: Final = 5
_TEST_WINDOW_MS: Final = 10 * 60_000
_MOST_MARKED: Final = 200


@dataclass(frozen=True, slots=True)
class InboxNotice:
    """One notice, in words. ``read_at``: when it was marked as read (ms UTC)."""

    id: str
    kind: str
    title: str
    lines: Sequence[str]
    severity: str
    created_at: int
    read_at: int | None
    alert_id: str | None
    application_id: str | None
    use_id: str | None


class Inbox:
    """A person's own notices."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def find(
        self, actor: Actor, *, unread: bool = False, cursor: str | None = None, limit: int = 50
    ) -> Page[InboxNotice]:
        """Newest first.

        Raises:
            DomainError: ``bad_cursor``.
        """
        query = select(inbox_notice).where(inbox_notice.c.person_id == actor.person_id)
        if unread:
            query = query.where(inbox_notice.c.read_at.is_(None))
        if cursor is not None:
            query = query.where(inbox_notice.c.id < str(decode_cursor(cursor, (str,))[0]))
        with self._context.db.read() as conn:
            rows = conn.execute(query.order_by(inbox_notice.c.id.desc()).limit(limit + 1)).all()
        shown = page(rows, limit, lambda row: (row.id,))
        items = []
        for row in shown.items:
            title, lines = words(row, actor.locale)
            items.append(
                InboxNotice(
                    id=row.id,
                    kind=row.kind,
                    title=title,
                    lines=lines,
                    severity=str(row.message.get("severity", "info")),
                    created_at=row.created_at,
                    read_at=row.read_at,
                    alert_id=row.alert_id,
                    application_id=row.application_id,
                    use_id=row.use_id,
                )
            )
        return Page(items, shown.next)

    def unread(self, actor: Actor) -> int:
        """How many are not read."""
        query = (
            select(func.count())
            .select_from(inbox_notice)
            .where(inbox_notice.c.person_id == actor.person_id, inbox_notice.c.read_at.is_(None))
        )
        with self._context.db.read() as conn:
            return int(conn.execute(query).scalar_one())

    def mark_read(self, actor: Actor, ids: Sequence[str] | None = None) -> int:
        """Mark these (all, when none is named) as read; how many were not yet.

        Raises:
            DomainError: ``too_many``.
        """
        if ids is not None and len(ids) > _MOST_MARKED:
            raise DomainError("too_many", f"一次最多{_MOST_MARKED}条", "too many at once")
        statement = update(inbox_notice).where(
            inbox_notice.c.person_id == actor.person_id, inbox_notice.c.read_at.is_(None)
        )
        if ids is not None:
            statement = statement.where(inbox_notice.c.id.in_(list(ids)))
        with self._context.db.write() as conn:
            return int(conn.execute(statement.values(read_at=self._context.now())).rowcount)


class TrialMessages:
    """Sends a person a message by their own channels, to see whether it arrives."""

    def __init__(self, context: ServiceContext, preferences: Preferences) -> None:
        self._context = context
        self._preferences = preferences

    def send(self, actor: Actor) -> list[str]:
        """One by each of the person's channels; the ids of the deliveries, to look after.

        Raises:
            DomainError: ``no_channel``, ``throttled``.
        """
        wishes = self._preferences.get(actor)
        if not wishes.channels:
            raise DomainError(
                "no_channel", "您还没有选择接收通道，请先在偏好里添加", "choose a channel first"
            )
        now = self._context.now()
        with self._context.db.write() as conn:
            recent = conn.execute(
                select(func.count())
                .select_from(delivery)
                .where(
                    delivery.c.person_id == actor.person_id,
                    delivery.c.kind == "test_message",
                    delivery.c.created_at > now - _TEST_WINDOW_MS,
                )
            ).scalar_one()
            if recent >= _TESTS * len(wishes.channels):
                raise DomainError(
                    "throttled", "测试太频繁，请过十分钟再试", "too many tests", "throttled"
                )
            name = Namer(conn, now).person(actor.person_id)
            occasion = self._context.new_id()
            rows = [
                {
                    "id": self._context.new_id(),
                    "dedupe": dedupe_key("test_message", occasion, actor.person_id, place),
                    "kind": "test_message",
                    "breakthrough": True,
                    "org_path": actor.org_path or "/",
                    "person_id": actor.person_id,
                    "channel": channel,
                    "address": address,
                    "locale": wishes.locale,
                    "message": {
                        "fields": {"channel": channel, "person": name, "at": now},
                        "severity": "info",
                        "occasion": occasion,
                    },
                    "state": "waiting",
                    "created_at": now,
                    "due_at": now,
                    "attempts": 0,
                }
                for place, (channel, address) in enumerate(wishes.channels)
            ]
            conn.execute(delivery.insert(), rows)
        return [str(row["id"]) for row in rows]
