"""Every page, in one list: what the application includes, and what it is handed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final

from fastapi import APIRouter

from backend.api.deps import Services
from backend.services.application_drafts import DraftService
from backend.services.application_reader import ApplicationReader
from backend.services.applications import ApplicationService
from backend.services.context import ServiceContext
from backend.services.credentials import CredentialService
from backend.services.device_orders import DeviceOrderService
from backend.services.imprints import ImprintService
from backend.services.matters import MatterService
from backend.services.organisations import OrganisationService
from backend.services.people import PeopleService
from backend.services.permits import PermitService
from backend.services.pictures import PictureService
from backend.services.register import RegisterService
from backend.services.roles import RoleService
from backend.services.seals import SealService
from backend.services.signing_keys import SigningKeyService
from backend.services.standing_in import StandInService
from backend.web.bells import Bells
from backend.web.live import Changes
from backend.web.ports import Admin, AlertWords, CaseDesk, NoticeDesk, Web

MODULES: Final[tuple[str, ...]] = (
    "static_files",
    "installable",
    "sign_in",
    "my_keys",
    "person_keys",
    "home",
    "overview",
    "live_console",
    "today",
    "pictures",
    "apply",
    "attaching",  # before papers: its addresses are the more particular ones
    "papers",
    "marking",
    "approve",
    "more_stamps",
    "away",
    "permits",
    "emergency",
    "at_sleeve",
    "inbox",
    "uses_log",
    "story",
    "alerts_pages",
    "alert_bulk",
    "case_pages",
    "suppression_pages",
    "sleeve_pages",
    "admin",
    "faces",
    "imports",
    "matter_admin",
    "notice_admin",
    "imprint_admin",
    "org_settings",
    "sleeve_admin",
    "exports",
    "public",
)
"""Modules of ``backend.web`` with a ``router``."""


def routers() -> list[APIRouter]:
    """The routers of all pages; give ``backend.web.errors.install`` as a finishing step."""
    return [import_module(f"backend.web.{name}").router for name in MODULES]


def assemble(
    services: Services,
    *,
    wall: Callable[[], int],
    alert_words: AlertWords,
    case_desk: CaseDesk | None = None,
    notice_desk: NoticeDesk | None = None,
    review_reason: str | None = None,
    reads_papers: bool = False,
    paper_approval_ms: int | None = None,
) -> Web:
    """What the pages are handed, out of the services that the API has. Add it to ``services``."""
    context = services.get(ServiceContext)
    orders = services.get(DeviceOrderService) if services.has(DeviceOrderService) else None
    return Web(
        context=context,
        wall=wall,
        drafts=services.get(DraftService),
        applications=services.get(ApplicationService),
        reader=services.get(ApplicationReader),
        matters=services.get(MatterService),
        people=services.get(PeopleService),
        pictures=services.get(PictureService),
        register=services.get(RegisterService),
        signing_keys=services.get(SigningKeyService) if services.has(SigningKeyService) else None,
        changes=Changes(context.db),
        alert_words=alert_words,
        case_desk=case_desk,
        notice_desk=notice_desk,
        device_orders=orders,
        admin=Admin(
            organisations=services.get(OrganisationService),
            seals=services.get(SealService),
            roles=services.get(RoleService),
            credentials=services.get(CredentialService),
            imprints=services.get(ImprintService) if services.has(ImprintService) else None,
        ),
        review_reason=review_reason,
        reads_papers=reads_papers,
        permits=PermitService(context),
        standing_in=StandInService(context),
        bells=Bells(context.db),
        paper_approval_ms=paper_approval_ms,
    )
