"""Stage 3: each sleeve's events in their own order, whoever receives them and whenever.

The sleeve's row is its place in line: it stays locked until the batch is committed. Early events
are parked durably, duplicates counted, and a second history from the same counter is a fork. Here,
under the lock, it is decided for good whether the sleeve and its key may still speak.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import cbor2
from sqlalchemy import Connection, Row

from backend.domain.record import Record
from backend.domain.use import Sleeve
from backend.store import sleeves
from backend.store.sleeves import KeySpan
from gateway.batch import Batch, Fork, RefusedMessage, SleeveState, beat_order
from gateway.inbox import Inbound
from gateway.protocol import envelope, topics
from gateway.protocol.envelope import Message
from gateway.protocol.errors import ProtocolError, Reason
from gateway.protocol.messages import Heartbeat, KeyRotated


def order(batch: Batch, conn: Connection) -> None:
    """Lock the sleeves of the batch and sort their events into accepted, parked, again, forked."""
    if batch.quiet:
        return
    by_sleeve: defaultdict[str, list[Message]] = defaultdict(list)
    for message in batch.events:
        by_sleeve[message.device].append(message)
    speaking = {*by_sleeve, *batch.heartbeats, *batch.give_up}
    rows = sleeves.lock_sleeves(conn, {*speaking, *batch.states})
    batch.sleeves = {name: _state(row) for name, row in rows.items()}
    for name, spans in sleeves.key_spans(conn, speaking & rows.keys()).items():
        batch.sleeves[name].keys = spans
    waiting = [name for name, state in batch.sleeves.items() if state.gap_since is not None]
    parked = sleeves.parked_counters(conn, waiting)
    for name in {*by_sleeve, *batch.give_up}:
        state = batch.sleeves.get(name)
        if state is None or state.status != "active":
            batch.refused += [_refused(one, Reason.REVOKED_DEVICE) for one in by_sleeve[name]]
        else:
            _Line(batch, conn, state, parked.get(name, [])).sort(by_sleeve[name])
    _compare(batch, conn)
    _hear(batch)


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
        claimed=row.claimed,
        last_heartbeat_time=row.last_heartbeat_time,
    )


def _refused(message: Message, reason: Reason, detail: str = "") -> RefusedMessage:
    inbound = Inbound(topics.up(message.device, message.body.type), message.raw, 0)
    return RefusedMessage(inbound, ProtocolError(reason, detail), message.device)


class _Line:
    """The events of one sleeve: what waits, what came, and whose turn it is."""

    def __init__(
        self, batch: Batch, conn: Connection, state: SleeveState, parked: list[int]
    ) -> None:
        self._batch = batch
        self._conn = conn
        self._state = state
        self._parked = set(parked)
        self._first_parked = parked[0] if parked else None

    def sort(self, messages: Sequence[Message]) -> None:
        """Put everything whose turn has come into ``accepted``, and the rest where it belongs."""
        batch, state = self._batch, self._state
        if state.gap_since is not None and batch.give_up.get(state.id) == state.gap_since:
            self._give_up()
        fresh = self._fresh(messages)
        self._walk(fresh)
        waiting = sorted({*fresh, *self._parked})
        state.touched = state.touched or bool(messages)
        state.heard = state.heard or bool(fresh)
        state.caught_up = self._first_parked is not None and state.counter >= self._first_parked
        state.ranges = _ranges(waiting)
        batch.to_park += [fresh[counter] for counter in sorted(fresh)]

    def _fresh(self, messages: Sequence[Message]) -> dict[int, Message]:
        """What has not been here before, by counter; the rest is told to be again or forked."""
        batch, state = self._batch, self._state
        fresh: dict[int, Message] = {}
        again: list[Message] = []
        keys = state.keys
        if any(message.signed.kid not in keys for message in messages):
            keys = self._keys_to_come(messages)
        for message in messages:
            if message.counter <= state.counter:
                batch.duplicates.append(message)
            elif (wrong := _may_not_sign(keys, message)) is not None:
                batch.refused.append(_refused(message, wrong, f"counter {message.counter}"))
            elif message.counter in self._parked:
                again.append(message)
            elif (first := fresh.setdefault(message.counter, message)) is not message:
                self._again(message, first.raw)
        if again:
            held = sleeves.load_parked(self._conn, state.id, [one.counter for one in again])
            for message in again:
                self._again(message, held[message.counter])
        return fresh

    def _keys_to_come(self, messages: Sequence[Message]) -> dict[bytes, KeySpan]:
        """The sleeve's keys, with those that rotations still waiting for their turn introduce."""
        keys = dict(self._state.keys)
        held = sleeves.parked_rotations(self._conn, [self._state.id])
        waiting = [*messages, *map(envelope.open_event, held)]
        for one in sorted(waiting, key=lambda one: one.counter):
            if isinstance(one.body, KeyRotated) and _may_not_sign(keys, one) is None:
                keys.setdefault(one.body.key().kid, KeySpan(one.counter + 1, None, revoked=False))
        return keys

    def _again(self, message: Message, first: bytes) -> None:
        if message.raw == first:
            self._state.duplicates += 1
            self._state.touched = True
        else:
            self._batch.forks.append(Fork(message, envelope.digest(first)))

    def _walk(self, fresh: dict[int, Message]) -> None:
        """Accept as far as the chain reaches; takes what it used out of ``fresh`` and parked."""
        batch, state = self._batch, self._state
        held = self._ready(fresh)
        while True:
            counter = state.counter + 1
            following = fresh.pop(counter, None)
            if following is None:
                raw = held.get(counter)
                if raw is None:
                    return
                following = envelope.open_event(raw)
                self._parked.discard(counter)
                batch.unparked.append((state.id, counter))
            wrong = _may_not_sign(state.keys, following)
            if wrong is not None:
                batch.refused.append(_refused(following, wrong, f"counter {counter}"))
                return
            if following.prev != state.tip:
                # Signed by the sleeve's key, yet it does not follow what the sleeve told before.
                batch.forks.append(Fork(following, state.tip))
                return
            state.counter = counter
            state.tip = following.hash
            state.heard = True
            if isinstance(following.body, KeyRotated):
                _rotate(state.keys, following.body.key().kid, counter)
            batch.accepted.append(following)

    def _ready(self, fresh: dict[int, Message]) -> dict[int, bytes]:
        """The parked events whose turn comes now: of many that wait, only these are read."""
        run: list[int] = []
        counter = self._state.counter + 1
        while counter in fresh or counter in self._parked:
            if counter in self._parked:
                run.append(counter)
            counter += 1
        return sleeves.load_parked(self._conn, self._state.id, run) if run else {}

    def _give_up(self) -> None:
        """What is missing is lost for certain: say so for good, and go on behind it."""
        batch, state = self._batch, self._state
        if self._first_parked is None:
            return
        raw = sleeves.load_parked(self._conn, state.id, [self._first_parked])[self._first_parked]
        batch.records.append(
            Record(
                kind="gap.closed",
                org_path=state.org_path,
                at=batch.now,
                happened_at=batch.now,
                device=state.id,
                seal=state.sleeve.seal,
                data={"first": state.counter + 1, "last": self._first_parked - 1},
            )
        )
        state.counter = self._first_parked - 1
        # What follows must chain to the event that the sleeve says came before it.
        state.tip = envelope.open_event(raw).prev
        state.gap_since = None
        state.touched = True


