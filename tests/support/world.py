"""A small world for tests of services: one district, two towns, three villages, a clock by hand."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Self

from backend.domain.actor import Actor, Role, RoleHeld
from backend.domain.record import Record
from backend.ledger.log import Log
from backend.services.context import ServiceContext
from backend.store.db import Database
from backend.store.journal import Journal, read_all
from backend.store.keyring import KeyRing
from backend.store.tables import organisation, person, role
from gateway.protocol.envelope import seal_down
from gateway.protocol.messages import Down
from tests.support.prepared import make_tables

DISTRICT = "/330109/"
TOWN = "/330109/330109103/"
VILLAGE = "/330109/330109103/330109103201/"
OTHER_VILLAGE = "/330109/330109103/330109103202/"
OTHER_TOWN = "/330109/330109104/"
FAR_VILLAGE = "/330109/330109104/330109104201/"

NAMES = {
    DISTRICT: ("江南区", "district"),
    TOWN: ("义渡镇", "town"),
    VILLAGE: ("柳塘村", "village"),
    OTHER_VILLAGE: ("石桥村", "village"),
    OTHER_TOWN: ("临江街道", "town"),
    FAR_VILLAGE: ("望海村", "village"),
}
START = 1_790_000_000_000
ORIGIN = "example.gov.cn/zhiyin-test"


class Clock:
    """A clock that stands until it is moved; ms UTC."""

    def __init__(self, start: int = START) -> None:
        self.time = start

    def __call__(self) -> int:
        return self.time

    def advance(self, ms: int) -> None:
        """Let ``ms`` pass."""
        self.time += ms


def org_id(path: str) -> str:
    """The id of the organisation at ``path``."""
    return path.rstrip("/").rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class World:
    """A database with the tree of :data:`NAMES`, and what services are given."""

    db: Database
    clock: Clock
    ring: KeyRing
    log: Log
    context: ServiceContext
    random: Random

    @classmethod
    def create(cls, url: str, folder: Path, seed: int = 1) -> Self:
        """Make the tables (if there are none) and the tree; keys go below ``folder``."""
        made = cls.open(url, folder, seed)
        make_tables(made.db)
        made._plant()
        return made

    @classmethod
    def open(cls, url: str, folder: Path, seed: int = 1) -> Self:
        """Over a database that has tables and tree."""
        db = Database(url)
        clock, random = Clock(), Random(seed)
        ring = KeyRing.create(folder / "keys", random.randbytes)
        log = Log(ORIGIN)

        def sign_down(body: Down, *, device: str, time: int) -> bytes:
            return seal_down(body, ring.grant, device=device, time=time)

        context = ServiceContext(
            db, Journal(log, random.randbytes), clock, random.randbytes, sign_down=sign_down
        )
        return cls(db, clock, ring, log, context, random)

    def _plant(self) -> None:
        with self.db.write() as conn:
            conn.execute(
                organisation.insert(),
                [
                    {
                        "id": org_id(path),
                        "parent_id": org_id(path.removesuffix(f"{org_id(path)}/")) or None,
                        "path": path,
                        "name": name,
                        "level": level,
                        "settings": {},
                        "created_at": START,
                    }
                    for path, (name, level) in NAMES.items()
                ],
            )

    def person(self, name: str, path: str = VILLAGE, **columns: Any) -> str:
        """Insert an active person; returns the id."""
        new = self.context.new_id()
        with self.db.write() as conn:
            conn.execute(
                person.insert(),
                {
                    "id": new,
                    "org_path": path,
                    "name": name,
                    "status": "active",
                    "created_at": self.clock(),
                }
                | columns,
            )
        return new

    def grant_role(self, person_id: str, kind: Role, path: str = VILLAGE, **columns: Any) -> str:
        """Insert a role in force from the start; returns its id."""
        new = self.context.new_id()
        with self.db.write() as conn:
            conn.execute(
                role.insert(),
                {
                    "id": new,
                    "person_id": person_id,
                    "org_id": org_id(path),
                    "org_path": path,
                    "role": kind.value,
                    "starts_at": START,
                }
                | columns,
            )
        return new

    def actor(self, kind: Role, path: str = VILLAGE) -> Actor:
        """A new person with that one role, as an actor."""
        found = self.person(f"{kind.value}@{org_id(path)}", path)
        self.grant_role(found, kind, path)
        return Actor(found, (RoleHeld(kind, org_id(path), path),), org_path=path)

    def records(self, *kinds: str) -> list[Record]:
        """Every record of these kinds (all, when none is named), in log order."""
        with self.db.read() as conn:
            wanted: Iterable[Record] = read_all(conn)
            return [one for one in wanted if not kinds or one.kind in kinds]

    def close(self) -> None:
        """Let go of the database."""
        self.db.dispose()
