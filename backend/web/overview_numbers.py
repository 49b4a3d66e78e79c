"""The figures of 一屏: a part of the tree, counted, and its cells one level down."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row

from backend.domain.actor import Actor
from backend.domain.application_actions import READERS
from backend.domain.errors import denied, missing
from backend.domain.organisation import ROOT, ancestors, within
from backend.store import overview
from backend.store.overview import Part
from backend.web import formats
from backend.web.once import Once
from backend.web.sleeves import SICK

DAYS: Final = 30
STEP_SOON_MS: Final = 2 * formats.HOUR_MS
CASE_SOON_MS: Final = formats.DAY_MS
_SLOW_FRESH_S: Final = 60.0
"""What a month adds up to may be so old."""

_SEVERITIES: Final = ("critical", "major", "minor")


@dataclass(slots=True)
class Tally:
    """What is counted of a place or a seal. ``uses``, ``stamps``: today's; ``alerts``: those not
    closed, by severity, ``fresh`` of them not looked at; ``states``: sleeves by state; ``steps_*``:
    approvals, ``cases_*``: cases whose time limit has passed or soon will."""

    uses: int = 0
    stamps: int = 0
    alerts: Counter[str] = field(default_factory=Counter)
    kinds: dict[str, Counter[str]] = field(default_factory=dict)
    fresh: int = 0
    states: Counter[str] = field(default_factory=Counter)
    online: int = 0
    waiting: int = 0
    steps_over: int = 0
    steps_soon: int = 0
    cases_over: int = 0
    cases_soon: int = 0

    @property
    def open_alerts(self) -> int:
        """Alerts of every severity."""
        return self.alerts.total()

    @property
    def sleeves(self) -> int:
        """Sleeves in use."""
        return self.states.total()

    @property
    def sick(self) -> int:
        """Sleeves that somebody should look at."""
        return sum(self.states[state] for state in SICK)

    @property
    def offline(self) -> int:
        """Sleeves not reached."""
        return self.states["gone"] + self.states["away"]

    @property
    def over(self) -> int:
        """Time limits that have passed."""
        return self.steps_over + self.cases_over

    @property
    def tone(self) -> str:
        """``bad``, ``warn`` or ``ok``: how urgently to look here."""
        if self.alerts["critical"]:
            return "bad"
        return "warn" if self.open_alerts or self.over or self.sick else "ok"

    def by_kind(self) -> list[tuple[str, int, str]]:
        """(rule, alerts, worst severity): the most first."""
        found = [
            (code, numbers.total(), min(numbers, key=_SEVERITIES.index))
            for code, numbers in self.kinds.items()
        ]
        return sorted(found, key=lambda one: (_SEVERITIES.index(one[2]), -one[1], one[0]))


@dataclass(frozen=True, slots=True)
class Cell:
    """One tile: a place, or a seal of the place itself."""

    name: str
    org_path: str
    seal_id: str | None
    kind: str
    tally: Tally


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the trend; ``at`` its local midnight."""

    at: int
    uses: int
    alerts: int


@dataclass(frozen=True, slots=True)
class Month:
    """What took long to count. ``approved``: applications of these days that were approved."""

    uses: Mapping[int, int]
    alerts: Mapping[int, int]
    approved: int
    median_ms: int | None


@dataclass(frozen=True, slots=True)
class Node:
    """Where one stands in the tree. ``path`` is empty above several branches."""

    path: str
    name: str
    level: str
    crumbs: tuple[tuple[str, str], ...]
    part: Part
    seal: Row[Any] | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the screen."""

    node: Node
    total: Tally
    cells: Sequence[Cell]
    uses: Sequence[Row[Any]]
    trend: Sequence[Day]
    approved: int
    median_ms: int | None


class Counting:
    """Counts; what a month adds up to is kept for a minute."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self._months: Once[Month] = Once(ticks, _SLOW_FRESH_S)

    def overview(self, conn: Connection, node: Node, now: int) -> Overview:
        """Count ``node`` at ``now`` (ms UTC)."""
        midnight = formats.local_midnight(now)
        first = midnight - (DAYS - 1) * formats.DAY_MS
        inside = node.part
        total, tallies = _tallies(conn, inside, now, midnight)
        cells: list[Cell] = []
        if node.seal is None:
            cells = _cells(conn, node, tallies)
        month = self._months.get(
            (inside.branches, inside.seal_id, midnight), 0, lambda: _month(conn, inside, first)
        )
        raised = overview.alerts_by_day(conn, inside, midnight, 1, formats.DAY_MS)
        trend = [
            Day(first + day * formats.DAY_MS, month.uses.get(day, 0), month.alerts.get(day, 0))
            for day in range(DAYS - 1)
        ]
        trend.append(Day(midnight, total.uses, raised.get(0, 0)))
        uses = overview.newest_uses(conn, inside) if node.seal is not None else ()
        return Overview(node, total, cells, uses, trend, month.approved, month.median_ms)


