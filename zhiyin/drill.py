"""Approved jobs for simulated sleeves: whatever a fleet stamps was applied for and approved first.

People of a drill, a matter of its own and applications, by the services that the pages use and on
record like all else. For a try: whoever holds the file of jobs can use them up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from backend.domain.actor import Actor, Role
from backend.domain.calendar import DAY_MS, HOUR_MS
from backend.domain.errors import DomainError, denied
from backend.domain.matter import Check, Limits, Matter, PlaceRule, SealKind, Step, to_plain
from backend.domain.organisation import Level, ids
from backend.services.actors import load_actor
from backend.services.application_drafts import ApplicationForm, DraftService
from backend.services.application_reader import ApplicationReader
from backend.services.applications import ApplicationService
from backend.services.credentials import CredentialService
from backend.services.matters import MatterForm, MatterService
from backend.services.passwords import Passwords
from backend.services.people import NewPerson, PeopleService
from backend.services.roles import NewRole, RoleService
from seal_firmware_sim.credentials import Credentials, Job
from zhiyin import wiring

LASTS_MS: Final = 7 * DAY_MS
"""How long the drill's people hold their roles and its jobs can be used."""

_CODE: Final = "fleet-drill"
_PINS: Final = 10**8


@dataclass(frozen=True, slots=True)
class _Staff:
    applicant: Actor
    approver: Actor
    operator: str
    pin: str
    witness: str
    witness_pin: str


class Drill:
    """A drill in the district of ``admin``: its matter, and people hired for it."""

    def __init__(self, home: wiring.House, admin: Actor) -> None:
        """Enter matter and people.

        Raises:
            DomainError: ``denied`` for whoever administers no district.
        """
        self._home = home
        self._admin = admin
        self._district = _district(admin)
        context = home.services
        self._people = PeopleService(context, home.pictures, wiring.wall_clock)
        self._roles = RoleService(context)
        self._pins = CredentialService(context, Passwords(), wiring.wall_clock)
        self._matters = MatterService(context)
        self._drafts = DraftService(context, home.pictures)
        self._applications = ApplicationService(context)
        self._reader = ApplicationReader(context)
        self._matter = self._drill()
        self._staff = self._hired()

    def with_jobs(self, sleeve: Credentials, count: int, *, stamps: int = 1) -> Credentials:
        """The same sleeve, with ``count`` more approved jobs of ``stamps`` stamps each.

        Raises:
            DomainError: ``not_found`` when its seal lies outside the district.
        """
        staff = self._staff
        jobs = [
            Job(
                job=self._approved(sleeve.seal, stamps),
                stamps=stamps,
                pin=staff.pin,
                witness=staff.witness,
                witness_pin=staff.witness_pin,
            )
            for _ in range(count)
        ]
        return msgspec.structs.replace(sleeve, jobs=[*sleeve.jobs, *jobs])

    # ── steps ────────────────────────────────────────────────────────────────────────────────────

    def _drill(self) -> str:
        known = f"{ids(self._district)[0]}.{_CODE}"
        drill = Matter(
            id=known,
            name="机群演练",
            category="演练",
            seals=tuple(SealKind),
            chain=(Step(Role.APPROVER, Level.DISTRICT, "演练审批", 8 * HOUR_MS),),
            limits=Limits(copies=5, stamps_per_copy=5),
            pages=False,
            emergency=False,
            window_ms=LASTS_MS,
            place=PlaceRule.ANYWHERE,
            check=Check.PIN,
            note="模拟套筒用，不盖真章。",
        )
        try:
            return self._matters.get(self._admin, known).id
        except DomainError as error:
            if error.code != "not_found":
                raise
        form = MatterForm(drill.name, drill.category, to_plain(drill))
        return self._matters.add(self._admin, self._district, _CODE, form).id

    def _hired(self) -> _Staff:
        operator = self._person("演练用章人", Role.OPERATOR)
        witness = self._person("演练见证人", Role.OPERATOR)
        pins = self._pin(), self._pin()
        self._pins.set_pin_for(self._admin, operator, pins[0])
        self._pins.set_pin_for(self._admin, witness, pins[1])
        return _Staff(
            self._actor(self._person("演练申请人", Role.APPLICANT)),
            self._actor(self._person("演练审批人", Role.APPROVER)),
            operator,
            pins[0],
            witness,
            pins[1],
        )

    def _person(self, name: str, role: Role) -> str:
        org_id = ids(self._district)[0]
        made = self._people.create(self._admin, NewPerson(org_id, name))
        ends_at = self._home.now() + LASTS_MS
        self._roles.grant(self._admin, NewRole(made.id, org_id, role, "演练", ends_at=ends_at))
        return made.id

    def _pin(self) -> str:
        return f"{int.from_bytes(self._home.random(8), 'big') % _PINS:08}"

    def _actor(self, person_id: str) -> Actor:
        with self._home.db.read() as conn:
            actor = load_actor(conn, person_id, self._home.now())
        if actor is None:
            raise RuntimeError(f"{person_id} was entered and is not there")
        return actor

    def _approved(self, seal: str, stamps: int) -> str:
        staff = self._staff
        form = ApplicationForm(
            matter_id=self._matter,
            seal_id=seal,
            operator_id=staff.operator,
            title="机群演练",
            purpose="模拟套筒演练",
            stamps_per_copy=stamps,
        )
        made = self._drafts.create(staff.applicant, form)
        made = self._applications.submit(staff.applicant, made.row.id, made.row.version)
        self._applications.approve(staff.approver, made.row.id, made.row.version)
        grant = self._reader.get(staff.applicant, made.row.id).grants[0]
        if grant.job is None:
            raise RuntimeError("an applicant is not told the job code of their own application")
        return grant.job


def _district(admin: Actor) -> str:
    found = [path for path in admin.branches(Role.ADMIN) if len(ids(path)) == 1]
    if not found:
        raise denied(
            "演练的审批人设在区县，请用 --by 指定区县的系统管理员",
            "the drill's approver sits in the district: name its administrator with --by",
        )
    return found[0]
