"""Cases put to the eyes, one result a line, so that a long run can go on where it stopped."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import msgspec

from backend.vision.pages import compare, reference
from backend.vision.pages.reader import Reader
from tests.support.paper_cases.cases import ALTERED, BLANK, EXTRA, GENUINE, WRONG, PaperCase, case

_RIGHT: dict[str, tuple[str, ...]] = {
    GENUINE: ("same",),
    # A sheet of which most was set anew may be called another page: it is refused all the same.
    ALTERED: ("altered", "another"),
    # The same form filled in for somebody else is most like an altered page.
    WRONG: ("another", "altered", "extra"),
    EXTRA: ("extra",),
    BLANK: ("blank",),
}


class Result(msgspec.Struct, frozen=True):
    """What became of one case; ``right`` is False for "take it again" too.

    Attributes:
        cpu_s: processor seconds from the photograph's bytes to the verdict.
    """

    seed: int
    wanted: str
    op: str
    level: str
    kind: str
    font: str
    finding: str
    reasons: tuple[str, ...]
    right: bool
    cpu_s: float
    scores: dict[str, float]


def run(seeds: Iterable[int], reader: Reader | None = None) -> Iterator[Result]:
    """Make, compare and judge each case."""
    cv2.setNumThreads(1)
    reader = reader or Reader()
    reader.read([])
    for seed in seeds:
        yield judge(case(seed), reader)


def judge(made: PaperCase, reader: Reader) -> Result:
    """One case's result."""
    references = reference.make(made.reference, reader=reader)
    zones = [compare.Zone(zone[0], zone[1:]) for zone in made.zones]
    start = time.process_time()
    verdict = compare.page(
        made.photo, references, zones, reader=reader, to_stamp=made.to_stamp
    ).verdict
    cpu = time.process_time() - start
    return Result(
        seed=made.seed,
        wanted=made.wanted,
        op=made.op,
        level=made.level,
        kind=made.kind,
        font=made.font,
        finding=str(verdict.finding),
        reasons=verdict.reasons,
        right=str(verdict.finding) in _RIGHT[made.wanted],
        cpu_s=round(cpu, 3),
        scores={name: round(value, 3) for name, value in verdict.scores.items()},
    )


def keep(file: Path, result: Result) -> None:
    """Append one result to a file."""
    with file.open("ab") as out:
        out.write(msgspec.json.encode(result) + b"\n")


def read(file: Path) -> list[Result]:
    """All results of a file; none where there is no file."""
    if not file.exists():
        return []
    return [msgspec.json.decode(line, type=Result) for line in file.read_bytes().splitlines()]
