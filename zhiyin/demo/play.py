"""Puts the demo together: an installation, a founded town, its sleeves, the day."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import msgspec

from alerts.channels.base import Channel
from alerts.preferences import Preferences
from alerts.settings import AlertSettings
from backend.domain.errors import DomainError
from backend.services.devices import Commissioned
from backend.store.keyring import KeyRing
from gateway.broker.embedded import free_port
from seal_firmware_sim import credentials as sim
from seal_firmware_sim.firmware import BootReason
from seal_firmware_sim.hardware.flash import FileFlash, MemoryFlash
from seal_firmware_sim.hardware.ports import Flash
from seal_firmware_sim.hub import Hub
from seal_firmware_sim.journal import Journal
from seal_firmware_sim.scenarios.format import OtherImprint, Scenario, WithMatter
from seal_firmware_sim.scenarios.player import Player
from seal_firmware_sim.scenarios.scenes import Stage
from seal_firmware_sim.scenarios.stage import Actor, assemble
from seal_firmware_sim.sleeve import Sleeve
from zhiyin import wiring
from zhiyin.demo import people, result, vendors
from zhiyin.demo.clock import DemoClock
from zhiyin.demo.folder import DemoFolder
from zhiyin.demo.house import OneClock
from zhiyin.demo.kept import Kept, digest
from zhiyin.demo.office import Office
from zhiyin.demo.runner import Runner
from zhiyin.demo.town import Founder, Town
from zhiyin.running import schema, store
from zhiyin.running.stopping import Stop, Stopped
from zhiyin.settings import EyesSettings, FaceSettings, MqttSettings, Settings, WebSettings
from zhiyin.wall import wall_clock

Tell = Callable[[str], None]

_PAPER_HOURS: Final = 24
"""As invented as the town: how long an approval took there while it was on paper."""


class Demo:
    """One demo: :meth:`prepare`, :meth:`play`, :meth:`count`, :meth:`close`.

    ``speed``: scenario seconds in a real one; None: as fast as the parts are. ``lasting``: a later
    start in the same folder goes on.

    Raises:
        DomainError: for a folder that cannot be used, or a scenario larger than our town.
    """

    def __init__(
        self,
        folder: Path,
        *,
        scenario: Scenario,
        stop: Stop,
        tell: Tell,
        speed: float | None = None,
        web_port: int | None = None,
        lasting: bool = True,
        fresh: bool = False,
    ) -> None:
        _require_room(scenario)
        self.scenario = scenario
        self._tell = tell
        self._stop = stop
        self._lasting = lasting
        self._web = web_port is not None
        self._folder = DemoFolder(folder)
        self._undo = ExitStack()
        try:
            self._undo.enter_context(self._folder.claimed())
            if fresh:
                self._folder.clear()
            self._kept = Kept.load(self._folder.kept, self.scenario)
        except BaseException:
            self._undo.close()
            raise
        eyed = _eyed(scenario)
        self.settings = Settings(
            data_dir=folder,
            log_origin="demo.zhiyin.local/yidu",
            mqtt=MqttSettings(port=free_port()),
            web=WebSettings(port=web_port or WebSettings().port, paper_approval_hours=_PAPER_HOURS),
            faces=FaceSettings(second_opinion=False),
            eyes=EyesSettings(enabled=bool(eyed)),
        )
        self._watched = {
            one.application
            for number, one in self._kept.progress.items()
            if one.application is not None and number in eyed
        }
        start = self.scenario.time(self.scenario.start)
        self.clock = DemoClock(start, self._folder.clock if lasting else None, speed)
        self.watch: Callable[[int, Player], None] = lambda _at, _player: None
        """Called after each move of the clock, with scenario time in ms."""

    @property
    def url(self) -> str:
        """Where the pages are."""
        return self._house.web.url

    # ── preparing ────────────────────────────────────────────────────────────────────────────────

    def prepare(self) -> Town:
        """An installation with a founded town, new or from an earlier start; everything running.

        Raises:
            Stopped: when told to stop meanwhile.
        """
        channels = self._undo.enter_context(vendors.channels())
        town = Town.load(self._folder.town)
        if town is None:
            town = self._found(channels)
        else:
            with store.opened(self.settings) as db:
                schema.upgrade(db)  # an earlier version may have founded it
        self._house = OneClock(
            self.settings,
            say=self._step,
            now=self.clock,
            web=self._web,
            channels=channels,
            concerned=self._watched.__contains__,
        )
        self._house.start()
        self._undo.callback(self._house.stop)
        self._connect_sleeves(town)
        return town

    def _step(self, number: int, of: int, zh: str, _en: str) -> None:
        if self._stop.is_set():
            raise Stopped
        self._tell(f"[{number}/{of}] {zh}")

    def _found(self, channels: Mapping[str, Channel]) -> Town:
        self._tell("首次启动：建立演示镇（密钥、数据库、村社、人员、印章、套筒、人脸）…")
        with self._stop.at_once():
            KeyRing.create(self.settings.keys_path())
            house = wiring.build(self.settings, now=self.clock)
        desk = wiring.eyes_desk(house)
        try:
            with self._stop.at_once():
                schema.upgrade(house.db)
                with house.db.write() as conn:
                    house.log.create(conn)

            def broker(made: Commissioned) -> sim.MqttAddress:
                return sim.MqttAddress(
                    host="127.0.0.1",
                    port=1,  # the port of each start is known at that start
                    username=made.mqtt.username,
                    password=made.mqtt.password,
                )

            founder = Founder(
                house,
                self._tell,
                heartbeat_min=self.scenario.heartbeat_min,
                ask=desk.ask,
                imprints=_imprints(self.scenario),
            )
            town = founder.found(self.scenario.villages, broker, self._stop.is_set)
            vendors.choose(house, town, Preferences(house.services, AlertSettings(), channels))
            town.save(self._folder.town)
            return town
        finally:
            desk.close()
            house.close()

    def _connect_sleeves(self, town: Town) -> None:
        self._hub = Hub(clock=self.clock, link_clock=wall_clock)
        actors: dict[tuple[int, str], Actor] = {}
        lines = [one for one in town.credentials.splitlines() if one]
        kinds = list(people.SEALS)
        for number, line in enumerate(lines):
            village, kind = number // len(kinds) + 1, kinds[number % len(kinds)]
            actors[village, kind] = self._actor(sim.parse(line), village, kind)
        # After their flash, so that it is closed before it, and before gateway and broker.
        self._undo.callback(self._hub.close)
        stage = Stage(Office(self._house.house, town, self._watched), actors, self.scenario.seed)
        self.player = Player(
            self.scenario, stage, now=self.clock, before=self._kept.progress, tell=self._tell
        )
        self.runner = Runner(
            scenario=self.scenario,
            clock=self.clock,
            sleeves=self._hub,
            scripts=self.player,
            gateway=self._house.gateway,
            alerts=self._house.alerts,
            written=self._written,
            look=self._house.gateway.background.wake,
            looked=self._house.looked,
            keep=self._after_step,
        )

    def _actor(self, one: sim.Credentials, village: int, kind: str) -> Actor:
        address = msgspec.structs.replace(one.mqtt, port=self.settings.mqtt.port)
        flash = self._flash(one.device)
        actor = assemble(
            msgspec.structs.replace(one, mqtt=address),
            village,
            kind,
            self._hub,
            dice=random.Random(f"{self.scenario.seed}-{one.device}-{self.clock()}"),
            secrets=random.SystemRandom(),
            flash=flash,
            on_change=self._changed,
        )
        # Killed between a drop and keeping count of it, the flash may know of one more.
        told = Journal(flash.read()).memory.total
        actor.device.mechanism.total = max(self._kept.totals.get(one.device, 0), told)
        return actor

    def _flash(self, device: str) -> Flash:
        if not self._lasting:
            return MemoryFlash()
        flash = FileFlash(self._folder.flash / device)
        self._undo.callback(flash.close)
        return flash

    def _changed(self, sleeve: Sleeve) -> None:
        self.player.changed(sleeve)

    def _written(self) -> int:
        with self._house.house.db.read() as conn:
            return self._house.house.log.size(conn)

    # ── playing ──────────────────────────────────────────────────────────────────────────────────

    def play(self) -> bool:
        """Power on and run the day; whether it came to its end.

        Raises:
            Stuck: when a part does not get idle.
        """
        reason: BootReason = "power_on" if self._kept.totals else "commissioned"
        for actor in self.player.actors.values():
            if self._stop.is_set():
                return False
            if actor.sleeve.device not in self._kept.off:
                actor.sleeve.power_on(reason)
        if not self.runner.settle(self._stop):
            return False
        self._keep()
        self.clock.rebase()
        ended = self.runner.run(self._stop)
        if not ended and self._lasting:
            self.runner.wind_up()
        return ended

    def count(self) -> tuple[dict[str, Any], list[str]]:
        """What came of it, and what of that is not as the scenario says."""
        counted = result.count(self._house.house, self.player)
        return counted, result.as_expected(self.scenario, counted, self.player.given_up)

    def stay(self) -> None:
        """After the day: time stands still, and all parts go on until told to stop."""
        while self.runner.settle(self._stop):
            self._hub.poll(0.05)

    def close(self) -> None:
        """Stop everything in reverse."""
        self._undo.close()

    def _after_step(self) -> None:
        self._keep()
        self.watch(self.clock(), self.player)

    def _keep(self) -> None:
        if not self._lasting:
            return
        actors = self.player.actors.values()
        Kept(
            scenario=digest(self.scenario),
            progress=self.player.progress,
            totals={one.sleeve.device: one.device.mechanism.total for one in actors},
            off=[one.sleeve.device for one in actors if not one.sleeve.powered],
        ).save(self._folder.kept)


def _eyed(scenario: Scenario) -> dict[int, WithMatter]:
    """The actions whose papers and presses are looked at, by number."""
    numbered = enumerate(scenario.actions)
    return {number: one for number, one in numbered if isinstance(one, WithMatter) and one.eyes}


def _imprints(scenario: Scenario) -> set[tuple[int, str]]:
    """The seals that the eyes have to tell apart, by village and kind."""
    wanted = {(one.village, str(one.seal)) for one in _eyed(scenario).values()}
    others = [one for one in scenario.actions if isinstance(one, OtherImprint)]
    return wanted | {(one.village, str(one.other)) for one in others}


def _require_room(scenario: Scenario) -> None:
    if scenario.villages > len(people.VILLAGES):
        raise DomainError(
            "too_many_villages",
            f"演示镇最多 {len(people.VILLAGES)} 个村，剧本要 {scenario.villages} 个",
            f"the demo's town has at most {len(people.VILLAGES)} villages",
        )
