"""What is put into a case without moving it: notes, and proof of what was done."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Row, select

from alerts import case_life, case_rows
from backend.domain.actor import Actor
from backend.domain.errors import DomainError, missing
from backend.services.context import ServiceContext
from backend.store.tables import case_evidence, picture

_MOST_EVIDENCE: Final = 50


class CaseFile:
    """Notes and proof."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

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
        name = case_life.stated(name, "材料名称", "its name")[:200]
        with self._context.db.write() as conn:
            row, case = case_rows.lock(conn, actor, alert_id)
            case_life.may_add_evidence(case, actor)
            kept = conn.execute(
                select(case_evidence.c.id).where(case_evidence.c.alert_id == alert_id)
            ).all()
            if len(kept) >= _MOST_EVIDENCE:
                raise DomainError("too_many", f"材料最多{_MOST_EVIDENCE}份", "too many already")
            if picture_id is not None:
                self._check_picture(conn, row, picture_id)
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
