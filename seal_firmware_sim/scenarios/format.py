"""The scenario file: YAML, one action a line, checked before anything starts.

Times are local (Asia/Shanghai) ``HH:MM`` of the scenario's date; ``+HH:MM`` is the day after.
Villages are numbered from 1, seals are ``committee``, ``party`` or ``cooperative``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
import yaml
from msgspec import Meta

from seal_firmware_sim.hardware.village_texts import DocumentKind

ZONE: Final = ZoneInfo("Asia/Shanghai")
Seal = Literal["committee", "party", "cooperative"]
Clock = Annotated[str, Meta(pattern=r"^\+?([01][0-9]|2[0-3]):[0-5][0-9]$")]
Village = Annotated[int, Meta(ge=1, le=999)]
Minutes = Annotated[int, Meta(ge=0, le=24 * 60)]


class ScenarioError(ValueError):
    """A scenario that cannot be played; the text says where and what, in Chinese."""


class _Action(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"
):
    at: Clock
    village: Village
    seal: Seal = "committee"


class WithMatter(_Action, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"):
    """Something that starts with an application."""

    matter: str = "residence"
    paper: DocumentKind = DocumentKind.CERTIFICATE
    title: str = "居住情况说明"
    purpose: str = "子女入学"
    stamps: Annotated[int, Meta(ge=1, le=99)] = 1
    amount: int | None = None
    """Yuan."""
    counterparty: str | None = None
    decide_after: Minutes = 2
    """Minutes until each approver decides."""
    walk: Minutes = 3
    """Minutes from approval to the sleeve."""
    within: Minutes | None = None
    """Minutes from applying until which the use is wanted: the grant ends then. None: as long as
    the matter allows."""
    eyes: bool = False
    """Whether paper and imprints are looked at. It takes seconds, so not all of a day's are."""


class Use(
    WithMatter, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="use", tag_field="do"
):
    """An honest use. ``first_view``: how the first burst comes out. ``pin``: the non-face path.
    ``offline``: the sleeve has no network at the time, and comes back ``back_after`` minutes later.
    ``signed``: the paper is signed by hand before it is stamped.
    """

    first_view: Literal["clear", "dark", "blurred", "covered"] = "clear"
    pin: bool = False
    offline: bool = False
    back_after: Minutes = 45
    signed: bool = False


class _OnPaper(WithMatter, frozen=True, kw_only=True, tag_field="do"):
    """Something that only a camera sees."""

    eyes: bool = True


class AlteredAmount(_OnPaper, frozen=True, kw_only=True, tag="altered_amount", tag_field="do"):
    """C5: after the approval ``to`` (yuan) is printed over the paper's ``amount``."""

    to: Annotated[int, Meta(ge=1)] = 500_000


class SwappedPage(_OnPaper, frozen=True, kw_only=True, tag="swapped_page", tag_field="do"):
    """C3: another paper than the approved one is laid under the sleeve."""

    instead: DocumentKind = DocumentKind.LOAN_GUARANTEE


class BlankSheet(_OnPaper, frozen=True, kw_only=True, tag="blank_sheet", tag_field="do"):
    """C6: an empty sheet is laid under the sleeve."""


class OtherImprint(_OnPaper, frozen=True, kw_only=True, tag="other_imprint", tag_field="do"):
    """C8: in the sleeve is another seal of the village than the one that belongs there."""

    other: Seal = "cooperative"


class ForcedStamp(_Action, frozen=True, kw_only=True, tag="forced_stamp", tag_field="do"):
    """C1, C15: the motor is moved from outside and the seal drops without any approval (C17, where
    it is out of hours)."""


class OverCount(WithMatter, frozen=True, kw_only=True, tag="over_count", tag_field="do"):
    """C2: changed firmware stamps once more than was approved, without a picture (C12)."""


class ReusedGrant(WithMatter, frozen=True, kw_only=True, tag="reused_grant", tag_field="do"):
    """C7: changed firmware burns the same grant again and stamps a second paper; of that there is
    no picture (C12)."""


class WrongSleeve(WithMatter, frozen=True, kw_only=True, tag="wrong_sleeve", tag_field="do"):
    """C8: the grant is taken to another seal of the village."""

    other: Seal = "cooperative"


class WrongFace(WithMatter, frozen=True, kw_only=True, tag="wrong_face", tag_field="do"):
    """C10: another person stands at the sleeve, until the attempts are used up."""

    face: Annotated[int, Meta(ge=0, le=39)] = 39


class HeldUpPhoto(WithMatter, frozen=True, kw_only=True, tag="held_up_photo", tag_field="do"):
    """C11: a photograph of the operator is held to the camera, and turned where a head turn is
    asked for, until the attempts are used up."""


class CoveredCamera(WithMatter, frozen=True, kw_only=True, tag="covered_camera", tag_field="do"):
    """C12: the camera is covered, until the attempts are used up."""


class SealOut(_Action, frozen=True, kw_only=True, tag="seal_out", tag_field="do"):
    """C13: the seal is taken out of the sleeve and put back ``minutes`` later."""

    minutes: Minutes = 6


class MotorNudge(_Action, frozen=True, kw_only=True, tag="motor_nudge", tag_field="do"):
    """C15: the motor moves although no job is running."""


class CarriedAway(_Action, frozen=True, kw_only=True, tag="carried_away", tag_field="do"):
    """C16: the sleeve is carried ``metres`` away and brought back after ``minutes``."""

    metres: Annotated[int, Meta(ge=1, le=100_000)] = 4_000
    minutes: Minutes = 20


