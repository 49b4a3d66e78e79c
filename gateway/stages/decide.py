"""Stage 4: what each event means. Pure decisions of backend.domain.use over preloaded rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from backend.domain import use as domain
from backend.domain.copying import copy_with
from backend.domain.record import Record
from backend.store import uses
from gateway.batch import Batch, SleeveState
from gateway.protocol import envelope
from gateway.protocol import messages as wire
from gateway.protocol.envelope import Message
from gateway.protocol.errors import ProtocolError
from gateway.protocol.fields import short
from gateway.stages.effects import side_effects

BACK_MS: Final = 2_000
"""A sleeve's clock may be corrected by this much without being called set back (C20)."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Thresholds of the gateway, in ms; settings of the installation."""

    late_ms: int = 60_000
    ahead_ms: int = 120_000
    eyes: bool = False
    """Whether somebody looks at pages, so that a matter may let its presses wait for that."""


class Decide:
    """Judges the accepted events in order and collects everything that must be committed."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def __call__(self, batch: Batch, conn: Connection) -> None:
        """Fill the batch's records, changed rows and answers."""
        _preload(batch, conn)
        for message in batch.found:
            self._event(batch, batch.sleeves[message.device], message, found=True)
        for message in batch.accepted:
            state = batch.sleeves[message.device]
            self._event(batch, state, message)
            state.boot = max(state.boot, message.boot)
            state.last_event_time = message.time
        for state in batch.sleeves.values():
            _gap(batch, state)
        for message in batch.duplicates:
            _overtake(batch, message)

    def _event(
        self, batch: Batch, state: SleeveState, message: Message, *, found: bool = False
    ) -> None:
        body = message.body
        late = found or batch.now - message.time > self._policy.late_ms
        data: dict[str, Any] = {"event": message.fields, "boot": message.boot}
        if late:
            data["late"] = True
        if found:
            data["found"] = True
        elif clock := self._clock(batch, state, message):
            data["clock"] = clock
        if isinstance(body, wire.UnlockRequest):
            self._unlock(batch, state, message, body, data, found=found)
            return
        use, grant = _concerned(batch, message)
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
                found=found,
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
                copy_with(
                    _record(batch, state, message, finding, use, grant),
                    kind=kind,
                    counter=None,
                    evidence=None,
                )
            )
        side_effects(batch, message, use, judged.check)

    def _unlock(
        self,
        batch: Batch,
        state: SleeveState,
        message: Message,
        body: wire.UnlockRequest,
        data: dict[str, Any],
        *,
        found: bool,
    ) -> None:
        grant = _wanted(batch, message.device, body)
        if found:  # nobody waits for the answer any more, and no seal may move by it
            data["verdict"] = {"refused": "found"}
            batch.records.append(_record(batch, state, message, data, None, grant))
            return
        refused = _refused(batch, state, grant, body)
        answer: wire.Down | None = None
        if refused is None and grant is not None:
            answer = to_wire(
                grant, request=message.counter, nonce=body.nonce, eyes=self._policy.eyes
            )
            if not _sayable(answer):
                refused = domain.refusal("bad_grant")
        if refused is not None or grant is None or answer is None:
            refused = refused or domain.refusal("unknown_grant")
            data["verdict"] = {"refused": refused.code}
            batch.records.append(_record(batch, state, message, data, None, grant))
            answer = _refusal(message, refused)
        else:
            name = domain.use_id(message.device, message.counter)
            use = domain.open_use(
                state.sleeve, grant, message.counter, message.time, batch.now, offline=False
            )
            unlocked = copy_with(grant, state="unlocked", use_id=name)
            batch.grants[grant.id] = unlocked
            batch.changed_grants.add(grant.id)
            _put_use(batch, use)
            data["verdict"] = {"granted": grant.stamps}
            batch.records.append(_record(batch, state, message, data, use, grant))
        batch.answers.append((message.device, message.counter, answer))

    def _clock(self, batch: Batch, state: SleeveState, message: Message) -> dict[str, Any] | None:
        offset = message.time - batch.now
        back = state.last_event_time - message.time
        if back > BACK_MS:
            return {"offset_ms": offset, "back": True, "back_ms": back}
        if offset > self._policy.ahead_ms:
            return {"offset_ms": offset, "back": False}
        return None


