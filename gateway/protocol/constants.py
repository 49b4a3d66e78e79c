"""The sizes and quotas of :mod:`gateway.protocol.limits` with their explanations, for documents."""

from __future__ import annotations

import ast
import inspect
from typing import NamedTuple

from gateway.protocol import limits as _limits


class Constant(NamedTuple):
    """One limit: its name, value, unit (empty for a plain number) and explanation."""

    name: str
    value: int
    unit: str
    text: str


def limits() -> list[Constant]:
    """Every limit, in the order of the module.

    Raises:
        ValueError: when one has no explanation below it.
    """
    found = []
    body = ast.parse(inspect.getsource(_limits)).body
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)):
            continue
        name = statement.target.id
        match following:
            case ast.Expr(value=ast.Constant(value=str(text))):
                plain = " ".join(text.replace("``", "`").split())
                found.append(Constant(name, getattr(_limits, name), _unit(name), plain))
            case _:
                raise ValueError(f"limits.{name} has no explanation")
    return found


def _unit(name: str) -> str:
    if name.endswith("_MS"):
        return "ms"
    return "bytes" if name.endswith(("_BYTES", "_DATA")) else ""
