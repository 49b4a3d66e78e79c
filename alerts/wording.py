"""From ids to what people read: the fields of `alerts.messages` for an alert, a use or a step.

Looked up when a message is made and kept in it: who was told what stays as it was said, whatever
anybody is renamed to later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, select

from alerts import recipients
from alerts.messages import FIELDS
from backend.store.tables import application, matter, organisation, person, seal, use_grant

UNKNOWN_PERSON: Final = "未登记的人"
"""Whom no enrolled face matches."""


class Namer:
    """Names by id, remembered for one batch."""

    def __init__(self, conn: Connection, now: int) -> None:
        self._conn = conn
        self._now = now
        self._people: dict[str, str] = {}
        self._known: dict[tuple[str, str], Any] = {}

    def person(self, person_id: str | None) -> str | None:
        """A person's name."""
        return self._text("person", person_id, self._person)

    def people(self, ids: Iterable[str]) -> list[str]:
        """Names of several; unknown ones left out."""
        return [name for one in ids if (name := self.person(one)) is not None]

    def village(self, path: str) -> str | None:
        """An organisation's name by its path."""
        return self._text("village", path, self._village)

    def seal(self, seal_id: str | None) -> str | None:
        """A seal's name."""
        return self._text("seal", seal_id, self._seal)

    def custodian(self, seal_id: str | None) -> str | None:
        """Names of who keeps the seal."""
        return self._text("custodian", seal_id, self._custodian)

    def application(self, application_id: str | None) -> Mapping[str, Any]:
        """Fields of an application: number, matter, purpose, applicant, operator, stamps."""
        return self._one("application", application_id, self._application) or {}

    def grant(self, grant_id: str | None) -> Mapping[str, Any]:
        """Fields of a grant: stamps granted and its end."""
        return self._one("grant", grant_id, self._grant) or {}

    def fields(
        self,
        *,
        org_path: str,
        seal_id: str | None = None,
        device: str | None = None,
        application_id: str | None = None,
        grant_id: str | None = None,
        person_id: str | None = None,
    ) -> dict[str, Any]:
        """Everything that can be said about these; what is not known is left out."""
        found = {
            "village": self.village(org_path),
            "seal": self.seal(seal_id),
            "device": device,
            "person": self.person(person_id),
            "custodian": self.custodian(seal_id),
            **self.grant(grant_id),
            **self.application(application_id),
        }
        return {name: value for name, value in found.items() if value is not None}

    def alert(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of an alert's message, both times among them."""
        data: Mapping[str, Any] = row["data"]
        fields = self.fields(
            org_path=row["org_path"],
            seal_id=row["seal"],
            device=row["device"],
            application_id=row["application"],
            grant_id=row["grant_id"],
            person_id=row["person"],
        )
        fields |= {name: value for name, value in data.items() if name in FIELDS}
        fields |= {
            "at": row["raised_at"],
            "happened_at": row["happened_at"],
            "repeats": row["count"],
            "case": row["id"][-12:],
        }
        self._people_in(fields, row["code"], data)
        if row["code"] == "C8":
            self._approved_seal(fields, data)
        return fields

    def _people_in(self, fields: dict[str, Any], code: str, data: Mapping[str, Any]) -> None:
        if code == "C10":
            # The record names whom the grant names; who it was is what the check found.
            fields["operator"] = self.person(data.get("operator")) or fields.get("operator")
            fields["person"] = self.person(data.get("who")) or UNKNOWN_PERSON
        assignee = self.person(data.get("assignee_id"))
        if assignee is not None:
            fields["assignee"] = assignee
        elif code == "C28":
            path = data.get("at_org")
            names = (
                self.people(recipients.seated(self._conn, "", path, None, self._now))
                if (path)
                else []
            )
            fields["assignee"] = "、".join(names) or fields.get("village")

    def _approved_seal(self, fields: dict[str, Any], data: Mapping[str, Any]) -> None:
        if data.get("cause") in ("other_seal", "unknown_seal"):
            # The sleeve is the right one; its imprint is not, and may be nobody's that is known.
            fields["approved_seal"] = fields.pop("seal", None)
            left = self.seal(data.get("left"))
            if left is not None:
                fields["seal"] = left
            return
        row = self._conn.execute(
            select(use_grant.c.seal_id, use_grant.c.application_id).where(
                use_grant.c.id == data.get("grant")
            )
        ).one_or_none()
        if row is None:
            return
        named = self.seal(row.seal_id)
        if named is not None:
            fields["approved_seal"] = named
        fields |= self.application(row.application_id)

    def _text(self, kind: str, key: str | None, find: Callable[[str], str | None]) -> str | None:
        found: str | None = self._one(kind, key, find)
        return found

    def _one(self, kind: str, key: str | None, find: Callable[[str], Any]) -> Any:
        if key is None:
            return None
        if (kind, key) not in self._known:
            self._known[kind, key] = find(key)
        return self._known[kind, key]

    def _person(self, key: str) -> str | None:
        return self._conn.execute(select(person.c.name).where(person.c.id == key)).scalar()

    def _village(self, path: str) -> str | None:
        query = select(organisation.c.name).where(organisation.c.path == path)
        return self._conn.execute(query).scalar()

    def _seal(self, key: str) -> str | None:
        return self._conn.execute(select(seal.c.name).where(seal.c.id == key)).scalar()

    def _custodian(self, key: str) -> str | None:
        keepers = sorted(recipients.custodians(self._conn, key, self._now))
        return "、".join(self.people(keepers)) or None

    def _application(self, key: str) -> dict[str, Any] | None:
        row = self._conn.execute(
            select(application, matter.c.name.label("matter_name"))
            .outerjoin(
                matter,
                (matter.c.id == application.c.matter_id)
                & (matter.c.version == application.c.matter_version),
            )
            .where(application.c.id == key)
        ).one_or_none()
        if row is None:
            return None
        return {
            "application": row.number or key[-12:],
            "matter": row.matter_name or row.title,
            "purpose": row.purpose,
            "applicant": self.person(row.applicant_id),
            "operator": self.person(row.operator_id),
        }

    def _grant(self, key: str) -> dict[str, Any] | None:
        row = self._conn.execute(
            select(use_grant.c.stamps, use_grant.c.not_after).where(use_grant.c.id == key)
        ).one_or_none()
        return None if row is None else {"granted": row.stamps, "expires_at": row.not_after}
