"""A second pair of eyes: what people say of a machine's verdict, and what that says of the machine.

Each opinion is a record, and labelled data: from it comes the false-alarm rate of this place, with
its paper, its light and its people, which no test bench knows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, case, func, select

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError, missing
from backend.domain.eyes import ImprintFinding, PageFinding
from backend.domain.rates import wilson
from backend.services.context import ServiceContext
from backend.services.recording import write_down
from backend.store.journal import from_row
from backend.store.scope import in_branches
from backend.store.tables import record, second_opinion

KINDS: Final = {"page.checked": "page", "imprint.checked": "imprint", "check.done": "face"}
"""Records that hold a verdict, and whose it is."""

ALARMING: Final = {
    "page": frozenset(
        {
            PageFinding.ALTERED,
            PageFinding.ANOTHER,
            PageFinding.EXTRA,
            PageFinding.BLANK,
            PageFinding.REUSED,
        }
    ),
    "imprint": frozenset(
        {
            ImprintFinding.NONE,
            ImprintFinding.SEVERAL,
            ImprintFinding.OTHER_SEAL,
            ImprintFinding.UNKNOWN_SEAL,
            ImprintFinding.MISPLACED,
            ImprintFinding.PAGE_CHANGED,
        }
    ),
    "face": frozenset({"mismatch"}),
}
"""Findings from which an alert follows, by kind: a wrong one is a false alarm."""

CLEARING: Final = {
    "page": frozenset({PageFinding.SAME}),
    "imprint": frozenset({ImprintFinding.RIGHT}),
    "face": frozenset({"match"}),
}
"""Findings that say that all is well: a wrong one was missed."""

REVIEWERS: Final = (Role.SUPERVISOR, Role.APPROVER)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What somebody said of the verdict in record ``seq``."""

    seq: int
    kind: str
    finding: str
    agrees: bool
    reason: str
    person_id: str
    at: int


@dataclass(frozen=True, slots=True)
class Rate:
    """How often people disagreed with one finding; ``low`` and ``high`` bound it with 95 %
    confidence (Wilson's interval)."""

    kind: str
    finding: str
    reviewed: int
    wrong: int
    low: float
    high: float


class SecondOpinionService:
    """Takes opinions and counts them."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def give(self, actor: Actor, seq: int, *, agrees: bool, reason: str) -> Opinion:
        """Confirm a verdict or override it. A later opinion takes the place of an earlier one; the
        journal keeps both.

        Raises:
            DomainError: ``not_found``, ``denied``, ``reason_needed`` (an override says why).
        """
        reason = reason.strip()[:200]
        if not agrees and len(reason) < 2:
            raise DomainError(
                "reason_needed", "请写明为什么不同意", "say why the verdict is not right"
            )
        now = self._context.now()
        with self._context.db.write() as conn:
            row = conn.execute(
                select(record).where(record.c.seq == seq, record.c.kind.in_(KINDS))
            ).one_or_none()
            if row is None or not actor.may_any(tuple(Role), row.org_path):
                raise missing("该核对结果", "verdict")
            actor.must_any(REVIEWERS, row.org_path)
            said = Opinion(
                seq, KINDS[row.kind], _finding(row), agrees, reason, actor.person_id, now
            )
            self._keep(conn, row, said)
            data = {"subject": seq, "agrees": agrees, "reason": reason, "finding": said.finding}
            write_down(
                self._context,
                conn,
                actor,
                "eyes.reviewed",
                row.org_path,
                data,
                device=row.device,
                seal=row.seal,
            )
        return said

    @staticmethod
    def of(conn: Connection, seqs: Collection[int]) -> dict[int, Opinion]:
        """The opinions on these verdicts, by the verdict's record."""
        rows = conn.execute(_OPINIONS.where(second_opinion.c.seq.in_(list(seqs))))
        return {row.seq: Opinion(*row) for row in rows}

    def report(self, actor: Actor, since: int = 0) -> list[Rate]:
        """How often each finding was right, in the actor's branches, since ``since`` (ms UTC)."""
        with self._context.db.read() as conn:
            return rates(
                conn, since, in_branches(conn, second_opinion.c.org_path, actor.branches())
            )

    def _keep(self, conn: Connection, row: Row[Any], said: Opinion) -> None:
        conn.execute(second_opinion.delete().where(second_opinion.c.seq == said.seq))
        conn.execute(
            second_opinion.insert(),
            {
                "seq": said.seq,
                "org_path": row.org_path,
                "kind": said.kind,
                "finding": said.finding,
                "agrees": said.agrees,
                "reason": said.reason,
                "person_id": said.person_id,
                "at": said.at,
            },
        )


def rates(conn: Connection, since: int, where: ColumnElement[bool]) -> list[Rate]:
    """How often each finding was right, of the opinions given since ``since`` (ms UTC)."""
    wrong = func.sum(case((second_opinion.c.agrees.is_(False), 1), else_=0))
    rows = conn.execute(
        select(second_opinion.c.kind, second_opinion.c.finding, func.count(), wrong)
        .where(second_opinion.c.at >= since, where)
        .group_by(second_opinion.c.kind, second_opinion.c.finding)
        .order_by(second_opinion.c.kind, second_opinion.c.finding)
    ).all()
    return [_rate(kind, finding, count, int(bad or 0)) for kind, finding, count, bad in rows]


def together(found: Iterable[Rate], which: Mapping[str, Collection[str]], name: str) -> list[Rate]:
    """The findings in ``which``, added up by kind: ``name`` stands for them. With
    :data:`ALARMING`, how often an alarm was none; with :data:`CLEARING`, how often something was
    missed. A kind of which nobody said anything is left out."""
    sums: dict[str, tuple[int, int]] = {}
    for one in found:
        if one.finding in which.get(one.kind, ()):
            reviewed, wrong = sums.get(one.kind, (0, 0))
            sums[one.kind] = reviewed + one.reviewed, wrong + one.wrong
    return [_rate(kind, name, *counts) for kind, counts in sums.items()]


def _rate(kind: str, finding: str, reviewed: int, wrong: int) -> Rate:
    return Rate(kind, finding, reviewed, wrong, *wilson(wrong, reviewed))


def _finding(row: Row[Any]) -> str:
    data = from_row(row).data
    return str(data.get("finding") or data.get("verdict") or "")


_OPINIONS: Final = select(
    second_opinion.c.seq,
    second_opinion.c.kind,
    second_opinion.c.finding,
    second_opinion.c.agrees,
    second_opinion.c.reason,
    second_opinion.c.person_id,
    second_opinion.c.at,
)
