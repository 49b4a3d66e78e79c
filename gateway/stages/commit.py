"""Stage 5: one transaction holds events, state, records and log leaves; or none of it does."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, insert

from backend.domain.ids import uuid7
from backend.domain.record import Record
from backend.store import sleeves, uploads, uses
from backend.store.journal import Journal
from backend.store.tables import check_job
from gateway.batch import Batch, Fork, RefusedMessage, SleeveState
from gateway.inbox import Inbound
from gateway.protocol import cose, envelope, topics
from gateway.protocol.errors import ProtocolError, Reason
from gateway.protocol.fields import short
from gateway.protocol.messages import Grant, Heartbeat, PiecesHeld, Proceed

KEPT_BYTES: Final = 8192
"""How much of a refused payload is kept for whoever looks into it."""

_MOST: Final = 2**31 - 1
"""What a plain INTEGER column holds; the signed event keeps the number as it was said."""

_SUSPICIOUS: Final = {
    Reason.BAD_SIGNATURE,
    Reason.UNKNOWN_KEY,
    Reason.REVOKED_DEVICE,
    Reason.WRONG_DEVICE,
    Reason.UNKNOWN_DEVICE,
    Reason.FORK,
}
"""Reasons that speak of somebody, not of a bad line: they become records, which rules read."""

_HEARTBEAT_END: Final = f"/up/{topics.HEARTBEAT}"

SignDown = Callable[[str, Any, int], bytes]


class Commit:
    """Writes what the stages before it decided; the log's head is the last lock it takes."""

    def __init__(self, journal: Journal, random: Callable[[int], bytes], sign: SignDown) -> None:
        self._journal = journal
        self._random = random
        self._sign = sign

    def __call__(self, batch: Batch, conn: Connection) -> None:
        """Write the batch in the caller's transaction."""
        now = batch.now
        sleeves.park(conn, [_parked_row(item, now) for item in batch.to_park])
        sleeves.unpark(conn, batch.unparked)
        self._answers(batch, conn)
        uses.update_grants(conn, [batch.grants[key] for key in batch.changed_grants])
        uses.update_applications(conn, batch.applications)
        uses.update_uses(conn, [batch.uses[key] for key in batch.changed_uses])
        sleeves.confirm_downlinks(conn, batch.confirmed, now)
        sleeves.add_keys(
            conn,
            [row | {"kid": cose.key_id(row["public"])} for row in batch.new_keys],
            now,
        )
        touched = [item for item in batch.sleeves.values() if item.touched]
        sleeves.save_sleeves(conn, [_heard_row(item, now) for item in touched if item.heard])
        sleeves.save_sleeves(conn, [_sleeve_row(item) for item in touched if not item.heard])
        sleeves.save_telemetry(conn, _telemetry(batch))
        sleeves.save_online(conn, _online(batch))
        uploads.announce(conn, [uploads.NewPicture(**row) for row in batch.pictures])
        self._pieces(batch, conn)
        self._jobs(batch, conn)
        batch.records += _suspicions(batch, conn)
        committed = self._journal.append(conn, batch.records)
        firsts = batch.first_seqs(committed)
        uses.insert_uses(conn, [(batch.uses[key], firsts[key]) for key in sorted(batch.new_uses)])

    def _answers(self, batch: Batch, conn: Connection) -> None:
        rows = []
        for name, counter, body in batch.answers:
            payload = self._sign(name, body, batch.now)
            rows.append(
                {
                    "device_id": name,
                    "counter": counter,
                    "type": body.type,
                    "payload": payload,
                    "at": batch.now,
                }
            )
            batch.signed_answers.append((name, body.type, payload))
        sleeves.save_answers(conn, rows)
        # An event sent again gets the answer that it got before.
        again = sleeves.load_answers(
            conn, [(item.device, item.counter) for item in batch.duplicates]
        )
        for key, (kind, payload) in again.items():
            if key in batch.overtaken and kind in (Grant.type, Proceed.type):
                instead = batch.overtaken[key]
                if instead is None:
                    continue
                kind, payload = instead.type, self._sign(key[0], instead, batch.now)
            batch.signed_answers.append((key[0], kind, payload))

    def _pieces(self, batch: Batch, conn: Connection) -> None:
        if not batch.pieces:
            return
        states = uploads.add_pieces(
            conn,
            [
                uploads.ArrivedPiece(name, piece.commit.hex(), piece.index, piece.data, batch.now)
                for name, piece in batch.pieces
            ],
        )
        newest = {(piece.commit, name): piece.index for name, piece in batch.pieces}
        for (commit, name), index in newest.items():
            upload = states[commit.hex()]
            if name != upload.device_id:
                continue  # not named by that sleeve (yet): nothing is kept, nothing told
            if upload.full:
                batch.full_pictures.append(commit.hex())
            elif upload.state in (uploads.COMPLETE, uploads.BROKEN, uploads.ERASED):
                batch.held.append((name, _held(commit, upload)))
            elif upload.missing and index > upload.missing[0][0]:
                # A later piece came while an earlier one is missing: say so at once.
                batch.held.append((name, _held(commit, upload)))

    def _jobs(self, batch: Batch, conn: Connection) -> None:
        if not batch.jobs:
            return
        names = {name for row in batch.jobs for name in row["input"].get("pictures", ())}
        # Locked, so that one that is just being completed is seen here, or sees the job there.
        expected = uploads.lock_pictures(conn, names) if names else {}
        rows = []
        for row in batch.jobs:
            owed = [
                picture
                for name in row["input"].get("pictures", ())
                if (picture := expected.get(name)) is not None
                and picture.state == uploads.ANNOUNCED
                # Named by an earlier event: that burst is not this one.
                and (picture.device_id, picture.counter) == (row["device_id"], row["counter"])
            ]
            rows.append(
                row
                | {
                    "id": uuid7(batch.now, self._random(16)),
                    "state": "waiting" if owed else "ready",
                    "result": {},
                    "created_at": batch.now,
                }
            )
        conn.execute(insert(check_job), rows)


