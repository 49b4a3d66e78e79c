"""Puts the web application together: every service that a route may ask for, every router.

Apart from `zhiyin.wiring` because a gateway has no use for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from fastapi import APIRouter, FastAPI

from backend.api.app import create_app
from backend.api.deps import Services
from backend.api.settings import ApiSettings
from backend.services.application_drafts import DraftService
from backend.services.application_reader import ApplicationReader
from backend.services.applications import ApplicationService
from backend.services.calendar_days import CalendarDayService
from backend.services.credentials import CredentialService
from backend.services.device_orders import DeviceOrderService
from backend.services.device_views import DeviceViewService
from backend.services.devices import DeviceService
from backend.services.faces import FaceService
from backend.services.grants import GrantService
from backend.services.identity import IdentityService
from backend.services.matters import MatterService
from backend.services.organisations import OrganisationService
from backend.services.passwords import Passwords
from backend.services.people import PeopleService
from backend.services.permits import PermitService
from backend.services.pictures import PictureService
from backend.services.register import RegisterService
from backend.services.roles import RoleService
from backend.services.seals import SealService
from backend.services.tokens import TokenService
from zhiyin.settings import WebSettings
from zhiyin.wall import wall_clock
from zhiyin.wiring import House, sign_down

HOUR_MS: Final = 3_600_000


def services(house: House, *, wall: Callable[[], int] = wall_clock) -> Services:
    """Every service over ``house``. Sessions go by ``wall`` time, all else by the house's clock."""
    context, pictures = house.services, house.pictures
    passwords = Passwords()
    return Services(
        context,
        ApplicationReader(context),
        ApplicationService(context),
        CalendarDayService(context),
        CredentialService(context, passwords, wall),
        DeviceOrderService(context, sign_down(house.keys)),
        DeviceService(context, house.keys),
        DeviceViewService(context),
        DraftService(context, pictures),
        FaceService(context, house.keys, pictures, house.faces),
        GrantService(context),
        IdentityService(
            context,
            passwords,
            house.keys.web,
            wall,
            session_ms=house.settings.web.session_hours * HOUR_MS,
        ),
        MatterService(context),
        OrganisationService(context),
        PeopleService(context, pictures, wall),
        PermitService(context),
        PictureService(context, pictures),
        RegisterService(context),
        RoleService(context),
        SealService(context),
        TokenService(context, wall),
    )


def api_settings(web: WebSettings) -> ApiSettings:
    """What the API must know of how people reach it."""
    own = web.public_url
    return ApiSettings(
        https=web.tls_cert_file is not None
        or web.behind_proxy
        or (own is not None and own.startswith("https:")),
        origins=frozenset() if own is None else frozenset({own}),
    )


def application(
    house: House,
    *,
    routers: Iterable[APIRouter] = (),
    finish: Sequence[Callable[[FastAPI], None]] = (),
    extra: Iterable[object] = (),
    wall: Callable[[], int] = wall_clock,
) -> FastAPI:
    """The web application over ``house``; ``extra`` services come with further ``routers``."""
    found = services(house, wall=wall)
    for one in extra:
        found.add(one)
    return create_app(found, api_settings(house.settings.web), routers=routers, finish=finish)
