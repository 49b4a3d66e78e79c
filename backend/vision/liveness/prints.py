"""A short print of a capture, to know it again when somebody sends it a second time.

Exact bytes are known by their digest. The same capture packed anew is known by 256 signs of its
aligned face *and* by its place in the picture: the same person at the same sleeve tomorrow looks
alike but does not stand there to a fraction of a millimetre.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.vision.liveness.settings import LivenessSettings

DEFAULT = LivenessSettings()
_SIDE = 64
_KEPT = 17


@dataclass(frozen=True, slots=True)
class Print:
    """What is kept of one captured frame.

    Attributes:
        digest: SHA-256 of the picture's bytes, hex.
        signs: 256 bits of the aligned face, hex; "" where no face was found.
        eyes: x and y of both eyes, shares of the picture's width.
    """

    digest: str
    signs: str = ""
    eyes: tuple[float, ...] = ()

    def plain(self) -> list[object]:
        """As JSON keeps it."""
        return [self.digest, self.signs, [round(value, 5) for value in self.eyes]]

    @classmethod
    def of_plain(cls, kept: object) -> Print | None:
        """Read ``plain``; None for anything else."""
        match kept:
            case [str(digest), str(signs), list(eyes)] if len(signs) in (0, 64):
                places = [float(value) for value in eyes if isinstance(value, int | float)]
                return cls(digest, signs, tuple(places))
        return None


def print_of(
    data: bytes,
    crop: NDArray[np.uint8] | None = None,
    eyes: NDArray[np.float32] | None = None,
    width: int = 1,
) -> Print:
    """The print of one frame.

    Args:
        data: as it came.
        crop: the aligned face, None where there is none.
        eyes: both eyes' places in the picture, rows of (x, y).
        width: of the picture, in pixels.
    """
    digest = hashlib.sha256(data).hexdigest()
    if crop is None or eyes is None:
        return Print(digest)
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    waves = cv2.dct(small)[:_KEPT, :_KEPT].ravel()[1:257]
    bits = np.packbits(waves > np.median(waves))
    places = (eyes.ravel() / max(1, width)).tolist()
    return Print(digest, bits.tobytes().hex(), tuple(float(value) for value in places))


def is_replay(
    burst: Iterable[Print], earlier: Iterable[Print], settings: LivenessSettings = DEFAULT
) -> bool:
    """Whether any frame of ``burst`` is one of ``earlier`` captures again."""
    known = tuple(earlier)
    return any(_same(one, other, settings) for one in burst for other in known)


def _same(one: Print, other: Print, settings: LivenessSettings) -> bool:
    if one.digest == other.digest:
        return True
    if not one.signs or not other.signs or len(one.eyes) != 4 or len(other.eyes) != 4:
        return False
    apart = (int(one.signs, 16) ^ int(other.signs, 16)).bit_count()
    if apart > settings.replay_bits:
        return False
    here, there = np.array(one.eyes), np.array(other.eyes)
    distance = float(np.hypot(*(here[2:] - here[:2]))) or 1.0
    return float(np.abs(here - there).max()) <= settings.replay_place * distance