class Silent(_Action, frozen=True, kw_only=True, tag="silent", tag_field="do"):
    """C18: no network for ``minutes``."""

    minutes: Minutes = 180


class ClockBack(_Action, frozen=True, kw_only=True, tag="clock_back", tag_field="do"):
    """C20: off line, somebody sets the clock back by ``minutes`` and tries the button."""

    minutes: Minutes = 90


class Jam(WithMatter, frozen=True, kw_only=True, tag="jam", tag_field="do"):
    """C22: in an honest use the seal comes back too late."""


class Withheld(_Action, frozen=True, kw_only=True, tag="withheld", tag_field="do"):
    """C23: the sleeve is opened (C13), and the event that says so is kept back until ``minutes``
    later."""

    minutes: Minutes = 90


class ClonedKey(_Action, frozen=True, kw_only=True, tag="cloned_key", tag_field="do"):
    """C24: a copy of the sleeve's key writes a second history from the same counter."""


class SelfApproval(WithMatter, frozen=True, kw_only=True, tag="self_approval", tag_field="do"):
    """C26: the approver applies, and wants to approve it too; refused at the door. Somebody else
    approves it (the village must have such a person), and it becomes an honest use."""


class Overdue(WithMatter, frozen=True, kw_only=True, tag="overdue", tag_field="do"):
    """C28: nobody decides, past the step's time limit."""


class Abandoned(WithMatter, frozen=True, kw_only=True, tag="abandoned", tag_field="do"):
    """C22, C18: unlocked, then the plug is pulled and the use stays open; C32 when the grant's time
    (``within``) is over."""


class Unused(WithMatter, frozen=True, kw_only=True, tag="unused", tag_field="do"):
    """C32: approved, and then nobody comes until the grant's time (``within``) is over."""


Action = (
    Use
    | AlteredAmount
    | SwappedPage
    | BlankSheet
    | OtherImprint
    | ForcedStamp
    | OverCount
    | ReusedGrant
    | WrongSleeve
    | WrongFace
    | HeldUpPhoto
    | CoveredCamera
    | SealOut
    | MotorNudge
    | CarriedAway
    | Silent
    | ClockBack
    | Jam
    | Withheld
    | ClonedKey
    | SelfApproval
    | Overdue
    | Abandoned
    | Unused
)


class Expected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must have come of the day: counted in the database, never in the script."""

    uses: int
    alerts: dict[str, int]


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A day. ``heartbeat_min``: how often sleeves report."""

    name: str
    date: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    start: Clock
    end: Clock
    seed: int
    villages: Annotated[int, Meta(ge=1, le=200)]
    actions: list[Action]
    expect: Expected
    heartbeat_min: Annotated[int, Meta(ge=1, le=240)] = 15

    def time(self, clock: str) -> int:
        """A clock time of the scenario in ms UTC."""
        day = datetime.strptime(self.date, "%Y-%m-%d").replace(tzinfo=ZONE)
        hours, minutes = clock.removeprefix("+").split(":")
        moment = day + timedelta(days=clock.startswith("+"), hours=int(hours), minutes=int(minutes))
        return int(moment.astimezone(UTC).timestamp() * 1000)


def load(path: Path) -> Scenario:
    """Read a scenario file.

    Raises:
        ScenarioError: with the file, the action and what is wrong.
    """
    try:
        raw: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(f"读不到剧本 {path}：{error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"剧本 {path} 不是 UTF-8 文本") from error
    except yaml.YAMLError as error:
        raise ScenarioError(f"剧本 {path} 不是有效的 YAML：{error}") from error
    try:
        scenario = msgspec.convert(raw, Scenario)
    except msgspec.ValidationError as error:
        raise ScenarioError(f"剧本 {path} {_place(str(error), raw)}：{error}") from error
    try:
        start, end = scenario.time(scenario.start), scenario.time(scenario.end)
    except ValueError as error:
        raise ScenarioError(f"剧本 {path} 的 date：没有 {scenario.date} 这一天") from error
    if start >= end:
        raise ScenarioError(f"剧本 {path} 的 end：{scenario.end} 不在 {scenario.start} 之后")
    for number, action in enumerate(scenario.actions, 1):
        wrong = _wrong(scenario, action, start, end)
        if wrong is not None:
            raise ScenarioError(f"剧本 {path} 第 {number} 个动作（{action.at}）：{wrong}")
    return scenario


def _wrong(scenario: Scenario, action: Action, start: int, end: int) -> str | None:
    if action.village > scenario.villages:
        return f"没有第 {action.village} 个村（villages: {scenario.villages}）"
    if not start <= scenario.time(action.at) <= end:
        return f"{action.at} 在开始之前或结束之后（{scenario.start} 到 {scenario.end}）"
    if isinstance(action, WrongSleeve | OtherImprint) and action.other == action.seal:
        return "other 应是另一枚印章"
    if isinstance(action, AlteredAmount) and action.amount in (None, action.to):
        return "amount 须写明，并且与 to 不同"
    return None


def _place(message: str, raw: Any) -> str:
    found = re.search(r"\$\.actions\[(\d+)\]", message)
    if found is None:
        return ""
    number = int(found[1])
    said = raw["actions"][number] if isinstance(raw, dict) else {}
    at = said.get("at", "?") if isinstance(said, dict) else "?"
    return f"第 {number + 1} 个动作（{at}）"
