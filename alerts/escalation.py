"""What nobody acknowledges goes up: after each delay that holds at its place, to its targets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, func, select, update

from alerts import recipients, telling
from alerts.outbox import Telling
from alerts.policies import Policies
from alerts.rules.finding import Severity
from alerts.settings import AlertSettings
from alerts.wording import Namer
from backend.domain.notice_rule import NoticePolicy
from backend.domain.organisation import ROOT
from backend.store.tables import alert, delivery, inbox_notice

_LOUD: Final = (Severity.MAJOR.value, Severity.CRITICAL.value)
_BATCH: Final = 200


def due(conn: Connection, now: int, *, lock: bool) -> list[Row[Any]]:
    """Alerts whose next step of escalation is to be looked at."""
    query = select(alert).where(_unheard(), alert.c.escalate_at <= now)
    query = query.order_by(alert.c.escalate_at, alert.c.id).limit(_BATCH)
    return list(conn.execute(query.with_for_update(skip_locked=True) if lock else query))


def escalate(conn: Connection, settings: AlertSettings, now: int) -> list[Telling]:
    """Take the next step with each alert that is due; who is to be told. Rules that have changed
    meanwhile may have put it off, or brought it forward."""
    namer = Namer(conn, now)
    policies = Policies(conn, settings)
    said: list[Telling] = []
    for row in due(conn, now, lock=True):
        policy = policies.of(row.code, row.org_path)
        taken = row.escalation
        if taken < len(policy.escalation) and _moment(row, policy, taken) <= now:
            said.append(_telling(conn, row, policy, namer, now))
            taken += 1
        later = _moment(row, policy, taken) if taken < len(policy.escalation) else None
        conn.execute(
            update(alert).where(alert.c.id == row.id).values(escalation=taken, escalate_at=later)
        )
    return said


def moments(conn: Connection) -> Iterator[int]:
    """When the next step comes."""
    query = select(func.min(alert.c.escalate_at)).where(
        _unheard(), alert.c.escalate_at.is_not(None)
    )
    first = conn.execute(query).scalar()
    if first is not None:
        yield int(first)


def _moment(row: Row[Any], policy: NoticePolicy, taken: int) -> int:
    return int(row.raised_at) + policy.escalation[taken].after_ms


def _telling(
    conn: Connection, row: Row[Any], policy: NoticePolicy, namer: Namer, now: int
) -> Telling:
    path = row.data.get("at_org") or row.org_path
    people: list[str] = []
    for target in policy.escalation[row.escalation].targets:
        people += recipients.level(conn, path, target, now)
    if not people:
        people = recipients.admins(conn, path or ROOT, now)
    return Telling(
        kind="escalated",
        dedupe=f"{row.id}:{row.escalation}",
        org_path=row.org_path,
        people=recipients.unique(people),
        fields={
            "village": namer.village(row.org_path) or "",
            "rule": row.code,
            "alert_title": telling.title(row._asdict(), namer),
            "case": row.id[-12:],
            "waited_ms": now - row.raised_at,
            "told": namer.people(_told(conn, row.id)),
            "at": now,
        },
        severity=row.severity,
        breakthrough=policy.at_once,
        channels=policy.channels,
        alert_id=row.id,
        application_id=row.application,
        use_id=row.use_id,
    )


def _unheard() -> Any:
    # One that ended by itself still waits for somebody to look; a suppressed one does not.
    return and_(
        alert.c.acknowledged.is_(False),
        alert.c.stage == "new",
        alert.c.severity.in_(_LOUD),
    )


def _told(conn: Connection, alert_id: str) -> list[str]:
    told = conn.execute(
        select(inbox_notice.c.person_id)
        .where(inbox_notice.c.alert_id == alert_id)
        .order_by(inbox_notice.c.id)
    ).scalars()
    sent = conn.execute(
        select(delivery.c.person_id)
        .where(delivery.c.alert_id == alert_id, delivery.c.person_id.is_not(None))
        .order_by(delivery.c.id)
    ).scalars()
    return recipients.unique([*told, *(one for one in sent if one is not None)])
