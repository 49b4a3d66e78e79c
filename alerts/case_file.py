"""What is put into a case without moving it: notes, and proof of what was done."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Row, select

from alerts import case_life, case_rows
from backend.domain.actor import Actor
from backend.domain.errors import DomainError, missing
from backend.services.context import ServiceContext
from backend.services.papers import paper_type
from backend.store.pictures import PictureStore
from backend.store.tables import case_evidence, picture

_MOST_EVIDENCE: Final = 50


class CaseFile:
    """Notes and proof."""

    def __init__(self, context: ServiceContext, pictures: PictureStore | None = None) -> None:
        self._context = context
        self._pictures = pictures

    def comment(self, actor: Actor, alert_id: str, text: str) -> None:
        """Add a note.

        Raises:
            DomainError: ``not_found``, ``text_missing``.
        """
        text = case_life.stated(text, "说明", "a note")
        with self._context.db.write() as conn:
            case_rows.lock(conn, actor, alert_id)
            case_rows.add_note(conn, self._context, alert_id, actor, "comment", text, {})

    def add_evidence(
        self, actor: Actor, alert_id: str, name: str, picture_id: str | None = None
    ) -> str:
        """Attach proof of what was done; ``picture_id`` an uploaded picture of kind ``evidence``.

        Raises:
            DomainError: ``not_found``, ``denied``, ``text_missing``, ``too_many``.
        """
        name = _named(name)
        with self._context.db.write() as conn:
            row = self._may_add(conn, actor, alert_id)
            if picture_id is not None:
                self._check_picture(conn, row, picture_id)
            return self._add(conn, actor, alert_id, name, picture_id)

    def attach(self, actor: Actor, alert_id: str, name: str, data: bytes) -> str:
        """Upload a photograph or a PDF as proof of what was done; it is kept encrypted.

        Raises:
            DomainError: as :meth:`add_evidence`; ``paper_…``, ``picture_…`` for what is no paper;
                ``not_served`` where no pictures are kept.
        """
        name = _named(name)
        if self._pictures is None:
            raise DomainError("not_served", "这里不能上传材料", "no uploads are taken here")
        mime = paper_type(data, self._context.settings.paper_bytes)
        with self._context.db.write() as conn:
            row = self._may_add(conn, actor, alert_id)
            picture_id = self._context.new_id()
            self._pictures.put(
                conn,
                picture_id,
                data,
                org_path=row.org_path,
                kind="evidence",
                mime=mime,
                now=self._context.now(),
                person_id=actor.person_id,
            )
            return self._add(conn, actor, alert_id, name, picture_id)

    @staticmethod
    def _may_add(conn: Connection, actor: Actor, alert_id: str) -> Row[Any]:
        row, case = case_rows.lock(conn, actor, alert_id)
        case_life.may_add_evidence(case, actor)
        kept = conn.execute(
            select(case_evidence.c.id).where(case_evidence.c.alert_id == alert_id)
        ).all()
        if len(kept) >= _MOST_EVIDENCE:
            raise DomainError("too_many", f"材料最多{_MOST_EVIDENCE}份", "too many already")
        return row

    def _add(
        self, conn: Connection, actor: Actor, alert_id: str, name: str, picture_id: str | None
    ) -> str:
        evidence_id = self._context.new_id()
        conn.execute(
            case_evidence.insert(),
            {
                "id": evidence_id,
                "alert_id": alert_id,
                "picture_id": picture_id,
                "name": name,
                "added_by": actor.person_id,
                "at": self._context.now(),
            },
        )
        case_rows.add_note(
            conn,
            self._context,
            alert_id,
            actor,
            "comment",
            f"上传材料：{name}",
            {"evidence": evidence_id},
        )
        return evidence_id

    @staticmethod
    def _check_picture(conn: Connection, row: Row[Any], picture_id: str) -> None:
        kept = conn.execute(
            select(picture.c.id).where(
                picture.c.id == picture_id,
                picture.c.kind == "evidence",
                picture.c.org_path == row.org_path,
            )
        ).first()
        if kept is None:
            raise missing("该图片", "picture")


def _named(name: str) -> str:
    return case_life.stated(name, "材料名称", "its name")[:200]
