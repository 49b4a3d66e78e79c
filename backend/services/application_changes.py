"""One change to an application: lock, load, decide, save, record; and refusals on the record.

Lock order: grants, the application, the running number, the log's head.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from backend.domain.actor import Actor
from backend.domain.application import Application
from backend.domain.application_checks import AtTheDoor, Facts
from backend.domain.application_commands import Command, Outcome, Submit, base_data
from backend.domain.application_life import decide
from backend.domain.errors import DomainError, conflict
from backend.domain.record import Record
from backend.domain.use import Grant
from backend.services import issuing
from backend.services.application_reader import show, visible
from backend.services.context import ServiceContext
from backend.services.facts import load_facts, load_seal
from backend.services.views import ApplicationView
from backend.store import applications, grants
from backend.store.numbers import application_number

MakeCommand = Callable[[Connection, Application, Facts, int], Command]


class ApplicationChanges:
    """What the services that change applications share."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def change(
        self,
        actor: Actor,
        application_id: str,
        version: int | None,
        command: MakeCommand,
    ) -> ApplicationView:
        """Carry out what ``command`` makes of the locked application, if the actor sees it in that
        ``version`` (None: in any).

        Raises:
            DomainError: ``not_found``, ``changed_meanwhile``, and what the decision says.
            AtTheDoor: recorded first.
        """
        now = self._context.now()
        try:
            with self._context.db.write() as conn:
                live = grants.lock_of_application(conn, application_id)
                item = visible(conn, actor, application_id, lock=True)
                same_version(item, version)
                self.apply(conn, actor, item, command, now, live)
                return show(conn, self._context, actor, application_id)
        except AtTheDoor as refused:
            self.record_refusal(actor, self.known(application_id), refused)
            raise

    def apply(
        self,
        conn: Connection,
        actor: Actor,
        item: Application,
        make: MakeCommand,
        now: int,
        live: Sequence[Grant] = (),
    ) -> None:
        """Decide, save and record, in the caller's transaction; ``live`` are its locked grants."""
        facts = load_facts(conn, self._context, item, now)
        outcome = decide(item, make(conn, item, facts, now), facts, now)
        applications.save(conn, item, outcome.application)
        records = records_of(outcome, actor.person_id, now)
        if outcome.issue:
            records.append(issuing.issue(conn, self._context, outcome.application, facts, now))
        if outcome.revoke:
            reason = outcome.application.reason or ""
            records += issuing.revoke(conn, self._context, live, reason, actor.person_id, now)
        self._context.journal.append(conn, records)

    def submission(self, actor: Actor) -> MakeCommand:
        """Hands in, with a new number unless it has one."""

        def command(conn: Connection, item: Application, facts: Facts, now: int) -> Command:
            number = item.number or application_number(
                conn, self._context.settings.number_prefix, facts.seal.org_id, now
            )
            return Submit(actor, number)

        return command

    def known(self, application_id: str) -> Application:
        """One that was just refused, as it stands."""
        with self._context.db.read() as conn:
            found = applications.load(conn, application_id)
        assert found is not None  # it was refused, so it was there
        return found

    def record_refusal(self, actor: Actor, item: Application, refused: AtTheDoor) -> None:
        """Write ``application.refused``, in a transaction of its own: the refused one was rolled
        back."""
        now = self._context.now()
        with self._context.db.write() as conn:
            path = item.org_path or load_seal(conn, item.seal_id, now).org_path
            self._context.journal.append(
                conn,
                [
                    Record(
                        kind="application.refused",
                        org_path=path,
                        at=now,
                        happened_at=now,
                        seal=item.seal_id,
                        application=item.id or None,
                        person=actor.person_id,
                        data=base_data(item) | {"reason": refused.code},
                    )
                ],
            )


def records_of(outcome: Outcome, person: str | None, now: int) -> list[Record]:
    """What an outcome leaves in the journal."""
    item = outcome.application
    return [
        Record(
            kind=happened.kind,
            org_path=item.org_path,
            at=now,
            happened_at=now,
            seal=item.seal_id,
            application=item.id,
            person=person,
            data=base_data(item) | dict(happened.data),
        )
        for happened in outcome.happened
    ]


def same_version(item: Application, version: int | None) -> None:
    """Refuse a change to what the actor did not see.

    Raises:
        DomainError: ``changed_meanwhile``.
    """
    if version is not None and item.version != version:
        raise changed_meanwhile()


def changed_meanwhile() -> DomainError:
    """Somebody else was faster."""
    return conflict(
        "changed_meanwhile",
        "申请刚被他人修改，请刷新后再操作",
        "somebody has changed it since you looked; look again",
    )
