"""A village office on top of the small world: people in their roles, a seal in its sleeve, the
default catalogue, every service of approving. Used by tests of services and of the API."""

from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any, Self

from PIL import Image

from backend.domain.actor import Actor, Role, RoleHeld
from backend.domain.application import DocumentKind
from backend.services.application_drafts import ApplicationForm, DraftService
from backend.services.application_reader import ApplicationReader
from backend.services.applications import ApplicationService
from backend.services.grants import GrantService
from backend.services.matters import MatterService
from backend.services.permits import PermitService
from backend.services.register import RegisterService
from backend.services.sweeps import Sweeps
from backend.services.views import ApplicationView
from backend.store.pictures import PictureStore
from backend.store.tables import device, seal, seal_use, search_due
from tests.support.world import DISTRICT, START, TOWN, VILLAGE, World, org_id

HOUR = 3_600_000
DAY = 24 * HOUR
MORNING = START - START % DAY + DAY + 2 * HOUR + 30 * 60_000
"""Tuesday, 2026-09-22, 10:30 in China: the day after START."""


def png(seed: int = 0) -> bytes:
    """A small picture of a page; another seed, other bytes."""
    buffer = BytesIO()
    Image.new("RGB", (64, 80), (255, 255 - seed % 200, 255)).save(buffer, "PNG")
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Office:
    """Everybody of one village, and who is above."""

    world: World
    drafts: DraftService
    applications: ApplicationService
    reader: ApplicationReader
    grants: GrantService
    permits: PermitService
    matters: MatterService
    register: RegisterService
    sweeps: Sweeps
    applicant: Actor
    custodian: Actor
    approver: Actor
    operator: Actor
    supervisor: Actor
    town: Actor
    district: Actor
    seals: dict[str, str]
    sleeves: dict[str, str]

    @classmethod
    def open(cls, world: World, path: str = VILLAGE, *, signed: bool = True) -> Self:
        """Hire everybody and put the seals into their sleeves. Not ``signed``: no grant key, so
        nothing is pushed ahead."""
        world.clock.time = max(world.clock.time, MORNING)
        context = world.context if signed else replace(world.context, sign_down=None)
        matters = MatterService(context)
        with world.db.read() as conn:
            known = bool(conn.exec_driver_sql("select count(*) from matter").scalar())
        if not known:
            matters.install_defaults(None, DISTRICT)
        custodian = world.actor(Role.CUSTODIAN, path)
        seals, sleeves = {}, {}
        with world.db.write() as conn:
            for kind in ("committee", "cooperative", "party"):
                seals[kind] = f"seal-{org_id(path)}-{kind}"
                sleeves[kind] = f"SL-{org_id(path)}-{kind}"
                conn.execute(
                    seal.insert(),
                    {
                        "id": seals[kind],
                        "org_id": org_id(path),
                        "org_path": path,
                        "kind": kind,
                        "name": f"{kind} seal",
                        "custodian_id": custodian.person_id,
                        "status": "active",
                        "created_at": START,
                    },
                )
                conn.execute(
                    device.insert(),
                    {
                        "id": sleeves[kind],
                        "org_id": org_id(path),
                        "org_path": path,
                        "seal_id": seals[kind],
                        "status": "active",
                        "tip": bytes(32),
                        "home_lat": 30.05,
                        "home_lon": 120.2,
                        "fence_m": 150.0,
                        "config": {},
                        "enrolled_at": START,
                    },
                )
        return cls(
            world=world,
            drafts=DraftService(context, PictureStore(world.ring)),
            applications=ApplicationService(context),
            reader=ApplicationReader(context),
            grants=GrantService(context),
            permits=PermitService(context),
            matters=matters,
            register=RegisterService(context),
            sweeps=Sweeps(context),
            applicant=world.actor(Role.APPLICANT, path),
            custodian=custodian,
            approver=world.actor(Role.APPROVER, path),
            operator=world.actor(Role.OPERATOR, path),
            supervisor=world.actor(Role.SUPERVISOR, path),
            town=world.actor(Role.APPROVER, TOWN),
            district=world.actor(Role.APPROVER, DISTRICT),
            seals=seals,
            sleeves=sleeves,
        )

    def form(
        self, matter: str = "residence", seal_kind: str = "committee", **more: Any
    ) -> ApplicationForm:
        """A form that can be submitted once its papers are there."""
        filled: dict[str, Any] = {
            "matter_id": f"{org_id(DISTRICT)}.{matter}",
            "seal_id": self.seals[seal_kind],
            "operator_id": self.operator.person_id,
            "title": "居住情况说明",
            "purpose": "子女入学",
            "beneficiary": "村民甲",
        }
        return ApplicationForm(**filled | more)

    def draft(
        self, form: ApplicationForm | None = None, actor: Actor | None = None
    ) -> ApplicationView:
        """A draft with a page and every paper that its matter wants."""
        by = actor or self.applicant
        form = form or self.form()
        made = self.drafts.create(by, form)
        matter = self.matters.get(by, form.matter_id)
        wanted = [(DocumentKind.PAGE, "正文第1页")]
        wanted += [(DocumentKind.ATTACHMENT, name) for name in matter.attachments]
        if form.resolution:
            wanted.append((DocumentKind.RESOLUTION, "村民代表会议决议"))
        for seed, (kind, name) in enumerate(wanted):
            made = self.drafts.attach(by, made.row.id, kind, name, png(seed))
        return made

    def submitted(
        self, form: ApplicationForm | None = None, actor: Actor | None = None
    ) -> ApplicationView:
        """Handed in."""
        made = self.draft(form, actor)
        return self.applications.submit(actor or self.applicant, made.row.id, made.row.version)

    def approved(
        self, form: ApplicationForm | None = None, actor: Actor | None = None
    ) -> ApplicationView:
        """Approved by whoever its chain names."""
        made = self.submitted(form, actor)
        for approver in (self.approver, self.town, self.district):
            if made.row.status != "submitted":
                break
            made = self.applications.approve(approver, made.row.id, made.row.version)
        return self.reader.get(actor or self.applicant, made.row.id)

    def used(self, made: ApplicationView, *, pressed: int, **columns: Any) -> str:
        """Record in the store what the gateway would have: a finished use of its grant."""
        grant = made.grants[0]
        use_id = f"{grant.device_id}:{self.world.clock() % 100_000}"
        with self.world.db.write() as conn:
            conn.execute(
                seal_use.insert(),
                {
                    "id": use_id,
                    "org_path": made.row.org_path,
                    "device_id": grant.device_id,
                    "seal_id": grant.seal_id,
                    "application_id": made.row.id,
                    "grant_id": grant.id,
                    "operator_id": made.row.operator.id,
                    "stamped_by": made.row.operator.id,
                    "state": "finished",
                    "person_check": "match",
                    "granted": grant.stamps,
                    "entered": pressed,
                    "pressed": pressed,
                    "started_at": self.world.clock(),
                    "recorded_at": self.world.clock(),
                    "first_stamp_at": self.world.clock() if pressed else None,
                    "last_event_at": self.world.clock(),
                    "finished_at": self.world.clock(),
                    "finish_reason": "done",
                    "first_seq": 0,
                }
                | columns,
            )
            conn.execute(search_due.insert(), {"use_id": use_id})  # no record tells of it
        return use_id


def also(actor: Actor, role: Role, path: str) -> Actor:
    """The actor with one more role (not in the store)."""
    return replace(actor, roles=(*actor.roles, RoleHeld(role, org_id(path), path)))
