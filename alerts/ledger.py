"""The ledger of deliveries: what was sent to whom, every attempt, and what failed (promise 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, func, or_, select

from alerts import messages
from alerts.channels.base import Channel
from alerts.delivery import Delivery
from alerts.reader import Someone, someone
from alerts.wording import Namer
from backend.domain.actor import Actor, Role
from backend.domain.errors import missing
from backend.services.context import ServiceContext
from backend.services.paging import Page, decode_cursor, page
from backend.store.scope import in_branches
from backend.store.tables import delivery, delivery_attempt

READERS: Final = (Role.SUPERVISOR, Role.ADMIN)
"""Roles whose branch shows its deliveries; everybody sees their own."""


@dataclass(frozen=True, slots=True)
class DeliveryInfo:
    """One message to one person by one channel. ``address`` is shown to that person and to
    administrators only. ``state``: waiting, sending, delivered, dead, bundled, cancelled."""

    id: str
    kind: str
    title: str
    person: Someone | None
    org_path: str
    channel: str
    address: str | None
    state: str
    breakthrough: bool
    created_at: int
    due_at: int
    delivered_at: int | None
    attempts: int
    last_error: str | None
    alert_id: str | None
    application_id: str | None
    use_id: str | None
    bundle_id: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt. ``outcome``: delivered, retry, dead. ``took_ms`` by the house's clock."""

    at: int
    outcome: str
    detail: str
    took_ms: int


@dataclass(frozen=True, slots=True)
class DeliveryDetail:
    """A delivery with its words and every attempt."""

    delivery: DeliveryInfo
    lines: Sequence[str]
    tries: Sequence[Attempt]


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """What is wanted; ``mine``: to the reader only."""

    state: str | None = None
    channel: str | None = None
    kind: str | None = None
    alert_id: str | None = None
    mine: bool = False


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """How a channel is. ``resting_until``: it failed again and again and rests (ms UTC)."""

    name: str
    title: str
    address_hint: str
    one_person: bool
    targets: Sequence[str]
    resting_until: int | None
    waiting: int
    dead: int


class DeliveryLedger:
    """Reads the outbox."""

    def __init__(
        self, context: ServiceContext, channels: Mapping[str, Channel], worker: Delivery
    ) -> None:
        self._context = context
        self._channels = channels
        self._worker = worker

    def find(
        self, actor: Actor, wanted: DeliveryFilter, *, cursor: str | None = None, limit: int = 50
    ) -> Page[DeliveryInfo]:
        """Newest first.

        Raises:
            DomainError: ``bad_cursor``.
        """
        with self._context.db.read() as conn:
            query = select(delivery).where(_visible(conn, actor))
            for column, value in (
                (delivery.c.state, wanted.state),
                (delivery.c.channel, wanted.channel),
                (delivery.c.kind, wanted.kind),
                (delivery.c.alert_id, wanted.alert_id),
                (delivery.c.person_id, actor.person_id if wanted.mine else None),
            ):
                if value is not None:
                    query = query.where(column == value)
            if cursor is not None:
                query = query.where(delivery.c.id < str(decode_cursor(cursor, (str,))[0]))
            rows = conn.execute(query.order_by(delivery.c.id.desc()).limit(limit + 1)).all()
            shown = page(rows, limit, lambda row: (row.id,))
            namer = Namer(conn, self._context.now())
            return Page([_info(row, namer, actor) for row in shown.items], shown.next)

    def get(self, actor: Actor, delivery_id: str) -> DeliveryDetail:
        """One delivery.

        Raises:
            DomainError: ``not_found``, also outside the reader's view.
        """
        with self._context.db.read() as conn:
            row = conn.execute(
                select(delivery).where(delivery.c.id == delivery_id, _visible(conn, actor))
            ).one_or_none()
            if row is None:
                raise missing("该通知", "delivery")
            namer = Namer(conn, self._context.now())
            tries = conn.execute(
                select(delivery_attempt)
                .where(delivery_attempt.c.delivery_id == delivery_id)
                .order_by(delivery_attempt.c.id)
            )
            return DeliveryDetail(
                _info(row, namer, actor),
                words(row, actor.locale)[1],
                [Attempt(one.at, one.outcome, one.detail, one.took_ms) for one in tries],
            )

    def channels(self) -> list[ChannelHealth]:
        """Every channel that is set up, and how it is."""
        now = self._context.now()
        resting = self._worker.health.resting(now)
        with self._context.db.read() as conn:
            rows = conn.execute(
                select(delivery.c.channel, delivery.c.state, func.count().label("number"))
                .where(delivery.c.state.in_(["waiting", "sending", "dead"]))
                .group_by(delivery.c.channel, delivery.c.state)
            )
            numbers = {(row.channel, row.state): row.number for row in rows}
        found: list[ChannelHealth] = []
        for name, channel in self._channels.items():
            about = channel.describe()
            found.append(
                ChannelHealth(
                    name=name,
                    title=about.title,
                    address_hint=about.address_hint,
                    one_person=about.one_person,
                    targets=list(about.targets),
                    resting_until=resting.get(name),
                    waiting=numbers.get((name, "waiting"), 0) + numbers.get((name, "sending"), 0),
                    dead=numbers.get((name, "dead"), 0),
                )
            )
        return found


def words(row: Row[Any], locale: str) -> tuple[str, list[str]]:
    """Title and lines of what is kept in a delivery or an inbox notice."""
    return messages.render(row.kind, row.message.get("fields", {}), locale)


def _visible(conn: Connection, actor: Actor) -> Any:
    return or_(
        delivery.c.person_id == actor.person_id,
        in_branches(conn, delivery.c.org_path, actor.branches(*READERS)),
    )


def _info(row: Row[Any], namer: Namer, actor: Actor) -> DeliveryInfo:
    own = row.person_id == actor.person_id or actor.may(Role.ADMIN, row.org_path)
    return DeliveryInfo(
        id=row.id,
        kind=row.kind,
        title=words(row, actor.locale)[0],
        person=someone(namer, row.person_id),
        org_path=row.org_path,
        channel=row.channel,
        address=row.address if own else None,
        state=row.state,
        breakthrough=row.breakthrough,
        created_at=row.created_at,
        due_at=row.due_at,
        delivered_at=row.delivered_at,
        attempts=row.attempts,
        last_error=row.last_error,
        alert_id=row.alert_id,
        application_id=row.application_id,
        use_id=row.use_id,
        bundle_id=row.bundle_id,
    )
