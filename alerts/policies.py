"""What the notification rules of a place make of an alert: who is told, how loudly, when it goes
up. The rules are data (`backend.services.notice_rules`); where they say nothing, settings hold."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from alerts.rules.finding import Finding, Severity
from alerts.rules.registry import BREAKTHROUGH
from alerts.settings import AlertSettings
from backend.domain.notice_rule import NoticePolicy, NoticeRule, graver, resolve
from backend.domain.organisation import ancestors
from backend.store import notice_rules


class Policies:
    """Those of one transaction, read once for each place."""

    def __init__(self, conn: Connection, settings: AlertSettings) -> None:
        self._conn = conn
        self._settings = settings
        self._said: dict[str, list[dict[str, NoticeRule]]] = {}

    def of(self, code: str, org_path: str) -> NoticePolicy:
        """What holds for an alert of ``code`` at ``org_path``; ``at_once`` also says what the
        program by itself does not hold back."""
        if org_path not in self._said:
            places = ancestors(org_path)
            said = notice_rules.of_paths(self._conn, places)
            self._said[org_path] = [said.get(place, {}) for place in places] or [{}]
        top, *below = self._said[org_path]
        found = resolve(top, below, code, self._settings.escalation)
        return replace(found, at_once=found.at_once or code in BREAKTHROUGH)

    def as_grave(self, finding: Finding) -> Finding:
        """The finding, at least as grave as the rules say."""
        wanted = graver(finding.severity.value, self.of(finding.code, finding.org_path).severity)
        return finding if wanted is None else replace(finding, severity=Severity(wanted))

    def first_step(self, finding: Finding, now: int) -> int | None:
        """When an alert raised ``now`` goes up for the first time (ms UTC), if it ever does."""
        steps = self.of(finding.code, finding.org_path).escalation
        return now + steps[0].after_ms if steps else None
