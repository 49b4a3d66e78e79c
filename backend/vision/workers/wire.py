"""What is asked of a worker and what it answers: msgpack behind a four-byte length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from backend.domain.eyes import Box, ImprintVerdict, PageVerdict

LENGTH_BYTES: Final = 4
MAX_BYTES: Final = 256 * 1024 * 1024
"""A question with its pictures and features; more is a mistake of ours."""


class MakeReference(msgspec.Struct, tag=True, frozen=True):
    """Read the pages of an approved paper: a picture or a PDF. ``marks``: sheets and boxes of the
    paper as uploaded, where the applicant says that something will still be written; ``settled``:
    there and nowhere else."""

    paper: bytes
    marks: list[tuple[int, Box]] = []
    settled: bool = False


class LookAtPage(msgspec.Struct, tag=True, frozen=True):
    """Compare the picture before a press with the approved pages.

    ``references`` are serialised reference pages, ``zones`` for each of them where writing is
    expected after the approval, ``remembered`` the sheets stamped before by their id, ``to_stamp``
    the indexes of the pages that may be stamped (None: all).
    """

    photo: bytes
    references: list[bytes]
    zones: list[list[Box]]
    remembered: dict[str, bytes]
    to_stamp: list[int] | None = None


class LookAtImprint(msgspec.Struct, tag=True, frozen=True):
    """Compare the pictures before and after one press; ``templates`` are those of the village's
    seals by seal, ``seal`` the approved one."""

    before: bytes
    after: bytes
    seal: str
    templates: dict[str, list[bytes]]
    references: list[bytes]
    zones: list[list[Box]]


class EnrolImprint(msgspec.Struct, tag=True, frozen=True):
    """Make a template from pictures of one clean imprint each."""

    pictures: list[bytes]


class MadePage(msgspec.Struct, frozen=True):
    """One approved page. ``facts`` are plain values: title, amounts, dates, parties, blanks, and
    ``places`` to sign and to stamp, each with ``at``: where it lies on the paper as uploaded."""

    features: bytes
    words: str
    facts: Mapping[str, Any]
    zones: list[Box]


class ReferenceMade(msgspec.Struct, tag=True, frozen=True):
    """The pages of the paper, in order."""

    pages: list[MadePage]


class Crop(msgspec.Struct, frozen=True):
    """A place to look at, cut out of both pictures and framed: JPEG."""

    approved: bytes
    found: bytes


class PageSeen(msgspec.Struct, tag=True, frozen=True):
    """What lies before the camera."""

    verdict: PageVerdict
    crops: list[Crop]


class ImprintSeen(msgspec.Struct, tag=True, frozen=True):
    """What one press left. ``sheet`` is what to remember of the stamped sheet, empty where nothing
    can be."""

    verdict: ImprintVerdict
    crops: list[Crop]
    sheet: bytes


class ImprintEnrolled(msgspec.Struct, tag=True, frozen=True):
    """The template, serialised."""

    template: bytes
    engine: str


class Unable(msgspec.Struct, tag=True, frozen=True):
    """The picture cannot be judged, and trying again will not help. ``code`` is stable; ``zh`` and
    ``en`` say what to do."""

    code: str
    zh: str
    en: str


Task = MakeReference | LookAtPage | LookAtImprint | EnrolImprint
Result = ReferenceMade | PageSeen | ImprintSeen | ImprintEnrolled | Unable


class Answer(msgspec.Struct, frozen=True):
    """A result, how much memory the worker has ever used (kB), and processor seconds it took."""

    result: Result
    peak_kb: int
    cpu_s: float = 0.0


_encoder = msgspec.msgpack.Encoder()
_tasks = msgspec.msgpack.Decoder(Task)
_answers = msgspec.msgpack.Decoder(Answer)


def frame(message: Task | Answer) -> bytes:
    """The bytes of ``message`` with their length before them.

    Raises:
        ValueError: when they are more than :data:`MAX_BYTES`.
    """
    data = _encoder.encode(message)
    if len(data) > MAX_BYTES:
        raise ValueError(f"{len(data)} bytes are too much for one question")
    return len(data).to_bytes(LENGTH_BYTES, "big") + data


def read_task(data: bytes) -> Task:
    """The task in a frame's body.

    Raises:
        msgspec.DecodeError: for anything else.
    """
    task: Task = _tasks.decode(data)
    return task


def read_answer(data: bytes) -> Answer:
    """The answer in a frame's body.

    Raises:
        msgspec.DecodeError: for anything else.
    """
    return _answers.decode(data)
