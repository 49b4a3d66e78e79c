"""What the check of a person needs: enrolled faces of a village, PINs of those who may use one."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from backend.store.tables import face_template, person, role


@dataclass(frozen=True, slots=True)
class PinCheck:
    """How a PIN is checked: PBKDF2-HMAC-SHA256 (RFC 8018), which a sleeve can do off line too."""

    salt: bytes
    rounds: int
    digest: bytes


def pin_digest(pin: str, check: PinCheck) -> bytes:
    """The 32 bytes that ``pin`` gives with the salt and rounds of ``check``."""
    return hashlib.pbkdf2_hmac("sha256", pin.encode(), check.salt, check.rounds)


def template_context(person_id: str) -> str:
    """What a sealed face template is bound to: whose it is."""
    return f"face:{person_id}"


def templates_near(
    conn: Connection, org_path: str, expected: Collection[str]
) -> dict[str, list[tuple[bytes, str]]]:
    """Current sealed templates, with their context, of ``expected`` and of everyone of the branch
    at ``org_path``: the others only serve to say who it was instead."""
    query = (
        select(face_template.c.person_id, face_template.c.sealed)
        .join(person, person.c.id == face_template.c.person_id)
        .where(
            face_template.c.retired_at.is_(None),
            or_(
                person.c.org_path == org_path,
                face_template.c.person_id.in_(list(expected)),
            ),
        )
    )
    found: dict[str, list[tuple[bytes, str]]] = {}
    for person_id, sealed in conn.execute(query):
        found.setdefault(person_id, []).append((sealed, template_context(person_id)))
    return found


def pins(
    conn: Connection, person_ids: Iterable[str], org_path: str, now: int
) -> dict[str, PinCheck]:
    """PIN checks of those of ``person_ids`` who are active and hold a role above or at
    ``org_path`` now: authority ends with the term of office (C33)."""
    query = (
        select(
            person.c.id,
            person.c.pin_salt,
            person.c.pin_rounds,
            person.c.pin_digest,
            role.c.org_path,
        )
        .join(role, role.c.person_id == person.c.id)
        .where(
            person.c.id.in_(list(person_ids)),
            person.c.status == "active",
            person.c.pin_digest.is_not(None),
            role.c.starts_at <= now,
            or_(role.c.ends_at.is_(None), role.c.ends_at > now),
            role.c.revoked_at.is_(None),
        )
    )
    return {
        row.id: PinCheck(row.pin_salt, row.pin_rounds, row.pin_digest)
        for row in conn.execute(query)
        if org_path.startswith(row.org_path)
    }
