"""A person's face as stored: one vector per engine, never a picture.

A template is sensitive personal data (PIPL art. 28): whoever stores these bytes encrypts them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cbor2
import numpy as np
from numpy.typing import NDArray

from backend.vision.faces.reasons import TemplateError

Vector = NDArray[np.float32]

_MAGIC = b"zyface"
_VERSION = 1
_MAX_DIMENSIONS = 4096
_MAX_VECTORS = 8
_MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class EngineVector:
    """What one engine remembers of a face.

    Attributes:
        engine: the engine's name.
        model_sha256: hex digest of the encoder model; vectors of different models never compare.
        raw: little-endian float32 values; kept out of ``repr`` so that no log holds a face.
    """

    engine: str
    model_sha256: str
    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not 0 < len(self.engine) <= _MAX_NAME:
            raise _invalid("engine name")
        if len(self.model_sha256) != 64:
            raise _invalid("model digest")
        if len(self.raw) % 4 or not 0 < len(self.raw) // 4 <= _MAX_DIMENSIONS:
            raise _invalid("vector length")
        if not np.isfinite(self.values).all():
            raise _invalid("vector value")

    @property
    def values(self) -> Vector:
        """The vector as read-only float32."""
        return np.frombuffer(self.raw, "<f4").astype(np.float32, copy=False)

    @classmethod
    def of(cls, engine: str, model_sha256: str, values: Vector) -> EngineVector:
        """From an engine's own array."""
        return cls(engine, model_sha256, np.asarray(values, "<f4").tobytes())


@dataclass(frozen=True, slots=True)
class FaceTemplate:
    """One person's enrolment: ``vectors`` by different engines, made from ``pictures`` pictures."""

    vectors: tuple[EngineVector, ...]
    pictures: int

    def __post_init__(self) -> None:
        if not 0 < len(self.vectors) <= _MAX_VECTORS:
            raise _invalid("number of vectors")
        if len({vector.engine for vector in self.vectors}) != len(self.vectors):
            raise _invalid("engine twice")
        if not 0 < self.pictures < 1000:
            raise _invalid("number of pictures")

    def vector_of(self, engine: str, model_sha256: str) -> Vector | None:
        """The vector of exactly this engine and model; None means: enrol again for it."""
        for vector in self.vectors:
            if vector.engine == engine and vector.model_sha256 == model_sha256:
                return vector.values
        return None

    def to_bytes(self) -> bytes:
        """The stored form: a version mark, then deterministic CBOR (RFC 8949 §4.2)."""
        vectors = [[v.engine, bytes.fromhex(v.model_sha256), v.raw] for v in self.vectors]
        return _MAGIC + bytes([_VERSION]) + cbor2.dumps([self.pictures, vectors], canonical=True)

    @classmethod
    def from_bytes(cls, data: bytes) -> FaceTemplate:
        """Read ``to_bytes``.

        Raises:
            TemplateError: ``template_invalid`` for damaged bytes, ``template_future`` for a version
                that this program does not know.
        """
        if not data.startswith(_MAGIC) or len(data) <= len(_MAGIC):
            raise _invalid("mark")
        version = data[len(_MAGIC)]
        if version != _VERSION:
            raise TemplateError(
                "template_future",
                "人脸模板由更新的版本生成，请先升级系统。",
                f"A face template of version {version}: upgrade this program first.",
            )
        try:
            pictures, vectors = cbor2.loads(data[len(_MAGIC) + 1 :])
            read = tuple(EngineVector(name, model.hex(), raw) for name, model, raw in vectors)
            return cls(read, pictures)
        except (cbor2.CBORError, TypeError, ValueError, AttributeError) as error:
            raise _invalid("content") from error


def _invalid(what: str) -> TemplateError:
    return TemplateError(
        "template_invalid",
        "人脸模板已损坏，请重新登记人脸。",
        f"The face template is damaged ({what}): enrol the face again.",
    )
