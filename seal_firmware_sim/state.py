"""What a sleeve must remember when the power goes, and the journal entries that change it.

The same :func:`apply` runs when an entry is written and when it is read back at the next start, so
what the sleeve believes is always what its flash says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, assert_never

import msgspec

from gateway.protocol.envelope import GENESIS, digest


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    pass


class BootEntry(_Entry, frozen=True, tag="boot"):
    """The sleeve started for the ``boot``-th time."""

    boot: int


class ChainEntry(_Entry, frozen=True, tag="chain"):
    """Where the chain stands: last counter and hash, and the prefix that a receipt covers."""

    counter: int
    tip: bytes
    through: int


class EventEntry(_Entry, frozen=True, tag="event"):
    """A signed event, verbatim."""

    counter: int
    raw: bytes


class ReceiptEntry(_Entry, frozen=True, tag="receipt"):
    """What the server holds."""

    through: int
    ranges: list[tuple[int, int]]


class BurnEntry(_Entry, frozen=True, tag="burn"):
    """Grant ``grant`` is used up; remembered until trusted time passes ``keep_until``."""

    grant: str
    keep_until: int


class UseEntry(_Entry, frozen=True, tag="use"):
    """The open use: which grant, how many presses were recorded, which press may be under way."""

    use: int
    grant: str
    presses: int = 0
    intent: int = 0


class EndEntry(_Entry, frozen=True, tag="end"):
    """The open use is over."""


class DropEntry(_Entry, frozen=True, tag="drop"):
    """The mechanical counter as last recorded."""

    total: int


class GrantEntry(_Entry, frozen=True, tag="grant"):
    """A grant pushed ahead, as signed."""

    grant: str
    raw: bytes


class ForgetEntry(_Entry, frozen=True, tag="forget"):
    """The stored grant is gone: burnt, revoked or expired."""

    grant: str


class LockEntry(_Entry, frozen=True, tag="lock"):
    """The remote lock."""

    order: int
    locked: bool
    text: str


class ConfigEntry(_Entry, frozen=True, tag="config"):
    """The configuration in force, as plain values."""

    revision: int
    values: dict[str, Any]


class TimeEntry(_Entry, frozen=True, tag="time"):
    """A signed server time was at least this."""

    floor: int


class KeyEntry(_Entry, frozen=True, tag="key"):
    """The sleeve's own key after a rotation (a real sleeve keeps it in its secure element).
    Event ``counter`` made it known."""

    alg: int
    secret: bytes
    counter: int


class ServerKeysEntry(_Entry, frozen=True, tag="server_keys"):
    """The server's keys that are believed, as plain values, in place of those of commissioning."""

    serial: int
    values: dict[str, Any]


class PictureEntry(_Entry, frozen=True, tag="picture"):
    """An encrypted picture that event ``counter`` names and the server does not hold yet."""

    commit: bytes
    size: int
    pieces: int
    counter: int


class PictureDoneEntry(_Entry, frozen=True, tag="picture_done"):
    """The server holds the picture, or refused it for good."""

    commit: bytes


class SwitchEntry(_Entry, frozen=True, tag="switch"):
    """A tamper switch."""

    switch: str
    open: bool


class FaultEntry(_Entry, frozen=True, tag="fault"):
    """A fault that stands or was cleared."""

    code: str
    active: bool


Entry = (
    BootEntry
    | ChainEntry
    | EventEntry
    | ReceiptEntry
    | BurnEntry
    | UseEntry
    | EndEntry
    | DropEntry
    | GrantEntry
    | ForgetEntry
    | LockEntry
    | ConfigEntry
    | TimeEntry
    | KeyEntry
    | ServerKeysEntry
    | PictureEntry
    | PictureDoneEntry
    | SwitchEntry
    | FaultEntry
)


NEVER_LOCKED: Final = LockEntry(0, False, "")


