"""Stage 4: what each event means. Pure decisions of backend.domain.use over preloaded rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection

from backend.domain import use as domain
from backend.domain.record import Record
from backend.store import sleeves
from gateway.batch import Batch, SleeveState
from gateway.protocol import messages as wire
from gateway.protocol.envelope import Message
from gateway.protocol.fields import short

BACK_MS: Final = 2_000
"""A sleeve's clock may be corrected by this much without being called set back (C20)."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Thresholds of the gateway, in ms; settings of the installation."""

    late_ms: int = 60_000
    ahead_ms: int = 120_000


class Decide:
    """Judges the accepted events in order and collects everything that must be committed."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def __call__(self, batch: Batch, conn: Connection) -> None:
        """Fill the batch's records, changed rows and answers."""
        _preload(batch, conn)
        for message in batch.accepted:
            state = batch.sleeves[message.device]
            self._event(batch, state, message)
            state.boot = max(state.boot, message.boot)
            state.last_event_time = message.time
        for state in batch.sleeves.values():
            _gap(batch, state)

    def _event(self, batch: Batch, state: SleeveState, message: Message) -> None:
        body = message.body
        late = batch.now - message.time > self._policy.late_ms
        data: dict[str, Any] = {"event": message.fields, "boot": message.boot}
        if late:
            data["late"] = True
        clock = self._clock(batch, state, message)
        if clock:
            data["clock"] = clock
        if isinstance(body, wire.UnlockRequest):
            self._unlock(batch, state, message, body, data)
            return
        use = batch.uses.get(f"{message.device}:{message.fields.get('use', 0)}")
        grant_id = message.fields.get("grant") or (use.grant if use is not None else None)
        grant = batch.grants.get(grant_id) if grant_id else None
        try:
            judged = domain.judge(
                body.type,
                message.fields,
                sleeve=state.sleeve,
                use=use,
                grant=grant,
                counter=message.counter,
                happened_at=message.time,
                now=batch.now,
                late=late,
            )
        except Exception as error:  # nothing that happened may be lost for our own mistake
            judged = domain.Judgement(
                state.sleeve,
                verdict={"undecided": type(error).__name__, "detail": str(error)[:200]},
            )
        state.sleeve = judged.sleeve
        if judged.use is not None:
            _put_use(batch, judged.use)
            use = judged.use
        if judged.grant is not None:
            batch.grants[judged.grant.id] = judged.grant
            batch.changed_grants.add(judged.grant.id)
            grant = judged.grant
        if judged.application_status and grant is not None:
            batch.applications[grant.application] = judged.application_status
        data["verdict"] = dict(judged.verdict or {})
        batch.records.append(_record(batch, state, message, data, use, grant))
        for kind, finding in judged.extra:
            batch.records.append(
                replace(
                    _record(batch, state, message, finding, use, grant),
                    kind=kind,
                    counter=None,
                    evidence=None,
                )
            )
        _side_effects(batch, message, use, judged.check)

    def _unlock(
        self,
        batch: Batch,
        state: SleeveState,
        message: Message,
        body: wire.UnlockRequest,
        data: dict[str, Any],
    ) -> None:
        grant = _wanted(batch, message.device, body)
        position = (body.position.lat, body.position.lon) if body.position else None
        refused = domain.unlock(state.sleeve, grant, batch.now, position)
        if refused is not None or grant is None:
            refused = refused or domain.refusal("unknown_grant")
            data["verdict"] = {"refused": refused.code}
            batch.records.append(_record(batch, state, message, data, None, grant))
            answer: wire.Down = wire.Refusal(
                answers=message.counter, reason=refused.code, text=refused.text
            )
        else:
            name = domain.use_id(message.device, message.counter)
            use = domain.open_use(
                state.sleeve, grant, message.counter, message.time, batch.now, offline=False
            )
            unlocked = replace(grant, state="unlocked", use_id=name)
            batch.grants[grant.id] = unlocked
            batch.changed_grants.add(grant.id)
            _put_use(batch, use)
            data["verdict"] = {"granted": grant.stamps}
            batch.records.append(_record(batch, state, message, data, use, grant))
            answer = to_wire(grant, request=message.counter, nonce=body.nonce)
        batch.answers.append((message.device, message.counter, answer))

    def _clock(self, batch: Batch, state: SleeveState, message: Message) -> dict[str, Any] | None:
        offset = message.time - batch.now
        back = state.last_event_time - message.time
        if back > BACK_MS:
            return {"offset_ms": offset, "back": True, "back_ms": back}
        if offset > self._policy.ahead_ms:
            return {"offset_ms": offset, "back": False}
        return None


