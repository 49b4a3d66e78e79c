"""Makes every service of the backend from what an installation has: the one list of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backend.api.deps import Services
from backend.api.live import Broadcaster
from backend.ledger.log import Log
from backend.services.application_drafts import DraftService
from backend.services.application_reader import ApplicationReader
from backend.services.applications import ApplicationService
from backend.services.calendar_days import CalendarDayService
from backend.services.context import ServiceContext
from backend.services.credentials import CredentialService
from backend.services.device_orders import DeviceOrderService
from backend.services.device_views import DeviceViewService
from backend.services.devices import DeviceService
from backend.services.eyes_memory import Ask
from backend.services.faces import Enroller, FaceService
from backend.services.grants import GrantService
from backend.services.identity import SESSION_MS, IdentityService
from backend.services.imports import ImportService
from backend.services.imprints import ImprintService
from backend.services.matters import MatterService
from backend.services.organisations import OrganisationService
from backend.services.passwords import Passwords
from backend.services.people import PeopleService
from backend.services.permits import PermitService
from backend.services.pictures import PictureService
from backend.services.public_register import PublicRegisterService
from backend.services.records import RecordService
from backend.services.register import RegisterService
from backend.services.roles import RoleService
from backend.services.saved_views import SavedViewService
from backend.services.seals import SealService
from backend.services.second_opinions import SecondOpinionService
from backend.services.signing_keys import SigningKeyService
from backend.services.tokens import TokenService
from backend.services.use_proofs import UseProofService
from backend.services.uses import UseService
from backend.store.keyring import KeyRing
from backend.store.pictures import PictureStore
from gateway.protocol.envelope import seal_down
from gateway.protocol.messages import Down


@dataclass(frozen=True, slots=True)
class Installation:
    """What services are made from. ``wall`` is wall time in ms UTC, by which sessions go;
    ``context.now`` may be a demo's faster clock. ``enroller`` makes face templates; ``ask`` puts a
    question to a worker that looks at pictures."""

    context: ServiceContext
    keyring: KeyRing
    log: Log
    wall: Callable[[], int]
    pictures: PictureStore
    enroller: Enroller
    passwords: Passwords
    broadcaster: Broadcaster
    ask: Ask
    session_ms: int = SESSION_MS


def grant_signer(keyring: KeyRing) -> Callable[..., bytes]:
    """Seals what is said to a sleeve with the grant key: for :class:`ServiceContext.sign_down`."""

    def sign(body: Down, *, device: str, time: int) -> bytes:
        return seal_down(body, keyring.grant, device=device, time=time)

    return sign


def build_services(made: Installation) -> Services:
    """Every service, ready for :func:`backend.api.app.create_app`."""
    context = made.context
    services = Services(
        context,
        made.log,
        made.keyring,
        IdentityService(context, made.passwords, made.keyring.web, made.wall, made.session_ms),
        CredentialService(context, made.passwords, made.wall),
        SigningKeyService(context, made.passwords),
        TokenService(context, made.wall),
        OrganisationService(context),
        CalendarDayService(context),
        PeopleService(context, made.pictures, made.wall),
        RoleService(context),
        ImportService(context, made.pictures, made.wall),
        FaceService(context, made.keyring, made.pictures, made.enroller),
        SealService(context),
        ImprintService(context, made.ask),
        SecondOpinionService(context),
        DeviceService(context, made.keyring),
        DeviceOrderService(context, context.sign_down or grant_signer(made.keyring)),
        DeviceViewService(context),
        PictureService(context, made.pictures),
        MatterService(context),
        DraftService(context, made.pictures),
        ApplicationService(context),
        ApplicationReader(context),
        GrantService(context),
        PermitService(context),
        RegisterService(context),
        PublicRegisterService(context, made.keyring.web[::-1], made.wall),
        UseService(context),
        SavedViewService(context),
        RecordService(context, made.log),
        UseProofService(context, made.log, made.keyring),
    )
    services.add(made.broadcaster, Broadcaster)
    return services
