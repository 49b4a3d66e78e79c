"""What false alarms taught: alarms that are not told for now; each may be ended."""

from __future__ import annotations

from typing import Annotated

from starlette.requests import Request
from starlette.responses import Response

from backend.api.deps import Scope, require_session
from backend.domain.actor import Role
from backend.services.identity import Authenticated
from backend.web.case_pages import desk_of
from backend.web.site import WebPort, go, page, pages

Supervisor = Annotated[Authenticated, require_session(Role.SUPERVISOR, scope=Scope.BRANCH)]

router = pages()


@router.get("/suppressions")
def suppressions_page(request: Request, who: Supervisor, web: WebPort) -> Response:
    """Those that hold now."""
    values = {"silences": desk_of(web).suppressions(who.actor)}
    return page(request, web, who, "suppressions.html", values)


@router.post("/suppressions/{suppression_id}/end")
def end(who: Supervisor, web: WebPort, suppression_id: str) -> Response:
    """Let it be told again."""
    desk_of(web).end_suppression(who.actor, suppression_id)
    return go("/suppressions")
