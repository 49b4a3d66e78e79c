"""Reads a catalogue of matters as people write it: hours, yuan, named chains (YAML, parsed)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.domain.amounts import from_figures
from backend.domain.calendar import HOUR_MS
from backend.domain.errors import DomainError
from backend.domain.matter import Matter, from_plain

_PLAIN: Final = (
    "seals",
    "limits",
    "resolution",
    "amount",
    "counterparty",
    "beneficiary",
    "pages",
    "basic_fact",
    "emergency",
    "place",
    "check",
    "pin_allowed",
    "liveness",
    "frames",
    "wait_for_page",
    "forbidden",
    "note",
)
_WORDED: Final = (
    "code",
    "name",
    "chain",
    "thresholds",
    "attachments",
    "window_hours",
    "life_hours",
    "offline_hours",
)
_KNOWN: Final = frozenset(_PLAIN + _WORDED)


def read(source: Mapping[str, Any], *, org_id: str, org_path: str) -> tuple[Matter, ...]:
    """The matters of ``source`` as the catalogue of one organisation.

    Ids become ``{org_id}.{code}``, so that two districts in one database do not meet.

    Raises:
        DomainError: ``bad_catalogue`` or ``bad_matter`` with the place that is wrong.
    """
    try:
        chains = {name: [_step(step) for step in steps] for name, steps in source["chains"].items()}
        matters = [
            _matter(entry, category, chains, org_id, org_path)
            for category, entries in source["matters"].items()
            for entry in entries
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise DomainError(
            "bad_catalogue", f"事项目录写得不对：{error}", f"the catalogue is malformed: {error}"
        ) from error
    seen: set[str] = set()
    for matter in matters:
        if matter.id in seen:
            raise DomainError(
                "bad_catalogue",
                f"事项编号重复：{matter.id}",
                f"two matters share the id {matter.id}",
            )
        seen.add(matter.id)
    return tuple(matters)


def _matter(
    entry: Mapping[str, Any],
    category: str,
    chains: Mapping[str, Sequence[Mapping[str, Any]]],
    org_id: str,
    org_path: str,
) -> Matter:
    unknown = set(entry) - _KNOWN
    if unknown:
        raise KeyError(f"{entry['code']}: {', '.join(sorted(unknown))}")
    spec: dict[str, Any] = {name: entry[name] for name in _PLAIN if name in entry}
    if "chain" in entry:
        spec["chain"] = chains[entry["chain"]]
    spec["thresholds"] = [
        {
            "from_fen": from_figures(str(one["from"])),
            "chain": chains[one["chain"]],
            "resolution": one.get("resolution", True),
        }
        for one in entry.get("thresholds", ())
    ]
    spec["attachments"] = [
        {"name": one} if isinstance(one, str) else one for one in entry.get("attachments", ())
    ]
    for name, hours in (("window_ms", "window_hours"), ("life_ms", "life_hours")):
        if hours in entry:
            spec[name] = _hours(entry[hours])
    if "offline_hours" in entry:
        spec["offline"] = {"allowed": True, "window_ms": _hours(entry["offline_hours"])}
    return from_plain(
        spec,
        id=f"{org_id}.{entry['code']}",
        name=entry["name"],
        category=category,
        org_path=org_path,
    )


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "role": step.get("role", "approver"),
        "level": step["level"],
        "name": step["name"],
        "limit_ms": _hours(step["hours"]),
    }


def _hours(value: float) -> int:
    return int(value * HOUR_MS)
