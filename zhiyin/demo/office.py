"""The office side of the scenario, through the same services that the pages use."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, select

from backend.domain.actor import Actor
from backend.domain.application import DocumentKind
from backend.domain.calendar import MINUTE_MS
from backend.domain.errors import DomainError
from backend.services.actors import load_actor
from backend.services.application_drafts import ApplicationForm, DraftService
from backend.services.applications import ApplicationService
from backend.services.facts import load_matter
from backend.store.tables import application as application_table
from backend.store.tables import application_step, use_grant
from seal_firmware_sim.hardware.cameras import COARSE, Paper, typeset
from seal_firmware_sim.scenarios.stage import Request
from zhiyin.demo import people
from zhiyin.demo.town import PIN, WITNESS_PIN, Town, Village
from zhiyin.wiring import House

FEN: Final = 100
RESOLUTION: Final = "村民代表会议〔2026〕3号决议"
MEETING: Final = "meeting_resolution"


class Office:
    """Applies and approves as the people of the town; a :class:`World` for scenarios.

    ``watched`` are the applications whose papers and presses are looked at; what is applied for
    with eyes is added to it before it is handed in.
    """

    def __init__(self, house: House, town: Town, watched: set[str]) -> None:
        context = house.services
        self._house = house
        self._town = town
        self._watched = watched
        self._drafts = DraftService(context, house.pictures)
        self._applications = ApplicationService(context)
        self._villages = {village.number: village for village in town.villages}

    def apply(self, request: Request, *, own: bool = False) -> str:
        """The custodian hands the application in, with page and attachments; ``own``: the village's
        approver does so in person."""
        village = self._villages[request.village]
        applicant = village.approver if own else village.custodian
        return self._submit(self._actor(applicant), village, request)

    def approve(self, application: str) -> None:
        """An approver of the present step, who is not the applicant, opens the pages and approves.

        Raises:
            DomainError: when the door refuses; LookupError: when there is nobody.
        """
        step = self._open_step(application)
        self._decide(self._approver(str(step.org_path), str(step.applicant_id)), application)

    def approve_own(self, application: str) -> bool:
        """Whoever handed it in wants to approve it; whether the door refused that."""
        step = self._open_step(application)
        try:
            self._decide(self._actor(str(step.applicant_id)), application)
        except DomainError:
            return True
        return False

    def approved(self, application: str) -> bool:
        """Whether every step has been approved."""
        with self._house.db.read() as conn:
            query = select(application_table.c.status).where(application_table.c.id == application)
            status = conn.execute(query).scalar_one()
        return status not in ("draft", "submitted", "returned")

    def job(self, application: str) -> str:
        """The code that is typed at the sleeve."""
        return str(self._grant(application).job)

    def grant(self, application: str) -> str:
        """The id of the grant."""
        return str(self._grant(application).id)

    def face(self, village: int) -> int:
        """The operator of village n is person n − 1; the rest of the 40 are enrolled nowhere."""
        return village - 1

    def pins(self, village: int) -> tuple[str, str, str]:
        """The operator's PIN, the witness's id, the witness's PIN."""
        return PIN, self._villages[village].witness, WITNESS_PIN

    def seal_text(self, village: int, seal: str) -> str:
        """What stands around the seal's star."""
        return people.seal_name(village, seal)

    def _submit(self, actor: Actor, village: Village, request: Request) -> str:
        matter_id = f"{people.DISTRICT[0]}.{request.matter}"
        with self._house.db.read() as conn:
            matter, _ = load_matter(conn, matter_id, None, village.path)
        if matter.wait_for_page and self._house.settings.eyes.enabled and not request.eyes:
            raise DomainError(
                "eyes_needed",
                "这个事项要先核对文件再盖章：请给动作写上 eyes: true",
                "this matter's presses wait for the eyes: give the action eyes: true",
            )
        within = request.within
        fen = request.amount * FEN if request.amount is not None else None
        resolved = matter.resolution_for(fen)
        form = ApplicationForm(
            matter_id=matter_id,
            seal_id=village.seals[request.seal],
            operator_id=village.operator,
            title=request.title,
            purpose=request.purpose,
            stamps_per_copy=request.stamps,
            beneficiary=people.name_of(village.number, 6),
            counterparty=request.counterparty,
            amount_fen=fen,
            resolution=RESOLUTION if resolved else None,
            wanted_until=None if within is None else self._house.now() + within * MINUTE_MS,
        )
        made = self._drafts.create(actor, form)
        paper = request.paper
        papers = [(DocumentKind.PAGE, request.title, paper)]
        if resolved:
            minutes = Paper(MEETING, paper.seed, paper.seal_text, width=COARSE)
            papers.append((DocumentKind.RESOLUTION, RESOLUTION, minutes))
        papers += [
            (
                DocumentKind.ATTACHMENT,
                name,
                Paper(paper.kind, number, paper.seal_text, width=COARSE),
            )
            for number, name in enumerate(one.name for one in matter.attachments)
        ]
        for kind, name, sheet in papers:
            made = self._drafts.attach(actor, made.row.id, kind, name, typeset(sheet).jpeg())
        if request.eyes:
            self._watched.add(made.row.id)
        made = self._applications.submit(actor, made.row.id, made.row.version)
        return made.row.id

    def _decide(self, actor: Actor, application: str) -> None:
        seen = self._applications.open_pages(actor, application)
        self._applications.approve(actor, application, seen.row.version)

    def _approver(self, org_path: str, applicant: str) -> Actor:
        people_there = [self._town.town_approver]
        for village in self._villages.values():
            if village.path == org_path:
                people_there = [village.approver, *village.deputies]
        for person in people_there:
            if person != applicant:
                return self._actor(person)
        raise LookupError(f"nobody at {org_path} may approve what {applicant} applies for")

    def _actor(self, person_id: str) -> Actor:
        with self._house.db.read() as conn:
            found = load_actor(conn, person_id, self._house.now())
        if found is None:
            raise LookupError(f"nobody has id {person_id}")
        return found

    def _open_step(self, application: str) -> Row[Any]:
        with self._house.db.read() as conn:
            return conn.execute(
                select(application_step, application_table.c.applicant_id)
                .join(
                    application_table,
                    application_table.c.id == application_step.c.application_id,
                )
                .where(
                    application_step.c.application_id == application,
                    application_step.c.decided_at.is_(None),
                )
                .order_by(application_step.c.position)
                .limit(1)
            ).one()

    def _grant(self, application: str) -> Row[Any]:
        with self._house.db.read() as conn:
            return conn.execute(
                select(use_grant).where(use_grant.c.application_id == application)
            ).one()
