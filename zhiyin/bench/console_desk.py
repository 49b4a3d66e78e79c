"""An installation for the console's bench: founded, filled with prepared uses, kept if asked to."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import psycopg
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import insert, select, text

from backend.services.founding import FoundingForm
from backend.services.passwords import Passwords
from backend.store.tables import matter, person, role
from gateway.broker.embedded import free_port
from zhiyin import founding, wiring, wiring_web
from zhiyin.bench import console_blocks, console_rows
from zhiyin.bench.console_rows import DISTRICT, path_of
from zhiyin.bench.site import say, wall_ms
from zhiyin.running import postgres, processes, schema, store
from zhiyin.running.settled import settle
from zhiyin.settings import DatabaseSettings, Settings
from zhiyin.wiring import House

SUPERVISORS: Final = {"district": DISTRICT, "town": path_of(0)[:18], "village": path_of(0)}
"""Who signs in, and over which branch they watch."""


@dataclass(slots=True)
class Left:
    """What is to be known of an installation that is opened again."""

    password: str
    first_at: int
    made: bool = False
    uses: int = 0

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What was left in ``folder``, or a beginning."""
        file = folder / "bench.json"
        if file.exists():
            return cls(**json.loads(file.read_text()))
        return cls(secrets.token_urlsafe(12), wall_ms() - console_rows.SPAN_MS)

    def write(self, folder: Path) -> None:
        """Leave it for the next time."""
        (folder / "bench.json").write_text(json.dumps(asdict(self)))


@dataclass(frozen=True, slots=True)
class Desk:
    """An installation with its application. ``cookies``: sessions by login, once signed in."""

    house: House
    app: FastAPI
    left: Left
    folder: Path
    cookies: dict[str, str] = field(default_factory=dict)


@contextmanager
def opened(folder: Path, url: str | None) -> Iterator[Desk]:
    """The installation in ``folder``, on the database ``url`` or on SQLite; founded if there is
    none yet, else as it was left, with its uses."""
    settings = Settings(
        data_dir=folder / "data",
        database=DatabaseSettings(url=None if url is None else SecretStr(url)),
    )
    left = Left.read(folder)
    house = _again(settings) if left.made else _founded(settings, left)
    left.write(folder)
    try:
        desk = Desk(house, wiring_web.application(house), left, folder)
        settle()  # as a server does at its start
        yield desk
    finally:
        house.close()


def _again(settings: Settings) -> House:
    with store.opened(settings) as db:
        schema.upgrade(db)  # kept by an earlier version, perhaps
    return wiring.build(settings)


def _founded(settings: Settings, left: Left) -> House:
    passwords = Passwords()
    founding.found(
        settings,
        FoundingForm("330109", "湖山区", "管理员", "admin", left.password),
        tell=lambda _text: None,
        passwords=passwords,
    )
    house = wiring.build(settings)
    now = wall_ms()
    with house.db.write() as conn:
        console_rows.people(conn, now)
        hashed = passwords.hash(left.password)
        for name, path in SUPERVISORS.items():
            conn.execute(insert(person), _supervisor(name, path, hashed, now))
            conn.execute(
                insert(role),
                {
                    "id": f"role-{name}",
                    "person_id": name,
                    "org_id": path.split("/")[-2],
                    "org_path": path,
                    "role": "supervisor",
                    "starts_at": 0,
                },
            )
    left.made = True
    return house


def _supervisor(name: str, path: str, hashed: str, now: int) -> dict[str, Any]:
    return {
        "id": name,
        "org_path": path,
        "name": "监督员",
        "login": name,
        "password_hash": hashed,
        "status": "active",
        "created_at": now,
        "locale": "zh_CN",
    }


def prepare(desk: Desk, count: int) -> None:
    """``count`` uses with their index, if they are not there already."""
    if desk.left.uses == count:
        return
    db = desk.house.db
    if db.is_sqlite:
        # Nothing is acknowledged to anybody while rows are made up.
        raw = db.engine.raw_connection()  # no transaction has begun on it
        for pragma in ("synchronous=OFF", "cache_size=-1000000"):
            raw.cursor().execute(f"PRAGMA {pragma}")
        raw.close()
    console_rows.fill(db, count, desk.left.first_at, say)
    with db.read() as conn:
        names = {row.id: row.name for row in conn.execute(select(matter.c.id, matter.c.name))}
        ids = console_rows.matters(conn)
    say("index …")
    console_blocks.fill(db, count, desk.left.first_at, [(one, names[one]) for one in ids])
    if db.is_sqlite:
        db.dispose()  # the next connection is careful again
    else:  # as autovacuum would; nobody does it on SQLite
        with db.write() as conn:
            conn.execute(text("ANALYZE"))
    desk.left.uses = count
    desk.left.write(desk.folder)


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A PostgreSQL of the bench's own, with its data in ``folder``."""
    folder.parent.chmod(0o711)  # PostgreSQL runs as a user of its own
    port, password = free_port(), secrets.token_hex(12)
    kept = folder.parent / "postgres.json"
    if kept.exists():
        port, password = json.loads(kept.read_text())
    postgres.create(folder, port, password)
    if not kept.exists():
        kept.write_text(json.dumps([port, password]))
        with (folder / "data/postgresql.auto.conf").open("a") as config:
            config.write("max_wal_size = '8GB'\nmaintenance_work_mem = '512MB'\n")
    keeper = processes.Keeper()
    keeper.start(postgres.program(folder, folder.parent / "postgres.log"))
    try:
        address = f"postgresql://{postgres.ROLE}:{password}@127.0.0.1:{port}"
        _wait(lambda: postgres.create_database(address, "bench"))
        yield address.replace("postgresql:", "postgresql+psycopg:") + "/bench"
    finally:
        keeper.stop()


def _wait(ready: Callable[[], None]) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            return ready()
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