@dataclass(slots=True)
class Memory:
    """The sleeve's lasting state. ``events`` holds what no prefix of a receipt covers yet, in
    order; ``held`` those of them that a receipt's ranges name."""

    boot: int = 0
    counter: int = 0
    tip: bytes = GENESIS
    through: int = 0
    events: dict[int, bytes] = field(default_factory=dict)
    event_bytes: int = 0
    held: set[int] = field(default_factory=set)
    burnt: dict[str, int] = field(default_factory=dict)
    use: UseEntry | None = None
    total: int = 0
    grants: dict[str, bytes] = field(default_factory=dict)
    lock: LockEntry = NEVER_LOCKED
    config: ConfigEntry | None = None
    floor: int = 0
    key: KeyEntry | None = None
    server: ServerKeysEntry | None = None
    pictures: dict[bytes, PictureEntry] = field(default_factory=dict)
    picture_bytes: int = 0
    switches: set[str] = field(default_factory=set)
    faults: set[str] = field(default_factory=set)

    def pending(self) -> Iterator[int]:
        """Counters of events that no receipt covers, in order."""
        return (counter for counter in self.events if counter not in self.held)


def apply(memory: Memory, entry: Entry) -> None:
    """Change ``memory`` as ``entry`` says."""
    match entry:
        case EventEntry(counter, raw):
            memory.counter, memory.tip = counter, digest(raw)
            memory.events[counter] = raw
            memory.event_bytes += len(raw)
        case ReceiptEntry(through, ranges):
            _receipt(memory, through, ranges)
        case BootEntry(boot):
            memory.boot = boot
        case ChainEntry(counter, tip, through):
            memory.counter, memory.tip, memory.through = counter, tip, through
        case BurnEntry(grant, keep_until):
            memory.burnt[grant] = max(keep_until, memory.burnt.get(grant, 0))
        case UseEntry():
            memory.use = entry
        case EndEntry():
            memory.use = None
        case DropEntry(total):
            memory.total = total
        case GrantEntry(grant, raw):
            memory.grants[grant] = raw
        case ForgetEntry(grant):
            memory.grants.pop(grant, None)
        case LockEntry():
            memory.lock = entry
        case ConfigEntry():
            memory.config = entry
        case TimeEntry(floor):
            memory.floor = max(memory.floor, floor)
        case KeyEntry():
            memory.key = entry
        case ServerKeysEntry():
            memory.server = entry
        case PictureEntry(commit, size):
            memory.pictures[commit] = entry
            memory.picture_bytes += size
        case PictureDoneEntry(commit):
            gone = memory.pictures.pop(commit, None)
            memory.picture_bytes -= gone.size if gone else 0
        case SwitchEntry(switch, is_open):
            _mark(memory.switches, switch, is_open)
        case FaultEntry(code, active):
            _mark(memory.faults, code, active)
        case _:
            assert_never(entry)


def _mark(marks: set[str], name: str, on: bool) -> None:
    if on:
        marks.add(name)
    else:
        marks.discard(name)


def _receipt(memory: Memory, through: int, ranges: list[tuple[int, int]]) -> None:
    memory.through = max(memory.through, through)
    while memory.events and (first := next(iter(memory.events))) <= through:
        memory.event_bytes -= len(memory.events.pop(first))
        memory.held.discard(first)
    for first, last in ranges:
        span = range(first, min(last, memory.counter) + 1)
        memory.held.update(counter for counter in span if counter in memory.events)


def snapshot(memory: Memory, *, trusted_now: int = 0) -> list[Entry]:
    """The shortest list of entries that makes ``memory`` anew; burnt grants whose time has passed
    by ``trusted_now`` (signed server time, 0 when unknown) are left out."""
    first = next(iter(memory.events), memory.counter + 1)
    entries: list[Entry] = [
        BootEntry(memory.boot),
        TimeEntry(memory.floor),
        DropEntry(memory.total),
        memory.lock,
        *(BurnEntry(*item) for item in memory.burnt.items() if item[1] > trusted_now),
        *(GrantEntry(*item) for item in memory.grants.items()),
        *memory.pictures.values(),
        *(SwitchEntry(switch, True) for switch in sorted(memory.switches)),
        *(FaultEntry(code, True) for code in sorted(memory.faults)),
        # Events are chained, so the last one says again where the chain stands.
        ChainEntry(memory.counter, memory.tip, memory.through),
        *(EventEntry(*item) for item in memory.events.items()),
    ]
    single = (memory.config, memory.key, memory.server, memory.use)
    entries += [entry for entry in single if entry is not None]
    if memory.held:
        entries.append(ReceiptEntry(min(memory.through, first - 1), _ranges(sorted(memory.held))))
    return entries


def _ranges(counters: list[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for counter in counters:
        if ranges and ranges[-1][1] == counter - 1:
            ranges[-1] = (ranges[-1][0], counter)
        else:
            ranges.append((counter, counter))
    return ranges
