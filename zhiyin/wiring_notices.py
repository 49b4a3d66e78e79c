"""How people want to be told, as the pages ask for it (:class:`backend.web.ports.NoticeDesk`)."""

from __future__ import annotations

from collections.abc import Collection

from alerts.inbox import TrialMessages
from alerts.preferences import MUTABLE, Preferences, Wish
from alerts.rules.registry import BREAKTHROUGH, CODES
from alerts.service import Alerts
from backend.domain.actor import Actor
from backend.services.notice_rules import NoticeDefaults
from backend.web.ports import Wishes


class Notices:
    """The alerts' preferences behind the pages' door. ``channels``: names of those set up;
    ``push_key``: what browsers subscribe to push messages with, if that is one of them."""

    def __init__(
        self,
        preferences: Preferences,
        trial: TrialMessages,
        channels: Collection[str],
        push_key: str | None = None,
    ) -> None:
        self._preferences = preferences
        self._trial = trial
        self._channels = tuple(sorted(channels))
        self._push_key = push_key

    def wishes(self, actor: Actor) -> Wishes:
        """The actor's own, or the installation's defaults."""
        found = self._preferences.get(actor)
        return Wishes(
            channels=found.channels,
            muted=found.muted,
            quiet_from=_clock(found.quiet.begin),
            quiet_until=_clock(found.quiet.end),
            mutable=tuple(sorted(MUTABLE)),
            available=self._channels,
            push_key=self._push_key,
        )

    def save(self, actor: Actor, wishes: Wishes) -> object:
        """Keep them; raises as :meth:`alerts.preferences.Preferences.save`."""
        return self._preferences.save(
            actor,
            Wish(
                channels=wishes.channels,
                muted=tuple(sorted(wishes.muted)),
                quiet_from=wishes.quiet_from,
                quiet_until=wishes.quiet_until,
            ),
        )

    def send_test(self, actor: Actor) -> object:
        """One by each channel; raises as :meth:`alerts.inbox.TrialMessages.send`."""
        return self._trial.send(actor)


def notice_defaults(alerts: Alerts) -> NoticeDefaults:
    """What notification rules start from in this installation."""
    return NoticeDefaults(
        CODES, BREAKTHROUGH, tuple(sorted(alerts.channels)), alerts.settings.escalation
    )


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
