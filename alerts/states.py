"""What rules remember between records, in table ``rule_state``: read when asked for, written once
at the end of a batch, in its transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, delete, select, update

from alerts.rules.finding import State
from backend.store.dialect import insert_or_ignore
from backend.store.tables import rule_state

_LONGEST: Final = 64


def subject_key(subject: str) -> str:
    """The subject as the column takes it; one that is too long by its digest."""
    if len(subject) <= _LONGEST:
        return subject
    return hashlib.sha256(subject.encode()).hexdigest()


class RuleStates:
    """States of one batch."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._known: dict[tuple[str, str], State] = {}
        self._stored: set[tuple[str, str]] = set()
        self._changed: set[tuple[str, str]] = set()
        self._whole: set[str] = set()

    def preload(self, name: str) -> None:
        """Read all of one rule at once."""
        query = select(rule_state.c.subject, rule_state.c.value).where(rule_state.c.name == name)
        for row in self._conn.execute(query):
            self._known[name, row.subject] = row.value
            self._stored.add((name, row.subject))
        self._whole.add(name)

    def load(self, name: str, subject: str) -> State:
        """What rule ``name`` remembers of ``subject``; empty when nothing."""
        key = (name, subject_key(subject))
        if key not in self._known:
            if name in self._whole:
                return {}
            value = self._conn.execute(
                select(rule_state.c.value).where(
                    rule_state.c.name == key[0], rule_state.c.subject == key[1]
                )
            ).scalar()
            if value is not None:
                self._stored.add(key)
            self._known[key] = value or {}
        return self._known[key]

    def save(self, name: str, subject: str, state: State) -> None:
        """Remember; an empty state is forgotten."""
        key = (name, subject_key(subject))
        if self._known.get(key, {}) != state:
            self._known[key] = dict(state)
            self._changed.add(key)

    def keep_only(self, name: str, subjects: Collection[str]) -> None:
        """Forget what rule ``name``, read by :meth:`preload`, remembers of all others."""
        kept = {subject_key(one) for one in subjects}
        for rule_name, subject in list(self._known):
            if rule_name == name and subject not in kept:
                self.save(name, subject, {})

    @property
    def changed(self) -> bool:
        """Whether there is something to write."""
        return bool(self._changed)

    def flush(self, now: int) -> None:
        """Write what changed."""
        for key in sorted(self._changed):
            name, subject = key
            here = (rule_state.c.name == name, rule_state.c.subject == subject)
            value = self._known[key]
            if not value:
                self._conn.execute(delete(rule_state).where(*here))
                self._stored.discard(key)
                continue
            row = {"value": dict(value), "updated_at": now}
            if key not in self._stored:
                self._conn.execute(
                    insert_or_ignore(self._conn, rule_state),
                    {"name": name, "subject": subject, **row},
                )
                self._stored.add(key)
            self._conn.execute(update(rule_state).where(*here).values(**row))
        self._changed.clear()
