"""JSON Schema (draft 7, as AsyncAPI takes it) of the message types, made from the types themselves.

The wire is CBOR, which JSON Schema cannot name: a byte string is ``string`` with ``format: binary``
and lengths in bytes; integers and floats are told apart as ``integer`` and ``number``.
"""

from __future__ import annotations

import inspect
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import inspect as types

from gateway.protocol import labels
from gateway.protocol.envelope import Header
from gateway.protocol.limits import VERSION
from gateway.protocol.topics import END

Schema: TypeAlias = dict[str, Any]
REF: Final = "#/components/schemas/"


def text(kind: type) -> str:
    """A docstring as one line a paragraph."""
    paragraphs = (inspect.getdoc(kind) or "").replace("``", "`").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def fields(kind: type[msgspec.Struct]) -> tuple[types.Field, ...]:
    """The fields of a message type, in order."""
    described = types.type_info(kind)
    if not isinstance(described, types.StructType):
        raise TypeError(f"{kind} is not a message type")
    return described.fields


def parts(kind: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct]]:
    """The message parts that ``kind`` uses, by name: positions, picture references …"""
    found: dict[str, type[msgspec.Struct]] = {}
    queue = [field.type for field in fields(kind)]
    for described in queue:  # grows while it is walked
        if isinstance(described, types.UnionType):
            queue.extend(described.types)
        elif isinstance(described, types.ListType):
            queue.append(described.item_type)
        elif isinstance(described, types.StructType):
            found[described.cls.__name__] = described.cls
    return found


def struct(kind: type[msgspec.Struct]) -> Schema:
    """Schema of one message body or part, each field described in English and Chinese."""
    owner = labels.owner(kind)
    properties: Schema = {}
    for field in fields(kind):
        label = labels.field(owner, field.encode_name)
        shape = of(field.type)
        if "$ref" in shape:  # draft 7 ignores whatever stands beside a $ref
            shape = {"allOf": [shape]}
        shape |= {"description": label.en, "x-zh": label.zh}
        if label.unit:
            shape["x-unit"] = label.unit
        if (default := default_of(field)) is not None:
            shape["default"] = default
        properties[field.encode_name] = shape
    return {
        "type": "object",
        "description": text(kind),
        "x-zh": labels.TYPES[owner],
        "required": [field.encode_name for field in fields(kind) if field.required],
        "properties": properties,
    }


def envelope(*names: str) -> Schema:
    """Schema of the signed envelope: what all messages have, and ``names`` of the others."""
    every = {field.encode_name: field for field in fields(Header)}
    properties: Schema = {}
    for name in ("v", "device", *names, "time", "type", "body"):
        label = labels.ENVELOPE[name]
        properties[name] = of(every[name].type) | {"description": label.en, "x-zh": label.zh}
        if label.unit:
            properties[name]["x-unit"] = label.unit
    properties["v"]["const"] = VERSION
    if "counter" in properties:
        properties["counter"]["minimum"] = 1
    return {"type": "object", "required": list(properties), "properties": properties}


def default_of(field: types.Field) -> object:
    """What an absent field means, or None when it is required or then simply absent."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return None if field.default is msgspec.NODEFAULT else field.default


def of(described: types.Type) -> Schema:
    """Schema of one field's type."""
    match described:
        case types.StructType():
            return {"$ref": REF + described.cls.__name__}
        case types.UnionType():
            # An optional field is left out rather than sent as null.
            (only,) = (one for one in described.types if not isinstance(one, types.NoneType))
            return of(only)
        case types.LiteralType():
            kind = "string" if isinstance(described.values[0], str) else "integer"
            names = [labels.value(one) for one in described.values]
            return {"type": kind, "enum": list(described.values), "x-enum-zh": names}
        case types.BoolType():
            return {"type": "boolean"}
        case types.IntType():
            return {"type": "integer"} | _range(described)
        case types.FloatType():
            return {"type": "number"} | _range(described)
        case types.StrType():
            return {"type": "string"} | _lengths(described) | _pattern(described)
        case types.BytesType():
            return {"type": "string", "format": "binary"} | _lengths(described)
        case types.DictType():
            return {"type": "object"}
        case types.ListType():
            bounds = {"minItems": described.min_length, "maxItems": described.max_length}
            return {"type": "array", "items": of(described.item_type)} | _present(bounds)
        case types.TupleType():
            size = len(described.item_types)
            items = [of(item) for item in described.item_types]
            return {"type": "array", "items": items, "minItems": size, "maxItems": size}
        case _:
            raise TypeError(f"no schema for {described}")


def _range(described: types.IntType | types.FloatType) -> Schema:
    return _present(
        {
            "minimum": described.ge,
            "exclusiveMinimum": described.gt,
            "maximum": described.le,
            "exclusiveMaximum": described.lt,
        }
    )


def _lengths(described: types.StrType | types.BytesType) -> Schema:
    return _present({"minLength": described.min_length, "maxLength": described.max_length})


def _pattern(described: types.StrType) -> Schema:
    # In ECMAScript `$` is the very end already.
    return {"pattern": described.pattern.replace(END, "$")} if described.pattern else {}


def _present(values: Schema) -> Schema:
    return {name: value for name, value in values.items() if value is not None}