def find(conn: Connection, actor: Actor, org: str, seal_id: str) -> Node:
    """Where ``org`` (a path, or empty for the actor's own) and perhaps a seal lead.

    Raises:
        DomainError: ``denied`` without a role that watches, ``not_found`` outside one's branches.
    """
    branches = actor.branches(*READERS)
    if not branches:
        raise denied()
    if seal_id:
        return _seal(conn, branches, seal_id)
    if not org and len(branches) == 1 and branches[0] != ROOT:
        org = branches[0]
    if not org:
        return Node("", "", "top", (), overview.part(conn, branches))
    row = overview.place(conn, org) if _inside(org, branches) else None
    if row is None:
        raise missing("该单位", "organisation")
    crumbs = _crumbs(conn, branches, org)
    return Node(org, row.name, row.level, crumbs, overview.part(conn, (org,)))


def _seal(conn: Connection, branches: Sequence[str], seal_id: str) -> Node:
    row = overview.one_seal(conn, seal_id)
    if row is None or not _inside(row.org_path, branches):
        raise missing("该印章", "seal")
    crumbs = _crumbs(conn, branches, row.org_path)
    place = overview.place(conn, row.org_path)
    own = () if place is None else ((row.org_path, place.name),)
    inside = overview.part(conn, (row.org_path,), seal_id)
    return Node(row.org_path, row.name, "seal", crumbs + own, inside, row)


def _inside(path: str, branches: Iterable[str]) -> bool:
    return any(within(path, branch) for branch in branches)


def _crumbs(conn: Connection, branches: Sequence[str], path: str) -> tuple[tuple[str, str], ...]:
    """Places above ``path`` that may be seen, and the top where there is more than one."""
    above = [one for one in ancestors(path)[:-1] if _inside(one, branches)]
    found = [(one, row.name) for one in above if (row := overview.place(conn, one)) is not None]
    return (("", ""), *found) if len(branches) > 1 or ROOT in branches else tuple(found)


# ── counting ─────────────────────────────────────────────────────────────────────────────────────

Key = tuple[str, str | None]


def _tallies(
    conn: Connection, inside: Part, now: int, midnight: int
) -> tuple[Tally, dict[Key, Tally]]:
    """Of all together, and of each (place, seal)."""
    total, found = Tally(), dict[Key, Tally]()

    def both(path: str, seal_id: str | None) -> tuple[Tally, Tally]:
        return total, found.setdefault((path, seal_id), Tally())

    for row in overview.uses(conn, inside, midnight, midnight + formats.DAY_MS):
        for tally in both(row.org_path, row.seal_id):
            tally.uses += row.uses
            tally.stamps += row.stamps
    for row in overview.open_alerts(conn, inside, now, CASE_SOON_MS):
        for tally in both(row.org_path, row.seal):
            tally.alerts[row.severity] += row.alerts
            tally.kinds.setdefault(row.code, Counter())[row.severity] += row.alerts
            tally.fresh += row.fresh
            tally.cases_over += row.over
            tally.cases_soon += row.soon
    for row in overview.sleeves(conn, inside, now):
        for tally in both(row.org_path, row.seal_id):
            tally.states[row.state] += row.sleeves
            tally.online += row.online
    for row in overview.waiting(conn, inside, now, STEP_SOON_MS):
        for tally in both(row.org_path, row.seal_id):
            tally.waiting += row.waiting
            tally.steps_over += row.over
            tally.steps_soon += row.soon
    return total, found


def _cells(conn: Connection, node: Node, tallies: Mapping[Key, Tally]) -> list[Cell]:
    """The places right below, then the seals of the place itself."""
    places = {one.path: one for one in node.part.places}
    tops = _below(node, places)
    sums: dict[str, Tally] = {path: Tally() for path in tops}
    for (path, _seal_id), tally in tallies.items():
        top = next((one for one in ancestors(path) if one in sums), None)
        if top is not None:
            _merge(sums[top], tally)
    cells = [
        Cell(places[path].name, path, None, places[path].level, tally)
        for path, tally in sums.items()
    ]
    for row in overview.seals(conn, node.path):
        tally = tallies.get((node.path, row.id), Tally())
        cells.append(Cell(row.name, row.org_path, row.id, row.kind, tally))
    return cells


def _below(node: Node, places: Mapping[str, Row[Any]]) -> list[str]:
    if node.path:
        return [path for path in places if len(ancestors(path)) == len(ancestors(node.path)) + 1]
    if ROOT in node.part.branches:
        return [path for path in places if len(ancestors(path)) == 1]
    return [path for path in node.part.branches if path in places]


def _merge(into: Tally, other: Tally) -> None:
    for name in _NUMBERS:
        setattr(into, name, getattr(into, name) + getattr(other, name))
    into.alerts.update(other.alerts)
    into.states.update(other.states)


_NUMBERS: Final = (
    "uses",
    "stamps",
    "fresh",
    "online",
    "waiting",
    "steps_over",
    "steps_soon",
    "cases_over",
    "cases_soon",
)


def _month(conn: Connection, inside: Part, first: int) -> Month:
    approved, median_ms = overview.approval_median(conn, inside, first)
    return Month(
        uses=overview.uses_by_day(conn, inside, first, DAYS, formats.DAY_MS),
        alerts=overview.alerts_by_day(conn, inside, first, DAYS, formats.DAY_MS),
        approved=approved,
        median_ms=median_ms,
    )
