"""``zhiyin up --native``: the district's topology as plain processes on one machine.

PostgreSQL, Mosquitto, two gateways on a shared subscription, web, alerts: what docker-compose.yml
describes, without containers. Everything listens on loopback. One folder holds it all; its
``zhiyin.toml`` fits every other command (``zhiyin --config DIR/zhiyin.toml health``).
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from backend.domain.errors import DomainError
from backend.store.db import Database
from backend.store.handing import hand_out
from backend.store.keyring import KeyRing
from gateway.broker.embedded import free_port
from zhiyin.running import postgres, schema, store
from zhiyin.running.lock import make_folder
from zhiyin.running.ports import refuse_taken
from zhiyin.running.processes import Keeper, Program, Spawn, clean_environment, spawn
from zhiyin.running.pulse import Beat, read
from zhiyin.wall import wall_clock

DATABASE: Final = "zhiyin"
SHARED_GROUP: Final = "zhiyin"
READY_S: Final = 90.0
FLEET_JOBS: Final = 3
"""Approved uses that each sleeve of ``--fleet`` comes with."""
_DEFAULTS: Final = {"web": 8443, "mqtt": 1883, "postgres": 5433}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ports:
    """Where things listen, all on 127.0.0.1."""

    web: int
    mqtt: int
    postgres: int

    @classmethod
    def free(cls) -> Ports:
        """Ports that nobody uses now."""
        return cls(free_port(), free_port(), free_port())


class Native:
    """The topology in ``folder``. ``gateways``: how many share the subscription."""

    def __init__(
        self,
        folder: Path,
        *,
        gateways: int = 2,
        ports: Ports | None = None,
        start: Spawn = spawn,
        zhiyin: tuple[str, ...] = (sys.executable, "-P", "-m", "zhiyin"),
    ) -> None:
        self.folder = folder.resolve()
        self.config = self.folder / "zhiyin.toml"
        shared = tuple(f"gateway-{number + 1}" for number in range(gateways))
        self.parts = ("broker", *shared, "alerts", "eyes", "api")
        self.ports = self._read_ports() or ports or Ports(**_DEFAULTS)
        self.keeper = Keeper(start)
        self._zhiyin = zhiyin

    # ── up ───────────────────────────────────────────────────────────────────────────────────────

    def up(self, say: Say) -> None:
        """Start everything and return when every part is ready; on failure nothing is left.

        Raises:
            DomainError: what is missing and what to do.
        """
        try:
            say("准备目录、口令和密钥 · folders, passwords and keys")
            self._prepare()
            say("启动 PostgreSQL · start PostgreSQL")
            self._start_postgres()
            say("建表 · make the tables")
            self._migrate()
            for name in self.parts:
                say(f"启动 {name} · start {name}")
                self.keeper.start(self.program(name))
            say("等待各部分就绪 · wait until every part is ready")
            self.await_ready()
        except BaseException:
            self.down()
            raise

    def start_fleet(self, count: int) -> None:
        """Enrol simulated sleeves for seals that have none, with approved jobs, and let up to
        ``count`` live beside.

        Raises:
            DomainError: ``fleet_not_enrolled``: the installation has no seals yet.
        """
        file = self.folder / "secrets" / "fleet.jsonl"
        if not file.exists():
            self._enrol(file)
        enrolled = len(file.read_text(encoding="utf-8").splitlines())
        most = str(min(count, enrolled))
        words = (
            *("sim", "fleet", "-c", str(file), "-n", most),
            *("--rate", "0.2", "--seconds", "86400"),
        )
        self.keeper.start(
            Program("fleet", (*self._zhiyin, *words), self._log("fleet"), env=self._env())
        )

    def _enrol(self, file: Path) -> None:
        done = subprocess.run(
            [
                *(*self._zhiyin, "device", "enrol", "--sim", "--out", str(file)),
                *("--jobs", str(FLEET_JOBS)),
            ],
            env=self._env(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if not file.exists():
            said = done.stderr.strip()[-400:] or "没有还缺套筒的印章 · no seal without a sleeve"
            raise DomainError(
                "fleet_not_enrolled",
                f"未能登记模拟套筒（须先执行 init 并登记印章）：{said}",
                f"no simulated sleeves were enrolled (init and register seals first): {said}",
            )

    def _env(self) -> dict[str, str]:
        return clean_environment(ZHIYIN_CONFIG=str(self.config), PYTHONPATH=_search_path())

    def down(self) -> None:
        """Stop everything, in reverse."""
        self.keeper.stop()

    def program(self, name: str) -> Program:
        """How one of our parts is run."""
        words = ("gateway", "--name", name) if name.startswith("gateway-") else (name,)
        # A part that needs no keys finds an empty folder.
        keys = self.folder / "data" / "parts" / name.partition("-")[0]
        make_folder(keys)
        env = {**self._env(), "ZHIYIN_KEYS_DIR": str(keys)}
        return Program(name, (*self._zhiyin, *words), self._log(name), env=env)

    def beats(self) -> dict[str, Beat]:
        """The parts' newest heartbeats."""
        return {beat.part: beat for beat in read(self.folder / "data" / "run")}

    def is_ready(self, name: str) -> bool:
        """Whether the part that runs now says that it does its work."""
        kept, beat = self.keeper.kept.get(name), self.beats().get(name)
        return (
            kept is not None
            and beat is not None
            and beat.pid == kept.pid
            and beat.well(wall_clock())
        )

    def await_ready(self, limit_s: float = READY_S) -> None:
        """Wait until every part is ready.

        Raises:
            DomainError: ``part_not_ready``, with the names and where their logs are.
        """
        deadline = time.monotonic() + limit_s
        while late := [name for name in self.parts if not self.is_ready(name)]:
            if time.monotonic() > deadline:
                said = self._tail(late[0])
                raise DomainError(
                    "part_not_ready",
                    f"{'、'.join(late)} 未能就绪，详情见 {self.folder / 'logs'}：\n{said}",
                    f"not ready: {', '.join(late)}; see {self.folder / 'logs'}",
                )
            time.sleep(0.05)

    def database(self) -> Database:
        """The installation's database."""
        return Database(
            f"postgresql+psycopg://{postgres.ROLE}:{self.secret('database')}"
            f"@127.0.0.1:{self.ports.postgres}/{DATABASE}",
            pool_size=2,
        )

    def keys(self) -> KeyRing:
        """The installation's keys."""
        return KeyRing.load(self.folder / "data" / "keys")

    def secret(self, name: str) -> str:
        """A password of the installation."""
        return (self.folder / "secrets" / name).read_text()

    # ── steps ────────────────────────────────────────────────────────────────────────────────────

    def _prepare(self) -> None:
        if postgres.system_user() is not None:
            # PostgreSQL runs as another user and must get through to its own folder.
            self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
            self.folder.chmod(0o711)
        else:
            make_folder(self.folder)
        for name in ("data", "secrets", "logs"):
            make_folder(self.folder / name)
        for name in ("database", "mqtt"):
            file = self.folder / "secrets" / name
            if not file.exists():
                file.touch(mode=0o600)
                file.write_text(secrets.token_hex(24))
        keys, parts = (self.folder / "data" / name for name in ("keys", "parts"))
        KeyRing.create(keys)
        hand_out(keys, parts)
        if not self.config.exists():
            self.config.write_text(self._settings(), encoding="utf-8")
        refuse_taken("127.0.0.1", self.ports.web, "web.port")

    def _start_postgres(self) -> None:
        folder = self.folder / "postgres"
        postgres.create(folder, self.ports.postgres, self.secret("database"))
        refuse_taken("127.0.0.1", self.ports.postgres, "database.url")
        # It writes its log as the user it runs as: into its own folder.
        self.keeper.start(postgres.program(folder, self._log("postgres")))
        url = (
            f"postgresql://{postgres.ROLE}:{self.secret('database')}"
            f"@127.0.0.1:{self.ports.postgres}"
        )
        deadline = time.monotonic() + READY_S
        cluster = Database(f"{url.replace('://', '+psycopg://', 1)}/postgres", pool_size=1)
        try:
            while (reason := store.away(cluster)) is not None:
                if time.monotonic() > deadline:
                    raise DomainError(
                        "postgresql_not_ready",
                        f"PostgreSQL 未能就绪（{reason}），详情见 {self._log('postgres')}",
                        f"PostgreSQL is not ready ({reason}); see {self._log('postgres')}",
                    )
                time.sleep(0.1)
        finally:
            cluster.dispose()
        postgres.create_database(url, DATABASE)

    def _migrate(self) -> None:
        db = self.database()
        try:
            schema.upgrade(db)
        finally:
            db.dispose()

    def _settings(self) -> str:
        folder = self.folder
        return (
            f'data_dir = "{folder / "data"}"\n'
            f'keys_parts_dir = "{folder / "data" / "parts"}"\n\n'
            "[database]\n"
            f'url = "postgresql+psycopg://{postgres.ROLE}@127.0.0.1:{self.ports.postgres}'
            f'/{DATABASE}"\n'
            f'password_file = "{folder / "secrets" / "database"}"\n\n'
            "[mqtt]\n"
            "embedded = false\n"
            'host = "127.0.0.1"\n'
            f"port = {self.ports.mqtt}\n"
            f'password_file = "{folder / "secrets" / "mqtt"}"\n'
            f'shared_group = "{SHARED_GROUP}"\n\n'
            "[web]\n"
            f"port = {self.ports.web}\n"
        )

    def _read_ports(self) -> Ports | None:
        if not self.config.exists():
            return None
        kept: dict[str, Any] = tomllib.loads(self.config.read_text(encoding="utf-8"))
        address = str(kept["database"]["url"]).rpartition("@")[2]
        return Ports(
            kept["web"]["port"],
            kept["mqtt"]["port"],
            int(address.partition("/")[0].rpartition(":")[2]),
        )

    def _tail(self, name: str) -> str:
        try:
            lines = self._log(name).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-5:])

    def _log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"


def _search_path() -> str:
    """So that a child finds us also when we run from a checkout."""
    ours = str(Path(__file__).parent.parent)
    given = os.environ.get("PYTHONPATH")
    return ours if given is None else f"{ours}{os.pathsep}{given}"
