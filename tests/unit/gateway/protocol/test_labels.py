"""Words for people: every field, type and value has them, and none is left over."""

import msgspec
import pytest

from gateway.protocol import labels, schema
from gateway.protocol import messages as m
from gateway.protocol.envelope import Header


def _kinds() -> dict[str, type[msgspec.Struct]]:
    kinds: dict[str, type[msgspec.Struct]] = {}
    tops: list[type[m.Wire]] = [*m.EVENTS, m.Heartbeat, m.Piece, m.State, *m.DOWNS]
    for kind in tops:
        kinds |= {labels.owner(kind): kind}
        kinds |= {labels.owner(part): part for part in schema.parts(kind).values()}
    return kinds


KINDS = _kinds()


@pytest.mark.parametrize("owner", KINDS)
def test_every_field_and_value_has_words(owner: str) -> None:
    for field in schema.fields(KINDS[owner]):
        label = labels.field(owner, field.encode_name)
        assert label.zh
        assert label.en.endswith(".")
        shape = schema.of(field.type)
        assert all(shape.get("x-enum-zh", [True])), field.encode_name
        if field.encode_name.endswith("_ms"):
            assert label.unit == "ms"


def test_no_word_is_left_over() -> None:
    used = set()
    values = set()
    for owner, kind in KINDS.items():
        for field in schema.fields(kind):
            name = field.encode_name
            used.add(f"{owner}.{name}" if f"{owner}.{name}" in labels.FIELDS else name)
            values |= {str(value) for value in schema.of(field.type).get("enum", ())}
    assert set(labels.FIELDS) == used
    assert set(labels.VALUES) == values
    assert set(labels.TYPES) == set(KINDS)
    assert set(labels.ENVELOPE) == set(Header.__struct_fields__)


def test_a_field_unknown_to_the_contract_has_no_words() -> None:
    with pytest.raises(KeyError):
        labels.field("stamped", "colour")
    assert labels.value("colour") == ""
