"""What the pages are handed: the services, and doors to parts that the backend may not import."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from backend.domain.actor import Actor
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
from backend.web.once import Once
from backend.web.overview_numbers import Counting

DRAWN_FRESH_S: Final = 5.0
"""Telemetry is no record: without news drawn figures may be so old."""


class AlertWords(Protocol):
    """Alerts and notices as a person reads them: title, then lines."""

    def alerts(
        self, conn: Connection, rows: Sequence[Mapping[str, Any]], locale: str
    ) -> list[tuple[str, list[str]]]:
        """Words for rows of ``alert``, in their order; a code without words stands for itself."""
        ...

    def notice(self, kind: str, message: Mapping[str, Any], locale: str) -> tuple[str, list[str]]:
        """Words for an ``inbox_notice``'s kind and message."""
        ...


class Silence(Protocol):
    """An alarm that is found and not told for a while. Times are ms UTC; ``may_end``: the asker
    may end it."""

    @property
    def id(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def org_name(self) -> str: ...
    @property
    def device(self) -> str | None: ...
    @property
    def reason(self) -> str: ...
    @property
    def by(self) -> str: ...
    @property
    def created_at(self) -> int: ...
    @property
    def expires_at(self) -> int: ...
    @property
    def may_end(self) -> bool: ...


class CaseDesk(Protocol):
    """Handles alerts: each call is one recorded turn of an alert in the actor's branch.

    Every one raises DomainError: ``not_found``, ``denied``, ``wrong_stage``, ``text_missing``.
    """

    def acknowledge(self, actor: Actor, alert_id: str) -> object:
        """“I have seen it.”"""
        ...

    def assign(
        self, actor: Actor, alert_id: str, to: str, *, due_at: int | None, note: str
    ) -> object:
        """Give it to somebody, with a deadline (ms UTC)."""
        ...

    def rectify(self, actor: Actor, alert_id: str, note: str) -> object:
        """Say what is being done about it."""
        ...

    def comment(self, actor: Actor, alert_id: str, text: str) -> object:
        """Add words."""
        ...

    def close(self, actor: Actor, alert_id: str, outcome: str) -> object:
        """It is put right."""
        ...

    def false_alarm(
        self, actor: Actor, alert_id: str, reason: str, *, suppress_until: int | None = None
    ) -> object:
        """It was none; the like of it is not told until ``suppress_until`` (ms UTC)."""
        ...

    def attach(self, actor: Actor, alert_id: str, name: str, data: bytes) -> object:
        """Upload proof of what was done: a photograph or a PDF."""
        ...

    def suppressions(self, actor: Actor) -> Sequence[Silence]:
        """What is not told for now, in the branches that the actor supervises."""
        ...

    def end_suppression(self, actor: Actor, suppression_id: str) -> object:
        """Let it be told again."""
        ...


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a person wants to be told. ``channels``: (channel, address) in their order; ``muted``:
    kinds of ordinary notices; ``mutable``: kinds that may be muted at all; ``available``: channels
    of this installation; ``push_key``: with what browsers subscribe to push messages, if they are
    one. Quiet hours are local ``HH:MM``; alike: none."""

    channels: tuple[tuple[str, str], ...] = ()
    muted: frozenset[str] = frozenset()
    quiet_from: str = "22:00"
    quiet_until: str = "07:00"
    mutable: tuple[str, ...] = ()
    available: tuple[str, ...] = ()
    push_key: str | None = None


class NoticeDesk(Protocol):
    """Keeps how people want to be told, and sends them a test."""

    def wishes(self, actor: Actor) -> Wishes:
        """The actor's own, or the installation's defaults."""
        ...

    def save(self, actor: Actor, wishes: Wishes) -> object:
        """Keep them.

        Raises:
            DomainError: ``bad_time``, ``bad_channel``, ``bad_address``.
        """
        ...

    def send_test(self, actor: Actor) -> object:
        """Send the actor a test message by their first channel.

        Raises:
            DomainError: when there is none.
        """
        ...


@dataclass(frozen=True, slots=True)
class Admin:
    """The services of administration. Without ``imprints`` nobody looks at imprints here."""

    organisations: OrganisationService
    seals: SealService
    roles: RoleService
    credentials: CredentialService
    imprints: ImprintService | None = None


@dataclass(frozen=True, slots=True)
class Web:
    """Everything that pages need. ``wall`` is wall time (ms UTC): sessions and the hint that the
    demo's clock differs go by it.

    ``review_reason``: a reason stated beforehand for whoever may look at pictures, so that a demo
    shows them at once; ``None`` in every real installation. Without ``case_desk`` and
    ``notice_desk`` (alerts run elsewhere) the pages show and do not offer.
    """

    context: ServiceContext
    wall: Callable[[], int]
    drafts: DraftService
    applications: ApplicationService
    reader: ApplicationReader
    matters: MatterService
    people: PeopleService
    pictures: PictureService
    register: RegisterService
    permits: PermitService
    standing_in: StandInService
    bells: Bells
    changes: Changes
    alert_words: AlertWords
    case_desk: CaseDesk | None = None
    notice_desk: NoticeDesk | None = None
    device_orders: DeviceOrderService | None = None
    admin: Admin | None = None
    signing_keys: SigningKeyService | None = None
    review_reason: str | None = None
    reads_papers: bool = False
    """Whether somebody reads papers here, so that places to sign can be proposed."""
    paper_approval_ms: int | None = None
    """How long an approval took on paper, to compare with."""
    counting: Counting = field(default_factory=Counting)
    drawn: Once[str] = field(default_factory=lambda: Once(time.monotonic, DRAWN_FRESH_S))
    """Drawn figures that many look at."""
