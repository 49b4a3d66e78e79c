"""The terminal: what is typed is what hands do, and the screen says it in Chinese."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from gateway.protocol import messages as m
from seal_firmware_sim import texts
from seal_firmware_sim.credentials import Credentials, Home, MqttAddress, ServerKey, ServerKeys
from seal_firmware_sim.device import Device
from seal_firmware_sim.hardware import cameras as camera_module
from seal_firmware_sim.hardware import faces_orl
from seal_firmware_sim.hardware.faces_orl import FacesMissing
from seal_firmware_sim.hardware.fonts import FontMissing
from seal_firmware_sim.hardware.ports import CameraFailure
from seal_firmware_sim.session import Phase
from seal_firmware_sim.terminal import Cameras, Terminal, TypingError
from tests.unit.seal_firmware_sim.conftest import Hands
from tests.unit.seal_firmware_sim.model import (
    DEVICE,
    GRANT_KEY,
    HOME,
    PICTURE_KEY,
    RECEIPT_KEY,
    make_grant,
    pin_check,
    pump,
)


def make_credentials(**changes: object) -> Credentials:
    values: dict[str, object] = {
        "device": DEVICE,
        "org": "330109",
        "seal": "seal-1",
        "alg": "EdDSA",
        "private_key": (b"d" * 32).hex(),
        "mqtt": MqttAddress(host="127.0.0.1", port=1883),
        "server": ServerKeys(
            grant_keys=[ServerKey.of(GRANT_KEY.public)],
            receipt_keys=[ServerKey.of(RECEIPT_KEY.public)],
            picture_key=PICTURE_KEY.hex(),
        ),
        "home": Home(lat=HOME.lat, lon=HOME.lon),
    }
    return Credentials(**{**values, **changes})  # type: ignore[arg-type]  # tests name real fields


def device_of(hands: Hands, credentials: Credentials) -> Device:
    bench = hands.bench
    return Device(
        credentials,
        bench.sleeve,
        bench.mechanism,
        bench.switches,
        bench.rtc,
        bench.motion,
        bench.battery,
    )


@dataclass
class Typist:
    """Types lines, and lets the network answer."""

    hands: Hands
    terminal: Terminal
    cameras: Cameras
    written: list[str]

    def type(self, *lines: str) -> None:
        for line in lines:
            self.terminal.handle(line)
            pump(self.hands.bench, self.hands.server)

    def server_types(self) -> list[str]:
        pump(self.hands.bench, self.hands.server)
        return self.hands.server.types()


@pytest.fixture
def typist(hands: Hands) -> Typist:
    written: list[str] = []
    cameras = Cameras.made(random.Random(1))
    terminal = Terminal(cameras, written.append, hands.bench.clock)
    terminal.attach(device_of(hands, make_credentials()))
    hands.bench.sleeve._on_effect = terminal.effect
    return Typist(hands, terminal, cameras, written)


def test_a_use_by_following_the_prompts(typist: Typist) -> None:
    typist.hands.offer(stamps=2)
    assert typist.terminal.prompt() == "任务码"
    typist.type("123456")
    assert typist.terminal.prompt() == "盖章次数"
    typist.type("1")
    with pytest.raises(TypingError, match="0 到 人脸 39"):
        typist.type("")
    typist.type("人脸 3")
    assert typist.terminal.prompt() == "回车＝盖章"
    typist.type("")
    assert typist.hands.phase() is Phase.PRESSING
    typist.hands.pass_time(3_000)
    assert not typist.terminal.waiting
    assert typist.hands.total == 1
    assert typist.written[-1] == f"【屏幕】✔ {texts.DONE}"


def test_the_non_face_path(typist: Typist) -> None:
    typist.hands.offer()
    typist.type("解锁 123456", "份数 1", "口令 246810 p-wang 1357")
    assert typist.hands.phase() is Phase.READY
    typist.type("完成 不盖了")
    finished = typist.hands.last(m.UseFinished)
    assert isinstance(finished, m.UseFinished)
    assert finished.note == "不盖了"


def test_stored_grants_are_listed_and_used(typist: Typist) -> None:
    typist.type("待办")
    assert typist.written[-1] == "  没有可离线使用的授权"
    typist.hands.push(make_grant("off-1", offline=True, pin=pin_check(), max_clock_age=3_600_000))
    typist.type("待办")
    assert typist.written[-1] == "  off-1  收入证明  2 次"
    typist.type("断网", "解锁 off-1")
    assert typist.hands.phase() is Phase.COUNT
    typist.type("联网", "状态")
    assert "在线" in typist.written[-1]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("飞", "不认识“飞”"),
        ("解锁", "请输入 解锁"),
        ("份数 两", "不是整数"),
        ("人脸 40", "只有 0 到 39"),
        ("口令 1", "请输入 口令"),
        ("打开 门", "请输入 打开"),
        ("电量", "请输入 电量"),
    ],
)
def test_what_is_not_understood_is_explained(typist: Typist, line: str, says: str) -> None:
    with pytest.raises(TypingError, match=says):
        typist.type(line)


def test_hands_on_the_sleeve(typist: Typist) -> None:
    typist.hands.pass_time(5_000)
    for line in ("打开 印章", "合上 印章", "搬走 3000", "放回", "拨动", "时钟 -90", "换钥"):
        typist.type(line)
    typist.type("强盖")
    typist.hands.pass_time(3_000)
    types = typist.server_types()
    for kind in ("tamper", "moved", "motion_unexpected", "clock_set", "key_rotated", "stamped"):
        assert kind in types, kind


def test_power_and_battery(typist: Typist) -> None:
    typist.type("电量 3")
    assert typist.hands.last(m.Fault) == m.Fault(code="battery", detail="3%")
    typist.type("断电")
    assert typist.terminal.prompt() == "（已断电，输入 上电）"
    typist.type("状态")
    assert "断电" in typist.written[-1]
    typist.type("待办", "上电", "帮助")
    assert typist.server_types()[-1] == "boot"


def test_a_drop_that_goes_wrong(typist: Typist) -> None:
    typist.type("卡住")
    assert typist.hands.bench.mechanism.habits.jam
    typist.type("卡滞")
    habits = typist.hands.bench.mechanism.habits
    assert (habits.jam, habits.stuck_ms > 8_000) == (False, True)


def test_covered_cameras(typist: Typist) -> None:
    typist.type("遮挡")
    with pytest.raises(CameraFailure):
        typist.cameras.photograph("before", 1)
    typist.type("露出")
    assert typist.cameras.face.view == typist.cameras.page.view == "clear"


def test_what_is_not_installed_is_a_broken_camera(
    typist: Typist, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(error: Exception) -> Callable[..., None]:
        def fail(*_args: object, **_options: object) -> None:
            raise error

        return fail

    monkeypatch.setattr(faces_orl, "capture", missing(FacesMissing("没有人脸库")))
    monkeypatch.setattr(camera_module, "typeset", missing(FontMissing("没有字体")))
    with pytest.raises(CameraFailure, match="人脸库"):
        typist.cameras.burst(1, "none")
    with pytest.raises(CameraFailure, match="字体"):
        typist.cameras.photograph("before", 1)
    with pytest.raises(TypingError, match="字体"):
        typist.type("换纸 3")


def test_a_sleeve_without_a_home_is_not_carried(typist: Typist) -> None:
    typist.terminal.attach(device_of(typist.hands, make_credentials(home=None)))
    with pytest.raises(TypingError, match="没有登记位置"):
        typist.type("搬走")
    typist.type("放回")
