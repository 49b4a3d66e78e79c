"""Handling of alerts by people: each step is a row's change, a note and a record, in one
transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from alerts import case_life, telling
from alerts.case_life import Action, Case, Stage
from alerts.outbox import Outbox, Telling
from alerts.rules.registry import BREAKTHROUGH
from alerts.settings import AlertSettings
from alerts.wording import Namer
from backend.domain.actor import Actor
from backend.domain.errors import DomainError, missing
from backend.domain.record import Record
from backend.services.actors import load_actor
from backend.services.context import ServiceContext
from backend.store.tables import alert, alert_note, case_evidence, picture, suppression

_MOST_EVIDENCE: Final = 50


@dataclass(frozen=True, slots=True)
class Suppress:
    """The same alarm from the same sleeve (or, without one, organisation) is not told until
    ``until`` (ms UTC). It is still found, kept and recorded."""

    until: int


class Cases:
    """Every step that a person takes with an alert."""

    def __init__(self, context: ServiceContext, settings: AlertSettings) -> None:
        self._context = context
        self._settings = settings
        self._outbox = Outbox(context, settings)

    def acknowledge(self, actor: Actor, alert_id: str, version: int | None = None) -> int:
        """Somebody looks after it: escalation stops. Returns the new version.

        Raises:
            DomainError: ``not_found``, ``denied``, ``wrong_stage``, ``changed_meanwhile``.
        """
        now = self._context.now()
        return self._act(
            actor,
            alert_id,
            version,
            Action.ACKNOWLEDGE,
            changes={
                "acknowledged": True,
                "acknowledged_at": now,
                "acknowledged_by": actor.person_id,
            },
        )

    def assign(
        self,
        actor: Actor,
        alert_id: str,
        to: str,
        version: int | None = None,
        *,
        due_at: int | None = None,
        note: str = "",
    ) -> int:
        """Give it to somebody, who is told; ``due_at`` is the deadline (ms UTC).

        Raises:
            DomainError: as :meth:`acknowledge`, and ``bad_deadline``, ``bad_assignee``.
        """
        now = self._context.now()
        due = now + self._settings.rectify_ms if due_at is None else due_at
        if due <= now:
            raise DomainError("bad_deadline", "办结期限要晚于现在", "the deadline is past")
        return self._act(
            actor,
            alert_id,
            version,
            Action.ASSIGN,
            changes={"assignee_id": to, "assigned_at": now, "due_at": due}
            | _acknowledging(now, actor),
            data={"assignee": to, "due_at": due},
            note=note,
        )

    def rectify(self, actor: Actor, alert_id: str, note: str, version: int | None = None) -> int:
        """Say what is being done about it.

        Raises:
            DomainError: as :meth:`acknowledge`, and ``text_missing``.
        """
        note = case_life.stated(note, "整改措施", "what is being done")
        return self._act(actor, alert_id, version, Action.RECTIFY, note=note)

    def close(self, actor: Actor, alert_id: str, outcome: str, version: int | None = None) -> int:
        """Strike it off the list, saying how it ended; raises as :meth:`rectify`."""
        outcome = case_life.stated(outcome, "处理结果", "the outcome")
        return self._end(actor, alert_id, version, Action.CLOSE, outcome, None)

    def false_alarm(
        self,
        actor: Actor,
        alert_id: str,
        reason: str,
        version: int | None = None,
        *,
        suppress: Suppress | None = None,
    ) -> int:
        """It was none, for a reason; with ``suppress``, the like of it is silent for a while.

        Raises:
            DomainError: as :meth:`rectify`, and ``bad_expiry``.
        """
        reason = case_life.stated(reason, "误报原因", "why it was none")
        now = self._context.now()
        if suppress is not None and not now < suppress.until <= now + self._settings.suppress_ms:
            days = self._settings.suppress_ms // 86_400_000
            raise DomainError(
                "bad_expiry",
                f"暂停提醒要写明截止时间，最长{days}天",
                f"a suppression ends within {days} days",
            )
        return self._end(actor, alert_id, version, Action.FALSE_ALARM, reason, suppress)

    def comment(self, actor: Actor, alert_id: str, text: str) -> None:
        """Add a note.

        Raises:
            DomainError: ``not_found``, ``text_missing``.
        """
        text = case_life.stated(text, "说明", "a note")
        with self._context.db.write() as conn:
            self._locked(conn, actor, alert_id)
            self._note(conn, alert_id, actor, "comment", text, {})

    def add_evidence(
        self, actor: Actor, alert_id: str, name: str, picture_id: str | None = None
    ) -> str:
        """Attach proof of what was done; ``picture_id`` an uploaded picture of kind ``evidence``.

        Raises:
            DomainError: ``not_found``, ``denied``, ``text_missing``, ``too_many``.
        """
        name = case_life.stated(name, "材料名称", "its name")[:200]
        with self._context.db.write() as conn:
            row, case = self._locked(conn, actor, alert_id)
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
            self._note(
                conn, alert_id, actor, "comment", f"上传材料：{name}", {"evidence": evidence_id}
            )
        return evidence_id

    # ── inside ───────────────────────────────────────────────────────────────────────────────────

    def _end(
        self,
        actor: Actor,
        alert_id: str,
        version: int | None,
        action: Action,
        outcome: str,
        suppress: Suppress | None,
    ) -> int:
        now = self._context.now()
        changes = {
            "active": False,
            "closed_at": now,
            "closed_by": actor.person_id,
            "outcome": outcome,
        }
        data: dict[str, Any] = {} if suppress is None else {"suppressed_until": suppress.until}
        return self._act(
            actor,
            alert_id,
            version,
            action,
            changes=changes | _acknowledging(now, actor),
            data=data,
            note=outcome,
            suppress=suppress,
        )

    def _act(
        self,
        actor: Actor,
        alert_id: str,
        version: int | None,
        action: Action,
        *,
        changes: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        note: str = "",
        suppress: Suppress | None = None,
    ) -> int:
        now = self._context.now()
        with self._context.db.write() as conn:
            row, case = self._locked(conn, actor, alert_id)
            stage = case_life.decide(case, actor, action, version)
            values = {**(changes or {}), "stage": stage.value, "updated_at": now}
            if row.acknowledged and action is not Action.ACKNOWLEDGE:
                for name in ("acknowledged", "acknowledged_at", "acknowledged_by"):
                    values.pop(name, None)
            values["version"] = case.version + 1
            if action is Action.ASSIGN:
                self._check_assignee(conn, row, values["assignee_id"], now)
            conn.execute(update(alert).where(alert.c.id == alert_id).values(**values))
            self._note(
                conn,
                alert_id,
                actor,
                "transition",
                note,
                {"from": case.stage.value, "to": stage.value, **(data or {})},
            )
            if suppress is not None:
                self._suppress(conn, row, actor, note, suppress, now)
            if action is Action.ASSIGN:
                self._tell_assignee(conn, {**row._asdict(), **values}, actor, now)
            self._context.journal.append(
                conn, [_record(row, actor, stage, case.stage, data or {}, now)]
            )
        return case.version + 1

    @staticmethod
    def _locked(conn: Connection, actor: Actor, alert_id: str) -> tuple[Row[Any], Case]:
        row = conn.execute(
            select(alert).where(alert.c.id == alert_id).with_for_update()
        ).one_or_none()
        if row is None:
            raise missing("该预警", "alert")
        case = case_of(row)
        if not case_life.may_see(case, actor):
            raise missing("该预警", "alert")
        return row, case

    def _note(
        self,
        conn: Connection,
        alert_id: str,
        actor: Actor,
        kind: str,
        text: str,
        data: Mapping[str, Any],
    ) -> None:
        conn.execute(
            alert_note.insert(),
            {
                "id": self._context.new_id(),
                "alert_id": alert_id,
                "person_id": actor.person_id,
                "kind": kind,
                "text": text,
                "data": dict(data),
                "at": self._context.now(),
            },
        )

    @staticmethod
    def _check_assignee(conn: Connection, row: Row[Any], to: str, now: int) -> None:
        other = load_actor(conn, to, now)
        if other is None or not any(row.org_path.startswith(held.org_path) for held in other.roles):
            raise DomainError(
                "bad_assignee",
                "承办人须在本组织或上级组织任职",
                "the assignee holds no role here or above",
            )

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

    def _suppress(
        self,
        conn: Connection,
        row: Row[Any],
        actor: Actor,
        reason: str,
        suppress: Suppress,
        now: int,
    ) -> None:
        conn.execute(
            suppression.insert(),
            {
                "id": self._context.new_id(),
                "code": row.code,
                "org_path": row.org_path,
                "device": row.device,
                "reason": reason,
                "created_by": actor.person_id,
                "created_at": now,
                "expires_at": suppress.until,
            },
        )

    def _tell_assignee(
        self, conn: Connection, row: Mapping[str, Any], actor: Actor, now: int
    ) -> None:
        namer = Namer(conn, now)
        fields = {
            "village": namer.village(row["org_path"]) or "",
            "rule": row["code"],
            "alert_title": telling.title(row, namer),
            "case": row["id"][-12:],
            "assigner": namer.person(actor.person_id) or "",
            "deadline_at": row["due_at"],
            "at": now,
        }
        self._outbox.tell(
            conn,
            [
                Telling(
                    kind="case_assigned",
                    dedupe=f"{row['id']}:{row['version']}",
                    org_path=row["org_path"],
                    people=[row["assignee_id"]],
                    fields=fields,
                    severity=row["severity"],
                    breakthrough=row["code"] in BREAKTHROUGH,
                    alert_id=row["id"],
                    application_id=row["application"],
                    use_id=row["use_id"],
                )
            ],
            now,
        )


def case_of(row: Row[Any]) -> Case:
    """A case from an alert's row."""
    return Case(
        org_path=row.org_path,
        stage=Stage(row.stage),
        version=row.version,
        assignee_id=row.assignee_id,
        about=frozenset(
            one
            for one in (row.person, row.data.get("who"), row.data.get("operator"))
            if one is not None
        ),
    )


def _acknowledging(now: int, actor: Actor) -> dict[str, Any]:
    """Whoever assigns or ends it has seen it."""
    return {"acknowledged": True, "acknowledged_at": now, "acknowledged_by": actor.person_id}


def _record(
    row: Row[Any], actor: Actor, stage: Stage, before: Stage, data: Mapping[str, Any], now: int
) -> Record:
    return Record(
        kind=f"alert.{stage.value}",
        org_path=row.org_path,
        at=now,
        happened_at=now,
        device=row.device,
        seal=row.seal,
        application=row.application,
        grant_id=row.grant_id,
        use_id=row.use_id,
        person=actor.person_id,
        data={
            "alert": row.id,
            "code": row.code,
            "dedupe": row.dedupe,
            "severity": row.severity,
            "from": before.value,
            **data,
        },
    )
