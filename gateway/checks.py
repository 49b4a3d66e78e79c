"""Checks of the person, beside the ordered pipeline: the burst of faces, or two PINs.

A check takes tens of milliseconds of CPU, so it never runs inside a batch. The event that asks for
it is committed first, as a job; whoever takes the job leases it, so a killed gateway's job is taken
up again by another.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import Connection, Row, or_, select, update

from backend.domain import use as domain
from backend.domain.record import Record
from backend.store import people, sleeves
from backend.store.db import Database
from backend.store.journal import Journal
from backend.store.tables import check_job, picture
from gateway.protocol import pictures, topics
from gateway.protocol.errors import ProtocolError
from gateway.protocol.messages import Down, Proceed, Refusal
from gateway.stages.answer import Publisher

log = structlog.get_logger(__name__)

LEASE_MS: Final = 30_000
MAX_ATTEMPTS: Final = 3
"""Bursts or PINs within one use; then the use ends."""

PIN_GUESSES: Final = 5
PIN_WINDOW_MS: Final = 15 * 60_000
"""Wrong PINs of one operator within this time, on whichever sleeve; then PINs rest."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. ``verdict``: match, doubtful, mismatch, unusable, pin_ok, pin_wrong,
    unchecked. ``who`` is the person it was, when known. ``reasons`` are codes, ``text`` is what the
    sleeve shows when it is no."""

    verdict: str
    score: float | None = None
    who: str | None = None
    reasons: tuple[str, ...] = ()
    text: str = ""


class FaceMatcher(Protocol):
    """Compares a burst with enrolled people."""

    def match(
        self, burst: Sequence[bytes], templates: Mapping[str, Sequence[bytes]], expected: set[str]
    ) -> Finding:
        """``burst``: pictures as the sleeve took them. ``templates``: stored template bytes by
        person. ``expected``: who may stamp; the others only serve to say who it was instead."""
        ...


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
        faces: FaceMatcher,
        read_picture: Callable[[Connection, str], bytes],
        open_template: Callable[[bytes, str], bytes],
        pin_keys: Sequence[X25519PrivateKey],
        sign: Callable[[str, Down, int], bytes],
        publisher: Publisher,
        now: Callable[[], int],
    ) -> None:
        self._db = db
        self._journal = journal
        self._faces = faces
        self._read_picture = read_picture
        self._open_template = open_template
        self._pin_keys = pin_keys
        self._sign = sign
        self._publisher = publisher
        self._now = now
        self.stats = CheckStats()

    def tick(self) -> bool:
        """Do one waiting job, if any; whether there was one."""
        job = self._lease()
        if job is None:
            return False
        try:
            finding = self._face(job) if job.kind == "face" else self._pin(job)
        except Exception as error:  # a hostile picture or a missing model must not stop the line
            log.error("check.failed", job=job.id, exc_info=error)
            self.stats.failed += 1
            finding = Finding(
                "unusable", reasons=("internal",), text="核验暂时无法完成，请重试或改用密码加见证人"
            )
        self._finish(job, finding)
        return True

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
        waiting = conn.execute(select(check_job).where(check_job.c.state == "waiting")).all()
        for job in waiting:
            names = job.input["pictures"]
            if wanted.isdisjoint(names):
                continue
            open_ = conn.execute(
                select(picture.c.id).where(picture.c.id.in_(names), picture.c.state == "announced")
            ).first()
            if open_ is None:
                conn.execute(
                    update(check_job).where(check_job.c.id == job.id).values(state="ready")
                )

    def _lease(self) -> Row[Any] | None:
        now = self._now()
        with self._db.read() as conn:
            # A cheap look first, so that idling takes no write lock.
            ready = select(check_job.c.id).where(check_job.c.state == "ready").limit(1)
            if conn.execute(ready).first() is None:
                return None
        with self._db.write() as conn:
            job = conn.execute(
                select(check_job)
                .where(
                    check_job.c.state == "ready",
                    or_(check_job.c.lease_until.is_(None), check_job.c.lease_until < now),
                )
                .order_by(check_job.c.created_at)
                .limit(1)
                .with_for_update(skip_locked=True)
            ).first()
            if job is not None:
                conn.execute(
                    update(check_job)
                    .where(check_job.c.id == job.id)
                    .values(lease_until=now + LEASE_MS, attempts=check_job.c.attempts + 1)
                )
            return job

    def _face(self, job: Row[Any]) -> Finding:
        with self._db.read() as conn:
            use = sleeves.load_uses(conn, [job.use_id]).get(job.use_id)
            if use is None or use.operator is None:
                return Finding("unchecked", reasons=("no_use",), text="没有对应的用印授权")
            expected = self._expected(conn, use)
            stored = people.templates_near(conn, use.org_path, expected)
            burst = [
                self._read_picture(conn, row.id)
                for row in conn.execute(
                    select(picture.c.id, picture.c.frame)
                    .where(picture.c.id.in_(job.input["pictures"]), picture.c.state == "complete")
                    .order_by(picture.c.frame)
                )
            ]
        if not burst:
            return Finding("unusable", reasons=("no_picture",), text="没有收到人脸照片，请重拍")
        templates = {
            person: [self._open_template(sealed, context) for sealed, context in sealed_ones]
            for person, sealed_ones in stored.items()
        }
        if not any(templates.get(person) for person in expected):
            return Finding(
                "unchecked",
                reasons=("not_enrolled",),
                text="用章人尚未登记人脸，请改用密码加见证人",
            )
        return self._faces.match(burst, templates, expected)

    def _expected(self, conn: Connection, use: domain.Use) -> set[str]:
        expected = {use.operator} if use.operator else set()
        if use.grant:
            grants, _ = sleeves.load_grants(conn, [use.grant], [])
            expected |= set(grants[use.grant].alternates) if use.grant in grants else set()
        return expected

    def _pin(self, job: Row[Any]) -> Finding:
        with self._db.read() as conn:
            use = sleeves.load_uses(conn, [job.use_id]).get(job.use_id)
            if use is None or use.operator is None:
                return Finding("unchecked", reasons=("no_use",), text="没有对应的用印授权")
            witness = str(job.input["witness"])
            if witness == use.operator:
                return Finding("pin_wrong", reasons=("same_person",), text="见证人不能是用章人本人")
            guesses = self._wrong_pins(conn, use)
            known = people.pins(conn, [use.operator, witness], use.org_path, self._now())
        if guesses >= PIN_GUESSES:
            return Finding("pin_wrong", reasons=("locked",), text="密码错误次数过多，请稍后再试")
        opened = self._open_pins(job, use)
        if opened is None:
            return Finding("pin_wrong", reasons=("unreadable",), text="密码无法读取，请重新输入")
        for person, pin in zip((use.operator, witness), opened, strict=True):
            check = known.get(person)
            if check is None:
                return Finding("pin_wrong", reasons=("no_pin",), text="用章人或见证人尚未设置密码")
            if not hmac.compare_digest(people.pin_digest(pin, check), check.digest):
                return Finding("pin_wrong", reasons=("wrong",), text="密码不正确，请重新输入")
        return Finding("pin_ok", who=use.operator)

    def _wrong_pins(self, conn: Connection, use: domain.Use) -> int:
        recent = conn.execute(
            select(check_job.c.result).where(
                check_job.c.kind == "pin",
                check_job.c.state == "done",
                check_job.c.done_at > self._now() - PIN_WINDOW_MS,
            )
        )
        return sum(
            1
            for (result,) in recent
            if result.get("verdict") == "pin_wrong" and result.get("operator") == use.operator
        )

    def _open_pins(self, job: Row[Any], use: domain.Use) -> tuple[str, str] | None:
        number = int(use.id.rsplit(":", 1)[1])
        for secret in self._pin_keys:
            try:
                return pictures.open_pins(
                    bytes.fromhex(job.input["sealed"]),
                    device=use.device,
                    use=number,
                    secret=secret,
                )
            except ProtocolError:
                continue
        return None

    def _finish(self, job: Row[Any], finding: Finding) -> None:
        now = self._now()
        with self._db.write() as conn:
            rows = sleeves.lock_sleeves(conn, [job.device_id])
            use = sleeves.load_uses(conn, [job.use_id]).get(job.use_id)
            state = conn.execute(
                select(check_job.c.state).where(check_job.c.id == job.id)
            ).scalar_one()
            if state == "done":
                return  # the lease ran out and somebody else was quicker
            attempt = int(job.input.get("attempt", 1))
            result = {
                "kind": job.kind,
                "verdict": finding.verdict,
                "score": finding.score,
                "who": finding.who,
                "attempt": attempt,
                "reasons": list(finding.reasons),
                "operator": use.operator if use is not None else None,
            }
            answer: tuple[str, bytes] | None = None
            if use is not None:
                changed = domain.checked(use, finding.verdict, score=finding.score, who=finding.who)
                sleeves.update_uses(conn, [changed])
                answer = self._answer(job, changed, finding, attempt, now)
                sleeves.save_answers(
                    conn,
                    [
                        {
                            "device_id": job.device_id,
                            "counter": job.counter,
                            "type": answer[0],
                            "payload": answer[1],
                            "at": now,
                        }
                    ],
                )
            conn.execute(
                update(check_job)
                .where(check_job.c.id == job.id)
                .values(state="done", result=result, done_at=now)
            )
            self._journal.append(conn, [self._record(job, rows[job.device_id], use, result, now)])
        if answer is not None:
            self._publisher.publish(topics.down(job.device_id, answer[0]), answer[1])
        self.stats.done += 1
        self.stats.by_verdict[finding.verdict] = self.stats.by_verdict.get(finding.verdict, 0) + 1

    def _answer(
        self, job: Row[Any], use: domain.Use, finding: Finding, attempt: int, now: int
    ) -> tuple[str, bytes]:
        body: Down
        if use.cleared:
            number = int(use.id.rsplit(":", 1)[1])
            body = Proceed(answers=job.counter, use=number)
        else:
            body = Refusal(
                answers=job.counter,
                reason=finding.reasons[0] if finding.reasons else finding.verdict,
                text=finding.text,
                retry=attempt < MAX_ATTEMPTS,
            )
        return body.type, self._sign(job.device_id, body, now)

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
