"""How a person wants to be told: channels in order, muted kinds, quiet hours."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, select

from alerts.messages import NOTICES
from alerts.settings import AlertSettings
from backend.domain.actor import Actor
from backend.domain.calendar import DAY_MS, MINUTE_MS, local_day, midnight
from backend.domain.errors import DomainError
from backend.services.context import ServiceContext
from backend.store.tables import person, preference

MUTABLE: Final = frozenset({"use_finished", "late_uses_bundled", "application_decided"})
"""Kinds that a person may mute; what waits for them, and alerts, cannot be muted."""

_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z")
_MOST_CHANNELS: Final = 8
_LONGEST_ADDRESS: Final = 200


@dataclass(frozen=True, slots=True)
class Quiet:
    """Quiet hours in minutes after local midnight; over midnight when ``begin`` > ``end``."""

    begin: int
    end: int

    def until(self, at: int) -> int:
        """When quiet that holds at ``at`` (ms UTC) ends; ``at`` itself when there is none."""
        if self.begin == self.end:
            return at
        day = midnight(local_day(at))
        minute = (at - day) / MINUTE_MS
        end = day + self.end * MINUTE_MS
        if self.begin < self.end:
            return end if self.begin <= minute < self.end else at
        if minute >= self.begin:
            return end + DAY_MS
        return end if minute < self.end else at


NEVER_QUIET: Final = Quiet(0, 0)


@dataclass(frozen=True, slots=True)
class Preference:
    """``channels``: (channel, address) in the person's order; ``reserve``: the installation's that
    they did not choose. ``muted``: notice kinds."""

    person_id: str
    locale: str = "zh_CN"
    channels: tuple[tuple[str, str], ...] = ()
    muted: frozenset[str] = frozenset()
    quiet: Quiet = NEVER_QUIET
    reserve: tuple[tuple[str, str], ...] = ()

    def due(self, now: int, *, breakthrough: bool) -> int:
        """When a message of now may go out: quiet hours delay, never drop."""
        return now if breakthrough else self.quiet.until(now)


def parse_time(text: str) -> int:
    """Minutes after midnight of ``HH:MM``.

    Raises:
        DomainError: ``bad_time``.
    """
    if not _TIME.match(text):
        raise DomainError(
            "bad_time", "时间请写成 22:00 这样的形式", "write the time as HH:MM, such as 22:00"
        )
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def load_many(
    conn: Connection, people: Collection[str], settings: AlertSettings
) -> dict[str, Preference]:
    """Of active people; who chose nothing gets the installation's defaults."""
    wanted = sorted(set(people))
    query = (
        select(
            person.c.id,
            person.c.locale,
            person.c.phone,
            person.c.login,
            preference.c.channels,
            preference.c.kinds,
            preference.c.quiet_from,
            preference.c.quiet_until,
        )
        .outerjoin(preference, preference.c.person_id == person.c.id)
        .where(person.c.id.in_(wanted), person.c.status == "active")
    )
    return {row.id: _preference(row, settings) for row in conn.execute(query)}


def _preference(row: Any, settings: AlertSettings) -> Preference:
    begin = settings.quiet_from if row.quiet_from is None else row.quiet_from
    end = settings.quiet_until if row.quiet_until is None else row.quiet_until
    own = {"phone": row.phone or "", "login": row.login or "", "person": row.id}
    defaults = tuple(_defaults(settings.default_channels, own))
    chosen = tuple((str(one["channel"]), str(one["address"])) for one in row.channels or ())
    taken = {channel for channel, _ in chosen}
    return Preference(
        person_id=row.id,
        locale=row.locale,
        channels=chosen or defaults,
        reserve=tuple(one for one in defaults if chosen and one[0] not in taken),
        muted=frozenset(kind for kind, wanted in (row.kinds or {}).items() if wanted is False),
        quiet=Quiet(parse_time(begin), parse_time(end)),
    )


def _defaults(channels: Sequence[tuple[str, str]], own: Mapping[str, str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for channel, pattern in channels:
        address, complete = pattern, True
        for name, value in own.items():
            place = "{" + name + "}"
            if place in address:
                complete = complete and bool(value)
                address = address.replace(place, value)
        if complete:
            found.append((channel, address))
    return found


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for; None: the installation's default."""

    channels: tuple[tuple[str, str], ...] = ()
    muted: tuple[str, ...] = ()
    quiet_from: str | None = None
    quiet_until: str | None = None


class Preferences:
    """A person's own preferences; nobody sets another's."""

    def __init__(
        self, context: ServiceContext, settings: AlertSettings, channels: Collection[str]
    ) -> None:
        self._context = context
        self._settings = settings
        self._channels = frozenset(channels)

    def get(self, actor: Actor) -> Preference:
        """As it holds now, defaults included."""
        with self._context.db.read() as conn:
            found = load_many(conn, [actor.person_id], self._settings)
        return found.get(actor.person_id, Preference(actor.person_id))

    def save(self, actor: Actor, wish: Wish) -> Preference:
        """Keep it.

        Raises:
            DomainError: ``unknown_channel``, ``bad_address``, ``not_mutable``, ``bad_time``.
        """
        self._check(wish)
        with self._context.db.write() as conn:
            conn.execute(delete(preference).where(preference.c.person_id == actor.person_id))
            conn.execute(
                preference.insert(),
                {
                    "person_id": actor.person_id,
                    "channels": [
                        {"channel": channel, "address": address}
                        for channel, address in wish.channels
                    ],
                    "kinds": dict.fromkeys(wish.muted, False),
                    "quiet_from": wish.quiet_from,
                    "quiet_until": wish.quiet_until,
                    "updated_at": self._context.now(),
                },
            )
        return self.get(actor)

    def _check(self, wish: Wish) -> None:
        for channel, address in wish.channels:
            if channel not in self._channels:
                usable = "、".join(sorted(self._channels)) or "无"
                raise DomainError(
                    "unknown_channel",
                    f"没有开通“{channel}”通道，可用的有：{usable}",
                    f"the channel {channel!r} is not set up",
                )
            if len(address) > _LONGEST_ADDRESS or not address.isprintable():
                raise DomainError(
                    "bad_address", "收件地址太长或含有不可见字符", "the address is not usable"
                )
        if len(wish.channels) > _MOST_CHANNELS:
            raise DomainError("bad_address", "最多选择8个通道", "at most 8 channels")
        for kind in wish.muted:
            if kind not in MUTABLE or kind not in NOTICES:
                raise DomainError(
                    "not_mutable",
                    "预警和等您处理的通知不能关闭",
                    "alerts, and what waits for you, cannot be muted",
                )
        for text in (wish.quiet_from, wish.quiet_until):
            if text is not None:
                parse_time(text)
        if (wish.quiet_from is None) != (wish.quiet_until is None):
            raise DomainError(
                "bad_time", "免打扰时段要同时写明开始和结束", "quiet hours need both ends"
            )
