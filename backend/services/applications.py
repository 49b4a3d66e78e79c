"""Applications, from handing in to file: what applicants, approvers and supervisors decide."""

from __future__ import annotations

from sqlalchemy import Connection

from backend.domain.actor import Actor
from backend.domain.application import Application
from backend.domain.application_checks import Facts
from backend.domain.application_commands import (
    Approve,
    Close,
    Command,
    Delegate,
    Explain,
    OpenPages,
    Reject,
    Return,
    Review,
    Void,
    Withdraw,
)
from backend.domain.approval import approval_digest
from backend.domain.errors import missing
from backend.services.actors import load_actor
from backend.services.application_changes import ApplicationChanges
from backend.services.context import ServiceContext
from backend.services.signing_keys import Signing, signed_by
from backend.services.views import ApplicationView


class ApplicationService:
    """Every decision that a person makes about an application."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._changes = ApplicationChanges(context)

    def submit(self, actor: Actor, application_id: str, version: int) -> ApplicationView:
        """Hand it in: it gets its number, and its first approver sees it.

        Raises:
            Incomplete: with every field to mend.
            DomainError: as :meth:`update`.
            AtTheDoor: ``forbidden``; recorded.
        """
        return self._changes.change(actor, application_id, version, self._changes.submission(actor))

    def open_pages(self, actor: Actor, application_id: str) -> ApplicationView:
        """The approver looks at the papers: noted, so that blind approvals show (C27)."""
        return self._changes.change(actor, application_id, None, lambda *_: OpenPages(actor))

    def approve(
        self,
        actor: Actor,
        application_id: str,
        version: int,
        *,
        reason: str = "",
        signing: Signing | None = None,
    ) -> ApplicationView:
        """Pass the open step, with the approver's own signature over the application and its
        papers if there is one. The last one yields the grant.

        Raises:
            DomainError: ``not_found``, ``denied``, ``wrong_status``, ``changed_meanwhile``,
                ``application_expired``, ``seal_without_sleeve``, and what
                :func:`backend.services.signing_keys.signed_by` says.
            AtTheDoor: ``approver_is_applicant``, ``approver_is_custodian``,
                ``approver_is_operator``; recorded (C26).
        """

        def command(conn: Connection, item: Application, _facts: Facts, now: int) -> Command:
            if signing is None:
                return Approve(actor, reason)
            kept = signed_by(conn, actor.person_id, signing, approval_digest(item), now)
            return Approve(actor, reason, signing.value, kept)

        return self._changes.change(actor, application_id, version, command)

    def reject(
        self, actor: Actor, application_id: str, version: int, reason: str
    ) -> ApplicationView:
        """Refuse it; raises as :meth:`approve`, and ``reason_missing``."""
        return self._changes.change(
            actor, application_id, version, lambda *_: Reject(actor, reason)
        )

    def return_for_more(
        self, actor: Actor, application_id: str, version: int, reason: str
    ) -> ApplicationView:
        """Back to the applicant; raises as :meth:`reject`."""
        return self._changes.change(
            actor, application_id, version, lambda *_: Return(actor, reason)
        )

    def delegate(
        self, actor: Actor, application_id: str, version: int, to: str, reason: str
    ) -> ApplicationView:
        """Give the open step to another approver; raises as :meth:`reject`, and
        ``bad_delegate``."""

        def command(conn: Connection, _item: Application, _facts: Facts, now: int) -> Command:
            other = load_actor(conn, to, now)
            if other is None:
                raise missing("该人员", "person")
            return Delegate(actor, other, reason)

        return self._changes.change(actor, application_id, version, command)

    def withdraw(
        self, actor: Actor, application_id: str, version: int, reason: str = ""
    ) -> ApplicationView:
        """Take it back before it is decided; raises as :meth:`update`."""
        return self._changes.change(
            actor, application_id, version, lambda *_: Withdraw(actor, reason)
        )

    def void(self, actor: Actor, application_id: str, version: int, reason: str) -> ApplicationView:
        """The approval no longer holds: a live grant is revoked and its sleeve told.

        Raises:
            DomainError: ``not_found``, ``denied``, ``wrong_status``, ``reason_missing``.
        """
        return self._changes.change(actor, application_id, version, lambda *_: Void(actor, reason))

    def explain(self, actor: Actor, application_id: str, reason: str) -> ApplicationView:
        """Say why a use ended before all stamps were made; raises as :meth:`void`."""
        return self._changes.change(actor, application_id, None, lambda *_: Explain(actor, reason))

    def review(self, actor: Actor, application_id: str, outcome: str, note: str) -> ApplicationView:
        """The look afterwards at an emergency; raises as :meth:`void`, and ``bad_outcome``."""
        return self._changes.change(
            actor, application_id, None, lambda *_: Review(actor, outcome, note)
        )

    def close(self, actor: Actor, application_id: str, version: int) -> ApplicationView:
        """File it; raises as :meth:`void`, and ``review_first``, ``explain_first``."""
        return self._changes.change(actor, application_id, version, lambda *_: Close(actor))
