"""The message types: one list, immutable, and bounded so that no store can overflow."""

import dataclasses

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import envelope, fields, labels, limits, samples, schema
from gateway.protocol import messages as m
from gateway.protocol.errors import ProtocolError, Reason
from tests.unit.gateway.protocol.strategies import outcome

_ALL: list[type[m.Wire]] = [*m.EVENTS, m.Heartbeat, m.Piece, m.State, *m.DOWNS]


def test_types_are_unique_and_complete() -> None:
    names = [labels.owner(kind) for kind in _ALL]
    assert len(set(names)) == len(names)
    assert set(m.Event.__subclasses__()) == set(m.EVENTS)
    assert set(m.Down.__subclasses__()) == set(m.DOWNS)


@pytest.mark.parametrize("kind", _ALL, ids=lambda kind: kind.__name__)
def test_messages_are_immutable_and_documented(kind: type[m.Wire]) -> None:
    assert kind.__struct_config__.frozen
    assert schema.text(kind)


@pytest.mark.parametrize("kind", _ALL, ids=lambda kind: kind.__name__)
def test_every_number_fits_a_signed_database_integer(kind: type[m.Wire]) -> None:
    for name, shape in schema.struct(kind)["properties"].items():
        if shape["type" if "type" in shape else "allOf"] == "integer" and "enum" not in shape:
            assert shape.get("maximum", shape.get("exclusiveMaximum")) <= limits.MAX_INT, name


def test_samples_cover_every_type_with_every_field_set() -> None:
    covered: dict[type, msgspec.Struct] = {type(one): one for one in samples.EVENTS + samples.DOWNS}
    covered[m.Heartbeat] = samples.HEARTBEATS[0]
    kinds: list[type[m.Wire]] = [*m.EVENTS, m.Heartbeat, *m.DOWNS]
    for kind in kinds:
        sample = covered[kind]
        assert isinstance(sample, m.Wire)
        missing = {field.encode_name for field in schema.fields(kind)} - envelope.plain(
            sample
        ).keys()
        assert not missing, kind


@given(st.text())
def test_any_text_can_be_made_a_short_one(text: str) -> None:
    made = fields.short(text)
    refusal = m.Refusal(answers=1, reason="r", text=made)
    assert envelope.convert(envelope.plain(refusal), m.Refusal) == refusal


@pytest.mark.parametrize("text", ["a\nb", "\x00", "tab\t", "\x7f", "ends\n", "x" * 201])
def test_text_has_no_control_characters(text: str) -> None:
    value = {"answers": 1, "reason": "r", "text": text}
    assert outcome(envelope.convert, value, m.Refusal) is Reason.BAD_FIELD


def test_a_rotation_to_no_key_cannot_even_be_made() -> None:
    with pytest.raises(ProtocolError):
        m.KeyRotated(alg=-7, public=bytes(65))
    with pytest.raises(ProtocolError):
        m.KeyRotated(alg=-8, public=samples.SLEEVE_ES256.public.raw)
    rotated = m.KeyRotated(alg=-7, public=samples.SLEEVE_ES256.public.raw)
    assert rotated.key() == samples.SLEEVE_ES256.public
    assert dataclasses.is_dataclass(rotated.key())