def _may_not_sign(keys: dict[bytes, KeySpan], message: Message) -> Reason | None:
    span = keys.get(message.signed.kid)
    if span is None:
        return Reason.UNKNOWN_KEY
    if span.revoked:
        return Reason.REVOKED_DEVICE
    body = message.body
    # A heartbeat stands between two events: that of its last counter, and the one to come.
    last = body.through if isinstance(body, Heartbeat) else message.counter
    first = last + 1 if isinstance(body, Heartbeat) else last
    if first < span.first or (span.last is not None and last > span.last):
        return Reason.UNKNOWN_KEY
    return None


def _rotate(keys: dict[bytes, KeySpan], kid: bytes, counter: int) -> None:
    for name, span in keys.items():
        if span.last is None and name != kid:
            keys[name] = KeySpan(span.first, counter, span.revoked)
    keys.setdefault(kid, KeySpan(counter + 1, None, revoked=False))


def _ranges(counters: Sequence[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for counter in counters:
        if ranges and ranges[-1][1] == counter - 1:
            ranges[-1] = (ranges[-1][0], counter)
        else:
            ranges.append((counter, counter))
    return ranges


def _compare(batch: Batch, conn: Connection) -> None:
    """What came behind its turn: the same event again, another history, or out of a closed gap."""
    if not batch.duplicates:
        return
    keys = {(one.device, one.counter) for one in batch.duplicates}
    bodies = sleeves.load_bodies(conn, sorted(keys))
    lost = [one for one in batch.duplicates if (one.device, one.counter) not in bodies]
    found = _find(batch, conn, lost) if lost else {}
    same: list[Message] = []
    for message in batch.duplicates:
        key = (message.device, message.counter)
        if key in found:
            kept: bytes | None = found[key].raw
        elif key in bodies:
            kept = _evidence(bodies[key])
        else:
            continue  # _find has said what it is
        if message is found.get(key):
            continue
        if kept is not None and kept != message.raw:
            batch.forks.append(Fork(message, envelope.digest(kept)))
            continue
        same.append(message)
        state = batch.sleeves[message.device]
        state.duplicates += 1
        state.touched = True
    batch.duplicates = same


def _evidence(body: bytes | None) -> bytes | None:
    """The signed bytes in a journal body; None when it was erased: nothing to compare with."""
    return cbor2.loads(body).get("evidence") if body is not None else None


def _find(
    batch: Batch, conn: Connection, lost: Sequence[Message]
) -> dict[tuple[str, int], Message]:
    """Events out of a gap that was closed without them: they are recorded all the same, provided
    that they fit what is known on either side."""
    beside = {(one.device, one.counter + step) for one in lost for step in (-1, 1)}
    bodies = sleeves.load_bodies(conn, sorted(beside))
    known: dict[tuple[str, int], tuple[bytes, bytes]] = {}
    for (name, counter), body in bodies.items():
        raw = _evidence(body)
        if raw is not None:
            known[name, counter] = (envelope.open_event(raw).prev, envelope.digest(raw))
    for one in batch.accepted:
        known[one.device, one.counter] = (one.prev, one.hash)
    found: dict[tuple[str, int], Message] = {}
    for message in sorted(lost, key=lambda one: (one.device, one.counter)):
        key = (message.device, message.counter)
        if key in found:
            continue
        state = batch.sleeves[message.device]
        wrong = _may_not_sign(state.keys, message)
        before = known.get((message.device, message.counter - 1))
        after = known.get((message.device, message.counter + 1))
        if wrong is not None:
            batch.refused.append(_refused(message, wrong, f"counter {message.counter}"))
        elif before is not None and message.prev != before[1]:
            batch.forks.append(Fork(message, before[1]))
        elif after is not None and message.hash != after[0]:
            batch.forks.append(Fork(message, after[0]))
        else:
            found[key] = message
            known[key] = (message.prev, message.hash)
            state.heard = True
            batch.found.append(message)
    return found


def _hear(batch: Batch) -> None:
    """Of the heartbeats, only what is new and from a sleeve that may speak counts."""
    for name, message in list(batch.heartbeats.items()):
        state = batch.sleeves.get(name)
        wrong: Reason | None = Reason.REVOKED_DEVICE
        if state is not None and state.status == "active":
            wrong = _may_not_sign(state.keys, message)
            if wrong is None and beat_order(message) > (state.claimed, state.last_heartbeat_time):
                continue
            if wrong is Reason.UNKNOWN_KEY and state.gap_since is not None:
                wrong = None  # the rotation that introduces its key may still be parked
        del batch.heartbeats[name]
        if wrong is not None:
            batch.refused.append(_refused(message, wrong))
