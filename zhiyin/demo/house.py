"""The all-in-one on the demo's clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from alerts.channels.base import Channel
from backend.store import looks
from zhiyin import wiring, wiring_alerts
from zhiyin.settings import Settings
from zhiyin.supervisor import AllInOne

_BY_WALL: Final = frozenset({"start the chores"})
_WEB: Final = frozenset({"start the web server"})


class OneClock(AllInOne):
    """The all-in-one without what goes by wall time: the demo's loop does that by its clock."""

    def __init__(
        self,
        settings: Settings,
        *,
        web: bool,
        channels: Mapping[str, Channel],
        concerned: Callable[[str | None], bool],
        **options: Any,
    ) -> None:
        """``concerned``: whose papers and presses are looked at, by application."""
        super().__init__(settings, **options)
        self._channels = channels
        self._concerned = concerned
        self._stirred = True
        self.review_reason = "观看演示（人物与文件均为虚构）"
        unwanted = _BY_WALL if web else _BY_WALL | _WEB
        self.steps = tuple(step for step in self.steps if step[1] not in unwanted)

    def waiting_for(self) -> list[str]:
        """What is away at the moment."""
        return [] if self.link.connected else ["broker"]

    def _start_alerts(self) -> None:
        # Not started: the demo's loop runs them whenever the clock stands.
        self.alerts = wiring_alerts.alerts(self.house, channels=self._channels)

    def _start_eyes(self) -> None:
        if not self.settings.eyes.enabled:
            return
        with self.house.db.write() as conn:
            # The demo's clock stands while somebody looks: no lease of an earlier start runs out.
            looks.give_all_back(conn)
        self.eyes = wiring.eyes_part(self.house, self._seen, self._concerned)
        self._undo.callback(self.eyes.stop)
        self.eyes.start()

    def _seen(self) -> None:
        super()._seen()
        self._stirred = True
        if self.eyes is not None:
            self.eyes.wake()  # a paper was read: presses of it may be looked at

    def _committed(self) -> None:
        # The eyes are woken when there is something for them: see `looked`.
        self.alerts.wake()
        self._stirred = True

    def looked(self) -> bool:
        """Whether the eyes have nothing more to say at this moment of the clock."""
        if self.eyes is None or not self._stirred:
            return True
        self._stirred = False  # before asking: what comes meanwhile is asked about again
        left = self.eyes.eyes.presses
        if not left:
            return True
        self._stirred = True  # nobody says when a picture has come
        if looks.READY in left:
            self.eyes.wake()
        return looks.READY not in left
