"""Handling of alerts by people: each step is a row's change, a note and a record, in one
transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, update

from alerts import case_life, case_rows, suppressions, telling
from alerts.case_file import CaseFile
from alerts.case_life import Action
from alerts.outbox import Outbox, Telling
from alerts.policies import Policies
from alerts.settings import AlertSettings
from alerts.suppressions import Silence, Suppressions
from alerts.wording import Namer
from backend.domain.actor import Actor
from backend.domain.errors import DomainError
from backend.services.actors import load_actor
from backend.services.context import ServiceContext
from backend.store.pictures import PictureStore
from backend.store.tables import alert


class Cases(CaseFile):
    """Every step that a person takes with an alert."""

    def __init__(
        self,
        context: ServiceContext,
        settings: AlertSettings,
        pictures: PictureStore | None = None,
    ) -> None:
        """``pictures`` keeps evidence that people upload; without it none is taken."""
        super().__init__(context, pictures)
        self._settings = settings
        self._outbox = Outbox(context, settings)
        self._suppressions = Suppressions(context)

    def acknowledge(self, actor: Actor, alert_id: str, version: int | None = None) -> int:
        """Somebody looks after it: escalation stops. Returns the new version.

        Raises:
            DomainError: ``not_found``, ``denied``, ``wrong_stage``, ``changed_meanwhile``.
        """
        changes = _acknowledging(self._context.now(), actor)
        return self._act(actor, alert_id, version, Action.ACKNOWLEDGE, changes=changes)

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
        suppress_until: int | None = None,
    ) -> int:
        """It was none, for a reason. The same alarm from the same sleeve (or, without one, place)
        is not told until ``suppress_until`` (ms UTC); it is still found, kept and recorded.

        Raises:
            DomainError: as :meth:`rectify`, and ``bad_expiry``.
        """
        reason = case_life.stated(reason, "误报原因", "why it was none")
        now = self._context.now()
        longest = now + self._settings.suppress_ms
        if suppress_until is not None and not now < suppress_until <= longest:
            days = self._settings.suppress_ms // 86_400_000
            raise DomainError(
                "bad_expiry",
                f"暂停提醒要写明截止时间，最长{days}天",
                f"a suppression ends within {days} days",
            )
        return self._end(actor, alert_id, version, Action.FALSE_ALARM, reason, suppress_until)

    def suppressions(self, actor: Actor) -> list[Silence]:
        """See :meth:`alerts.suppressions.Suppressions.active`."""
        return self._suppressions.active(actor)

    def end_suppression(self, actor: Actor, suppression_id: str) -> None:
        """See :meth:`alerts.suppressions.Suppressions.end`."""
        self._suppressions.end(actor, suppression_id)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────

    def _end(
        self,
        actor: Actor,
        alert_id: str,
        version: int | None,
        action: Action,
        outcome: str,
        suppress_until: int | None,
    ) -> int:
        now = self._context.now()
        changes = {
            "active": False,
            "closed_at": now,
            "closed_by": actor.person_id,
            "outcome": outcome,
        }
        data: dict[str, Any] = {}
        if suppress_until is not None:
            data["suppressed_until"] = suppress_until
        return self._act(
            actor,
            alert_id,
            version,
            action,
            changes=changes | _acknowledging(now, actor),
            data=data,
            note=outcome,
            suppress_until=suppress_until,
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
        suppress_until: int | None = None,
    ) -> int:
        now = self._context.now()
        with self._context.db.write() as conn:
            row, case = case_rows.lock(conn, actor, alert_id)
            stage = case_life.decide(case, actor, action, version)
            values = {**(changes or {}), "stage": stage.value, "updated_at": now}
            if row.acknowledged and action is not Action.ACKNOWLEDGE:
                for name in ("acknowledged", "acknowledged_at", "acknowledged_by"):
                    values.pop(name, None)
            values["version"] = case.version + 1
            if action is Action.ASSIGN:
                self._check_assignee(conn, row, values["assignee_id"], now)
            conn.execute(update(alert).where(alert.c.id == alert_id).values(**values))
            case_rows.add_note(
                conn,
                self._context,
                alert_id,
                actor,
                "transition",
                note,
                {"from": case.stage.value, "to": stage.value, **(data or {})},
            )
            if suppress_until is not None:
                suppressions.put(
                    conn,
                    self._context,
                    actor,
                    code=row.code,
                    org_path=row.org_path,
                    device=row.device,
                    reason=note,
                    until=suppress_until,
                )
            if action is Action.ASSIGN:
                self._tell_assignee(conn, {**row._asdict(), **values}, actor, now)
            self._context.journal.append(
                conn, [case_rows.record_of(row, actor, stage, case.stage, data or {}, now)]
            )
        return case.version + 1

    @staticmethod
    def _check_assignee(conn: Connection, row: Row[Any], to: str, now: int) -> None:
        other = load_actor(conn, to, now)
        if other is None or not any(row.org_path.startswith(held.org_path) for held in other.roles):
            raise DomainError(
                "bad_assignee",
                "承办人须在本组织或上级组织任职",
                "the assignee holds no role here or above",
            )

    def _tell_assignee(
        self, conn: Connection, row: Mapping[str, Any], actor: Actor, now: int
    ) -> None:
        namer = Namer(conn, now)
        policy = Policies(conn, self._settings).of(row["code"], row["org_path"])
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
                    breakthrough=policy.at_once,
                    alert_id=row["id"],
                    application_id=row["application"],
                    use_id=row["use_id"],
                )
            ],
            now,
        )


def _acknowledging(now: int, actor: Actor) -> dict[str, Any]:
    """Whoever assigns or ends it has seen it; it is not taken further up."""
    return {
        "acknowledged": True,
        "acknowledged_at": now,
        "acknowledged_by": actor.person_id,
        "escalate_at": None,
    }
