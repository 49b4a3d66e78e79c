"""A seal's imprint as enrolled: what its ring looks like, never a forger's drawing of it.

Stored are the unrolled ring and middle in 256 steps: enough to compare, coarse for cutting rubber.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

import cbor2
import numpy as np

from backend.domain.errors import DomainError
from backend.vision.imprints.ink import Map
from backend.vision.imprints.unroll import DIRECTIONS, DISTANCES

ENGINE = "ring-1"
"""Which way of unrolling made a template; templates of another way never compare."""

_MAGIC = b"zyimprint"
_VERSION = 1
_MOST_BYTES = 1_000_000
_RING_FROM = 88
_INKED = 0.2
"""Of the strongest ink."""


class ImprintError(DomainError):
    """Something about an imprint that cannot go on; ``zh`` and ``en`` say what to do."""


@dataclass(frozen=True, slots=True)
class ImprintTemplate:
    """One seal's enrolment.

    Attributes:
        radius_mm: outer radius of the seal.
        pictures: how many clean imprints it was made from.
        name: what the seal says, as the organisation's papers have it; "" if not given.
        read: what the reader made of the ring; "" without one.
        raw: the unrolled imprint, ``DIRECTIONS`` × ``DISTANCES`` bytes.
    """

    radius_mm: float
    pictures: int
    name: str
    read: str
    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.raw) != DIRECTIONS * DISTANCES or not 5 <= self.radius_mm <= 60:
            raise _invalid("shape")
        if not 0 < self.pictures < 100 or len(self.name) > 80 or len(self.read) > 200:
            raise _invalid("fields")

    @property
    def polar(self) -> Map:
        """The unrolled imprint, 0..1."""
        grid = np.frombuffer(self.raw, np.uint8).reshape(DIRECTIONS, DISTANCES)
        return np.asarray(grid, np.float32) / np.float32(255)

    @property
    def whole(self) -> float:
        """Share of the ring that carries ink, 0..1: how clean the enrolled imprint is."""
        ring = self.polar[:, _RING_FROM:].max(axis=1)
        return float((ring >= _INKED).mean())

    @classmethod
    def of(
        cls, polar: Map, *, radius_mm: float, pictures: int, name: str, read: str
    ) -> ImprintTemplate:
        """From an unrolled imprint; its darkest becomes 1."""
        strong = max(float(np.percentile(polar, 99.5)), 1e-3)
        grid = np.rint(np.clip(polar / strong, 0, 1) * 255).astype(np.uint8)
        return cls(radius_mm, pictures, name, read, grid.tobytes())

    def to_bytes(self) -> bytes:
        """The stored form: a version mark, then deterministic CBOR (RFC 8949 §4.2)."""
        body = [self.radius_mm, self.pictures, self.name, self.read, zlib.compress(self.raw, 9)]
        return _MAGIC + bytes([_VERSION]) + cbor2.dumps(body, canonical=True)

    @classmethod
    def from_bytes(cls, data: bytes) -> ImprintTemplate:
        """Read ``to_bytes``.

        Raises:
            ImprintError: ``imprint_template_invalid`` for damaged bytes,
                ``imprint_template_future`` for a version that this program does not know.
        """
        if not data.startswith(_MAGIC) or not len(_MAGIC) < len(data) <= _MOST_BYTES:
            raise _invalid("mark")
        version = data[len(_MAGIC)]
        if version != _VERSION:
            raise ImprintError(
                "imprint_template_future",
                "印迹样本由更新的版本生成，请先升级系统。",
                f"An imprint template of version {version}: upgrade this program first.",
            )
        try:
            radius, pictures, name, read, packed = cbor2.loads(data[len(_MAGIC) + 1 :])
            opener = zlib.decompressobj()
            raw = opener.decompress(packed, DIRECTIONS * DISTANCES + 1)
            return cls(float(radius), int(pictures), str(name), str(read), raw)
        except (cbor2.CBORError, zlib.error, TypeError, ValueError) as error:
            raise _invalid("content") from error


def _invalid(what: str) -> ImprintError:
    return ImprintError(
        "imprint_template_invalid",
        "印迹样本已损坏，请重新登记印迹。",
        f"The imprint template is damaged ({what}): enrol the imprint again.",
    )
