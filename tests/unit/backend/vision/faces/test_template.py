"""The stored form of a face."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.vision.faces import EngineVector, FaceTemplate, TemplateError

MODEL = "ab" * 32


def _template(*values: float, engine: str = "yunet_sface", pictures: int = 3) -> FaceTemplate:
    vector = EngineVector.of(engine, MODEL, np.array(values or (0.6, -0.8), np.float32))
    return FaceTemplate((vector,), pictures)


@given(
    values=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=200),
    pictures=st.integers(1, 999),
)
def test_what_is_stored_comes_back(values: list[float], pictures: int) -> None:
    template = _template(*values, pictures=pictures)
    back = FaceTemplate.from_bytes(template.to_bytes())
    assert back == template
    assert back.to_bytes() == template.to_bytes()
    vector = back.vector_of("yunet_sface", MODEL)
    assert vector is not None
    assert vector.tolist() == np.array(values, np.float32).tolist()


def test_the_bytes_are_fixed_so_that_old_records_stay_readable() -> None:
    stored = bytes.fromhex(
        "7a796661636501"  # mark and version
        "8203"  # three pictures
        "8183"  # one vector of three parts
        "6b79756e65745f7366616365"  # its engine
        "5820" + MODEL + "48" + "9a99193fcdcc4cbf"  # 0.6, -0.8
    )
    assert _template().to_bytes() == stored
    assert FaceTemplate.from_bytes(stored) == _template()


def test_vectors_of_another_engine_or_model_never_compare() -> None:
    template = _template()
    assert template.vector_of("yunet_sface", MODEL) is not None
    assert template.vector_of("yunet_sface", "cd" * 32) is None
    assert template.vector_of("dlib", MODEL) is None


def test_a_newer_version_is_told_apart_from_damage() -> None:
    data = bytearray(_template().to_bytes())
    data[6] = 2
    with pytest.raises(TemplateError) as refused:
        FaceTemplate.from_bytes(bytes(data))
    assert refused.value.code == "template_future"


@given(st.binary(max_size=200), st.sampled_from([b"", b"zyface", b"zyface\x01"]))
def test_damaged_bytes_are_refused_in_words(data: bytes, mark: bytes) -> None:
    if (mark + data).startswith(b"zyface") and (mark + data)[6:7] not in (b"", b"\x01"):
        return
    with pytest.raises(TemplateError) as refused:
        FaceTemplate.from_bytes(mark + data)
    assert refused.value.code == "template_invalid"


@given(at=st.integers(7, 70), flip=st.integers(1, 255))
def test_a_changed_byte_never_crashes(at: int, flip: int) -> None:
    data = bytearray(_template().to_bytes())
    data[at % len(data)] ^= flip
    # Most flips of a value still read, as another face; none may raise anything else.
    with contextlib.suppress(TemplateError):
        FaceTemplate.from_bytes(bytes(data))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_vector_holds_numbers(value: float) -> None:
    with pytest.raises(TemplateError):
        _template(value)


def test_no_log_line_holds_a_face() -> None:
    assert "3f" not in repr(_template()).replace(MODEL, "")
    assert "raw" not in repr(_template())


def test_an_engine_is_there_once() -> None:
    vector = _template().vectors[0]
    with pytest.raises(TemplateError):
        FaceTemplate((vector, vector), 3)
    with pytest.raises(TemplateError):
        FaceTemplate((), 3)
    with pytest.raises(TemplateError):
        FaceTemplate((vector,), 0)
