"""Forgetting a face: when consent is withdrawn, and when the person leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select, update

from backend.store.pictures import PictureStore
from backend.store.tables import consent, face_template, picture
from backend.store.uploads import ERASED

PURPOSE: Final = "face"


@dataclass(frozen=True, slots=True)
class ErasedFaces:
    """What was destroyed: ids, for the record."""

    templates: list[str]
    pictures: list[str]


def retire_templates(conn: Connection, person_id: str, now: int) -> list[str]:
    """Destroy the sealed bytes of a person's current templates; returns their ids."""
    found = list(
        conn.execute(
            select(face_template.c.id).where(
                face_template.c.person_id == person_id, face_template.c.retired_at.is_(None)
            )
        ).scalars()
    )
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql("PRAGMA secure_delete=ON")
    conn.execute(
        update(face_template)
        .where(face_template.c.id.in_(found))
        .values(sealed=b"", retired_at=now)
    )
    return found


def erase_faces(
    conn: Connection,
    pictures: PictureStore,
    person_id: str,
    now: int,
    *,
    keep_consent: bool = False,
) -> ErasedFaces:
    """End the consent (unless another face is enrolled under it), destroy templates and enrolment
    pictures. ``now`` is ms UTC. The caller records it. Faces captured at a use are evidence of that
    use and have their own retention."""
    if not keep_consent:
        conn.execute(
            update(consent)
            .where(
                consent.c.person_id == person_id,
                consent.c.purpose == PURPOSE,
                consent.c.withdrawn_at.is_(None),
            )
            .values(withdrawn_at=now)
        )
    templates = retire_templates(conn, person_id, now)
    found = conn.execute(
        select(picture.c.id)
        .where(
            picture.c.person_id == person_id,
            picture.c.kind == "enrolment",
            picture.c.state != ERASED,
        )
        .order_by(picture.c.id)
    ).scalars()
    return ErasedFaces(templates, [one for one in list(found) if pictures.erase(conn, one, now)])