def _concerned(batch: Batch, message: Message) -> tuple[domain.Use | None, domain.Grant | None]:
    """The use that an event names, and the grant: its own, else that of the use."""
    number, grant_id = _names(message)
    use = batch.uses.get(domain.use_id(message.device, number)) if number else None
    if grant_id is None and use is not None:
        grant_id = use.grant
    return use, batch.grants.get(grant_id) if grant_id else None


def _names(message: Message) -> tuple[int, str | None]:
    # Of the typed body: what else stands in the fields is unknown, and of any kind.
    body = message.body
    return getattr(body, "use", 0), getattr(body, "grant", None)


def _refused(
    batch: Batch, state: SleeveState, grant: domain.Grant | None, body: wire.UnlockRequest
) -> domain.Refused | None:
    position = (body.position.lat, body.position.lon) if body.position else None
    return domain.unlock(state.sleeve, grant, batch.now, position)


def _refusal(message: Message, refused: domain.Refused) -> wire.Refusal:
    return wire.Refusal(answers=message.counter, reason=refused.code, text=refused.text)


def _sayable(answer: wire.Down) -> bool:
    """Whether the contract can carry it: what a grant holds comes from people."""
    try:
        envelope.convert(envelope.plain(answer), type(answer))
    except ProtocolError:
        return False
    return True


def _overtake(batch: Batch, message: Message) -> None:
    """An event sent again gets its first answer again, unless what happened since forbids it: a
    grant that ended meanwhile must not reach the sleeve after its revocation (promise 1)."""
    body, key = message.body, (message.device, message.counter)
    state = batch.sleeves[message.device]
    if isinstance(body, wire.UnlockRequest):
        grant = _wanted(batch, message.device, body)
        refused = _refused(batch, state, grant, body)
        if refused is None:
            return
        own = grant is not None and grant.use_id == domain.use_id(*key)
        # Its own use has begun: the sleeve has had the answer.
        batch.overtaken[key] = (
            None if own and refused.code == "used" else _refusal(message, refused)
        )
    elif isinstance(body, wire.FaceCaptured | wire.PinEntered | wire.PageCaptured):
        _, grant = _concerned(batch, message)
        code = "locked" if state.sleeve.locked else "revoked"
        if state.sleeve.locked or (grant is not None and grant.state == "revoked"):
            batch.overtaken[key] = _refusal(message, domain.refusal(code))


def to_wire(
    grant: domain.Grant,
    *,
    request: int | None = None,
    nonce: bytes | None = None,
    eyes: bool = False,
) -> wire.Grant:
    """The signed authority as the sleeve gets it; pushed ahead when it answers no request.
    Without ``eyes`` no press waits for a verdict that nobody would give."""
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
        # Nobody judges pages yet: told to wait, a sleeve would refuse every press as not answered.
        wait_for_page=eyes and bool(policy.get("wait_for_page")),
    )


def _preload(batch: Batch, conn: Connection) -> None:
    use_ids: set[str] = set()
    grant_ids: set[str] = set()
    jobs: set[tuple[str, str]] = set()
    for message in (*batch.accepted, *batch.found, *batch.duplicates):
        number, name = _names(message)
        if number:
            use_ids.add(domain.use_id(message.device, number))
        if name:
            grant_ids.add(name)
        if isinstance(message.body, wire.UnlockRequest) and message.body.job:
            jobs.add((message.device, message.body.job))
    if use_ids:
        batch.uses = uses.load_uses(conn, use_ids)
        grant_ids |= {use.grant for use in batch.uses.values() if use.grant}
    if grant_ids or jobs:
        batch.grants, batch.grant_of_job = uses.load_grants(conn, grant_ids, jobs)


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
    if state.gap_since is not None and (state.caught_up or (state.touched and not state.ranges)):
        state.gap_since = None
        batch.records.append(_gap_record(batch, state, "gap.healed", {}))
    if state.ranges and state.gap_since is None:
        state.gap_since = batch.now
        missing = {"first": state.counter + 1, "last": state.ranges[0][0] - 1}
        batch.records.append(_gap_record(batch, state, "gap.opened", missing))


def _gap_record(batch: Batch, state: SleeveState, kind: str, data: Mapping[str, Any]) -> Record:
    return Record(
        kind=kind,
        org_path=state.org_path,
        at=batch.now,
        happened_at=batch.now,
        device=state.id,
        seal=state.sleeve.seal,
        data=data,
    )
