"""What a change in the book of alerts means for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from alerts import messages, recipients
from alerts.book import Change, Entry
from alerts.outbox import Telling
from alerts.policies import Policies
from alerts.rules.finding import Severity
from alerts.wording import Namer

SAID: Final = (Change.RAISED, Change.WORSE)
"""These changes are told; a repetition shows in the list, an end needs nobody at night."""


def of_entries(
    conn: Connection, entries: Sequence[Entry], namer: Namer, policies: Policies, now: int
) -> list[Telling]:
    """Who is told of what the book's entries say."""
    return [_telling(conn, one, namer, policies, now) for one in entries if one.change in SAID]


def _telling(conn: Connection, entry: Entry, namer: Namer, policies: Policies, now: int) -> Telling:
    row = entry.row
    severity = Severity(row["severity"])
    policy = policies.of(row["code"], row["org_path"])
    people = recipients.of_alert(
        conn,
        row["code"],
        severity,
        row["org_path"],
        seal_id=row["seal"],
        at_org=row["data"].get("at_org"),
        assignee=row["data"].get("assignee_id"),
        policy=policy,
        now=now,
    )
    return Telling(
        kind=row["code"],
        dedupe=f"{row['id']}:{severity.value}",
        org_path=row["org_path"],
        people=people,
        fields=namer.alert(row),
        severity=row["severity"],
        breakthrough=policy.at_once,
        channels=policy.channels,
        alert_id=row["id"],
        application_id=row["application"],
        use_id=row["use_id"],
    )


def title(row: Mapping[str, Any], namer: Namer, locale: str = "zh_CN") -> str:
    """An alert's title in words."""
    return messages.render(row["code"], namer.alert(row), locale)[0]
