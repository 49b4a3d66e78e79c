"""A copy of a frozen thing with some of its fields changed."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")


def copy_with(item: T, /, **values: Any) -> T:
    """Like :func:`dataclasses.replace`, for dataclasses without InitVars, in a third of its time:
    every event of every sleeve makes several such copies.

    Raises:
        TypeError: when the dataclass has no such field.
    """
    kind: Any = type(item)
    read, places = _plan(kind)
    row = list(read(item))
    for name, value in values.items():
        place = places.get(name)
        if place is None:
            raise TypeError(f"{kind.__name__} has no field {name!r}")
        row[place] = value
    made: T = kind(*row)
    return made


@cache
def _plan(kind: type[Any]) -> tuple[Any, dict[str, int]]:
    names = [field.name for field in fields(kind)]
    if len(names) < 2 or not all(field.init for field in fields(kind)):
        raise TypeError(f"{kind.__name__} cannot be copied field by field")
    return attrgetter(*names), {name: place for place, name in enumerate(names)}
