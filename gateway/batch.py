"""What travels down the pipeline: a batch of messages and what each stage learned of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backend.domain.record import Record
from backend.domain.use import Grant, Sleeve, Use
from backend.store.sleeves import KeySpan
from gateway.inbox import Inbound
from gateway.protocol.envelope import Message
from gateway.protocol.errors import ProtocolError
from gateway.protocol.messages import Down, Heartbeat, Piece, State


def beat_order(message: Message) -> tuple[int, int]:
    """Sorts heartbeats of a sleeve by their age: the chain only grows, and where it stands still
    the clock runs. So an old one that somebody sends again is told from a new one."""
    body = message.body
    return (body.through if isinstance(body, Heartbeat) else 0, message.time)


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """A payload that broke the contract, kept aside with the reason."""

    inbound: Inbound
    error: ProtocolError
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Fork:
    """A second history: ``message`` does not fit what the sleeve told before. ``kept`` is the hash
    of the event that we hold in its place, or of the one that it should follow."""

    message: Message
    kept: bytes


@dataclass(slots=True)
class SleeveState:
    """A locked sleeve row while its next events are worked on.

    ``touched``: an event came, so a receipt is owed. ``heard``: it was one never seen before.
    ``caught_up``: the gap that events were parked for is behind us.
    """

    id: str
    org_path: str
    status: str
    counter: int
    tip: bytes
    boot: int
    last_event_time: int
    gap_since: int | None
    duplicates: int
    sleeve: Sleeve
    claimed: int
    last_heartbeat_time: int
    keys: dict[bytes, KeySpan] = field(default_factory=dict)
    touched: bool = False
    heard: bool = False
    caught_up: bool = False
    ranges: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class Batch:
    """One round of the pipeline. Each stage fills what the next ones need.

    ``found`` are events out of a gap that was closed without them. ``give_up`` names sleeves whose
    gap, open since that time, is to be closed now. ``overtaken`` are answers that must not be
    repeated, with what is said instead (None: nothing).
    """

    inbound: list[Inbound]
    now: int
    # decode
    messages: list[tuple[Inbound, Message]] = field(default_factory=list)
    pieces: list[tuple[str, Piece]] = field(default_factory=list)
    states: dict[str, State] = field(default_factory=dict)
    refused: list[RefusedMessage] = field(default_factory=list)
    # authenticate
    events: list[Message] = field(default_factory=list)
    heartbeats: dict[str, Message] = field(default_factory=dict)
    # order
    sleeves: dict[str, SleeveState] = field(default_factory=dict)
    accepted: list[Message] = field(default_factory=list)
    duplicates: list[Message] = field(default_factory=list)
    to_park: list[Message] = field(default_factory=list)
    unparked: list[tuple[str, int]] = field(default_factory=list)
    forks: list[Fork] = field(default_factory=list)
    found: list[Message] = field(default_factory=list)
    give_up: Mapping[str, int] = field(default_factory=dict)
    # decide
    records: list[Record] = field(default_factory=list)
    uses: dict[str, Use] = field(default_factory=dict)
    new_uses: set[str] = field(default_factory=set)
    changed_uses: set[str] = field(default_factory=set)
    grants: dict[str, Grant] = field(default_factory=dict)
    grant_of_job: Mapping[tuple[str, str], str] = field(default_factory=dict)
    changed_grants: set[str] = field(default_factory=set)
    applications: dict[str, str] = field(default_factory=dict)
    answers: list[tuple[str, int, Down]] = field(default_factory=list)
    pictures: list[dict[str, Any]] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    new_keys: list[dict[str, Any]] = field(default_factory=list)
    confirmed: list[tuple[str, str, str]] = field(default_factory=list)
    overtaken: dict[tuple[str, int], Down | None] = field(default_factory=dict)
    # commit
    signed_answers: list[tuple[str, str, bytes]] = field(default_factory=list)
    held: list[tuple[str, Down]] = field(default_factory=list)
    full_pictures: list[str] = field(default_factory=list)

    @property
    def quiet(self) -> bool:
        """Whether nothing in it concerns a sleeve's line."""
        return not (self.events or self.heartbeats or self.states or self.give_up)

    def first_seqs(self, committed: list[Record]) -> Mapping[str, int]:
        """For each use of this batch, the number of its first record."""
        seqs: dict[str, int] = {}
        for item in committed:
            if item.use_id is not None:
                seqs.setdefault(item.use_id, item.seq)
        return seqs
