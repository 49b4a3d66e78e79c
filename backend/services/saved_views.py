"""Views of the usage log that a person keeps: a name for a filter. Nobody else sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import delete, func, select

from backend.domain.actor import Actor
from backend.domain.errors import DomainError, conflict, missing
from backend.services.context import ServiceContext
from backend.store.tables import saved_view

MOST: Final = 30
"""Views of one person."""

_NAME: Final = 60
_QUERY: Final = 2000
_LONGEST: Final = 200

FIELDS: Final = (
    *("org", "q", "seal", "device", "matter", "person", "from", "until"),
    *("state", "alert", "only"),
)
"""What the address of the usage log may ask for."""


def kept_filter(query: str) -> dict[str, str]:
    """The fields of the log's address that ``query`` holds, and nothing else."""
    given = dict(parse_qsl(query))
    return {name: given[name][:_LONGEST] for name in FIELDS if given.get(name)}


@dataclass(frozen=True, slots=True)
class SavedView:
    """``query`` is what stands behind the ``?`` of the log's address."""

    id: str
    name: str
    query: str


class SavedViewService:
    """A person's own views."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def of(self, actor: Actor) -> list[SavedView]:
        """Oldest first."""
        with self._context.db.read() as conn:
            rows = conn.execute(
                select(saved_view)
                .where(saved_view.c.person_id == actor.person_id)
                .order_by(saved_view.c.created_at, saved_view.c.id)
            ).all()
        return [SavedView(row.id, row.name, row.query) for row in rows]

    def save(self, actor: Actor, name: str, query: str) -> SavedView:
        """Keep one more; one of the same name is replaced. Of ``query`` only what the log can be
        asked for is kept.

        Raises:
            DomainError: ``bad_view_name``, ``view_too_long``, ``too_many_views``.
        """
        name = " ".join(name.split())
        if not 1 <= len(name) <= _NAME:
            raise DomainError(
                "bad_view_name",
                f"请给这个视图起个名字，最多{_NAME}个字",
                f"give the view a name of at most {_NAME} characters",
            )
        query = urlencode(kept_filter(query))
        if len(query) > _QUERY:
            raise DomainError("view_too_long", "筛选条件太长", "the filter is too long")
        made = SavedView(self._context.new_id(), name, query)
        own = saved_view.c.person_id == actor.person_id
        with self._context.db.write() as conn:
            conn.execute(delete(saved_view).where(own, saved_view.c.name == name))
            count = conn.execute(select(func.count()).select_from(saved_view).where(own))
            if count.scalar_one() >= MOST:
                raise conflict(
                    "too_many_views",
                    f"最多保存{MOST}个视图，请先删掉不用的",
                    f"at most {MOST} views: delete some first",
                )
            conn.execute(
                saved_view.insert(),
                {
                    "id": made.id,
                    "person_id": actor.person_id,
                    "name": name,
                    "query": query,
                    "created_at": self._context.now(),
                },
            )
        return made

    def delete(self, actor: Actor, view_id: str) -> None:
        """Forget one.

        Raises:
            DomainError: ``not_found``, also for somebody else's.
        """
        with self._context.db.write() as conn:
            gone = conn.execute(
                delete(saved_view).where(
                    saved_view.c.id == view_id, saved_view.c.person_id == actor.person_id
                )
            )
            if gone.rowcount == 0:
                raise missing("该视图", "view")
