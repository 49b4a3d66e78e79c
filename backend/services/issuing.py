"""Makes and ends grants inside the transaction of whoever decided it (promise 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from backend.domain import grant as domain
from backend.domain.application import Application
from backend.domain.application_checks import Facts
from backend.domain.errors import conflict
from backend.domain.grant import Circle
from backend.domain.record import Record
from backend.domain.use import Grant
from backend.services.context import ServiceContext
from backend.services.facts import load_surroundings
from backend.services.wire import pushed_grant
from backend.store import grants, people, permits
from backend.store.tables import device
from gateway.protocol.messages import Grant as WireGrant
from gateway.protocol.messages import Revoke

_TRIES: Final = 3


def issue(
    conn: Connection, context: ServiceContext, application: Application, facts: Facts, now: int
) -> Record:
    """The grant that an approved application yields, for the sleeve that holds the seal now.

    Returns its record, to be journalled after the decision's own. Where the matter allows off-line
    use, a signed copy is queued for the sleeve.

    Raises:
        DomainError: ``seal_without_sleeve``, ``window_over``.
    """
    sleeve = facts.seal.device_id
    if sleeve is None:
        raise conflict("seal_without_sleeve", "该印章尚未装入套筒", "the seal has no sleeve")
    terms = domain.terms_of(
        application,
        facts.matter,
        facts.rules,
        home=home_of(conn, sleeve, facts.seal.org_path),
        permitted=permits.approved_place(conn, application.id),
        now=now,
        random=context.random,
    )
    until = terms.pushed_until
    pushed = context.sign_down is not None and until is not None
    terms.policy["offline"] = pushed
    grant = Grant(
        id=context.new_id(),
        application=application.id,
        org_path=application.org_path,
        device=sleeve,
        seal=application.seal_id,
        operator=terms.operator,
        alternates=terms.alternates,
        stamps=terms.stamps,
        not_before=terms.not_before,
        not_after=terms.not_after,
        title=terms.title,
        state="issued",
        use_id=None,
        place=terms.place,
        policy=terms.policy,
    )
    grants.insert(conn, grant, draw_job(conn, context, sleeve), now)
    if until is not None:
        push_ahead(conn, context, grant, until, now)
    return Record(
        kind="grant.issued",
        org_path=application.org_path,
        at=now,
        happened_at=now,
        device=sleeve,
        seal=application.seal_id,
        application=application.id,
        grant_id=grant.id,
        data={
            "stamps": terms.stamps,
            "not_before": terms.not_before,
            "not_after": terms.not_after,
            "operator": terms.operator,
            "alternates": list(terms.alternates),
            "offline": pushed,
        },
    )


def push_ahead(
    conn: Connection, context: ServiceContext, grant: Grant, until: int, now: int
) -> None:
    """Queue a signed copy for off-line use, good until ``until``; nothing without a grant key. A
    later one takes the place of the one before, also in the sleeve."""
    if context.sign_down is None:
        return
    pin = people.pins(conn, [grant.operator], grant.org_path, now).get(grant.operator)
    copy = pushed_grant(grant, until, pin)
    grants.stop_saying(conn, WireGrant.type, [grant.id], now)
    payload = context.sign_down(copy, device=grant.device, time=now)
    grants.say(conn, grant.device, WireGrant.type, grant.id, payload, now)


def home_of(conn: Connection, sleeve: str, path: str) -> Circle | None:
    """Where the sleeve lives: as commissioned, else where its organisation is."""
    row = conn.execute(
        select(device.c.home_lat, device.c.home_lon, device.c.fence_m).where(device.c.id == sleeve)
    ).one()
    if row.home_lat is not None and row.home_lon is not None:
        return row.home_lat, row.home_lon, row.fence_m or domain.FENCE_M
    position = load_surroundings(conn, path).position
    if position is None:
        return None
    return position[0], position[1], row.fence_m or position[2] or domain.FENCE_M


def revoke(
    conn: Connection,
    context: ServiceContext,
    live: Sequence[Grant],
    reason: str,
    person: str,
    now: int,
) -> list[Record]:
    """End those of ``live`` (locked) that still allow something, and tell the sleeves that may
    hold them. Returns the records."""
    ended = [one for one in live if domain.may_revoke(one)]
    grants.end(conn, [one.id for one in ended], "revoked", now, reason)
    grants.stop_saying(conn, WireGrant.type, [one.id for one in ended], now)
    for one in ended:
        if context.sign_down is not None and domain.must_tell_sleeve(one):
            payload = context.sign_down(Revoke(grant=one.id), device=one.device, time=now)
            grants.say(conn, one.device, Revoke.type, one.id, payload, now)
    return [
        _ended(one, "grant.revoked", now, person, {"reason": reason, "was": one.state})
        for one in ended
    ]


def expire(conn: Connection, overdue: Sequence[Grant], now: int) -> list[Record]:
    """End unused grants (locked) whose time is over; returns the records."""
    ended = [one for one in overdue if domain.may_expire(one, now)]
    grants.end(conn, [one.id for one in ended], "expired", now, None)
    grants.stop_saying(conn, WireGrant.type, [one.id for one in ended], now)
    return [
        _ended(one, "grant.expired", now, None, {"was": one.state, "not_after": one.not_after})
        for one in ended
    ]


def _ended(one: Grant, kind: str, now: int, person: str | None, data: Mapping[str, Any]) -> Record:
    return Record(
        kind=kind,
        org_path=one.org_path,
        at=now,
        happened_at=now,
        device=one.device,
        seal=one.seal,
        application=one.application,
        grant_id=one.id,
        use_id=one.use_id,
        person=person,
        data=data,
    )


def draw_job(conn: Connection, context: ServiceContext, sleeve: str) -> str:
    """A job code that this sleeve never had, as short as can be found.

    Raises:
        DomainError: ``no_job_code``.
    """
    for digits in domain.JOB_DIGITS:
        for _ in range(_TRIES):
            drawn = domain.job_codes(digits, context.random)
            taken = grants.taken_jobs(conn, sleeve, drawn)
            free = [one for one in drawn if one not in taken]
            if free:
                return free[0]
    raise conflict("no_job_code", "任务码已用完，请联系管理员", "no job code is left")
