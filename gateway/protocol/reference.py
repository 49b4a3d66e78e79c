"""The tables of ``docs/protocol.md``, made from the message types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from gateway.protocol import constants, labels, schema
from gateway.protocol.errors import ProtocolError, Reason
from gateway.protocol.limits import MAX_INT, MAX_TIME_MS
from gateway.protocol.messages import (
    DOWNS,
    EVENTS,
    Grant,
    Heartbeat,
    Piece,
    PinCheck,
    State,
    Wire,
)

_END: Final = "<!-- end -->"


def fill(page: str) -> str:
    """``page`` with every generated block made anew.

    A block stands between ``<!-- made: name -->`` and ``<!-- end -->``.

    Raises:
        KeyError: for a block of unknown name.
        ValueError: for a block without an end.
    """
    blocks = _blocks()
    done, rest = "", page
    while "<!-- made: " in rest:
        before, rest = rest.split("<!-- made: ", 1)
        name, rest = rest.split(" -->", 1)
        _, rest = rest.split(_END, 1)
        done += f"{before}<!-- made: {name} -->\n{blocks[name]}\n{_END}"
    return done + rest


def _blocks() -> dict[str, str]:
    parts: dict[str, type[msgspec.Struct]] = {}
    kinds: tuple[type[Wire], ...] = (*EVENTS, Heartbeat, *DOWNS)
    for kind in kinds:
        parts |= schema.parts(kind)
    return {
        "limits": _limits(),
        "reasons": _reasons(),
        "envelope": _envelope(),
        "parts": "\n\n".join(_message(part) for part in parts.values() if part is not PinCheck),
        "events": "\n\n".join(_message(kind) for kind in EVENTS),
        "unchained": "\n\n".join(_message(kind) for kind in (Heartbeat, Piece, State)),
        "downs": "\n\n".join(_down(kind) for kind in DOWNS),
    }


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines
    )


def _limits() -> str:
    rows = [
        (f"`{one.name}`", f"{one.value:,}".replace(",", " "), one.unit, one.text)
        for one in constants.limits()
    ]
    return _table(("limit", "value", "unit", "meaning"), rows)


def _reasons() -> str:
    rows = [(f"`{reason.value}`", ProtocolError(reason).zh) for reason in Reason]
    return _table(("reason", "中文"), rows)


def _envelope() -> str:
    described = schema.envelope("boot", "counter", "prev")["properties"]
    rows = [
        (f"`{name}`", shape["x-zh"], _kind(shape), shape.get("x-unit", ""), shape["description"])
        for name, shape in described.items()
    ]
    return _table(("field", "中文", "type", "unit", "meaning"), rows)


def _down(kind: type[Wire]) -> str:
    block = _message(kind)
    return f"{block}\n\n{_message(PinCheck)}" if kind is Grant else block


def _message(kind: type[msgspec.Struct]) -> str:
    described = schema.struct(kind)
    rows = [
        (
            f"`{name}`",
            shape["x-zh"],
            _kind(shape),
            shape.get("x-unit", ""),
            "required" if name in described["required"] else _default(shape),
            shape["description"],
        )
        for name, shape in described["properties"].items()
    ]
    head = ("field", "中文", "type", "unit", "if absent", "meaning")
    name = labels.owner(kind) if issubclass(kind, Wire) and hasattr(kind, "type") else kind.__name__
    title = f"#### `{name}` {described['x-zh']}"
    return f"{title}\n\n{described['description']}\n\n{_table(head, rows)}"


def _default(shape: dict[str, Any]) -> str:
    if "default" not in shape:
        return "not known"
    value = shape["default"]
    return {"": "empty", "True": "true", "False": "false"}.get(str(value), str(value))


def _kind(shape: dict[str, Any]) -> str:
    if "allOf" in shape:
        (part,) = shape["allOf"]
        return str(part["$ref"]).rsplit("/", 1)[1]
    if "$ref" in shape:
        return str(shape["$ref"]).rsplit("/", 1)[1]
    if "enum" in shape:
        named = zip(shape["enum"], shape["x-enum-zh"], strict=True)
        return ", ".join(f"`{value}` {zh}" for value, zh in named)
    if "const" in shape:
        return f"{shape['const']}"
    return _plain_kind(shape)


def _plain_kind(shape: dict[str, Any]) -> str:
    kind = shape["type"]
    if kind == "array":
        inner = shape["items"]
        if isinstance(inner, list):
            return "[" + ", ".join(_kind(item) for item in inner) + "]"
        return f"array{_span(shape, 'minItems', 'maxItems')} of {_kind(inner)}"
    if kind == "string":
        text = "bytes" if shape.get("format") == "binary" else "text"
        pattern = shape.get("pattern", "")
        shown = f" `{pattern}`" if pattern and "\\x00" not in pattern else ""
        return text + _span(shape, "minLength", "maxLength") + shown
    names = {"integer": "int", "number": "float", "boolean": "bool", "object": "map"}
    low, high = shape.get("minimum"), shape.get("maximum", shape.get("exclusiveMaximum"))
    above = shape.get("exclusiveMinimum")
    if high is None:
        return names[kind]
    bound = f"> {above:g}" if above is not None else f"{low:g}"
    return f"{names[kind]} {bound} … {_number(shape)}"


def _number(shape: dict[str, Any]) -> str:
    high = shape.get("maximum")
    if high is None:
        high = shape["exclusiveMaximum"] - 1
    named = {MAX_INT: "2⁵³", MAX_TIME_MS: "year 9999"}
    return named.get(high) or f"{high:,.15g}".replace(",", " ")


def _span(shape: dict[str, Any], low: str, high: str) -> str:
    least, most = shape.get(low, 0), shape.get(high)
    if most is None:
        return ""
    return f" {least}" if least == most else f" {least}…{most}"
