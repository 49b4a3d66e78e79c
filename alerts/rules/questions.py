"""C35: somebody who was concerned says that a use was not so. Their word opens a case; only its
handling closes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from alerts.rules.context import Context
from alerts.rules.finding import Finding, Severity, found, plain
from backend.domain.record import Record


def _questioned(record: Record, _context: Context) -> Iterator[Finding]:
    reason = record.data.get("reason", "")
    yield found("C35", str(record.use_id), Severity.MAJOR, record, reason=reason)


RULES: Final = (plain("questioned", "C35", ("use.questioned",), _questioned),)