def to_wire(
    grant: domain.Grant, *, request: int | None = None, nonce: bytes | None = None
) -> wire.Grant:
    """The signed authority as the sleeve gets it; pushed ahead when it answers no request."""
    policy = grant.policy
    place = None
    if grant.place is not None:
        lat, lon, radius = grant.place
        place = wire.Place(lat=lat, lon=lon, radius=radius)
    return wire.Grant(
        grant=grant.id,
        operator=grant.operator,
        alternates=list(grant.alternates),
        stamps=grant.stamps,
        not_before=grant.not_before,
        not_after=grant.not_after,
        title=short(grant.title),
        request=request,
        nonce=nonce,
        place=place,
        check=policy.get("check", "face"),
        pin_allowed=policy.get("pin_allowed", True),
        challenge=policy.get("challenge", "none"),
        frames=policy.get("frames", 3),
        offline=request is None,
        max_clock_age=policy.get("max_clock_age", 0),
        wait_for_page=policy.get("wait_for_page", False),
    )


def _preload(batch: Batch, conn: Connection) -> None:
    use_ids: set[str] = set()
    grant_ids: set[str] = set()
    jobs: set[tuple[str, str]] = set()
    for message in batch.accepted:
        if number := message.fields.get("use"):
            use_ids.add(f"{message.device}:{number}")
        if name := message.fields.get("grant"):
            grant_ids.add(name)
        if isinstance(message.body, wire.UnlockRequest) and message.body.job:
            jobs.add((message.device, message.body.job))
    if use_ids:
        batch.uses = sleeves.load_uses(conn, use_ids)
        grant_ids |= {use.grant for use in batch.uses.values() if use.grant}
    if grant_ids or jobs:
        batch.grants, batch.grant_of_job = sleeves.load_grants(conn, grant_ids, jobs)


def _wanted(batch: Batch, device: str, body: wire.UnlockRequest) -> domain.Grant | None:
    if body.grant is not None:
        return batch.grants.get(body.grant)
    if body.job is not None:
        return batch.grants.get(batch.grant_of_job.get((device, body.job), ""))
    return None


def _put_use(batch: Batch, use: domain.Use) -> None:
    if use.id not in batch.uses:
        batch.new_uses.add(use.id)
    elif use.id not in batch.new_uses:
        batch.changed_uses.add(use.id)
    batch.uses[use.id] = use


def _record(
    batch: Batch,
    state: SleeveState,
    message: Message,
    data: Mapping[str, Any],
    use: domain.Use | None,
    grant: domain.Grant | None,
) -> Record:
    # A grant of another sleeve is named in the event, but is no reference of this sleeve's record.
    own = grant is not None and grant.device == state.id
    return Record(
        kind=f"event.{message.body.type}",
        org_path=state.org_path,
        at=batch.now,
        happened_at=message.time,
        device=message.device,
        counter=message.counter,
        seal=state.sleeve.seal,
        application=grant.application if own and grant is not None else None,
        grant_id=grant.id if own and grant is not None else None,
        use_id=use.id if use is not None else None,
        person=use.operator if use is not None else None,
        data=data,
        evidence=message.raw,
    )


def _gap(batch: Batch, state: SleeveState) -> None:
    """A hole in the sleeve's counters is recorded when it opens and when it heals."""
    if state.ranges and state.gap_since is None:
        state.gap_since = batch.now
        kind = "gap.opened"
    elif not state.ranges and state.gap_since is not None and state.touched:
        state.gap_since = None
        kind = "gap.healed"
    else:
        return
    last = state.ranges[0][0] - 1 if state.ranges else state.counter
    batch.records.append(
        Record(
            kind=kind,
            org_path=state.org_path,
            at=batch.now,
            happened_at=batch.now,
            device=state.id,
            seal=state.sleeve.seal,
            data={"first": state.counter + 1, "last": last} if state.ranges else {},
        )
    )


def _side_effects(
    batch: Batch, message: Message, use: domain.Use | None, check: domain.Check | None
) -> None:
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
