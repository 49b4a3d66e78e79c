"""Whether the process lives, and whether it can work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Response
from sqlalchemy import select

from backend.api.answers import answer
from backend.api.deps import public, service
from backend.services.context import ServiceContext
from backend.store.tables import organisation

router = APIRouter(tags=["健康 Health"])


@dataclass(frozen=True, slots=True)
class Health:
    """``status`` is ``ok``, or the answer is an error."""

    status: str


@router.get(
    "/healthz",
    summary="进程是否存活 · Is the process alive?",
    response_model=Health,
    dependencies=[public("a supervisor of processes has no account; it tells nothing")],
)
def alive() -> Response:
    """Says ok as long as requests are answered at all."""
    return answer(Health("ok"))


@router.get(
    "/readyz",
    summary="是否可以提供服务 · Can it work?",
    response_model=Health,
    dependencies=[public("a load balancer has no account; it tells nothing")],
)
def ready(context: Annotated[ServiceContext, service(ServiceContext)]) -> Response:
    """Says ok when the database answers and has our tables; else 503."""
    with context.db.read() as conn:
        conn.execute(select(organisation.c.id).limit(1)).all()
    return answer(Health("ok"))
