"""Notification rules as kept: one row for an organisation and an alert's code."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, and_, delete, select, update

from backend.domain.notice_rule import NoticeRule, from_plain, to_plain
from backend.store.scope import in_branches
from backend.store.tables import alert, notice_rule


def of_paths(conn: Connection, paths: Collection[str]) -> dict[str, dict[str, NoticeRule]]:
    """What the organisations at ``paths`` say: path → code → rule."""
    query = select(notice_rule.c.org_path, notice_rule.c.code, notice_rule.c.rule)
    found: dict[str, dict[str, NoticeRule]] = {}
    for row in conn.execute(query.where(notice_rule.c.org_path.in_(list(paths)))):
        found.setdefault(row.org_path, {})[row.code] = from_plain(row.rule)
    return found


def put(
    conn: Connection,
    org_id: str,
    org_path: str,
    code: str,
    rule: NoticeRule,
    *,
    by: str,
    now: int,
) -> None:
    """Keep what an organisation says of ``code``; a rule that says nothing is taken away."""
    here = and_(notice_rule.c.org_id == org_id, notice_rule.c.code == code)
    conn.execute(delete(notice_rule).where(here))
    plain = to_plain(rule)
    if plain:
        row = {"org_id": org_id, "code": code, "org_path": org_path, "rule": plain}
        conn.execute(notice_rule.insert(), row | {"updated_at": now, "updated_by": by})


def look_again(conn: Connection, org_path: str, now: int) -> None:
    """Let the escalation of what nobody has acknowledged below ``org_path`` be worked out anew."""
    conn.execute(
        update(alert)
        .where(
            alert.c.escalate_at.is_not(None),
            alert.c.acknowledged.is_(False),
            in_branches(conn, alert.c.org_path, [org_path]),
        )
        .values(escalate_at=now)
    )