def _held(commit: bytes, upload: uploads.Upload) -> PiecesHeld:
    return PiecesHeld(
        commit=commit,
        complete=upload.state == uploads.COMPLETE,
        missing=list(upload.missing),
        failure=upload.failure if upload.state in (uploads.BROKEN, uploads.ERASED) else "",
    )


def _parked_row(message: envelope.Message, now: int) -> dict[str, Any]:
    return {
        "device_id": message.device,
        "counter": message.counter,
        "raw": message.raw,
        "received_at": now,
    }


def _sleeve_row(state: SleeveState) -> dict[str, Any]:
    return {
        "id": state.id,
        "counter": state.counter,
        "tip": state.tip,
        "boot": min(state.boot, _MOST),
        "total": state.sleeve.total,
        "last_event_time": state.last_event_time,
        "gap_since": state.gap_since,
        "duplicates": state.duplicates,
        "open_use": state.sleeve.open_use,
    }


def _heard_row(state: SleeveState, now: int) -> dict[str, Any]:
    # Only what was never seen before is a sign of life: anybody may replay the rest.
    return _sleeve_row(state) | {"last_event_at": now, "last_seen_at": now}


def _telemetry(batch: Batch) -> list[dict[str, Any]]:
    rows = []
    for name, message in batch.heartbeats.items():
        body = message.body
        if not isinstance(body, Heartbeat):
            continue
        position = body.position
        rows.append(
            {
                "id": name,
                "last_seen_at": batch.now,
                "online": True,
                "claimed": body.through,
                "last_heartbeat_time": message.time,
                "battery": body.battery,
                "temperature": body.temperature,
                "firmware": body.firmware,
                "clock_trusted": body.clock_trusted,
                "pending_events": min(body.pending_events, _MOST),
                "flash_free": body.flash_free,
                "lat": position.lat if position else None,
                "lon": position.lon if position else None,
            }
        )
    return rows


def _online(batch: Batch) -> list[dict[str, Any]]:
    rows = []
    for name, said in batch.states.items():
        state = batch.sleeves.get(name)
        # A last will that the broker kept from before the sleeve's newest start says nothing.
        if state is not None and min(said.boot, _MOST) >= state.boot:
            rows.append({"id": name, "online": said.online})
    return rows


def _suspicions(batch: Batch, conn: Connection) -> list[Record]:
    """Refused payloads and forks, kept aside; the new ones among them become records."""
    forks = [(_forked(fork.message), fork) for fork in batch.forks]
    items: list[tuple[RefusedMessage, Fork | None]] = [(item, None) for item in batch.refused]
    items += forks
    if not items:
        return []
    new = sleeves.keep_poison(conn, [_poison_row(item, batch.now) for item, _ in items])
    known = sleeves.org_paths(conn, {item.device for item, _ in items if item.device})
    return [
        _suspicion(batch, item, fork, known)
        for (item, fork), is_new in zip(items, new, strict=True)
        if is_new and item.error.reason in _SUSPICIOUS
    ]


def _forked(message: envelope.Message) -> RefusedMessage:
    inbound = Inbound(topics.up(message.device, message.body.type), message.raw, 0)
    return RefusedMessage(
        inbound, ProtocolError(Reason.FORK, f"counter {message.counter}"), message.device
    )


def _poison_row(item: RefusedMessage, now: int) -> dict[str, Any]:
    payload = item.inbound.payload
    topic = short(item.inbound.topic)
    same = payload
    if topic.endswith(_HEARTBEAT_END):
        # Each is new in bytes and none says more than the first: one row, counted up.
        same = item.error.reason.value.encode()
    return {
        "at": now,
        "topic": topic,
        "device": item.device,
        "reason": item.error.reason.value,
        "detail": short(item.error.detail),
        "size": len(payload),
        "payload": payload[:KEPT_BYTES],
        "digest": hashlib.sha256(same).digest(),
    }


def _suspicion(
    batch: Batch, item: RefusedMessage, fork: Fork | None, known: dict[str, str]
) -> Record:
    payload = item.inbound.payload
    data: dict[str, Any] = {
        "reason": item.error.reason.value,
        "topic": short(item.inbound.topic),
        "digest": hashlib.sha256(payload).digest(),
    }
    if fork is not None:
        kind = "fork.found"
        # Not as evidence: that is what the sleeve's one history consists of.
        data |= {
            "counter": fork.message.counter,
            "kept": fork.kept,
            "other": fork.message.hash,
            "raw": payload,
        }
    elif item.device is not None and item.device in known:
        kind = "poison.kept"
    else:
        kind = "device.unknown"
    return Record(
        kind=kind,
        org_path=known.get(item.device or "", "/"),
        at=batch.now,
        happened_at=batch.now,
        device=item.device,
        data=data,
    )
