"""``zhiyin bench eyes``: people, papers, imprints, whole presses, and the worker pool.

A full run takes three quarters of an hour of two cores, so each result is kept in a file as soon as
it is there, and the next run goes on from it. What an earlier state of the code found stays in such
a file: its version stands beside it, and all versions are named with the figures.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from zhiyin.bench.bounds import mean
from zhiyin.bench.site import say

FACES, PAPER, IMPRINTS, PRESSES, POOL = "faces", "paper", "imprints", "presses", "pool"
PARTS: Final = (FACES, PAPER, IMPRINTS, PRESSES, POOL)
RATES: Final = {
    "face_tar_at_1e3": FACES,
    "altered_found": PAPER,
    "genuine_accepted": PAPER,
    "wrong_page_found": PAPER,
    "imprints_right": IMPRINTS,
}
"""Which part tells the rates of the last line."""

_ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is looked at.

    Attributes:
        people: of the 40 whose faces there are.
        decisions: about a face, of which the cost is taken.
        turns, held_up: uses with heads that turn, and with photographs held up three times instead.
        papers: cases.
        pairs: pictures before and after a press.
        presses: whole presses, each of another paper.
        pool, beyond: presses through the pool, and more of them, faster than it can look.
        rate: presses of ``pool`` a second.
        between_s: from the picture before a press of ``pool`` to the one after it.
        first_paper: seed of the first case; default the generator's first for reporting.
    """

    people: int
    decisions: int
    turns: int
    held_up: int
    papers: int
    pairs: int
    presses: int
    pool: int
    beyond: int
    rate: float = 0.25
    between_s: float = 5.0
    first_paper: int | None = None


FULL: Final = Size(40, 30, 400, 334, 1_000, 525, 30, 40, 30)
QUICK: Final = Size(3, 1, 2, 2, 4, 2, 2, 2, 0, 1.0, 1.0, 9)


@dataclass(slots=True)
class Kept:
    """Results, each with its part and the version of the code that it is of; in a file, if there is
    one."""

    file: Path | None
    version: str
    lines: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.file is not None and self.file.exists():
            self.lines = [json.loads(line) for line in self.file.read_bytes().splitlines()]

    def of(self, part: str) -> list[Any]:
        """What is kept of a part, oldest first."""
        return [line["result"] for line in self.lines if line["part"] == part]

    def add(self, part: str, result: object) -> None:
        """Keep one more."""
        line = {"part": part, "version": self.version, "result": msgspec.to_builtins(result)}
        self.lines.append(line)
        if self.file is not None:
            with self.file.open("ab") as out:
                out.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")

    def versions(self, part: str) -> dict[str, int]:
        """How many results of a part are of which version."""
        return dict(Counter(line["version"] for line in self.lines if line["part"] == part))


def run(
    *,
    quick: bool = False,
    keep: Path | None = None,
    only: str | None = None,
    result: Path | None = None,
) -> dict[str, Any]:
    """Measure, or go on measuring.

    Args:
        quick: so little that it only shows that all parts work; nothing is kept or gone on from.
        keep: a file with what has been found so far.
        only: a part of :data:`PARTS`.
        result: where all figures are written, part by part.

    Returns:
        See ``last_line``; with ``only`` that part's own figures.

    Raises:
        ModuleNotFoundError: outside a checkout: the pictures are made by code under tests/.
    """
    size = QUICK if quick else FULL
    kept = Kept(None if quick else keep, version())
    figures: dict[str, Any] = {}
    for part in PARTS if only is None else (only,):
        begun = time.monotonic()
        figures[part] = _MEASURES[part](size, kept)
        say(f"{part}: {time.monotonic() - begun:.0f} s")
    if result is not None:
        whole = {
            "command": "zhiyin bench eyes" + (" --quick" if quick else "") + " --json",
            "finished": datetime.now(UTC).date().isoformat(),
            "versions": {part: kept.versions(part) for part in figures},
        }
        whole |= figures if only else last_line(figures) | figures
        result.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return figures[only] if only else last_line(figures)


