"""The tree of organisations: paths, levels and what lies within whose branch.

A path is ``/330109/330109103/330109103201/``: the ids from the district down, each between slashes.
A branch is a prefix of it, and because every path ends in a slash no id can pass for another's
beginning (``/3301/`` is no prefix of ``/33010/``).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from backend.domain.errors import DomainError

ROOT: Final = "/"
"""The branch of whoever looks after the whole installation."""

ID_CHARACTERS: Final = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_")


class Level(StrEnum):
    """Where in the tree an organisation stands."""

    DISTRICT = "district"
    TOWN = "town"
    VILLAGE = "village"


LEVEL_ZH: Final[dict[Level, str]] = {
    Level.DISTRICT: "区县",
    Level.TOWN: "镇街",
    Level.VILLAGE: "村社",
}


def is_path(value: str) -> bool:
    """Whether ``value`` has the form of a path."""
    if value == ROOT:
        return True
    if not (value.startswith("/") and value.endswith("/")):
        return False
    return all(part and set(part) <= ID_CHARACTERS for part in value[1:-1].split("/"))


def within(path: str, branch: str) -> bool:
    """Whether ``path`` is ``branch`` itself or lies below it (promise 6).

    What has not the form of a path is within nothing and has nothing within it.
    """
    return is_path(path) and is_path(branch) and path.startswith(branch)


def child_path(parent: str, org_id: str) -> str:
    """The path of organisation ``org_id`` below ``parent``.

    Raises:
        DomainError: ``bad_org_id`` when the id would break the tree.
    """
    if not org_id or not set(org_id) <= ID_CHARACTERS:
        raise DomainError(
            "bad_org_id",
            "组织编号只能由字母、数字、“-”和“_”组成",
            "an organisation id consists of letters, digits, '-' and '_' only",
        )
    return f"{parent}{org_id}/"


def ids(path: str) -> tuple[str, ...]:
    """The ids along ``path``, from the top."""
    return tuple(part for part in path.split("/") if part)


def ancestors(path: str) -> tuple[str, ...]:
    """The paths from the top down to ``path`` itself; without the root branch."""
    found: list[str] = []
    current = ROOT
    for part in ids(path):
        current = f"{current}{part}/"
        found.append(current)
    return tuple(found)
