"""The eyes: looks at papers and imprints beside everything else, never in a record's way.

They read the journal as the alerts do, queue what there is to look at, and write what was seen as
records of their own (``page.checked``, ``imprint.checked``), from which alerts follow. A look that
cannot be taken ends too, as ``impossible`` with its reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row, func, select, update

from backend.domain.eyes import Moment, PageFinding
from backend.domain.record import Record
from backend.services.context import ServiceContext
from backend.services.eyes_memory import Ask, EyesMemory, ReadPage
from backend.store import looks, proposals, turns
from backend.store.journal import from_row
from backend.store.looks import READY, WAITING, NewLook
from backend.store.pictures import PictureStore
from backend.store.tables import device, picture, record, seal_use, use_grant
from backend.store.tables import worker_cursor as cursor
from backend.vision.workers.wire import (
    ImprintSeen,
    PageSeen,
    ReferenceMade,
    Result,
    Unable,
)
from backend.vision.workers.worker import WorkerFailed

log = structlog.get_logger(__name__)

CURSOR: Final = "eyes"
REFERENCE: Final = "reference"
PAGE: Final = "page"
DRAFT: Final = proposals.KIND
IMPRINT: Final = "imprint"
READ_KINDS: Final = frozenset({"application.submitted", "event.page_captured"})
QUEUE_FULL: Final = "queue_full"
UNREAD_MOST: Final = 2_000
"""Records that need no look may stand behind our place in the log, so many at most."""


@dataclass(frozen=True, slots=True)
class EyesSettings:
    """Limits; ms.

    Attributes:
        batch: records read at a time.
        lease_ms: how long a look may take before somebody else takes it again.
        attempts: looks begun; one that never ends (it kills whoever takes it) is given up.
        give_up_ms: how long pictures may be on their way, and a look may be put off.
        most: looks at presses that may stand in the queue; what comes beyond them is put off, and
            its record says so. A press that a sleeve waits for is never put off, nor is a paper.
    """

    batch: int = 200
    lease_ms: int = 150_000
    attempts: int = 2
    give_up_ms: int = 24 * 3_600_000
    most: int = 1_000


@dataclass(slots=True)
class EyesStats:
    """Counts since the start."""

    looks: int = 0
    impossible: int = 0
    put_off: int = 0
    took_ms: int = 0


class Eyes:
    """One step at a time; any number of threads and processes may take steps at once."""

    def __init__(
        self,
        context: ServiceContext,
        pictures: PictureStore,
        settings: EyesSettings | None = None,
        concerned: Callable[[str | None], bool] = lambda _application: True,
    ) -> None:
        """``concerned`` says of an application (None: a press without one) whether its papers and
        presses are looked at."""
        self.settings = settings or EyesSettings()
        self._concerned = concerned
        self.stats = EyesStats()
        self._context = context
        self._memory = EyesMemory(context, pictures)

    # ── what there is to look at ─────────────────────────────────────────────────────────────────

    def read(self) -> int:
        """Queue looks for the next records; how many records were read."""
        with self._context.db.read() as conn:
            # A place in the log is a write of its own: not for records that say nothing to us.
            if not _unread(conn) and _head(conn) - _place(conn) < UNREAD_MOST:
                return 0
        now = self._context.now()
        with self._context.db.write() as conn:
            first = turns.take(conn, CURSOR, now)
            last = min(first + self.settings.batch - 1, _head(conn))
            rows = conn.execute(
                select(record)
                .where(record.c.seq >= first, record.c.seq <= last, record.c.kind.in_(READ_KINDS))
                .order_by(record.c.seq)
            ).all()
            wanted = [
                new
                for row in rows
                if self._concerned(row.application)
                and (new := self._wanted(conn, from_row(row), now))
            ]
            looks.add(conn, wanted)
            conn.execute(
                update(cursor).where(cursor.c.name == CURSOR).values(seq=last + 1, updated_at=now)
            )
        return max(0, last - first + 1)

    def _wanted(self, conn: Connection, one: Record, now: int) -> NewLook | None:
        if one.kind == "application.submitted":
            return NewLook(
                REFERENCE,
                (one.seq,),
                one.org_path,
                READY,
                now,
                application=one.application,
            )
        event = one.data.get("event", {})
        shot = event.get("picture")
        if not isinstance(shot, Mapping) or one.use_id is None:
            return None
        name = bytes(shot["commit"]).hex()
        press = int(event["press"])
        common: dict[str, Any] = {
            "org_path": one.org_path,
            "state": WAITING,
            "at": now,
            "device": one.device,
            "use_id": one.use_id,
            "application": one.application,
            "press": press,
            "counter": one.counter,
        }
        about = (one.use_id, press, one.counter)
        seen_at = {"happened_at": one.happened_at}
        if event["stage"] == "before":
            held = not one.data.get("late") and _waits(conn, one.grant_id)
            given = {"pictures": [name], **seen_at}
            return NewLook(PAGE, about, input=given, held=held, **common)
        before = conn.execute(
            select(picture.c.id)
            .where(
                picture.c.use_id == one.use_id,
                picture.c.kind == "page_before",
                picture.c.press == press,
                picture.c.counter < one.counter,
            )
            .order_by(picture.c.counter.desc())
            .limit(1)
        ).scalar()
        given = {"pictures": [name] if before is None else [before, name], **seen_at}
        return NewLook(IMPRINT, about, input=given, **common)

    def release(self) -> int:
        """Let the looks be taken that wait for nothing any more; how many. Those beyond what the
        queue holds are put off, and those that were put off too long ago are given up."""
        now = self._context.now()
        with self._context.db.read() as conn:
            free = self._free(conn, now)
            queued = looks.queued(conn) if free else 0
            too_late = looks.put_off_before(conn, now - self.settings.give_up_ms)
        if too_late:
            with self._context.db.write() as conn:
                looks.drop(conn, too_late, now)
            log.warning("eyes.never_looked_at", looks=len(too_late))
        if free:
            room = max(0, self.settings.most - queued)
            waited_for = [row for row in free if row.held_since is not None]
            others = [row for row in free if row.held_since is None]
            with self._context.db.write() as conn:
                looks.release(conn, [row.id for row in (*waited_for, *others[:room])])
                self._put_off(conn, others[room:], now)
        return len(free)

    def _put_off(self, conn: Connection, rows: Sequence[Row[Any]], now: int) -> None:
        finding, said = _said(_failed(QUEUE_FULL))
        mine = [
            row for row in rows if looks.put_off(conn, row.id, finding=finding, reason=QUEUE_FULL)
        ]
        if mine:
            records = [self._record(conn, row, finding, said, 0, now) for row in mine]
            for row, kept in zip(mine, self._context.journal.append(conn, records), strict=True):
                looks.told(conn, row.id, kept.seq)
            self.stats.put_off += len(mine)
            log.warning("eyes.queue_full", put_off=len(mine), most=self.settings.most)

    def _free(self, conn: Connection, now: int) -> list[Row[Any]]:
        rows = looks.waiting(conn, self.settings.batch)
        names = [name for row in rows for name in row.input["pictures"]]
        missing = looks.on_their_way(conn, names) if names else set()
        unread = looks.being_read(conn, [row.application_id for row in rows if row.application_id])
        overdue = now - self.settings.give_up_ms
        return [
            row
            for row in rows
            if row.created_at < overdue
            or (missing.isdisjoint(row.input["pictures"]) and row.application_id not in unread)
        ]

    # ── looking ──────────────────────────────────────────────────────────────────────────────────

    def look(self, ask: Ask) -> bool:
        """Take the most urgent look, if there is one; whether there was.

        Raises what the database raises while it is away; the look is then taken again later.
        """
        with self._context.db.write() as conn:
            row = looks.lease(conn, self._context.now(), self.settings.lease_ms)
        if row is None:
            return False
        begun = time.monotonic()
        try:
            if row.attempts >= self.settings.attempts:
                log.error("eyes.gave_up", look=row.id, kind=row.kind, attempts=row.attempts)
                result: list[ReadPage] | Result = _failed("worker_failed")
            elif row.kind == REFERENCE:
                result = self._memory.read_papers(row.application_id, ask)
            elif row.kind == DRAFT:
                result = self._memory.read_draft(row, ask)
            else:
                task = self._memory.task(row)
                result = task if isinstance(task, Unable) else ask(task)
        except WorkerFailed as error:
            log.warning("eyes.look_failed", look=row.id, kind=row.kind, reason=error.reason)
            with self._context.db.write() as conn:
                looks.give_back(conn, row.id)
            return True
        took = round((time.monotonic() - begun) * 1000)
        self._keep(row, result, took)
        self.stats.looks += 1
        self.stats.took_ms += took
        self.stats.impossible += isinstance(result, Unable)
        return True

    def _keep(self, row: Row[Any], result: list[ReadPage] | Result, took: int) -> None:
        now = self._context.now()
        said: dict[str, Any]
        with self._context.db.write() as conn:
            if not looks.lock_open(conn, row.id):
                return  # the lease ran out and somebody else was quicker
            seq = None
            if isinstance(result, list):
                self._memory.remember_pages(conn, row, result, now)
                finding, said = "read", {"pages": len(result)}
            elif row.kind == DRAFT and isinstance(result, ReferenceMade):
                finding, said = "read", {"sheets": proposals.places(result.pages)}
            elif row.kind in (REFERENCE, DRAFT):
                finding, said = _said(result)
            else:
                finding, said = _said(result)
                said |= self._memory.remember(conn, row, result, now)
                entry = self._record(conn, row, finding, said, took, now)
                seq = self._context.journal.append(conn, [entry])[0].seq
            looks.finish(
                conn, row.id, finding=finding, result={**said, "took_ms": took}, seq=seq, now=now
            )

    def _record(
        self,
        conn: Connection,
        row: Row[Any],
        finding: str,
        said: Mapping[str, Any],
        took: int,
        now: int,
    ) -> Record:
        use = conn.execute(select(seal_use).where(seal_use.c.id == row.use_id)).one_or_none()
        seal = conn.execute(
            select(device.c.seal_id).where(device.c.id == row.device_id)
        ).scalar_one_or_none()
        # The words of somebody's contract stay out of the log: places and codes prove enough.
        marks = [{k: v for k, v in mark.items() if k not in _WORDS} for mark in said["marks"]]
        data: dict[str, Any] = {
            "use": row.use_id,
            "press": row.press,
            "finding": finding,
            "marks": marks,
            "reasons": list(said["reasons"]),
            "pictures": list(row.input["pictures"]),
            "took_ms": took,
        }
        if row.kind == PAGE:
            data |= {"moment": Moment.BEFORE.value, "page": said.get("page")}
        else:
            data |= {"seals": [one["seal"] for one in said.get("imprints", ())]}
        return Record(
            kind=f"{row.kind}.checked",
            org_path=row.org_path,
            at=now,
            happened_at=int(row.input["happened_at"]),
            device=row.device_id,
            seal=use.seal_id if use is not None else seal,
            application=row.application_id,
            grant_id=use.grant_id if use is not None else None,
            use_id=row.use_id,
            person=use.operator_id if use is not None else None,
            data=data,
        )

    # ── how it goes ──────────────────────────────────────────────────────────────────────────────

    @property
    def backlog(self) -> looks.Backlog:
        """Looks not yet taken."""
        with self._context.db.read() as conn:
            return looks.backlog(conn, self._context.now())

    @property
    def idle(self) -> bool:
        """Whether every record has been read and no look can be taken (those that wait for
        pictures do not count)."""
        with self._context.db.read() as conn:
            now = self._context.now()
            left = looks.backlog(conn, now)
            return not (_unread(conn) or left.ready or left.put_off or self._free(conn, now))

    @property
    def presses(self) -> set[str]:
        """What becomes of the presses that are still to be looked at, see
        :func:`backend.store.looks.presses_open`; empty when there is none. Papers do not count:
        what is read of them is no record."""
        with self._context.db.read() as conn:
            query = select(record.c.application).where(
                record.c.seq >= _place(conn), record.c.kind == "event.page_captured"
            )
            unread = any(self._concerned(one) for one in conn.execute(query).scalars())
            return looks.presses_open(conn) | ({READY} if unread else set())


_WORDS: Final = frozenset({"approved", "found"})


def _head(conn: Connection) -> int:
    newest = conn.execute(select(func.max(record.c.seq))).scalar()
    return -1 if newest is None else int(newest)


def _place(conn: Connection) -> int:
    """The next record to read."""
    return conn.execute(select(cursor.c.seq).where(cursor.c.name == CURSOR)).scalar() or 0


def _unread(conn: Connection) -> bool:
    """Whether a record from our place on speaks of something to look at."""
    query = select(record.c.seq).where(record.c.seq >= _place(conn), record.c.kind.in_(READ_KINDS))
    return conn.execute(query.limit(1)).first() is not None


def _waits(conn: Connection, grant_id: str | None) -> bool:
    if grant_id is None:
        return False
    policy = conn.execute(select(use_grant.c.policy).where(use_grant.c.id == grant_id)).scalar()
    return bool((policy or {}).get("wait_for_page"))


def _failed(code: str) -> Unable:
    return Unable(code, "图片暂时无法识别，请人工核对", "the picture could not be looked at")


def _said(result: Result) -> tuple[str, dict[str, Any]]:
    """The finding, and everything behind it as plain values."""
    if isinstance(result, PageSeen | ImprintSeen):
        plain = asdict(result.verdict)
        finding = str(plain.pop("finding"))
        plain["marks"] = [{**mark, "box": list(mark["box"])} for mark in plain["marks"]]
        plain["reasons"] = list(plain["reasons"])
        plain["scores"] = {name: round(value, 4) for name, value in plain["scores"].items()}
        return finding, plain
    code = result.code if isinstance(result, Unable) else "unexpected"
    # The same word for pages and imprints.
    return PageFinding.IMPOSSIBLE.value, {"marks": [], "reasons": [code], "scores": {}}
