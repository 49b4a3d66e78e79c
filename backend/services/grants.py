"""Grants as people see and end them. Making them is backend.services.issuing."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_

from backend.domain.actor import Actor
from backend.domain.application_actions import READERS
from backend.domain.application_commands import Void
from backend.domain.errors import missing
from backend.domain.grant import LIVE
from backend.services.application_changes import ApplicationChanges
from backend.services.context import ServiceContext
from backend.services.grant_views import GRANTS, grant_views
from backend.services.paging import Page, decode_cursor, page
from backend.services.views import GrantView
from backend.store.scope import in_branches
from backend.store.tables import application, use_grant


@dataclass(frozen=True, slots=True)
class GrantFilter:
    """What a list is narrowed to. ``live``: those that still allow to unlock. ``mine``: those that
    the actor may stamp with."""

    state: str | None = None
    device_id: str | None = None
    application_id: str | None = None
    org_path: str | None = None
    live: bool = False
    mine: bool = False


class GrantService:
    """Lists, shows and revokes grants."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def list(
        self,
        actor: Actor,
        wanted: GrantFilter | None = None,
        *,
        after: str | None = None,
        limit: int | None = None,
    ) -> Page[GrantView]:
        """Newest first; ``after`` is the cursor of the page before.

        Raises:
            DomainError: ``bad_cursor``.
        """
        wanted = wanted or GrantFilter()
        size = self._context.settings.clamp(limit)
        g = use_grant.c
        with self._context.db.read() as conn:
            query = GRANTS.where(
                or_(
                    g.operator_id == actor.person_id,
                    application.c.applicant_id == actor.person_id,
                    in_branches(conn, g.org_path, actor.branches(*READERS)),
                )
            )
            for column, value in (
                (g.state, wanted.state),
                (g.device_id, wanted.device_id),
                (g.application_id, wanted.application_id),
            ):
                if value is not None:
                    query = query.where(column == value)
            if wanted.org_path is not None:
                query = query.where(in_branches(conn, g.org_path, [wanted.org_path]))
            if wanted.live:
                query = query.where(g.state.in_(sorted(LIVE)))
            if wanted.mine:
                query = query.where(g.operator_id == actor.person_id)
            if after is not None:
                query = query.where(g.id < str(decode_cursor(after, (str,))[0]))
            rows = conn.execute(query.order_by(g.id.desc()).limit(size + 1)).all()
            shown = page(rows, size, lambda row: (row.id,))
            return Page(grant_views(conn, actor, shown.items), shown.next)

    def get(self, actor: Actor, grant_id: str) -> GrantView:
        """One grant.

        Raises:
            DomainError: ``not_found``, also outside the actor's view.
        """
        with self._context.db.read() as conn:
            row = conn.execute(GRANTS.where(use_grant.c.id == grant_id)).one_or_none()
            if row is None or not (
                actor.person_id in (row.applicant_id, row.operator_id, *(row.alternates or ()))
                or actor.may_any(READERS, row.org_path)
            ):
                raise missing("该用印授权", "grant")
            return grant_views(conn, actor, [row])[0]

    def revoke(self, actor: Actor, grant_id: str, reason: str) -> GrantView:
        """End a grant, and with it the approval that it came from: the application is voided. A
        sleeve that may hold the grant is told; an open use there ends.

        Raises:
            DomainError: ``not_found``, ``denied``, ``wrong_status``, ``reason_missing``.
        """
        found = self.get(actor, grant_id)
        changes = ApplicationChanges(self._context)
        changes.change(actor, found.application_id, None, lambda *_: Void(actor, reason))
        return self.get(actor, grant_id)
