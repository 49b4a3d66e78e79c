"""A private PostgreSQL cluster for a test run: own port, own data, fsync on."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from tests.support.machine import find_postgres_bin
from tests.support.ports import free_port
from tests.support.process import WatchedProcess

_ROLE = "zhiyin"
_END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_EMPTY = """
DO $$ DECLARE one text; BEGIN
  SET LOCAL session_replication_role = replica;  -- in any order, whatever refers to what
  FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('DELETE FROM %I', one);
  END LOOP;
  FOR one IN SELECT sequencename FROM pg_sequences WHERE last_value IS NOT NULL LOOP
    EXECUTE format('ALTER SEQUENCE %I RESTART', one);
  END LOOP;
END $$
"""


class PostgresServer:
    """One cluster on a loopback port, with databases made and dropped on demand.

    PostgreSQL refuses to run as root, so under root it runs as the system user ``postgres``.
    Raises RuntimeError when a step fails, with PostgreSQL's own words.
    """

    host = "127.0.0.1"

    def __init__(self) -> None:
        found = find_postgres_bin()
        if found is None:
            raise RuntimeError("PostgreSQL is not installed")
        self._bin = found
        self.port = free_port()
        self._password = secrets.token_hex(16)
        self._user = "postgres" if os.geteuid() == 0 else None
        self._env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        # Not below pytest's own folder: that one is closed to the user postgres.
        self.folder = Path(tempfile.mkdtemp(prefix="zhiyin-pg-"))
        self._data = self.folder / "data"
        self._process: WatchedProcess | None = None
        self._create()

    @property
    def pid(self) -> int:
        """Process id of the postmaster. Raises RuntimeError when it is stopped."""
        if self._process is None:
            raise RuntimeError("PostgreSQL is stopped")
        return self._process.pid

    def url(self, database: str) -> str:
        """SQLAlchemy's address of ``database``."""
        return f"postgresql+psycopg://{_ROLE}:{self._password}@{self.host}:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Make an empty database; returns its SQLAlchemy address."""
        with self._admin() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, also one with open connections."""
        with self._admin() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def empty_database(self, name: str) -> None:
        """Remove every row, and whoever is still connected; the tables stay, numbered anew. A new
        database, and the removal of the old one, would take longer than most tests do."""
        with self._admin(name) as connection:
            connection.execute(_END_OTHERS)
            connection.execute(_EMPTY)

    def start(self) -> Self:
        """Start it on the same port with the same data; returns when it takes connections."""
        if self._process is None:
            self._process = WatchedProcess.start(
                [self._bin / "postgres", "-D", self._data],
                lambda line: "ready to accept connections" in line,
                user=self._user,
                cwd=self.folder,
                env=self._env,
            )
        return self

    def stop(self) -> None:
        """Fast shutdown: sessions are ended, the data is clean; a no-op while stopped."""
        process, self._process = self._process, None
        if process is not None:
            process.end(signal.SIGINT)

    def kill(self) -> None:
        """Crash it: the next start recovers from the write-ahead log; a no-op while stopped."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()

    def remove(self) -> None:
        """Stop it and delete its data."""
        self.stop()
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    def _create(self) -> None:
        password_file = self.folder / "password"
        password_file.write_text(self._password, encoding="utf-8")
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            for path in (self.folder, password_file):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        done = subprocess.run(
            [
                self._bin / "initdb",
                f"--pgdata={self._data}",
                f"--username={_ROLE}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=self.folder,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            env=self._env,
            check=False,
        )
        if done.returncode != 0:
            shutil.rmtree(self.folder)
            raise RuntimeError(f"initdb failed ({done.returncode}):\n{done.stdout}{done.stderr}")
        settings = {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": "",
            "shared_buffers": "64MB",
        }
        with (self._data / "postgresql.auto.conf").open("a", encoding="utf-8") as config:
            config.writelines(f"{key} = '{value}'\n" for key, value in settings.items())

    def _admin(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=_ROLE,
            password=self._password,
            dbname=database,
            autocommit=True,
        )
