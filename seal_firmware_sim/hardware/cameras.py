"""The two cameras of a simulated sleeve: who stands before it, and what paper lies under it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from PIL import Image

from seal_firmware_sim.hardware import faces_orl, imprint, pages, photographs
from seal_firmware_sim.hardware.ports import CameraFailure, Challenge
from seal_firmware_sim.inputs import Stage

View = Literal["clear", "dark", "blurred", "covered", "broken", "photograph"]
"""What is before a camera. ``photograph``: not the person but a photograph of them is held up, and
turned where a head turn is asked (faces only)."""


class OrlFaceCamera:
    """Sees person ``who`` of the 40; None: nobody stands there."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.who: int | None = None
        self.view: View = "clear"

    def burst(self, frames: int, challenge: Challenge) -> tuple[bytes, ...]:
        """``frames`` pictures of whoever stands there and turns their head as asked.

        Raises:
            CameraFailure: when it is broken.
        """
        if self.view == "broken":
            raise CameraFailure("摄像头无响应")
        covered = self.view == "covered" or self.who is None
        return tuple(
            faces_orl.capture(
                self.who or 0,
                self._dice,
                frames,
                dark=self.view == "dark",
                blurred=self.view == "blurred",
                covered=covered,
                turn=challenge,
                held_up=self.view == "photograph",
            )
        )


FINE: Final = 1240
"""Pixels across a sheet: 150 dots an inch, enough to tell letters and seals apart."""

COARSE: Final = 620
"""The same for a sheet that nobody is going to look at closely; costs a fifth of the time."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A sheet: a document of ``kind`` whose invented content follows from ``seed``, but for
    ``amount`` (yuan) where it is given; ``width`` is how finely the camera sees it."""

    kind: str
    seed: int
    seal_text: str
    amount: int | None = None
    width: int = FINE


class DeskPageCamera:
    """Sees the sheet under the sleeve, with the imprints it has got so far."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._paper: Paper | None = None
        self._sheet: Image.Image | None = None
        self._seal = ""
        self.view: View = "clear"

    def lay(self, paper: Paper, sheet: Image.Image | None = None, seal_text: str = "") -> None:
        """Put a sheet under the sleeve: a fresh print of ``paper``, or ``sheet`` instead of it.
        ``seal_text`` is what the seal in the sleeve says; default what it should."""
        self._paper = paper
        self._sheet = sheet or typeset(paper).image
        self._seal = seal_text or paper.seal_text

    def photograph(self, stage: Stage, press: int) -> bytes:
        """The sheet now; after a press it has one more imprint.

        Raises:
            CameraFailure: when it is broken.
        """
        if self.view == "broken":
            raise CameraFailure("摄像头无响应")
        if self._paper is None or self._sheet is None:
            self.lay(Paper("certificate", 0, "空白"))
        assert self._paper is not None
        assert self._sheet is not None
        if stage == "after":
            x, y = typeset(self._paper).seal_at
            self._sheet = imprint.stamp(self._sheet, self._seal, x, y, self._dice)
        photo = photographs.photograph(self._sheet, self._dice, "mild")
        return pages.jpeg(photo, 60)


@lru_cache(maxsize=24)
def typeset(paper: Paper) -> pages.Page:
    """The document as it was typeset: what the applicant handed in."""
    fields = {} if paper.amount is None else {"amount": str(paper.amount)}
    return pages.render(paper.kind, fields, seed=paper.seed, width=paper.width)
