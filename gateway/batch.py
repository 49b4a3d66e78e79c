"""What travels down the pipeline: a batch of messages and what each stage learned of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backend.domain.record import Record
from backend.domain.use import Grant, Sleeve, Use
from gateway.inbox import Inbound
from gateway.protocol.envelope import Message
from gateway.protocol.errors import ProtocolError
from gateway.protocol.messages import Down, Piece, State


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """A payload that broke the contract, kept aside with the reason."""

    inbound: Inbound
    error: ProtocolError
    device: str | None = None


@dataclass(slots=True)
class SleeveState:
    """A locked sleeve row while its next events are worked on."""

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
    config_revision: int
    touched: bool = False
    ranges: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class Batch:
    """One round of the pipeline. Each stage fills what the next ones need."""

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
    forks: list[Message] = field(default_factory=list)
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
    # commit
    signed_answers: list[tuple[str, str, bytes]] = field(default_factory=list)
    held: list[tuple[str, Down]] = field(default_factory=list)
    full_pictures: list[str] = field(default_factory=list)

    def first_seqs(self, committed: list[Record]) -> Mapping[str, int]:
        """For each use of this batch, the number of its first record."""
        seqs: dict[str, int] = {}
        for item in committed:
            if item.use_id is not None:
                seqs.setdefault(item.use_id, item.seq)
        return seqs
