"""Puts the demo together: an installation, a founded town, its sleeves, the day."""

from __future__ import annotations

import queue
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, Final

import seal_firmware_sim.scenarios
from alerts.channels.base import Channel
from alerts.channels.http import Runtime, open_client
from alerts.channels.registry import build_channels
from alerts.channels.standin import Standin, settings_for
from alerts.preferences import Wish
from alerts.service import Alerts
from backend.services.actors import load_actor
from backend.services.devices import Commissioned
from backend.store.keyring import KeyRing
from gateway.broker.embedded import free_port
from seal_firmware_sim import credentials as sim
from seal_firmware_sim.hardware.flash import FileFlash, MemoryFlash
from seal_firmware_sim.mqtt import MqttTransport
from seal_firmware_sim.scenarios.format import Scenario, load
from seal_firmware_sim.scenarios.player import Player
from seal_firmware_sim.scenarios.scripts import Stage
from seal_firmware_sim.scenarios.stage import Actor, assemble
from zhiyin import wiring, wiring_alerts
from zhiyin.demo import people, result
from zhiyin.demo.clock import DemoClock
from zhiyin.demo.office import Office
from zhiyin.demo.runner import Runner, Stopping, saved
from zhiyin.demo.town import Founder, Town
from zhiyin.running import schema
from zhiyin.settings import FaceSettings, MqttSettings, Settings, WebSettings
from zhiyin.supervisor import AllInOne
from zhiyin.wall import wall_clock

DAY: Final = Path(seal_firmware_sim.scenarios.__file__).parent / "yiqiao_day.yaml"

Tell = Callable[[str], None]

_BY_WALL: Final = frozenset({"start the chores"})


class _OneClock(AllInOne):
    """The all-in-one without what goes by wall time: the demo's loop does that by its clock."""

    def __init__(
        self, settings: Settings, *, web: bool, channels: Mapping[str, Channel], **options: Any
    ) -> None:
        super().__init__(settings, **options)
        self._channels = channels
        self.review_reason = "观看演示（人物与文件均为虚构）"
        unwanted = _BY_WALL if web else _BY_WALL | {"start the web server"}
        self.steps = tuple(step for step in self.steps if step[1] not in unwanted)

    def waiting_for(self) -> list[str]:
        """What is away at the moment."""
        return [] if self.link.connected else ["broker"]

    def _start_alerts(self) -> None:
        # Not started: the demo's loop runs them whenever the clock stands.
        self.alerts = wiring_alerts.alerts(self.house, channels=self._channels)


