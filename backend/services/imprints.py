"""A seal's clean imprint, enrolled when the seal is commissioned: what later imprints are held
against (C8). Renewed or retired when the seal was made anew."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, select, update

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError, conflict, missing
from backend.services.context import ServiceContext
from backend.services.recording import write_down
from backend.store.tables import imprint_template, seal
from backend.vision.decode import inspect
from backend.vision.workers.wire import EnrolImprint, ImprintEnrolled, Result, Task, Unable
from backend.vision.workers.worker import WorkerFailed

MAX_PICTURES: Final = 4


@dataclass(frozen=True, slots=True)
class ImprintInfo:
    """An enrolled imprint; never a picture of it, from which a seal could be cut.

    ``pictures``: made from so many; ``read``: what its ring was read as; ``whole``: share of the
    ring that carries ink, 0…1. ``None`` where a template cannot be opened: enrol anew.
    """

    id: str
    seal_id: str
    engine: str
    enrolled_by: str | None
    enrolled_at: int
    retired_at: int | None
    pictures: int | None
    read: str | None
    whole: float | None


class ImprintService:
    """Enrols imprints, and retires them when a seal was made anew."""

    def __init__(self, context: ServiceContext, ask: Callable[[Task], Result]) -> None:
        """``ask`` puts a question to a worker; see backend.vision.workers."""
        self._context = context
        self._ask = ask

    def enrol(self, actor: Actor, seal_id: str, pictures: Sequence[bytes]) -> ImprintInfo:
        """Make the seal's template from pictures of one clean imprint each; the one before it is
        retired. The pictures themselves are not kept.

        Raises:
            DomainError: ``not_found``, ``denied``, ``seal_destroyed``, ``no_pictures``,
                ``too_many_pictures``, ``imprint_not_found``, ``imprint_not_clean``,
                ``imprints_differ``, ``eyes_away``, or what is wrong with a picture.
        """
        with self._context.db.read() as conn:
            self._administered(conn, actor, seal_id)
        made = self._made(pictures)
        now = self._context.now()
        new = self._context.new_id()
        with self._context.db.write() as conn:
            row = self._administered(conn, actor, seal_id, lock=True)
            conn.execute(
                update(imprint_template)
                .where(
                    imprint_template.c.seal_id == seal_id,
                    imprint_template.c.retired_at.is_(None),
                )
                .values(retired_at=now)
            )
            conn.execute(
                imprint_template.insert(),
                {
                    "id": new,
                    "org_path": row.org_path,
                    "seal_id": seal_id,
                    "template": made.template,
                    "engine": made.engine,
                    "enrolled_by": actor.person_id,
                    "enrolled_at": now,
                },
            )
            data = {
                "template": new,
                "engine": made.engine,
                "digest": hashlib.sha256(made.template).digest(),
                "pictures": len(pictures),
            }
            path = row.org_path
            write_down(self._context, conn, actor, "imprint.enrolled", path, data, seal=seal_id)
            return _info(conn, new)

    def find(self, actor: Actor, seal_id: str) -> list[ImprintInfo]:
        """The seal's imprints, newest first.

        Raises:
            DomainError: ``not_found``.
        """
        with self._context.db.read() as conn:
            _seen(conn, actor, seal_id)
            rows = conn.execute(
                _INFOS.where(imprint_template.c.seal_id == seal_id).order_by(
                    imprint_template.c.enrolled_at.desc(), imprint_template.c.id.desc()
                )
            ).all()
        return [_shown(row) for row in rows]

    def enrolled(self, actor: Actor, org_path: str) -> frozenset[str]:
        """The seals of one organisation that have an imprint in force, for whoever may see it."""
        if not actor.may_any(tuple(Role), org_path):
            return frozenset()
        with self._context.db.read() as conn:
            query = select(imprint_template.c.seal_id).where(
                imprint_template.c.org_path == org_path,
                imprint_template.c.retired_at.is_(None),
            )
            return frozenset(conn.execute(query).scalars())

    def retire(self, actor: Actor, seal_id: str, reason: str) -> None:
        """Take the imprint in force out of use: from now on nothing is compared with it.

        Raises:
            DomainError: ``not_found``, ``denied``, ``reason_missing``, ``no_imprint``.
        """
        if not reason.strip():
            raise DomainError("reason_missing", "请写明原因", "say why")
        now = self._context.now()
        with self._context.db.write() as conn:
            row = self._administered(conn, actor, seal_id, lock=True)
            here = (imprint_template.c.seal_id == seal_id) & imprint_template.c.retired_at.is_(None)
            old = conn.execute(select(imprint_template.c.id).where(here)).scalars().all()
            if not old:
                raise conflict("no_imprint", "该印章没有登记印迹", "no imprint is enrolled")
            conn.execute(update(imprint_template).where(here).values(retired_at=now))
            data = {"templates": list(old), "reason": reason.strip()[:200]}
            path = row.org_path
            write_down(self._context, conn, actor, "imprint.retired", path, data, seal=seal_id)

    def _made(self, pictures: Sequence[bytes]) -> ImprintEnrolled:
        if not pictures:
            raise DomainError(
                "no_pictures", "请至少拍一张清晰的印迹", "take at least one picture of an imprint"
            )
        if len(pictures) > MAX_PICTURES:
            raise DomainError(
                "too_many_pictures",
                f"最多{MAX_PICTURES}张照片",
                f"{MAX_PICTURES} pictures at most",
            )
        for data in pictures:
            inspect(data)
        try:
            made = self._ask(EnrolImprint(list(pictures)))
        except WorkerFailed as error:
            raise DomainError(
                "eyes_away", "图片暂时无法识别，请稍后再试", "try again in a moment"
            ) from error
        if isinstance(made, ImprintEnrolled):
            return made
        if isinstance(made, Unable):
            raise DomainError(made.code, made.zh, made.en)
        raise TypeError(f"no answer to an enrolment: {type(made).__name__}")

    def _administered(
        self, conn: Connection, actor: Actor, seal_id: str, *, lock: bool = False
    ) -> Row[Any]:
        row = _seen(conn, actor, seal_id, lock=lock)
        actor.must(Role.ADMIN, row.org_path)
        if row.status == "destroyed":
            raise conflict("seal_destroyed", "该印章已登记销毁", "the seal is entered as destroyed")
        return row


def _seen(conn: Connection, actor: Actor, seal_id: str, *, lock: bool = False) -> Row[Any]:
    query = select(seal).where(seal.c.id == seal_id)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None or not actor.may_any(tuple(Role), row.org_path):
        raise missing("该印章", "seal")
    return row


def _info(conn: Connection, template_id: str) -> ImprintInfo:
    return _shown(conn.execute(_INFOS.where(imprint_template.c.id == template_id)).one())


def _shown(row: Row[Any]) -> ImprintInfo:
    # OpenCV comes with it, which who never looks at imprints need not load.
    from backend.vision.imprints.template import ImprintError, ImprintTemplate

    made: ImprintTemplate | None
    try:
        made = ImprintTemplate.from_bytes(row.template)
    except ImprintError:
        made = None
    return ImprintInfo(
        row.id,
        row.seal_id,
        row.engine,
        row.enrolled_by,
        row.enrolled_at,
        row.retired_at,
        None if made is None else made.pictures,
        None if made is None else made.read,
        None if made is None else round(made.whole, 3),
    )


_INFOS: Final[Select[Any]] = select(
    imprint_template.c.id,
    imprint_template.c.seal_id,
    imprint_template.c.engine,
    imprint_template.c.enrolled_by,
    imprint_template.c.enrolled_at,
    imprint_template.c.retired_at,
    imprint_template.c.template,
)