def last_line(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures that are asked for, each with its n and the bounds of its 95 % interval.

    ``identity_wrong`` is a count; its bounds are those of the share that it is of n.
    """
    told: dict[str, Any] = {}
    for name, part in RATES.items():
        told |= _with_bounds(name, figures[part][name]["rate"], figures[part][name])
    seals = figures[IMPRINTS]
    told |= _with_bounds("identity_wrong", seals["identity_wrong"], seals["identity_wrong_of"])
    cost = figures[PRESSES]["cpu_s_per_press"]
    return told | _with_bounds("cpu_s_per_press", cost["mean"], cost)


def _with_bounds(name: str, value: object, about: dict[str, Any]) -> dict[str, Any]:
    return {name: value} | {f"{name}_{more}": about[more] for more in ("n", "low", "high")}


def version() -> str:
    """The commit that is checked out; "+" behind it where the eyes' own code differs from it."""
    git = ("git", "-C", str(_ROOT))
    told = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, check=False)
    if told.returncode:
        return "unknown"
    eyes = ["backend/vision", "tests/support/paper_cases", "tests/support/imprint_cases.py"]
    same = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", *eyes], check=False)
    return told.stdout.decode("ascii").strip() + ("+" if same.returncode else "")


def _faces(size: Size, kept: Kept) -> dict[str, Any]:
    from zhiyin.bench.eyes_faces import Use, bench_face_cost, bench_faces, bench_uses

    if not kept.of(FACES):
        kept.add(FACES, bench_faces(size.people) | bench_face_cost(size.decisions))
    first, *uses = kept.of(FACES)
    done = [msgspec.convert(one, Use) for one in uses]
    tell = _teller(kept, FACES, len(done), "uses")
    return dict(first) | bench_uses(size.turns, size.held_up, done=done, told=tell)


def _paper(size: Size, kept: Kept) -> dict[str, Any]:
    from tests.support.paper_cases.runs import Result
    from zhiyin.bench.eyes_paper import bench_paper

    done = [msgspec.convert(one, Result) for one in kept.of(PAPER)]
    tell = _teller(kept, PAPER, len(done), "papers")
    return bench_paper(size.papers, first_seed=size.first_paper, done=done, told=tell)


def _imprints(size: Size, kept: Kept) -> dict[str, Any]:
    from zhiyin.bench.eyes_imprints import Pair, bench_imprints

    done = [msgspec.convert(one, Pair) for one in kept.of(IMPRINTS)]
    tell = _teller(kept, IMPRINTS, len(done), "pairs")
    return bench_imprints(size.pairs, done=done, told=tell)


def _teller(kept: Kept, part: str, done: int, what: str) -> Callable[[object], None]:
    """Keeps each result, and says now and then how many there are."""
    count = done

    def tell(one: object) -> None:
        nonlocal count
        kept.add(part, one)
        count += 1
        if count % 50 == 0:
            say(f"  {count} {what}")

    return tell


def _presses(size: Size, kept: Kept) -> dict[str, Any]:
    from zhiyin.bench.eyes_presses import look, prepared

    have = {one["seed"] for one in kept.of(PRESSES)}
    if len(have) < size.presses:
        for one in look(prepared(size.presses), have):
            kept.add(PRESSES, one)
    found = kept.of(PRESSES)
    return {
        "cpu_s_per_press": mean([one["cpu_s"] for one in found]),
        "page": dict(Counter(one["page"] for one in found)),
        "imprint": dict(Counter(one["imprint"] for one in found)),
        "not_right": [one for one in found if (one["page"], one["imprint"]) != ("same", "right")],
    }


def _pool(size: Size, kept: Kept) -> dict[str, Any]:
    from zhiyin.bench.eyes_pool import bench_pool
    from zhiyin.bench.eyes_presses import prepared

    if not kept.of(POOL):
        ready = prepared(size.presses)
        told = bench_pool(
            ready,
            presses=size.pool,
            rate=size.rate,
            beyond=size.beyond,
            between_s=size.between_s,
        )
        kept.add(POOL, told)
    return dict(kept.of(POOL)[-1])


_MEASURES: Final[dict[str, Callable[[Size, Kept], dict[str, Any]]]] = {
    FACES: _faces,
    PAPER: _paper,
    IMPRINTS: _imprints,
    PRESSES: _presses,
    POOL: _pool,
}
