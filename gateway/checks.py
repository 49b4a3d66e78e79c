"""Checks of the person, beside the ordered pipeline: the burst of faces, or two PINs.

A check takes tens of milliseconds of CPU, so it never runs inside a batch. The event that asks for
it is committed first, as a job; whoever takes the job leases it, so a killed gateway's job is taken
up again by another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row, and_, or_, select, update

from backend.domain import use as domain
from backend.domain.record import Record
from backend.store import sleeves, uses
from backend.store.db import Database, is_passing
from backend.store.journal import Journal
from backend.store.tables import check_job, picture
from gateway.identify import Asked, FaceMatcher, Finding, Identify, burst_of
from gateway.protocol import topics
from gateway.protocol.fields import short
from gateway.protocol.messages import Down, Proceed, Refusal
from gateway.stages.answer import Publisher

__all__ = ["Asked", "CheckStats", "Checks", "FaceMatcher", "Finding"]

log = structlog.get_logger(__name__)

LEASE_MS: Final = 30_000
MAX_ATTEMPTS: Final = 3
"""Bursts or PINs within one use; then the use ends."""

MAX_LEASES: Final = 3
"""Times that a check is begun; one that never ends (it kills whoever takes it) is given up."""


@dataclass(slots=True)
class CheckStats:
    """Counts since the start."""

    done: int = 0
    failed: int = 0
    by_verdict: dict[str, int] = field(default_factory=dict)


class Checks:
    """Takes jobs, checks, records, answers. One call of :meth:`tick` does one job."""

    def __init__(
        self,
        *,
        db: Database,
        journal: Journal,
        identify: Identify,
        sign: Callable[[str, Down, int], bytes],
        publisher: Publisher,
        now: Callable[[], int],
        give_up_ms: int = 24 * 3_600_000,
    ) -> None:
        self._db = db
        self._journal = journal
        self._identify = identify
        self._sign = sign
        self._publisher = publisher
        self._now = now
        self._give_up_ms = give_up_ms
        self._job: Row[Any] | None = None
        self._finding: Finding | None = None
        self.stats = CheckStats()

    def tick(self) -> bool:
        """Do one waiting job, if any; whether there was one.

        Raises what the database raises while it is away; the job is then done at a later call.
        """
        if self._job is None:
            self._job, self._finding = self._lease(), None
        if self._job is None:
            return False
        if self._finding is None:
            self._finding = self._look(self._job)
        self._finish(self._job, self._finding)
        self._job = None
        return True

    def _look(self, job: Row[Any]) -> Finding:
        try:
            if job.attempts >= MAX_LEASES:
                raise RuntimeError(f"the check was begun {job.attempts} times and never ended")
            return self._identify.face(job) if job.kind == "face" else self._identify.pin(job)
        except Exception as error:  # a hostile picture or a missing model must not stop the line
            if is_passing(error):
                raise
            log.error("check.failed", job=job.id, exc_info=error)
            self.stats.failed += 1
            return Finding(
                "unusable", reasons=("internal",), text="核验暂时无法完成，请重试或改用密码加见证人"
            )

    @property
    def idle(self) -> bool:
        """Whether no check is ready or running (those that wait for pictures do not count)."""
        with self._db.read() as conn:
            found = conn.execute(
                select(check_job.c.id).where(check_job.c.state == "ready").limit(1)
            )
            return found.first() is None

    def release(self, conn: Connection, picture_ids: Sequence[str]) -> None:
        """These pictures were stored or given up: jobs that have all of theirs become ready."""
        wanted = set(picture_ids)
        owners = select(picture.c.device_id).where(picture.c.id.in_(wanted))
        waiting = conn.execute(
            select(check_job).where(
                check_job.c.state == "waiting", check_job.c.device_id.in_(owners)
            )
        ).all()
        for job in waiting:
            if wanted.isdisjoint(job.input["pictures"]):
                continue
            open_ = conn.execute(burst_of(job, "announced").limit(1)).first()
            if open_ is None:
                conn.execute(
                    update(check_job).where(check_job.c.id == job.id).values(state="ready")
                )

    def _lease(self) -> Row[Any] | None:
        now = self._now()
        due = or_(
            and_(
                check_job.c.state == "ready",
                or_(check_job.c.lease_until.is_(None), check_job.c.lease_until < now),
            ),
            # Its pictures never came; that, too, is a finding.
            and_(check_job.c.state == "waiting", check_job.c.created_at < now - self._give_up_ms),
        )
        with self._db.read() as conn:
            # A cheap look first, so that idling takes no write lock.
            if conn.execute(select(check_job.c.id).where(due).limit(1)).first() is None:
                return None
        with self._db.write() as conn:
            job = conn.execute(
                select(check_job)
                .where(due)
                .order_by(check_job.c.created_at, check_job.c.counter)
                .limit(1)
                .with_for_update(skip_locked=True)
            ).first()
            if job is not None:
                conn.execute(
                    update(check_job)
                    .where(check_job.c.id == job.id)
                    .values(
                        state="ready",
                        lease_until=now + LEASE_MS,
                        attempts=check_job.c.attempts + 1,
                    )
                )
            return job

    def _finish(self, job: Row[Any], finding: Finding) -> None:
        now = self._now()
        with self._db.write() as conn:
            sleeve = sleeves.lock_sleeves(conn, [job.device_id])[job.device_id]
            use = uses.load_uses(conn, [job.use_id]).get(job.use_id)
            state = conn.execute(
                select(check_job.c.state).where(check_job.c.id == job.id)
            ).scalar_one()
            if state == "done":
                return  # the lease ran out and somebody else was quicker
            result = {
                "kind": job.kind,
                "verdict": finding.verdict,
                "score": finding.score,
                "who": finding.who,
                "attempt": int(job.input.get("attempt", 1)),
                "reasons": list(finding.reasons),
                "operator": use.operator if use is not None else None,
                "turn": finding.turn,
                "enrol_again": finding.enrol_again,
            }
            answer = None
            if use is not None:
                answer = self._keep(conn, job, sleeve, use, finding)
            conn.execute(
                update(check_job)
                .where(check_job.c.id == job.id)
                .values(
                    state="done",
                    # Prints stay with the job: they are about a face, and prove nothing.
                    result={**result, "prints": [one.plain() for one in finding.prints]},
                    done_at=now,
                )
            )
            self._journal.append(conn, [self._record(job, sleeve, use, result, now)])
        if answer is not None:
            self._publisher.publish(topics.down(job.device_id, answer[0]), answer[1])
        self.stats.done += 1
        self.stats.by_verdict[finding.verdict] = self.stats.by_verdict.get(finding.verdict, 0) + 1

    def _keep(
        self,
        conn: Connection,
        job: Row[Any],
        sleeve: Row[Any],
        use: domain.Use,
        finding: Finding,
    ) -> tuple[str, bytes] | None:
        """Let the use know; the answer for the sleeve, if somebody still waits for one."""
        newer = (
            select(check_job.c.id)
            .where(
                check_job.c.use_id == use.id,
                check_job.c.counter > job.counter,
                check_job.c.state == "done",
            )
            .limit(1)
        )
        if conn.execute(newer).first() is None:  # else: two gateways, and this attempt was slower
            use = domain.checked(use, finding.verdict, score=finding.score, who=finding.who)
            uses.update_uses(conn, [use])
        if not use.open:
            return None
        body = self._answer(conn, job, sleeve, use, finding)
        payload = self._sign(job.device_id, body, self._now())
        sleeves.save_answers(
            conn,
            [
                {
                    "device_id": job.device_id,
                    "counter": job.counter,
                    "type": body.type,
                    "payload": payload,
                    "at": self._now(),
                }
            ],
        )
        return body.type, payload

    def _answer(
        self,
        conn: Connection,
        job: Row[Any],
        sleeve: Row[Any],
        use: domain.Use,
        finding: Finding,
    ) -> Down:
        ended = self._ended(conn, sleeve, use)
        if ended is not None:
            return Refusal(answers=job.counter, reason=ended.code, text=ended.text)
        if use.cleared and finding.verdict in ("match", "pin_ok"):
            return Proceed(answers=job.counter, use=int(use.id.rsplit(":", 1)[1]))
        return Refusal(
            answers=job.counter,
            reason=finding.reasons[0] if finding.reasons else finding.verdict,
            text=short(finding.text),
            retry=int(job.input.get("attempt", 1)) < MAX_ATTEMPTS,
        )

    def _ended(self, conn: Connection, sleeve: Row[Any], use: domain.Use) -> domain.Refused | None:
        """Why the right person may not go on either: the check took a while, and meanwhile …"""
        if sleeve.locked:
            return domain.refusal("locked")
        if use.grant is None:
            return None
        grants, _ = uses.load_grants(conn, [use.grant])
        grant = grants.get(use.grant)
        if grant is None:
            return domain.refusal("unknown_grant")
        code = domain.grant_code(grant, use.device, self._now())
        return domain.refusal(code) if code in ("revoked", "expired") else None

    def _record(
        self,
        job: Row[Any],
        device_row: Row[Any],
        use: domain.Use | None,
        result: Mapping[str, Any],
        now: int,
    ) -> Record:
        return Record(
            kind="check.done",
            org_path=device_row.org_path,
            at=now,
            happened_at=use.last_event_at if use is not None else now,
            device=job.device_id,
            seal=device_row.seal_id,
            application=use.application if use is not None else None,
            grant_id=use.grant if use is not None else None,
            use_id=job.use_id,
            person=use.operator if use is not None else None,
            data={
                **result,
                "counter": job.counter,
                "offline": use.offline if use is not None else False,
                "finished": use is not None and not use.open,
            },
        )
