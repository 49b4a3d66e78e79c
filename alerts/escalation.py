"""What nobody acknowledges goes up: after each delay of the settings, to its targets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, func, or_, select, update

from alerts import recipients, telling
from alerts.outbox import Telling
from alerts.rules.finding import Severity
from alerts.rules.registry import BREAKTHROUGH
from alerts.settings import AlertSettings
from alerts.wording import Namer
from backend.domain.organisation import ROOT
from backend.store.tables import alert, delivery, inbox_notice

_LOUD: Final = (Severity.MAJOR.value, Severity.CRITICAL.value)
_BATCH: Final = 200


def due(conn: Connection, settings: AlertSettings, now: int, *, lock: bool) -> list[Row[Any]]:
    """Alerts whose next step of escalation has come."""
    steps = [
        and_(alert.c.escalation == number, alert.c.raised_at <= now - step.after_ms)
        for number, step in enumerate(settings.escalation)
    ]
    if not steps:
        return []
    query = select(alert).where(_unheard(), or_(*steps)).order_by(alert.c.id).limit(_BATCH)
    return list(conn.execute(query.with_for_update(skip_locked=True) if lock else query))


def escalate(conn: Connection, settings: AlertSettings, now: int) -> list[Telling]:
    """Take the next step with each alert that is due; who is to be told."""
    namer = Namer(conn, now)
    said: list[Telling] = []
    for row in due(conn, settings, now, lock=True):
        step = settings.escalation[row.escalation]
        conn.execute(
            update(alert).where(alert.c.id == row.id).values(escalation=row.escalation + 1)
        )
        path = row.data.get("at_org") or row.org_path
        people: list[str] = []
        for target in step.targets:
            people += recipients.level(conn, path, target, now)
        if not people:
            people = recipients.admins(conn, path or ROOT, now)
        said.append(
            Telling(
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
                breakthrough=row.code in BREAKTHROUGH,
                alert_id=row.id,
                application_id=row.application,
                use_id=row.use_id,
            )
        )
    return said


def moments(conn: Connection, settings: AlertSettings) -> Iterator[int]:
    """When the next steps come."""
    for number, step in enumerate(settings.escalation):
        query = select(func.min(alert.c.raised_at)).where(_unheard(), alert.c.escalation == number)
        first = conn.execute(query).scalar()
        if first is not None:
            yield int(first) + step.after_ms


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
