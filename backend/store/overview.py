"""What is counted on one screen: uses, alerts, sleeves and time limits of a branch, by place.

Nothing here asks who may see it: callers hand in a :class:`Part` of the tree that may be seen
(promise 6). Times are ms UTC. Each place is a range of the index on (org_path, started_at), so
uses of a month are counted without a look at any row; docs/performance.md says what that costs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    case,
    func,
    literal_column,
    or_,
    select,
    true,
)

from backend.domain.application import Status
from backend.domain.organisation import ROOT
from backend.store import sleeve_states
from backend.store.scope import begins_with
from backend.store.tables import (
    alert,
    application,
    application_step,
    device,
    matter,
    organisation,
    seal,
    seal_use,
)

LISTED: Final = 4_000
"""A part of at most this many places is named place by place, which is what the indexes like."""

GRANTED: Final = (
    Status.APPROVED.value,
    Status.IN_USE.value,
    Status.USED.value,
    Status.FINISHED_EARLY.value,
    Status.CLOSED.value,
)
"""Applications that were approved, wherever they stand now."""

MOST: Final = 200
"""Rows of the lists behind figures."""

_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the tree: branches, the places in them, and perhaps one seal only."""

    branches: tuple[str, ...]
    places: tuple[Row[Any], ...]
    seal_id: str | None = None

    def holds(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether ``column`` (a path) lies in it."""
        if ROOT in self.branches:
            return true()
        if len(self.places) <= LISTED:
            return column.in_({one.path for one in self.places} | set(self.branches))
        return or_(*(begins_with(column, branch) for branch in self.branches))

    def has(self, path: ColumnElement[Any], seal_column: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether a row of that place and seal belongs to it."""
        inside = self.holds(path)
        return inside if self.seal_id is None else inside & (seal_column == self.seal_id)


def part(conn: Connection, branches: Collection[str], seal_id: str | None = None) -> Part:
    """The part with these branches; its places (id, path, name, level) in the tree's order."""
    o = organisation.c
    inside = or_(*(begins_with(o.path, branch) for branch in branches))
    query: Select[Any] = select(o.id, o.path, o.name, o.level).where(inside).order_by(o.path)
    places = conn.execute(query).all() if branches else ()
    return Part(tuple(branches), tuple(places), seal_id)


def place(conn: Connection, path: str) -> Row[Any] | None:
    """One organisation by its path."""
    o = organisation.c
    query: Select[Any] = select(o.id, o.path, o.name, o.level).where(o.path == path)
    return conn.execute(query).one_or_none()


def seals(conn: Connection, path: str) -> Sequence[Row[Any]]:
    """Seals in use at exactly this place."""
    s = seal.c
    query: Select[Any] = (
        select(s.id, s.name, s.kind, s.org_path)
        .where(s.org_path == path, s.status != "destroyed")
        .order_by(s.kind, s.id)
    )
    return conn.execute(query).all()


def one_seal(conn: Connection, seal_id: str) -> Row[Any] | None:
    """A seal by its id."""
    s = seal.c
    query: Select[Any] = select(s.id, s.name, s.kind, s.org_path).where(s.id == seal_id)
    return conn.execute(query).one_or_none()


def uses(conn: Connection, within: Part, from_at: int, until_at: int) -> Sequence[Row[Any]]:
    """(org_path, seal_id, uses, stamps) of uses that began in [from_at, until_at)."""
    u = seal_use.c
    query: Select[Any] = (
        select(
            u.org_path,
            u.seal_id,
            func.count().label("uses"),
            func.coalesce(func.sum(u.pressed), 0).label("stamps"),
        )
        .where(within.has(u.org_path, u.seal_id), u.started_at >= from_at, u.started_at < until_at)
        .group_by(u.org_path, u.seal_id)
    )
    return conn.execute(query).all()


def newest_uses(conn: Connection, within: Part) -> Sequence[Row[Any]]:
    """The newest uses, with what they were for."""
    u = seal_use.c
    query: Select[Any] = (
        select(
            u.id,
            u.started_at,
            u.pressed,
            u.granted,
            u.state,
            application.c.title,
        )
        .outerjoin(application, application.c.id == u.application_id)
        .where(within.has(u.org_path, u.seal_id))
        .order_by(u.started_at.desc(), u.id.desc())
        .limit(_SHOWN)
    )
    return conn.execute(query).all()


def open_alerts(conn: Connection, within: Part, now: int, soon_ms: int) -> Sequence[Row[Any]]:
    """(org_path, seal, code, severity, alerts, fresh, over, soon) of alerts not closed. ``fresh``:
    nobody has seen them; ``over``, ``soon``: their deadline has passed, or will within
    ``soon_ms``."""
    a = alert.c
    path = _unindexed(a.org_path).label("org_path")
    query: Select[Any] = (
        select(
            path,
            a.seal,
            a.code,
            a.severity,
            func.count().label("alerts"),
            _count(a.stage == "new").label("fresh"),
            _count(a.due_at < now).label("over"),
            _count((a.due_at >= now) & (a.due_at < now + soon_ms)).label("soon"),
        )
        .where(_found_among_few(within, a.org_path, a.seal), a.closed_at.is_(None))
        .group_by(path, a.seal, a.code, a.severity)
    )
    return conn.execute(query).all()


def sleeves(conn: Connection, within: Part, now: int) -> Sequence[Row[Any]]:
    """(org_path, seal_id, state, sleeves, online) of sleeves in use."""
    d = device.c
    state = sleeve_states.state(now).label("state")
    query: Select[Any] = (
        select(
            d.org_path,
            d.seal_id,
            state,
            func.count().label("sleeves"),
            _count(d.online.is_(True)).label("online"),
        )
        .where(within.has(d.org_path, d.seal_id), d.status == "active")
        .group_by(d.org_path, d.seal_id, state)
    )
    return conn.execute(query).all()


def waiting(conn: Connection, within: Part, now: int, soon_ms: int) -> Sequence[Row[Any]]:
    """(org_path, seal_id, waiting, over, soon) of applications that wait for an approval."""
    a = application.c
    path = _unindexed(a.org_path).label("org_path")
    query: Select[Any] = (
        select(
            path,
            a.seal_id,
            func.count().label("waiting"),
            _count(a.due_at < now).label("over"),
            _count((a.due_at >= now) & (a.due_at < now + soon_ms)).label("soon"),
        )
        .where(_waits(within))
        .group_by(path, a.seal_id)
    )
    return conn.execute(query).all()


def applications(
    conn: Connection, within: Part, which: str, now: int, soon_ms: int, from_at: int
) -> Sequence[Row[Any]]:
    """The applications behind a figure: ``waiting``, ``over``, ``soon`` (the most urgent first), or
    ``approved`` since ``from_at`` (the newest first). At most :data:`MOST`."""
    a = application.c
    at_step = (application_step.c.application_id == a.id) & (application_step.c.position == a.step)
    query: Select[Any] = (
        select(
            a.id,
            a.number,
            a.title,
            a.submitted_at,
            a.decided_at,
            a.due_at,
            organisation.c.name.label("org_name"),
            matter.c.name.label("matter_name"),
            application_step.c.name.label("step_name"),
        )
        .outerjoin(organisation, organisation.c.path == a.org_path)
        .outerjoin(matter, (matter.c.id == a.matter_id) & (matter.c.version == a.matter_version))
        .outerjoin(application_step, at_step)
        .limit(MOST)
    )
    if which == "approved":
        query = query.where(within.has(a.org_path, a.seal_id), _approved_since(from_at))
        return conn.execute(query.order_by(a.decided_at.desc(), a.id)).all()
    query = query.where(_waits(within)).order_by(a.due_at, a.id)
    if which == "over":
        query = query.where(a.due_at < now)
    elif which == "soon":
        query = query.where(a.due_at >= now, a.due_at < now + soon_ms)
    return conn.execute(query).all()


def uses_by_day(
    conn: Connection, within: Part, first: int, days: int, day_ms: int
) -> dict[int, int]:
    """How many uses began on each day: number of the day from ``first`` (a local midnight)."""
    return _by_day(
        conn,
        seal_use.c.started_at,
        within.has(seal_use.c.org_path, seal_use.c.seal_id),
        first,
        days,
        day_ms,
    )


def alerts_by_day(
    conn: Connection, within: Part, first: int, days: int, day_ms: int
) -> dict[int, int]:
    """As :func:`uses_by_day`, of alerts by when they were raised."""
    a = alert.c
    return _by_day(conn, a.raised_at, within.has(a.org_path, a.seal), first, days, day_ms)


def approval_median(conn: Connection, within: Part, from_at: int) -> tuple[int, int | None]:
    """How many applications were approved since ``from_at``, and the median of the time from
    handing in to approval (ms); ``None`` without any."""
    a = application.c
    took = (a.decided_at - a.submitted_at).label("took")
    inside = within.has(a.org_path, a.seal_id) & _approved_since(from_at)
    total = select(func.count()).select_from(application).where(inside)
    count = int(conn.execute(total).scalar_one())
    if not count:
        return 0, None
    middle = select(took).where(inside).order_by(took).offset((count - 1) // 2).limit(1)
    return count, int(conn.execute(middle).scalar_one())


def _waits(within: Part) -> ColumnElement[bool]:
    a = application.c
    # Said as the index of those who wait says it: a value that comes later would not be known to
    # be the same.
    submitted = a.status == literal_column(f"'{Status.SUBMITTED.value}'")
    return _found_among_few(within, a.org_path, a.seal_id) & submitted


def _found_among_few(
    within: Part, path: ColumnElement[Any], seal_column: ColumnElement[Any]
) -> ColumnElement[bool]:
    """As :meth:`Part.has`, but no index of places offers itself for it: another one knows the few
    rows, of all that ever were, of which it is asked."""
    inside = or_(*(begins_with(path, branch) for branch in within.branches))
    return inside if within.seal_id is None else inside & (seal_column == within.seal_id)


def _unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column as a value of its own. SQLite would rather walk a whole table in the order of an
    index on it than sort a few groups, and takes one on a status that nearly all rows have."""
    return func.coalesce(column, "")


def _approved_since(from_at: int) -> ColumnElement[bool]:
    a = application.c
    return a.decided_at.is_not(None) & (a.decided_at >= from_at) & _unindexed(a.status).in_(GRANTED)


def _by_day(
    conn: Connection,
    at: ColumnElement[Any],
    inside: ColumnElement[bool],
    first: int,
    days: int,
    day_ms: int,
) -> dict[int, int]:
    day = ((at - first) // day_ms).label("day")
    query: Select[Any] = (
        select(day, func.count().label("number"))
        .where(inside, at >= first, at < first + days * day_ms)
        .group_by(day)
    )
    return {int(row.day): row.number for row in conn.execute(query)}


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
