"""A village with people, a seal in a sleeve, and the alerts' parts around it; a channel by hand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Row, Table, select

from alerts.channels.base import Delivered, Description, Message, Outcome
from alerts.rules.settings import RuleSettings
from alerts.service import Alerts
from alerts.settings import AlertSettings
from backend.domain.actor import Actor, Role, RoleHeld
from backend.domain.record import Record
from backend.store.tables import alert, delivery, device, inbox_notice, seal
from tests.support.world import DISTRICT, TOWN, VILLAGE, World, org_id

SLEEVE = "SL-0001"
SEAL = "seal-1"
NOON = 1_790_000_000_000 - 1_790_000_000_000 % 86_400_000 + 2 * 3_600_000
"""10:00 in China on Monday 2026-09-21, a working day."""


@dataclass
class HandChannel:
    """Keeps what it was given; ``answer`` decides what becomes of each message."""

    name: str = "hand"
    answer: Callable[[Message], Outcome] = field(default=lambda _message: Delivered("ok"))
    sent: list[Message] = field(default_factory=list)

    def describe(self) -> Description:
        """See `alerts.channels.base.Channel`."""
        return Description(self.name, "手传", "任意", True)

    def check_config(self) -> tuple[str, ...]:
        """Nothing can be wrong."""
        return ()

    def send(self, message: Message) -> Outcome:
        """Keep it if it was delivered."""
        outcome = self.answer(message)
        if isinstance(outcome, Delivered):
            self.sent.append(message)
        return outcome


SETTINGS = AlertSettings(
    rules=RuleSettings(),
    quiet_from="00:00",
    quiet_until="00:00",
    default_channels=(("hand", "{person}"),),
)


@dataclass
class AlertsWorld:
    """The house with alerts in it. People: one of each kind, by name."""

    world: World
    alerts: Alerts
    channel: HandChannel
    people: Mapping[str, str]

    @classmethod
    def create(
        cls,
        url: str,
        folder: Path,
        settings: AlertSettings = SETTINGS,
        channels: Mapping[str, Any] | None = None,
    ) -> Self:
        """Make it on an empty database."""
        world = World.create(url, folder)
        world.clock.time = NOON
        people = {
            "custodian": _member(world, "管小章", Role.CUSTODIAN, VILLAGE),
            "approver": _member(world, "村主任", Role.APPROVER, VILLAGE),
            "operator": _member(world, "用小章", Role.OPERATOR, VILLAGE),
            "town": _member(world, "镇监督", Role.SUPERVISOR, TOWN),
            "district": _member(world, "区监督", Role.SUPERVISOR, DISTRICT),
            "admin": _member(world, "管理员", Role.ADMIN, "/"),
        }
        with world.db.write() as conn:
            conn.execute(
                seal.insert(),
                {
                    "id": SEAL,
                    "org_id": org_id(VILLAGE),
                    "org_path": VILLAGE,
                    "kind": "committee",
                    "name": "柳塘村村民委员会章",
                    "custodian_id": people["custodian"],
                    "status": "active",
                    "created_at": NOON,
                },
            )
            conn.execute(
                device.insert(),
                {
                    "id": SLEEVE,
                    "org_id": org_id(VILLAGE),
                    "org_path": VILLAGE,
                    "seal_id": SEAL,
                    "status": "active",
                    "tip": bytes(32),
                    "config": {},
                    "enrolled_at": NOON,
                    "last_seen_at": NOON,
                    "home_lat": 30.1,
                    "home_lon": 120.2,
                },
            )
        channel = HandChannel()
        alerts = Alerts(world.context, channels or {"hand": channel}, settings)
        return cls(world, alerts, channel, people)

    def append(self, *records: Record) -> None:
        """Write records as the gateway would."""
        with self.world.db.write() as conn:
            self.world.context.journal.append(conn, records)

    def event(self, kind: str, body: Mapping[str, Any], **options: Any) -> Record:
        """A record of a sleeve's event of now; ``verdict``, ``late``, ``clock`` go to its data."""
        now = self.world.clock()
        data: dict[str, Any] = {"event": dict(body), "boot": 1}
        for name in ("verdict", "late", "clock"):
            if name in options:
                data[name] = options.pop(name)
        base = Record(
            kind=f"event.{kind}",
            org_path=VILLAGE,
            at=now,
            happened_at=now,
            device=SLEEVE,
            seal=SEAL,
            person=self.people["operator"],
            data=data,
        )
        return replace(base, **options)

    def actor(self, name: str) -> Actor:
        """One of the people, as an actor."""
        kinds = {
            "custodian": (Role.CUSTODIAN, VILLAGE),
            "approver": (Role.APPROVER, VILLAGE),
            "operator": (Role.OPERATOR, VILLAGE),
            "town": (Role.SUPERVISOR, TOWN),
            "district": (Role.SUPERVISOR, DISTRICT),
            "admin": (Role.ADMIN, "/"),
        }
        role, path = kinds[name]
        return Actor(self.people[name], (RoleHeld(role, org_id(path), path),), org_path=path)

    def rows(self, table: Table, *conditions: Any) -> Sequence[Row[Any]]:
        """Rows of a table, oldest first."""
        with self.world.db.read() as conn:
            key = next(iter(table.primary_key.columns))
            return conn.execute(select(table).where(*conditions).order_by(key)).all()

    @property
    def raised(self) -> Sequence[Row[Any]]:
        """Every alert."""
        return self.rows(alert)

    @property
    def outbox(self) -> Sequence[Row[Any]]:
        """Every delivery."""
        return self.rows(delivery)

    def inbox(self, name: str) -> Sequence[Row[Any]]:
        """What one of the people finds in the app."""
        return self.rows(inbox_notice, inbox_notice.c.person_id == self.people[name])

    def told(self, name: str) -> list[str]:
        """Kinds that reached one of the people by the channel."""
        return [one.kind for one in self.channel.sent if one.recipient == self.people[name]]


def _member(world: World, name: str, role: Role, path: str) -> str:
    person_id = world.person(name, path if path != "/" else DISTRICT)
    world.grant_role(person_id, role, path, starts_at=0)
    return person_id