class Demo:
    """One demo: :meth:`prepare`, :meth:`play`, :meth:`close`."""

    def __init__(
        self, folder: Path, *, scenario: Path, speed: float | None, web_port: int | None, tell: Tell
    ) -> None:
        self.folder = folder
        self.scenario: Scenario = load(scenario)
        self._tell = tell
        self._undo = ExitStack()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.settings = Settings(
            data_dir=folder,
            log_origin="demo.zhiyin.local/yidu",
            mqtt=MqttSettings(port=free_port()),
            web=WebSettings(port=web_port or 8460),
            faces=FaceSettings(second_opinion=False),
        )
        self.clock = DemoClock(self.scenario.time(self.scenario.start), folder / "clock", speed)
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lively = speed is not None
        self._web = web_port is not None
        self.watch: Callable[[int, Player], None] = lambda _at, _player: None
        """Called after each move of the clock, with scenario time in ms."""

    @property
    def url(self) -> str:
        """Where the pages are."""
        return self._house.web.url

    def _channels(self) -> Mapping[str, Channel]:
        """Every vendor's channel, talking to a stand-in on loopback that checks as they do."""
        self._standin = self._undo.enter_context(Standin(wall_clock))
        client = self._undo.enter_context(open_client())
        return build_channels(
            settings_for(self._standin.base_url),
            Runtime(client, wall_clock, write_line=lambda _line: None),
        )

    # ── preparing ────────────────────────────────────────────────────────────────────────────────

    def prepare(self) -> Town:
        """An installation with a founded town, new or from an earlier start; everything running."""
        town = Town.load(self.folder / "town.json") or self._found()
        self._house = _OneClock(
            self.settings,
            say=lambda number, of, zh, _en: self._tell(f"[{number}/{of}] {zh}"),
            now=self.clock,
            web=self._web,
            channels=self._channels(),
        )
        self._house.start()
        self._undo.callback(self._house.stop)
        self.alerts: Alerts = self._house.alerts
        self._choose_channels(town)
        self._connect_sleeves(town)
        return town

    def _choose_channels(self, town: Town) -> None:
        """Each office is told by another vendor, so that all of them are seen working."""
        house = self._house.house
        wanted: list[tuple[str, str]] = []
        for village in town.villages:
            wanted += [
                (village.approver, "dingtalk_person"),
                (village.custodian, "wecom_person"),
                (village.witness, "sms"),
            ]
        wanted += [
            (town.supervisor, "feishu_person"),
            (town.town_approver, "zhezhengding"),
        ]
        for number, (person, channel) in enumerate(wanted):
            with house.db.read() as conn:
                actor = load_actor(conn, person, house.now())
            if actor is not None:
                address = f"1390000{number:04}" if channel == "sms" else f"yd{number:04}"
                self.alerts.preferences.save(actor, Wish(channels=((channel, address),)))

    def _found(self) -> Town:
        self._tell("首次启动：建立演示镇（密钥、数据库、村社、人员、印章、套筒、人脸）…")
        KeyRing.create(self.settings.keys_path())
        house = wiring.build(self.settings, now=self.clock)
        try:
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

            founder = Founder(house, self._tell, heartbeat_min=self.scenario.heartbeat_min)
            town = founder.found(self.scenario.villages, broker)
            town.save(self.folder / "town.json")
            return town
        finally:
            house.close()

    def _connect_sleeves(self, town: Town) -> None:
        started, totals = saved(self.folder / "demo.json")
        office = Office(self._house.house, town)
        actors: dict[tuple[int, str], Actor] = {}
        lines = [one for one in town.credentials.splitlines() if one]
        kinds = list(people.SEALS)
        for number, line in enumerate(lines):
            one = sim.parse(line)
            village, kind = number // len(kinds) + 1, kinds[number % len(kinds)]
            address = sim.MqttAddress(
                host=one.mqtt.host,
                port=self.settings.mqtt.port,
                username=one.mqtt.username,
                password=one.mqtt.password,
            )
            transport = MqttTransport(address, one.device, self._calls.put)
            flash = FileFlash(self.folder / "flash" / one.device) if self._lively else MemoryFlash()
            actor = assemble(
                one,
                village,
                kind,
                transport,
                now=self.clock,
                link_now=wall_clock,
                seed=self.scenario.seed,
                flash=flash,
            )
            actor.mechanism.total = totals.get(one.device, 0)
            actors[village, kind] = actor
            self._undo.callback(actor.sleeve.transport.drop)
        seeds = count(self.scenario.seed + len(started) * 100)
        stage = Stage(office, actors, lambda: next(seeds))
        self.player = Player(
            self.scenario, stage, now=self.clock, done_before=started, tell=self._tell
        )
        self.runner = Runner(
            scenario=self.scenario,
            clock=self.clock,
            player=self.player,
            gateway=self._house.gateway,
            alerts=self.alerts,
            written=self._written,
            calls=self._calls,
            state=self.folder / "demo.json",
            progress=lambda at, player: self.watch(at, player),
        )

    def _written(self) -> int:
        with self._house.house.db.read() as conn:
            return self._house.house.log.size(conn)

    # ── playing ──────────────────────────────────────────────────────────────────────────────────

    def play(self, stopping: Stopping) -> bool:
        """Power on and run the day; whether it came to its end."""
        for actor in self.player.actors.values():
            actor.sleeve.power_on("commissioned" if not self.player.started else "power_on")
        self.runner.settle(stopping)
        self.clock.rebase()
        return self.runner.run(stopping)

    def count(self) -> tuple[dict[str, Any], list[str]]:
        """What came of it, and what of that is not as the scenario says."""
        counted = result.count(self._house.house, self.player)
        return counted, result.as_expected(self.scenario, counted)

    def stay(self, stopping: Stopping) -> None:
        """After the day: keep pages, sleeves and time going until told to stop."""
        while not stopping.is_set():
            self.runner.settle(stopping)
            stopping.wait(0.05)

    def close(self) -> None:
        """Stop everything in reverse."""
        self._undo.close()


def scratch(folder: Path) -> None:
    """Remove a demo's data."""
    shutil.rmtree(folder, ignore_errors=True)
