"""Each sleeve's chain of events: whole, or with holes that something recorded explains.

Events are fed in log order. A hole closes when its events arrive later; what stays open must be
covered by a ``gap.closed`` record, by erased records between its two sides, or, in an export that
is only a selection, by the selection.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

from backend.ledger.evidence import GENESIS, SleeveEvent
from backend.ledger.findings import Findings


@dataclass(slots=True)
class _Hole:
    """Missing counters ``first`` to ``last``, noticed at leaf ``right`` after leaf ``left``.

    ``before`` is the digest of the event ahead of it, ``after`` the ``prev`` of the event behind.
    """

    first: int
    last: int
    before: bytes
    after: bytes
    left: int
    right: int


@dataclass(slots=True)
class _Chain:
    last: int = 0
    digest: bytes = GENESIS
    index: int = -1
    first: int = 0
    events: int = 0
    holes: list[_Hole] = field(default_factory=list)
    late: list[tuple[int, int]] = field(default_factory=list)
    closed: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ChainSummary:
    """What was seen of one sleeve: how many events, and the first and last counter."""

    device: str
    events: int
    first: int
    last: int


class Chains:
    """The chains of all sleeves in an export."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._chains: dict[str, _Chain] = {}
        self._erased: list[int] = []

    def event(self, index: int, event: SleeveEvent) -> None:
        """The event in leaf ``index``; call by rising index."""
        chain = self._chains.setdefault(event.device, _Chain())
        chain.events += 1
        chain.first = min(chain.first or event.counter, event.counter)
        if event.counter <= chain.last:
            self._late(chain, index, event)
            return
        if event.counter == chain.last + 1:
            self._link(event.prev == chain.digest, event.device, event.counter, index)
        else:
            chain.holes.append(
                _Hole(
                    chain.last + 1,
                    event.counter - 1,
                    chain.digest,
                    event.prev,
                    chain.index,
                    index,
                )
            )
        chain.last, chain.digest, chain.index = event.counter, event.digest, index

    def gap_closed(self, device: str, first: int, last: int) -> None:
        """A record says that these counters are lost for good."""
        self._chains.setdefault(device, _Chain()).closed.append((first, last))

    def erased(self, index: int) -> None:
        """The record in leaf ``index`` is erased: it may have been an event. By rising index."""
        self._erased.append(index)

    def finish(self, *, complete: bool) -> tuple[ChainSummary, ...]:
        """Judge what is still open. ``complete``: every leaf of the log was seen."""
        for device, chain in sorted(self._chains.items()):
            for counter, index in chain.late:
                recorded = any(first <= counter <= last for first, last in chain.closed)
                code = "late_event" if recorded else "reordered"
                self._findings.add(code, index, device=device, counter=counter)
            for hole in chain.holes:
                self._judge(device, chain, hole, complete)
        return tuple(
            ChainSummary(device, chain.events, chain.first, chain.last)
            for device, chain in sorted(self._chains.items())
            if chain.events
        )

    def _link(self, fits: bool, device: str, counter: int, index: int) -> None:
        if not fits:
            self._findings.add("chain_broken", index, device=device, counter=counter)

    def _late(self, chain: _Chain, index: int, event: SleeveEvent) -> None:
        hole = next((h for h in chain.holes if h.first <= event.counter <= h.last), None)
        if hole is None:
            self._findings.add(
                "counter_repeated", index, device=event.device, counter=event.counter
            )
            return
        chain.late.append((event.counter, index))
        chain.holes.remove(hole)
        if event.counter == hole.first:
            self._link(event.prev == hole.before, event.device, event.counter, index)
        else:
            chain.holes.append(
                _Hole(hole.first, event.counter - 1, hole.before, event.prev, hole.left, hole.right)
            )
        if event.counter == hole.last:
            self._link(event.digest == hole.after, event.device, event.counter + 1, index)
        else:
            chain.holes.append(
                _Hole(event.counter + 1, hole.last, event.digest, hole.after, hole.left, hole.right)
            )

    def _judge(self, device: str, chain: _Chain, hole: _Hole, complete: bool) -> None:
        for first, last in _uncovered(hole.first, hole.last, chain.closed):
            erased = bisect_left(self._erased, hole.right) - bisect_right(self._erased, hole.left)
            if erased >= last - first + 1:
                code = "erased_events"
            elif complete:
                code = "counter_gap"
            else:
                code = "not_disclosed"
            self._findings.add(code, device=device, first=first, last=last)
        for first, last in chain.closed:
            lost = max(first, hole.first), min(last, hole.last)
            if lost[0] <= lost[1]:
                self._findings.add("recorded_gap", device=device, first=lost[0], last=lost[1])


def _uncovered(first: int, last: int, closed: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The parts of ``[first, last]`` that no range of ``closed`` covers."""
    open_parts = []
    for begin, end in sorted(closed):
        if begin > last:
            break
        if begin > first:
            open_parts.append((first, begin - 1))
        first = max(first, end + 1)
    if first <= last:
        open_parts.append((first, last))
    return open_parts
