"""Stage 3: each sleeve's events in their own order, whoever receives them and whenever.

The sleeve's row is its place in line: it stays locked until the batch is committed. Early events
are parked durably, duplicates counted, and a second history from the same counter is a fork.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import cbor2
from sqlalchemy import Connection, Row

from backend.domain.use import Sleeve
from backend.store import sleeves
from gateway.batch import Batch, RefusedMessage, SleeveState
from gateway.inbox import Inbound
from gateway.protocol import envelope, topics
from gateway.protocol.envelope import Message
from gateway.protocol.errors import ProtocolError, Reason


def order(batch: Batch, conn: Connection) -> None:
    """Lock the sleeves of the batch and sort their events into accepted, parked, again, forked."""
    # Not every message of a sleeve needs its place in line; telemetry only needs its row.
    names = {message.device for message in batch.events} | set(batch.heartbeats)
    names |= set(batch.states)
    if not names:
        return
    batch.sleeves = {name: _state(row) for name, row in sleeves.lock_sleeves(conn, names).items()}
    by_sleeve: defaultdict[str, list[Message]] = defaultdict(list)
    for message in batch.events:
        by_sleeve[message.device].append(message)
    parked = _parked(conn, batch, by_sleeve)
    for name, messages in by_sleeve.items():
        state = batch.sleeves.get(name)
        if state is None or state.status != "active":
            batch.refused += [_revoked(message) for message in messages]
        else:
            _sort(batch, state, messages, parked.get(name, {}))
    _tell_forks(batch, conn)


def _revoked(message: Message) -> RefusedMessage:
    inbound = Inbound(topics.up(message.device, message.body.type), message.raw, 0)
    return RefusedMessage(inbound, ProtocolError(Reason.REVOKED_DEVICE), message.device)


def _state(row: Row[Any]) -> SleeveState:
    return SleeveState(
        id=row.id,
        org_path=row.org_path,
        status=row.status,
        counter=row.counter,
        tip=row.tip,
        boot=row.boot,
        last_event_time=row.last_event_time,
        gap_since=row.gap_since,
        duplicates=row.duplicates,
        sleeve=Sleeve(row.id, row.org_path, row.seal_id, row.locked, row.total, row.open_use),
        config_revision=row.config_revision,
    )


def _parked(
    conn: Connection, batch: Batch, by_sleeve: Iterable[str]
) -> dict[str, dict[int, Message]]:
    waiting = [
        name
        for name in by_sleeve
        if name in batch.sleeves and batch.sleeves[name].gap_since is not None
    ]
    parked: defaultdict[str, dict[int, Message]] = defaultdict(dict)
    for row in sleeves.load_parked(conn, waiting):
        parked[row.device_id][row.counter] = envelope.open_event(row.raw)
    return parked


def _sort(
    batch: Batch, state: SleeveState, messages: list[Message], parked: dict[int, Message]
) -> None:
    fresh: dict[int, Message] = {}
    for message in messages:
        if message.counter <= state.counter:
            batch.duplicates.append(message)
        elif message.counter in parked or message.counter in fresh:
            state.duplicates += 1
            state.touched = True
        else:
            fresh[message.counter] = message
    waiting = {**parked, **fresh}
    while (following := waiting.pop(state.counter + 1, None)) is not None:
        if following.prev != state.tip:
            # Signed by the sleeve's key, yet it does not follow what the sleeve told us before.
            batch.forks.append(following)
            break
        state.counter = following.counter
        state.tip = following.hash
        batch.accepted.append(following)
    state.touched = True
    batch.unparked += [(state.id, counter) for counter in parked if counter not in waiting]
    batch.to_park += [fresh[counter] for counter in sorted(fresh) if counter in waiting]
    state.ranges = _ranges(sorted(waiting))


def _ranges(counters: list[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for counter in counters:
        if ranges and ranges[-1][1] == counter - 1:
            ranges[-1] = (ranges[-1][0], counter)
        else:
            ranges.append((counter, counter))
    return ranges


def _tell_forks(batch: Batch, conn: Connection) -> None:
    """A duplicate whose bytes differ from what is in the journal is a second history."""
    if not batch.duplicates:
        return
    bodies = sleeves.load_bodies(conn, [(item.device, item.counter) for item in batch.duplicates])
    same: list[Message] = []
    for message in batch.duplicates:
        body = bodies.get((message.device, message.counter))
        # No body: the event lies in a gap that was closed, or was erased; nothing to compare.
        if body is not None and cbor2.loads(body).get("evidence") != message.raw:
            batch.forks.append(message)
        else:
            same.append(message)
            state = batch.sleeves[message.device]
            state.duplicates += 1
            state.touched = True
    batch.duplicates = same
