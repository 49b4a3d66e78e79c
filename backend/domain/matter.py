"""A matter (用印事项): what a seal may be used for, who approves it, and within which limits.

Everything here is data of the catalogue, which a district edits; no place's custom is in code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec

from backend.domain.actor import Role
from backend.domain.calendar import DAY_MS, HOUR_MS
from backend.domain.errors import DomainError
from backend.domain.organisation import Level

MAX_STAMPS: Final = 999
"""Most stamps of one grant: what the device contract can say."""

MAX_ALTERNATES: Final = 4


class SealKind(StrEnum):
    """Which of a village's seals."""

    PARTY = "party"
    COMMITTEE = "committee"
    COOPERATIVE = "cooperative"


SEAL_KIND_ZH: Final[dict[SealKind, str]] = {
    SealKind.PARTY: "党组织章",
    SealKind.COMMITTEE: "村(居)委会章",
    SealKind.COOPERATIVE: "经联社章",
}


class PlaceRule(StrEnum):
    """Where a grant of this matter is good."""

    HOME = "home"  # at the sleeve's own place
    PERMIT = "permit"  # at home, or where an off-site permit says
    ANYWHERE = "anywhere"


class Check(StrEnum):
    """How the stamper is recognised; the words of the device contract."""

    FACE = "face"
    FACE_IN_SLEEVE = "face_in_sleeve"
    PIN = "pin"


class Liveness(StrEnum):
    """How sure an organisation wants to be that a living person stands before the camera."""

    NONE = "none"  # one picture
    BURST = "burst"  # one and the same person in several pictures
    CHALLENGE = "challenge"  # and a head turn to a side drawn for this grant
    PIN = "pin"  # no faces at all: two PINs, the operator's and a witness's


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a chain: who approves, where in the tree, and how much working time it may take
    (``limit_ms``, C28)."""

    role: Role
    level: Level
    name: str
    limit_ms: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """From ``from_fen`` on a heavier chain holds, and a meeting resolution where it says so."""

    from_fen: int
    chain: tuple[Step, ...]
    resolution: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """``copies`` in an ordinary application, ``batch_copies`` in a batch (0: no batches)."""

    copies: int = 5
    stamps_per_copy: int = 3
    batch_copies: int = 0


@dataclass(frozen=True, slots=True)
class Attachment:
    """A paper that must come with the application; its uploads bear this name."""

    name: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Offline:
    """Whether a grant is pushed ahead for a sleeve without a network; it then lives ``window_ms``
    and asks for signed server time no older than ``max_clock_age_ms``."""

    allowed: bool = False
    window_ms: int = 12 * HOUR_MS
    max_clock_age_ms: int = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Forbidden:
    """A certificate that a village may not issue (民发〔2020〕20号): why, and where to go instead.

    ``words`` in a title betray it when somebody asks under another matter's name (C29).
    """

    reason: str
    instead: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Matter:
    """An entry of the catalogue, in one version.

    ``basic_fact``: a plain fact that the custodian alone may certify where the organisation chose
    so. ``window_ms`` is how long a grant lives; ``life_ms`` how long an application may wait for
    its approvals. ``pages``: the document itself must be uploaded before. ``liveness``: whether a
    head turn is asked for where the organisation's policy is one. ``frames`` are the least.
    ``signed``: an approval counts only with the approver's own signature, but in an emergency.
    """

    id: str
    name: str
    category: str
    version: int = 1
    org_path: str = "/"
    seals: tuple[SealKind, ...] = (SealKind.COMMITTEE,)
    chain: tuple[Step, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    limits: Limits = Limits()
    attachments: tuple[Attachment, ...] = ()
    resolution: bool = False
    amount: bool = False
    counterparty: bool = False
    beneficiary: bool = False
    pages: bool = True
    basic_fact: bool = False
    emergency: bool = True
    window_ms: int = 2 * DAY_MS
    life_ms: int = 30 * DAY_MS
    place: PlaceRule = PlaceRule.PERMIT
    offline: Offline = Offline()
    check: Check = Check.FACE
    pin_allowed: bool = True
    liveness: bool = True
    frames: int = 3
    wait_for_page: bool = False
    signed: bool = False
    forbidden: Forbidden | None = None
    note: str = ""

    def threshold(self, amount_fen: int | None) -> Threshold | None:
        """The heaviest threshold that ``amount_fen`` reaches."""
        reached = [one for one in self.thresholds if (amount_fen or 0) >= one.from_fen]
        return max(reached, key=lambda one: one.from_fen, default=None)

    def chain_for(self, amount_fen: int | None) -> tuple[Step, ...]:
        """The steps that an application over this amount goes through."""
        reached = self.threshold(amount_fen)
        return reached.chain if reached else self.chain

    def resolution_for(self, amount_fen: int | None) -> bool:
        """Whether a meeting resolution must be attached."""
        reached = self.threshold(amount_fen)
        return self.resolution or (reached is not None and reached.resolution)


# What the row itself keeps, so that the spec need not repeat it.
_IN_ROW: Final = ("id", "version", "org_path", "name", "category")


def to_plain(matter: Matter) -> dict[str, Any]:
    """The matter's ``spec`` as plain values for the store: all but what its row keeps."""
    plain: dict[str, Any] = msgspec.to_builtins(matter)
    return {name: value for name, value in plain.items() if name not in _IN_ROW}


