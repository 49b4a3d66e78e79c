"""Cases put to the eyes."""

from __future__ import annotations

import msgspec

from backend.domain.eyes import Box
from backend.vision.workers import wire
from backend.vision.workers.worker import Worker
from tests.support.paper_cases.cases import ALTERED, BLANK, EXTRA, GENUINE, WRONG, PaperCase

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
        pages: how many approved pages were read for it.
        process, pss_mb: the worker's process id, and what it held afterwards (proportional set
            size, MiB); 0 where nobody looked.
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
    pages: int = 0
    process: int = 0
    pss_mb: int = 0


def judge(made: PaperCase, worker: Worker) -> Result:
    """One case's result."""
    read = worker.ask(wire.MakeReference(made.reference))
    assert isinstance(read, wire.ReferenceMade), read
    zones: list[list[Box]] = [
        [zone[1:] for zone in made.zones if zone[0] == number] for number in range(len(read.pages))
    ]
    spent = worker.cpu_s
    look = wire.LookAtPage(
        made.photo, [page.features for page in read.pages], zones, {}, list(made.to_stamp)
    )
    seen = worker.ask(look)
    assert isinstance(seen, wire.PageSeen), seen
    verdict = seen.verdict
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
        cpu_s=round(worker.cpu_s - spent, 3),
        scores={name: round(value, 3) for name, value in verdict.scores.items()},
        pages=len(read.pages),
    )
