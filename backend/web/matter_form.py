"""A matter of the catalogue as a form, and back: hours, yuan and lines instead of milliseconds, fen
and lists. What the form does not show is kept as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.amounts import from_figures, to_figures
from backend.domain.calendar import DAY_MS, HOUR_MS
from backend.domain.matter import SealKind
from backend.domain.organisation import Level
from backend.services.matters import MatterForm
from backend.web.i18n import mark
from backend.web.numbers import number, whole

STEPS: Final = 3
"""Rows for steps of a chain; more where a chain has more."""
TIERS: Final = 2
"""Rows for amounts from which a heavier chain holds; more where there are more."""
_MOST_ROWS: Final = 8

SWITCHES: Final[Mapping[str, str]] = {
    "pages": mark("要先上传正文"),
    "beneficiary": mark("要写为谁办理"),
    "counterparty": mark("要写对方"),
    "amount": mark("要写金额"),
    "resolution": mark("要附会议决议"),
    "basic_fact": mark("属于简单事实"),
    "emergency": mark("可以应急用印"),
    "pin_allowed": mark("可以用PIN加见证人"),
    "signed": mark("审批人要用本人密钥签名"),
}
PLACES: Final[Mapping[str, str]] = {
    "home": mark("只在本单位"),
    "permit": mark("本单位，或经批准外带"),
    "anywhere": mark("任何地方"),
}
LEVELS: Final = (Level.VILLAGE, Level.TOWN, Level.DISTRICT)

_OPTIONAL: Final = "（可选）"
_SHOWN: Final = frozenset(
    {
        *SWITCHES,
        *("seals", "chain", "thresholds", "limits", "attachments", "window_ms", "life_ms"),
        *("place", "offline", "forbidden", "note"),
    }
)

FIELD: Final[Mapping[str, str]] = {
    "name": mark("事项名称"),
    "category": mark("类别"),
    "seals": mark("可用印章"),
    "chain": mark("审批环节"),
    "thresholds": mark("按金额加重审批"),
    "limits": mark("份数和章数"),
    "attachments": mark("要带的材料"),
    "window_ms": mark("授权有效期"),
    "life_ms": mark("申请最长等待"),
    "place": mark("在哪里盖"),
    "offline": mark("离线用印"),
    "forbidden": mark("不能出具"),
    "note": mark("说明"),
    **SWITCHES,
}


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step of a chain as typed."""

    level: str = ""
    name: str = ""
    hours: str = ""


@dataclass(frozen=True, slots=True)
class Tier:
    """An amount and the chain that holds from it on."""

    yuan: str
    resolution: bool
    steps: Sequence[StepRow]