def from_plain(spec: Mapping[str, Any], **row: Any) -> Matter:
    """A matter from its ``spec`` and what its row keeps.

    Raises:
        DomainError: ``bad_matter`` with what is wrong.
    """
    try:
        matter = msgspec.convert({**spec, **row}, Matter)
    except msgspec.ValidationError as error:
        raise _bad(str(error)) from error
    return check(matter)


def check(matter: Matter) -> Matter:
    """The matter itself, if it can be lived with.

    Raises:
        DomainError: ``bad_matter`` with what is wrong.
    """
    for wrong, problem in (
        (not matter.name.strip(), "事项要有名称"),
        (not matter.category.strip(), "事项要有类别"),
        (matter.forbidden is None and not matter.seals, "事项至少要允许一枚印章"),
        (matter.forbidden is None and not matter.chain, "事项至少要有一个审批环节"),
        (any(not one.chain for one in matter.thresholds), "每档金额都要有审批环节"),
        (any(one.from_fen <= 0 for one in matter.thresholds), "金额档次要大于零"),
        (
            any(
                step.limit_ms <= 0 or not step.name.strip() or step.role is not Role.APPROVER
                for chain in (matter.chain, *(one.chain for one in matter.thresholds))
                for step in chain
            ),
            "每个审批环节要有名称和办理时限，并由审批人办理",
        ),
        (
            not 1 <= matter.limits.copies * matter.limits.stamps_per_copy <= MAX_STAMPS,
            f"份数乘以每份章数要在 1 到 {MAX_STAMPS} 之间",
        ),
        (not 0 <= matter.limits.batch_copies <= MAX_STAMPS, f"批量份数最多 {MAX_STAMPS}"),
        (matter.limits.stamps_per_copy < 1, "每份至少盖一个章"),
        (matter.window_ms <= 0 or matter.life_ms <= 0, "有效期要大于零"),
        (not 1 <= matter.frames <= 8, "人脸连拍 1 到 8 张"),
        (matter.check is Check.PIN and not matter.pin_allowed, "用密码核验就要允许密码"),
        (
            matter.offline.allowed
            and (matter.offline.window_ms <= 0 or matter.offline.max_clock_age_ms <= 0),
            "离线用印要有时限",
        ),
    ):
        if wrong:
            raise _bad(problem)
    return matter


def _bad(problem: str) -> DomainError:
    return DomainError("bad_matter", f"事项设置有误：{problem}", f"bad matter: {problem}")
