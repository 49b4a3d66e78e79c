"""An application with everything that a decision about it has to know, without any store."""

from dataclasses import replace
from datetime import date
from typing import Any

from backend.domain.actor import Actor, Role, RoleHeld
from backend.domain.application import Application, Document, DocumentKind
from backend.domain.application_checks import Facts, SealFacts
from backend.domain.application_commands import Submit
from backend.domain.application_life import decide
from backend.domain.calendar import HOUR_MS, WorkingCalendar
from backend.domain.matter import Limits, Matter, SealKind, Step
from backend.domain.organisation import Level, ids

DISTRICT, TOWN, VILLAGE = "/1/", "/1/2/", "/1/2/3/"
NOW = 1_780_453_800_000
"""Wednesday, 2026-06-03, 10:30 in China."""


def actor(name: str, *held: tuple[Role, str]) -> Actor:
    """A person with roles."""
    return Actor(name, tuple(RoleHeld(role, ids(path)[-1], path) for role, path in held))


APPLICANT = actor("applicant", (Role.APPLICANT, VILLAGE))
CUSTODIAN = actor("custodian", (Role.CUSTODIAN, VILLAGE))
OPERATOR = actor("operator", (Role.OPERATOR, VILLAGE))
APPROVER = actor("approver", (Role.APPROVER, VILLAGE))
OTHER_APPROVER = actor("approver-2", (Role.APPROVER, VILLAGE))
TOWN_APPROVER = actor("town", (Role.APPROVER, TOWN))
SUPERVISOR = actor("supervisor", (Role.SUPERVISOR, VILLAGE))
STRANGER = actor("stranger", (Role.APPROVER, "/1/9/"), (Role.SUPERVISOR, "/1/9/"))

VILLAGE_STEP = Step(Role.APPROVER, Level.VILLAGE, "村审批", 4 * HOUR_MS)
TOWN_STEP = Step(Role.APPROVER, Level.TOWN, "镇审批", 8 * HOUR_MS)

MATTER = Matter(
    id="m",
    name="居住情况说明",
    category="群众办事",
    chain=(VILLAGE_STEP, TOWN_STEP),
    limits=Limits(copies=5, stamps_per_copy=3, batch_copies=100),
)


def weekdays(_day: date) -> bool | None:
    """No year is published."""
    return None


def facts(matter: Matter = MATTER, **changes: Any) -> Facts:
    """A village with two approvers, a town with one."""
    made = Facts(
        matter=matter,
        seal=SealFacts(
            "s", SealKind.COMMITTEE, "3", VILLAGE, True, frozenset({"custodian"}), "sleeve"
        ),
        places={Level.DISTRICT: DISTRICT, Level.TOWN: TOWN, Level.VILLAGE: VILLAGE},
        approvers={
            VILLAGE: frozenset({"approver", "approver-2"}),
            TOWN: frozenset({"town"}),
            DISTRICT: frozenset(),
        },
        may_stamp=frozenset({"operator", "custodian"}),
        calendar=WorkingCalendar(weekdays),
    )
    return replace(made, **changes)


PAGE = Document("d", DocumentKind.PAGE, "正文", "image/png", 10, bytes(32))


def draft(**changes: Any) -> Application:
    """One that can be submitted."""
    made = Application(
        id="a",
        org_path=VILLAGE,
        matter_id="m",
        matter_version=1,
        seal_id="s",
        applicant_id="applicant",
        operator_id="operator",
        title="居住情况说明",
        purpose="子女入学",
        created_at=NOW,
        documents=(PAGE,),
    )
    return replace(made, **changes)


def submitted(known: Facts | None = None, now: int = NOW, **changes: Any) -> Application:
    """Handed in by the applicant."""
    made = draft(**changes)
    by = actor(made.applicant_id, (Role.APPLICANT, VILLAGE))
    return decide(made, Submit(by, "ZY-1"), known or facts(), now).application
