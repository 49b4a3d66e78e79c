"""Presses for the eyes' bench: pictures, what was approved, and what looking at them costs.

The pictures come from a generator under tests/, which draws with other code than what reads it. So
this bench runs from a checkout, not from an installed package.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec

from backend.domain.eyes import Box
from backend.vision.workers import wire
from backend.vision.workers.worker import Worker, WorkerLimits

if TYPE_CHECKING:
    from tests.support.paper_cases.presses import VillagePress

REPORTED_FROM: Final = 2_000_000
"""Seeds from here on are only ever reported on."""

SHEETS: Final = 40
"""Sheets stamped before, among which the one before the camera is looked for: the product's own
limit for a village."""

PATIENCE: Final = WorkerLimits(timeout_s=600.0)
"""However loaded the machine is: what is asked here is processor time."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A press, and what an installation knows of its paper and its village's seals.

    Attributes:
        seals: templates by seal; ``own`` is the one that was pressed.
        sheet: what is remembered of the stamped sheet.
        after_cpu_s: processor seconds that the look after the press took.
        after: its finding.
    """

    seed: int
    pictures: tuple[bytes, bytes]
    features: list[bytes]
    zones: list[list[Box]]
    seals: dict[str, list[bytes]]
    sheet: bytes
    after_cpu_s: float
    after: str


class Looked(msgspec.Struct, frozen=True):
    """What the two looks of a press found and took (processor seconds)."""

    seed: int
    page: str
    imprint: str
    cpu_s: float


@cache
def prepared(count: int, first_seed: int = REPORTED_FROM) -> tuple[Prepared, ...]:
    """Invent so many presses, and have their papers and seals read. About five seconds each."""
    from tests.support.paper_cases import presses

    with closing(Worker(PATIENCE)) as worker:
        seeds = range(first_seed, first_seed + count)
        return tuple(_prepare(seed, presses.honest(seed), worker) for seed in seeds)


def _prepare(seed: int, made: VillagePress, worker: Worker) -> Prepared:
    read = worker.ask(wire.MakeReference(made.reference))
    assert isinstance(read, wire.ReferenceMade), read
    features = [page.features for page in read.pages]
    zones = [page.zones for page in read.pages]
    seals: dict[str, list[bytes]] = {}
    for name, picture in zip(("own", "second", "third"), made.seals, strict=True):
        enrolled = worker.ask(wire.EnrolImprint([picture]))
        assert isinstance(enrolled, wire.ImprintEnrolled), enrolled
        seals[name] = [enrolled.template]
    spent = worker.cpu_s
    task = wire.LookAtImprint(made.before, made.after, "own", seals, features, zones)
    seen = worker.ask(task)
    assert isinstance(seen, wire.ImprintSeen), seen
    return Prepared(
        seed,
        (made.before, made.after),
        features,
        zones,
        seals,
        seen.sheet,
        worker.cpu_s - spent,
        str(seen.verdict.finding),
    )


def look(ready: Sequence[Prepared], known: Collection[int] = ()) -> Iterator[Looked]:
    """What the two looks of each press take, save those of the seeds ``known``.

    The picture before the press is held against :data:`SHEETS` sheets of other papers.
    """
    with closing(Worker(PATIENCE)) as worker:
        worker.ask(wire.LookAtPage(ready[0].pictures[0], ready[0].features, [], {}))  # loads all
        for press in ready:
            if press.seed in known:
                continue
            spent = worker.cpu_s
            task = wire.LookAtPage(
                press.pictures[0], press.features, press.zones, sheets_beside(press, ready)
            )
            seen = worker.ask(task)
            assert isinstance(seen, wire.PageSeen), seen
            cpu = worker.cpu_s - spent + press.after_cpu_s
            yield Looked(press.seed, str(seen.verdict.finding), press.after, round(cpu, 3))


def sheets_beside(press: Prepared, ready: Sequence[Prepared]) -> dict[str, bytes]:
    """Sheets that were stamped before this press, of all papers but its own: in turn, until there
    are :data:`SHEETS`."""
    others = [one.sheet for one in ready if one.seed != press.seed and one.sheet]
    return {str(at): others[at % len(others)] for at in range(SHEETS)} if others else {}
