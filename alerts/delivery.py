"""Sends what stands in the outbox: at least once, in time, whatever fails.

A message is leased in one transaction, sent outside any, and its outcome written in another. A
worker that dies in between leaves a lease that runs out; then another sends again. Every attempt is
a row that people can read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, update

from alerts import bundles, failures, messages, permit_notices
from alerts.channels.base import Channel, Dead, Delivered, Message, Outcome, Retry, Severity
from alerts.health import Health
from alerts.preferences import load_many
from alerts.settings import AlertSettings
from backend.services.context import ServiceContext
from backend.store.tables import delivery, delivery_attempt

log = structlog.get_logger(__name__)

LOST: Final = "发送途中中断，已重新发送"

_URGENCY: Final = {
    "critical": Severity.CRITICAL,
    "major": Severity.WARNING,
    "minor": Severity.WARNING,
}
_PATHS: Final = (
    ("alert_id", "/alerts/"),
    ("application_id", "/applications/"),
    ("use_id", "/uses/"),
)


class Delivery:
    """The outbox worker. :meth:`step` does all channels in turn; :meth:`step_channel` one, so that
    each can have a thread of its own and a slow one holds up nobody."""

    def __init__(
        self,
        context: ServiceContext,
        settings: AlertSettings,
        channels: Mapping[str, Channel],
    ) -> None:
        self._context = context
        self._all = settings
        self._settings = settings.delivery
        self._channels = channels
        self.health = Health(settings.delivery)
        self._in_flight: set[str] = set()

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels that it serves, and of none for what names an unknown one."""
        return (*self._channels, UNKNOWN)

    def step(self, now: int) -> int:
        """Send what is due on every channel; how many messages were tried."""
        waiting = self._channels_due(now)
        return sum(self.step_channel(name, now) for name in self.channels if name in waiting)

    def step_channel(self, name: str, now: int) -> int:
        """Send what is due on one channel, at most a batch; how many were tried."""
        room = min(self._settings.batch, self.health.room(name, now))
        if room <= 0 or not self._any_due(name, now):
            return 0
        leased = self._lease(name, now, room)
        self._in_flight.update(row.id for row in leased)
        try:
            for row in leased:
                if self.health.room(name, now) > 0:
                    self._send(row, now)
                else:
                    self._give_back(row, now)
        finally:
            self._in_flight.difference_update(row.id for row in leased)
        return len(leased)

    @property
    def idle(self) -> bool:
        """Whether nothing can be sent right now and nothing is being sent."""
        now = self._context.now()
        if self._in_flight:
            return False
        return not any(self.health.room(name, now) > 0 for name in self._channels_due(now))

    def next_due(self) -> int | None:
        """When there is something to do next (ms UTC), for a clock that jumps; None: nothing."""
        now = self._context.now()
        query = (
            select(delivery.c.channel, func.min(_moment()))
            .where(delivery.c.state.in_(["waiting", "sending"]))
            .group_by(delivery.c.channel)
        )
        with self._context.db.read() as conn:
            moments = [
                max(int(due), self.health.free_at(self._known(name), now))
                for name, due in conn.execute(query)
                if due is not None
            ]
        return min(moments, default=None)

    # ── taking ───────────────────────────────────────────────────────────────────────────────────

    def _known(self, channel: str) -> str:
        return channel if channel in self._channels else UNKNOWN

    def _of_channel(self, name: str) -> ColumnElement[bool]:
        if name == UNKNOWN:
            return delivery.c.channel.not_in(list(self._channels))
        return delivery.c.channel == name

    def _due(self, name: str, now: int) -> ColumnElement[bool]:
        return and_(self._of_channel(name), self._due_anywhere(now))

    def _due_anywhere(self, now: int) -> ColumnElement[bool]:
        return and_(
            delivery.c.state.in_(["waiting", "sending"]),
            or_(
                and_(delivery.c.state == "waiting", delivery.c.due_at <= now),
                and_(delivery.c.state == "sending", delivery.c.lease_until <= now),
            ),
            # Ours, still being sent: at 60 times the pace a lease runs out while we wait.
            delivery.c.id.not_in(sorted(self._in_flight)),
        )

    def _any_due(self, name: str, now: int) -> bool:
        with self._context.db.read() as conn:
            query = select(delivery.c.id).where(self._due(name, now)).limit(1)
            return conn.execute(query).first() is not None

    def _channels_due(self, now: int) -> set[str]:
        """In one question, however many channels there are."""
        query = select(delivery.c.channel).where(self._due_anywhere(now)).distinct()
        with self._context.db.read() as conn:
            return {self._known(name) for name in conn.execute(query).scalars()}

    def _lease(self, name: str, now: int, room: int) -> list[Row[Any]]:
        until = now + self._settings.lease_ms
        with self._context.db.write() as conn:
            bundles.form(conn, self._context, self._settings, self._due(name, now), now)
            rows = list(
                conn.execute(
                    select(delivery)
                    .where(self._due(name, now))
                    .order_by(delivery.c.breakthrough.desc(), delivery.c.due_at, delivery.c.id)
                    .limit(room)
                    .with_for_update(skip_locked=True)
                )
            )
            lost = [row for row in rows if row.state == "sending"]
            if lost:
                conn.execute(
                    delivery_attempt.insert(),
                    [_attempt(row.id, now, "retry", LOST, 0) for row in lost],
                )
            if rows:
                conn.execute(
                    update(delivery)
                    .where(delivery.c.id.in_([row.id for row in rows]))
                    .values(state="sending", lease_until=until, attempts=delivery.c.attempts + 1)
                )
        return rows

    def _give_back(self, row: Row[Any], now: int) -> None:
        """The channel has no room any more: it waits, and this was no attempt."""
        with self._context.db.write() as conn:
            conn.execute(
                self._mine(row, now).values(
                    state="waiting", lease_until=None, attempts=delivery.c.attempts - 1
                )
            )

    def _mine(self, row: Row[Any], now: int) -> Any:
        """An update of ``row`` that does nothing when the lease ran out and another took it."""
        return update(delivery).where(
            delivery.c.id == row.id,
            delivery.c.state == "sending",
            delivery.c.lease_until == now + self._settings.lease_ms,
        )

    # ── sending ──────────────────────────────────────────────────────────────────────────────────

    def _send(self, row: Row[Any], now: int) -> None:
        channel = self._channels.get(row.channel)
        outcome: Outcome
        if channel is None:
            outcome = Dead(f"没有开通“{row.channel}”通道，请在偏好里改选", "config:channel")
        else:
            self.health.started(row.channel, now)
            try:
                outcome = channel.send(self._message(row))
            except Exception as error:  # a channel never raises; one that does must not stop us
                log.error("channel.raised", channel=row.channel, exc_info=error)
                outcome = Retry(f"通道出错，稍后自动重发（{type(error).__name__}）", "internal")
        done = self._context.now()
        self.health.ended(self._known(row.channel), outcome, done)
        self._write(row, outcome, now, done)

    def _message(self, row: Row[Any]) -> Message:
        fields = row.message.get("fields", {})
        title, lines = messages.render(row.kind, fields, row.locale)
        happened = fields.get("happened_at", fields.get("at"))
        return Message(
            title=title,
            lines=tuple(lines),
            severity=_URGENCY.get(str(row.message.get("severity")), Severity.INFO),
            recipient=row.address,
            dedupe_id=row.id,
            locale=messages.reading_locale(row.locale),
            link=self._link(row),
            kind=row.kind,
            at=happened if isinstance(happened, int) else None,
        )

    def _link(self, row: Row[Any]) -> str:
        base = self._all.link_base.rstrip("/")
        permit = row.message.get("fields", {}).get(permit_notices.LINK)
        if base and permit:
            return f"{base}/permits/{permit}"
        for column, path in _PATHS:
            subject = row._mapping[column]
            if base and subject:
                return f"{base}{path}{subject}"
        return ""

    def _write(self, row: Row[Any], outcome: Outcome, leased_at: int, now: int) -> None:
        detail, code = _detail(outcome)
        changed = self._changed(row, outcome, now)
        with self._context.db.write() as conn:
            if isinstance(outcome, Retry) and changed["state"] == "waiting":
                changed["due_at"] = self._after_quiet(conn, row, changed["due_at"])
            conn.execute(
                delivery_attempt.insert(),
                _attempt(row.id, now, code, detail, max(0, now - leased_at)),
            )
            mine = conn.execute(self._mine(row, leased_at).values(lease_until=None, **changed))
            if mine.rowcount and changed["state"] == "dead":
                failures.of_delivery(conn, self._context, self._all, row, detail, now)
        if changed["state"] == "dead":
            log.warning("delivery.dead", delivery=row.id, channel=row.channel, reason=detail)

    def _changed(self, row: Row[Any], outcome: Outcome, now: int) -> dict[str, Any]:
        if isinstance(outcome, Delivered):
            return {"state": "delivered", "delivered_at": now, "last_error": None}
        error = {"last_error": outcome.reason}
        attempts = row.attempts + 1
        if isinstance(outcome, Dead) or attempts >= self._settings.attempts:
            return {"state": "dead", **error}
        wait = self._wait(attempts, outcome)
        if now + wait - row.created_at > self._settings.give_up_ms and attempts > 1:
            return {"state": "dead", **error}
        return {"state": "waiting", "due_at": now + wait, **error}

    def _wait(self, attempts: int, outcome: Retry) -> int:
        if outcome.after_ms is not None:
            return max(outcome.after_ms, self._settings.first_wait_ms)
        wait = min(
            self._settings.first_wait_ms << min(attempts - 1, 20),
            self._settings.longest_wait_ms,
        )
        # Up to a quarter more, so that what failed together does not come again together.
        return wait + wait * self._context.random(1)[0] // 1024

    def _after_quiet(self, conn: Connection, row: Row[Any], due: int) -> int:
        if row.breakthrough or row.person_id is None:
            return due
        wishes = load_many(conn, [row.person_id], self._all).get(row.person_id)
        return due if wishes is None else wishes.due(due, breakthrough=False)


UNKNOWN: Final = ""
"""Stands for every channel that is not set up (any more): what names one is dead at once."""


def _moment() -> ColumnElement[int]:
    """When a waiting or leased delivery is due."""
    return func.coalesce(delivery.c.lease_until, delivery.c.due_at)


def _attempt(delivery_id: str, at: int, outcome: str, detail: str, took_ms: int) -> dict[str, Any]:
    return {
        "delivery_id": delivery_id,
        "at": at,
        "outcome": outcome,
        "detail": detail,
        "took_ms": took_ms,
    }


def _detail(outcome: Outcome) -> tuple[str, str]:
    """What the ledger says, and the outcome's code."""
    if isinstance(outcome, Delivered):
        return outcome.reference, "delivered"
    return outcome.reason, "retry" if isinstance(outcome, Retry) else "dead"
