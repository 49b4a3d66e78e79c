"""What an event brings along besides its meaning, for the commit to write."""

from __future__ import annotations

from typing import Any

from backend.domain import use as domain
from gateway.batch import Batch
from gateway.protocol import messages as wire
from gateway.protocol.envelope import Message


def side_effects(
    batch: Batch, message: Message, use: domain.Use | None, check: domain.Check | None
) -> None:
    """Note what ``message`` brings along: pictures to come, a new key, confirmations, a check."""
    body = message.body
    if isinstance(body, wire.FaceCaptured):
        for frame, shot in enumerate(body.pictures):
            batch.pictures.append(_picture(batch, message, shot, "face", use, frame=frame))
    elif isinstance(body, wire.PageCaptured) and body.picture is not None:
        kind = f"page_{body.stage}"
        batch.pictures.append(_picture(batch, message, body.picture, kind, use, press=body.press))
    elif isinstance(body, wire.KeyRotated):
        batch.new_keys.append(
            {
                "device_id": message.device,
                "alg": body.alg,
                "public": body.public,
                "counter": message.counter,
            }
        )
    elif isinstance(body, wire.GrantStored):
        batch.confirmed.append((message.device, wire.Grant.type, body.grant))
    elif isinstance(body, wire.GrantDropped):
        batch.confirmed.append((message.device, wire.Revoke.type, body.grant))
    elif isinstance(body, wire.LockChanged):
        batch.confirmed.append((message.device, wire.Lock.type, str(body.order)))
    elif isinstance(body, wire.KeysApplied):
        batch.confirmed.append((message.device, wire.Keys.type, str(body.serial)))
    elif isinstance(body, wire.ConfigApplied):
        batch.confirmed.append((message.device, wire.Config.type, str(body.revision)))
    if check is not None:
        batch.jobs.append(
            {
                "kind": check.kind,
                "device_id": message.device,
                "use_id": check.use_id,
                "counter": message.counter,
                "input": _job_input(body),
            }
        )


def _picture(
    batch: Batch,
    message: Message,
    shot: wire.PictureRef,
    kind: str,
    use: domain.Use | None,
    **place: int,
) -> dict[str, Any]:
    return {
        "id": shot.commit.hex(),
        "org_path": batch.sleeves[message.device].org_path,
        "kind": kind,
        "device_id": message.device,
        "use_id": use.id if use is not None else None,
        "person_id": None,
        "counter": message.counter,
        "press": place.get("press"),
        "frame": place.get("frame"),
        "size": shot.size,
        "pieces": shot.pieces,
        "created_at": batch.now,
    }


def _job_input(body: object) -> dict[str, Any]:
    if isinstance(body, wire.FaceCaptured):
        return {
            "pictures": [shot.commit.hex() for shot in body.pictures],
            "attempt": body.attempt,
            "challenge": body.challenge,
            "matched": body.matched,
        }
    if isinstance(body, wire.PinEntered):
        return {
            "witness": body.witness,
            "sealed": body.sealed.hex(),
            "attempt": body.attempt,
            "checked": body.checked,
        }
    return {}
