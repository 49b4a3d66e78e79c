"""The all-in-one on the demo's clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from alerts.channels.base import Channel
from zhiyin import wiring_alerts
from zhiyin.settings import Settings
from zhiyin.supervisor import AllInOne

_BY_WALL: Final = frozenset({"start the chores"})
_WEB: Final = frozenset({"start the web server"})


class OneClock(AllInOne):
    """The all-in-one without what goes by wall time: the demo's loop does that by its clock."""

    def __init__(
        self, settings: Settings, *, web: bool, channels: Mapping[str, Channel], **options: Any
    ) -> None:
        super().__init__(settings, **options)
        self._channels = channels
        self.review_reason = "观看演示（人物与文件均为虚构）"
        unwanted = _BY_WALL if web else _BY_WALL | _WEB
        self.steps = tuple(step for step in self.steps if step[1] not in unwanted)

    def waiting_for(self) -> list[str]:
        """What is away at the moment."""
        return [] if self.link.connected else ["broker"]

    def _start_alerts(self) -> None:
        # Not started: the demo's loop runs them whenever the clock stands.
        self.alerts = wiring_alerts.alerts(self.house, channels=self._channels)