def fields_of(name: str, category: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The form's values for a matter."""
    limits = spec.get("limits") or {}
    offline = spec.get("offline") or {}
    forbidden = spec.get("forbidden") or {}
    tiers = [
        Tier(to_figures(one["from_fen"]), one.get("resolution", True), _rows(one["chain"]))
        for one in spec.get("thresholds", ())
    ]
    return {
        "name": name,
        "category": category,
        "seals": set(spec.get("seals", ())),
        "steps": _rows(spec.get("chain", ())),
        "tiers": [*tiers, *(Tier("", True, _rows(())) for _ in range(TIERS - len(tiers)))],
        "copies": str(limits.get("copies", 5)),
        "stamps_per_copy": str(limits.get("stamps_per_copy", 3)),
        "batch_copies": str(limits.get("batch_copies", 0)),
        "attachments": "\n".join(
            one["name"] + ("" if one.get("required", True) else _OPTIONAL)
            for one in spec.get("attachments", ())
        ),
        "switches": {one: bool(spec.get(one, _DEFAULT_ON.get(one, False))) for one in SWITCHES},
        "place": spec.get("place", "permit"),
        "window_hours": _plain(spec.get("window_ms", 2 * DAY_MS) / HOUR_MS),
        "life_days": _plain(spec.get("life_ms", 30 * DAY_MS) / DAY_MS),
        "offline_hours": _plain(offline["window_ms"] / HOUR_MS) if offline.get("allowed") else "",
        "forbidden": bool(forbidden),
        "reason": forbidden.get("reason", ""),
        "instead": forbidden.get("instead", ""),
        "words": "、".join(forbidden.get("words", ())),
        "note": spec.get("note", ""),
    }


_DEFAULT_ON: Final = {"pages": True, "emergency": True, "pin_allowed": True}


def read(given: Mapping[str, str], seals: Sequence[str], before: Mapping[str, Any]) -> MatterForm:
    """The matter that the form ``given`` says; ``before`` is its spec until now.

    Raises:
        DomainError: ``bad_number``, ``bad_amount``.
    """
    spec: dict[str, Any] = {key: value for key, value in before.items() if key not in _SHOWN}
    spec |= {name: given.get(name) == "1" for name in SWITCHES}
    forbidden = given.get("forbidden") == "1"
    spec |= {
        "seals": [one.value for one in SealKind if one.value in seals],
        "chain": [] if forbidden else _chain(given, "c"),
        "thresholds": [] if forbidden else _tiers(given),
        "limits": {
            "copies": whole(given.get("copies", "")) or 1,
            "stamps_per_copy": whole(given.get("stamps_per_copy", "")) or 1,
            "batch_copies": whole(given.get("batch_copies", "")) or 0,
        },
        "attachments": _attachments(given.get("attachments", "")),
        "window_ms": _times(given.get("window_hours", ""), HOUR_MS, 2 * DAY_MS),
        "life_ms": _times(given.get("life_days", ""), DAY_MS, 30 * DAY_MS),
        "place": given.get("place", "permit"),
        "offline": _offline(given.get("offline_hours", ""), before.get("offline") or {}),
        "forbidden": _forbidden(given) if forbidden else None,
        "note": given.get("note", "").strip(),
    }
    return MatterForm(given.get("name", "").strip(), given.get("category", "").strip(), spec)


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Names of :data:`FIELD` in which two specs (with ``name`` and ``category``) differ."""
    return [name for name in FIELD if before.get(name) != after.get(name)]


def _rows(chain: Sequence[Mapping[str, Any]]) -> list[StepRow]:
    rows = [StepRow(one["level"], one["name"], _plain(one["limit_ms"] / HOUR_MS)) for one in chain]
    return rows + [StepRow()] * (STEPS - len(rows))


def _chain(given: Mapping[str, str], prefix: str) -> list[dict[str, Any]]:
    steps = []
    for place in range(_MOST_ROWS):
        name = given.get(f"{prefix}{place}_name", "").strip()
        hours = number(given.get(f"{prefix}{place}_hours", ""))
        if not name and hours is None:
            continue
        steps.append(
            {
                "role": "approver",
                "level": given.get(f"{prefix}{place}_level", "") or Level.VILLAGE.value,
                "name": name,
                "limit_ms": round((hours or 0) * HOUR_MS),
            }
        )
    return steps


def _tiers(given: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "from_fen": from_figures(given[f"t{place}_from"].strip()),
            "chain": _chain(given, f"t{place}c"),
            "resolution": given.get(f"t{place}_resolution") == "1",
        }
        for place in range(_MOST_ROWS)
        if given.get(f"t{place}_from", "").strip()
    ]


def _attachments(text: str) -> list[dict[str, Any]]:
    lines = [line.strip() for line in text.splitlines()]
    return [
        {"name": line.removesuffix(_OPTIONAL).strip(), "required": not line.endswith(_OPTIONAL)}
        for line in lines
        if line.removesuffix(_OPTIONAL).strip()
    ]


def _offline(text: str, before: Mapping[str, Any]) -> dict[str, Any]:
    hours = number(text)
    if hours is None:
        return {**before, "allowed": False}
    return {**before, "allowed": True, "window_ms": round(hours * HOUR_MS)}


def _forbidden(given: Mapping[str, str]) -> dict[str, Any]:
    words = given.get("words", "").replace(",", "、").replace("，", "、").split("、")
    return {
        "reason": given.get("reason", "").strip(),
        "instead": given.get("instead", "").strip(),
        "words": [one.strip() for one in words if one.strip()],
    }


def _times(text: str, unit: int, otherwise: int) -> int:
    value = number(text)
    return otherwise if value is None else round(value * unit)


def _plain(value: float) -> str:
    return f"{value:g}" if value < 1e6 else f"{value:.0f}"
