"""The notification rules of organisations: shown as they hold, changed on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from backend.domain import notice_rule as domain
from backend.domain.actor import Actor, Role
from backend.domain.errors import missing
from backend.domain.notice_rule import ANY, Escalation, NoticePolicy, NoticeRule, Sayings
from backend.domain.organisation import ancestors
from backend.services.context import ServiceContext
from backend.services.organisations import seen_organisation
from backend.services.recording import write_down
from backend.store import notice_rules

CHANGED = "notice_rule.changed"


@dataclass(frozen=True, slots=True)
class NoticeDefaults:
    """What the alerts of this installation are like, handed in where everything is put together.

    Attributes:
        codes: alerts that can be raised.
        at_once: those that quiet hours never hold.
        channels: those that are set up.
        escalation: where no district says otherwise.
    """

    codes: tuple[str, ...]
    at_once: frozenset[str]
    channels: tuple[str, ...]
    escalation: tuple[Escalation, ...]


@dataclass(frozen=True, slots=True)
class NoticeRuleView:
    """``code`` (:data:`~backend.domain.notice_rule.ANY`: of every alert) at one organisation.

    Attributes:
        own: what the organisation says itself.
        above: what would hold without it.
        holds: what holds.
    """

    code: str
    own: NoticeRule
    above: NoticePolicy
    holds: NoticePolicy


class NoticeRuleService:
    """Shows and changes them."""

    def __init__(self, context: ServiceContext, defaults: NoticeDefaults) -> None:
        self._context = context
        self.defaults = defaults

    def find(self, actor: Actor, org_id: str) -> list[NoticeRuleView]:
        """Every alert's, the one of all of them first.

        Raises:
            DomainError: ``not_found``, also outside the actor's branches.
        """
        with self._context.db.read() as conn:
            said = self._said(conn, seen_organisation(conn, actor, org_id).path)
        return [self._view(said, code) for code in (ANY, *self.defaults.codes)]

    def get(self, actor: Actor, org_id: str, code: str) -> NoticeRuleView:
        """One of them.

        Raises:
            DomainError: as :meth:`find`; also for a code that does not exist.
        """
        self._known(code)
        with self._context.db.read() as conn:
            return self._view(self._said(conn, seen_organisation(conn, actor, org_id).path), code)

    def save(self, actor: Actor, org_id: str, code: str, rule: NoticeRule) -> None:
        """Say ``rule`` of ``code`` from now on; one that says nothing takes the own one away.
        Alerts that nobody has acknowledged go up by it, too.

        Raises:
            DomainError: ``not_found``, ``denied``, ``bad_notice_rule``.
        """
        self._known(code)
        domain.check(rule, self.defaults.channels)
        now = self._context.now()
        with self._context.db.write() as conn:
            row = seen_organisation(conn, actor, org_id)
            actor.must(Role.ADMIN, row.path)
            before = notice_rules.of_paths(conn, [row.path]).get(row.path, {}).get(code)
            if rule == (before or domain.NOTHING):
                return
            notice_rules.put(conn, org_id, row.path, code, rule, by=actor.person_id, now=now)
            notice_rules.look_again(conn, row.path, now)
            data = {
                "org": org_id,
                "code": code,
                "before": domain.to_plain(before or domain.NOTHING),
                "after": domain.to_plain(rule),
            }
            write_down(self._context, conn, actor, CHANGED, row.path, data)

    def _known(self, code: str) -> None:
        if code != ANY and code not in self.defaults.codes:
            raise missing("该预警", "alert")

    @staticmethod
    def _said(conn: Connection, path: str) -> Sequence[Sayings]:
        places = ancestors(path)
        found: Mapping[str, Sayings] = notice_rules.of_paths(conn, places)
        return [found.get(place, {}) for place in places]

    def _view(self, said: Sequence[Sayings], code: str) -> NoticeRuleView:
        own = said[-1].get(code, domain.NOTHING)
        without = [*said[:-1], {name: one for name, one in said[-1].items() if name != code}]
        return NoticeRuleView(code, own, self._resolve(without, code), self._resolve(said, code))

    def _resolve(self, said: Sequence[Sayings], code: str) -> NoticePolicy:
        return domain.resolve(said[0], said[1:], code, self.defaults.escalation)
