"""One sleeve worked from a terminal: what is typed is what hands would do."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.protocol.messages import Position
from seal_firmware_sim import inputs
from seal_firmware_sim.device import Device
from seal_firmware_sim.effects import Effect, Show
from seal_firmware_sim.hardware.cameras import DeskPageCamera, OrlFaceCamera, Paper
from seal_firmware_sim.hardware.faces_orl import FacesMissing
from seal_firmware_sim.hardware.fonts import FontMissing
from seal_firmware_sim.hardware.ports import CameraFailure, Challenge
from seal_firmware_sim.inputs import Stage, Switch
from seal_firmware_sim.session import Phase
from seal_firmware_sim.sleeve import Sleeve

WAITING: Final = frozenset(
    {
        Phase.REQUESTED,
        Phase.CAPTURING,
        Phase.CHECKING,
        Phase.BEFORE,
        Phase.PAGE_CHECKING,
        Phase.PRESSING,
        Phase.AFTER,
    }
)
"""Phases that go on by themselves."""

PHASES: Final[dict[Phase, str]] = {
    Phase.IDLE: "任务码",
    Phase.COUNT: "盖章次数",
    Phase.IDENTIFY: "回车＝人脸，或 口令 …",
    Phase.READY: "回车＝盖章",
}
HELP: Final = """按提示输入即可：先输任务码，再输盖章次数，回车拍人脸，回车盖章。也可以用：
  用印　解锁 任务码或授权编号 · 份数 次数 · 人脸 [第几人，0 到 39] · 盖章 · 完成 [原因]
  　　　口令 用章人口令 见证人编号 见证人口令 · 待办（可离线使用的授权） · 状态 · 换纸 [编号]
  环境　断网 · 联网 · 断电 · 上电 · 电量 百分数 · 时钟 分钟（调快为正，调慢为负） · 换钥
  动手　打开 印章（或 套筒、外壳） · 合上 印章 · 搬走 [米] · 放回 · 拨动（电机）
  　　　强盖（没有授权硬压） · 卡住（下一次） · 卡滞（下一次收不回） · 遮挡 · 露出（镜头）
  其他　等待 秒 · 帮助 · 退出"""

_METRES_PER_DEGREE: Final = 111_320
_SWITCHES: Final[dict[str, Switch]] = {"印章": "seal", "套筒": "sleeve", "外壳": "case"}
_MARKS: Final = {"info": "", "ok": "✔ ", "refused": "✘ ", "alarm": "⚠ "}


class TypingError(ValueError):
    """What was typed is not understood; the text says how to type it."""


@dataclass(slots=True)
class Cameras:
    """Both cameras; what is not installed is a camera that does not work, not a crash."""

    face: OrlFaceCamera
    page: DeskPageCamera

    @classmethod
    def made(cls, dice: random.Random) -> Cameras:
        """Cameras before which nobody stands and under which no sheet lies."""
        return cls(OrlFaceCamera(dice), DeskPageCamera(dice))

    def burst(self, frames: int, challenge: Challenge) -> tuple[bytes, ...]:
        """The face camera."""
        try:
            return self.face.burst(frames, challenge)
        except FacesMissing as error:
            raise CameraFailure(str(error)) from error

    def photograph(self, stage: Stage, press: int) -> bytes:
        """The page camera."""
        try:
            return self.page.photograph(stage, press)
        except FontMissing as error:
            raise CameraFailure(str(error)) from error


class Terminal:
    """Understands lines and carries them out on a sleeve.

    ``write`` prints a line. All calls belong to the sleeve's thread.
    """

    def __init__(self, cameras: Cameras, write: Callable[[str], None], clock: Callable[[], int]):
        self._cameras = cameras
        self._write = write
        self._clock = clock
        self._device: Device | None = None
        self._home: Position | None = None
        self._seal_text = ""
        self._sheet = 0
        self._words: dict[str, Callable[[Sequence[str]], None]] = {
            "解锁": self._unlock,
            "份数": self._count,
            "人脸": self._face,
            "口令": self._pin,
            "盖章": self._stamp,
            "完成": lambda rest: self._do(inputs.FinishEarly(" ".join(rest))),
            "待办": self._stored,
            "状态": self._state,
            "断网": lambda _: self._sleeve.set_link(reachable=False),
            "联网": lambda _: self._sleeve.set_link(reachable=True),
            "断电": lambda _: self._sleeve.power_off(),
            "上电": lambda _: self._sleeve.power_on(),
            "打开": lambda rest: self._switch(rest, is_open=True),
            "合上": lambda rest: self._switch(rest, is_open=False),
            "搬走": self._carry,
            "放回": lambda _: self._put_back(),
            "拨动": lambda _: self._reach.mechanism.nudge("motor", self._clock()),
            "强盖": lambda _: self._reach.mechanism.force(self._clock()),
            "卡住": lambda _: self._habit(jam=True),
            "卡滞": lambda _: self._habit(jam=False),
            "遮挡": lambda _: self._cover(covered=True),
            "露出": lambda _: self._cover(covered=False),
            "换纸": self._lay,
            "电量": self._charge,
            "时钟": self._turn_clock,
            "换钥": lambda _: self._do(inputs.RotateKey()),
            "帮助": lambda _: self._write(HELP),
        }

    def attach(self, device: Device) -> None:
        """The sleeve to work."""
        self._device = device
        self._home = device.credentials.position()
        self._seal_text = device.credentials.org

    def effect(self, _sleeve: Sleeve, effect: Effect) -> None:
        """To be given to the sleeve as ``on_effect``: shows what its display shows."""
        if isinstance(effect, Show) and effect.text:
            self._write(f"【屏幕】{_MARKS[effect.tone]}{effect.text}")

    def prompt(self) -> str:
        """What to ask for now."""
        if not self._sleeve.powered:
            return "（已断电，输入 上电）"
        return PHASES.get(self._sleeve.phase, "请稍候")

    @property
    def waiting(self) -> bool:
        """Whether the sleeve is busy by itself, so that typing on makes no sense."""
        return self._sleeve.powered and self._sleeve.phase in WAITING

    def handle(self, line: str) -> None:
        """Carry ``line`` out.

        Raises:
            TypingError: with how to type it.
        """
        words = line.split()
        if not words:
            self._plain_return()
        elif words[0] in self._words:
            self._words[words[0]](words[1:])
        elif words[0].isdecimal():
            self._number(words[0])
        else:
            raise TypingError(f"不认识“{words[0]}”，输入 帮助 看可以用的词")
        self._sleeve.tick()

    # ── what the operator does ───────────────────────────────────────────────────────────────────

    def _plain_return(self) -> None:
        if self._sleeve.phase is Phase.IDENTIFY:
            self._face(())
        elif self._sleeve.phase is Phase.READY:
            self._stamp(())

    def _number(self, number: str) -> None:
        if self._sleeve.phase is Phase.COUNT:
            self._count([number])
        else:
            self._unlock([number])

    def _unlock(self, rest: Sequence[str]) -> None:
        (code,) = _exactly(rest, 1, "解锁 任务码，或 解锁 授权编号")
        job = code.isdecimal()
        self._do(inputs.RequestUnlock(job=code if job else None, grant=None if job else code))

    def _count(self, rest: Sequence[str]) -> None:
        (count,) = _exactly(rest, 1, "份数 2")
        self._do(inputs.EnterCount(_whole(count, "份数 2")))

    def _face(self, rest: Sequence[str]) -> None:
        if rest:
            who = _whole(rest[0], "人脸 0 到 人脸 39")
            if not 0 <= who <= 39:
                raise TypingError("只有 0 到 39 号人，请输入 人脸 0 到 人脸 39")
            self._cameras.face.who = who
        elif self._cameras.face.who is None:
            raise TypingError("还没有人站在摄像头前，请输入 人脸 0 到 人脸 39")
        self._do(inputs.PresentFace())

    def _pin(self, rest: Sequence[str]) -> None:
        pin, witness, witness_pin = _exactly(rest, 3, "口令 246810 见证人编号 1357")
        self._do(inputs.EnterPin(pin, witness, witness_pin))

    def _stamp(self, _rest: Sequence[str]) -> None:
        self._do(inputs.Press())
        self._do(inputs.Release())

    def _stored(self, _rest: Sequence[str]) -> None:
        firmware = self._sleeve.firmware
        stored = firmware.shelf.stored if firmware is not None else []
        for grant in stored:
            self._write(f"  {grant.grant}  {grant.title}  {grant.stamps} 次")
        if not stored:
            self._write("  没有可离线使用的授权")

    def _state(self, _rest: Sequence[str]) -> None:
        sleeve, pending = self._sleeve, self._sleeve.pending()
        self._write(
            f"  {sleeve.device}：{'有电' if sleeve.powered else '断电'}，"
            f"{'在线' if sleeve.online else '离线'}，{PHASES.get(sleeve.phase, '忙')}，"
            f"待确认记录 {pending.events} 条，待上传图片 {pending.pictures} 张，"
            f"机械计数 {self._reach.mechanism.total}"
        )

    # ── what else hands can do ───────────────────────────────────────────────────────────────────

    def _switch(self, rest: Sequence[str], *, is_open: bool) -> None:
        how = "打开 印章（或 套筒、外壳）"
        (name,) = _exactly(rest, 1, how)
        if name not in _SWITCHES:
            raise TypingError(f"请输入 {how}")
        self._reach.switches.set(_SWITCHES[name], is_open=is_open)

    def _carry(self, rest: Sequence[str]) -> None:
        metres = _whole(rest[0], "搬走 3000") if rest else 3_000
        if self._home is None:
            raise TypingError("这台套筒没有登记位置，搬不走")
        north = self._home.lat + metres / _METRES_PER_DEGREE
        self._reach.motion.carry(Position(lat=north, lon=self._home.lon, accuracy=8.0), moving=True)

    def _put_back(self) -> None:
        if self._home is not None:
            self._reach.motion.carry(self._home, moving=False)

    def _habit(self, *, jam: bool) -> None:
        habits = self._reach.mechanism.habits
        habits.jam, habits.stuck_ms = jam, 0 if jam else 60_000

    def _cover(self, *, covered: bool) -> None:
        self._cameras.face.view = "covered" if covered else "clear"
        self._cameras.page.view = "broken" if covered else "clear"

    def _lay(self, rest: Sequence[str]) -> None:
        self._sheet = _whole(rest[0], "换纸 7") if rest else self._sheet + 1
        try:
            self._cameras.page.lay(Paper("certificate", self._sheet, self._seal_text))
        except FontMissing as error:
            raise TypingError(str(error)) from error

    def _charge(self, rest: Sequence[str]) -> None:
        (percent,) = _exactly(rest, 1, "电量 80")
        self._reach.battery.charge = _whole(percent, "电量 80")
        parts = self._reach.sleeve.hardware
        self._do(
            inputs.Sensed(
                parts.battery.percent(), parts.battery.temperature(), parts.receiver.fix()
            )
        )

    def _turn_clock(self, rest: Sequence[str]) -> None:
        (minutes,) = _exactly(rest, 1, "时钟 -90")
        self._reach.clock.shift(_whole(minutes, "时钟 -90") * 60_000)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────

    @property
    def _reach(self) -> Device:
        if self._device is None:
            raise RuntimeError("no sleeve attached")
        return self._device

    @property
    def _sleeve(self) -> Sleeve:
        return self._reach.sleeve

    def _do(self, action: inputs.Input) -> None:
        self._sleeve.do(action)


def _exactly(rest: Sequence[str], number: int, how: str) -> Sequence[str]:
    if len(rest) != number:
        raise TypingError(f"请输入 {how}")
    return rest


def _whole(text: str, how: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise TypingError(f"“{text}”不是整数，请输入 {how}") from error
