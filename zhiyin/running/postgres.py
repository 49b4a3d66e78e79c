"""A private PostgreSQL cluster, for running the district's topology without containers."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from pathlib import Path
from typing import Final

from backend.domain.errors import DomainError
from zhiyin.running.processes import Program

ROLE: Final = "zhiyin"
OLDEST: Final = 15
_ROOT: Final = Path("/usr/lib/postgresql")
_SYSTEM_USER: Final = "postgres"


def programs(root: Path = _ROOT) -> Path:
    """The folder with the newest PostgreSQL's programs.

    Raises:
        DomainError: ``postgresql_missing``.
    """
    found = sorted(
        (path for path in root.glob("*/bin") if path.parent.name.isdigit()),
        key=lambda path: int(path.parent.name),
    )
    if not found or int(found[-1].parent.name) < OLDEST:
        raise DomainError(
            "postgresql_missing",
            f"没有 PostgreSQL {OLDEST} 或更新版本，请安装：apt-get install postgresql",
            f"no PostgreSQL {OLDEST} or later: apt-get install postgresql",
        )
    return found[-1]


def system_user() -> str | None:
    """As whom the server runs: it refuses root."""
    return _SYSTEM_USER if os.geteuid() == 0 else None


def create(folder: Path, port: int, password: str) -> None:
    """Make a cluster in ``folder`` that listens on loopback, if there is none.

    Raises:
        DomainError: ``postgresql_missing``, ``postgresql_not_made``.
    """
    data = folder / "data"
    if (data / "PG_VERSION").exists():
        return
    binaries, user = programs(), system_user()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = folder / "password.new"
    secret.touch(mode=0o600)
    secret.write_text(password)
    if user is not None:
        owner = pwd.getpwnam(user)
        for path in (folder, secret):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    try:
        done = subprocess.run(
            [
                binaries / "initdb",
                f"--pgdata={data}",
                f"--username={ROLE}",
                f"--pwfile={secret}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd="/",
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            check=False,
        )
    finally:
        secret.unlink()
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-400:]
        raise DomainError(
            "postgresql_not_made",
            f"未能在 {data} 建立 PostgreSQL 数据目录：{said}",
            f"initdb failed in {data}: {said}",
        )
    chosen = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "shared_buffers": "128MB",
    }
    with (data / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
        file.writelines(f"{key} = '{value}'\n" for key, value in chosen.items())


def program(folder: Path, log: Path) -> Program:
    """How to run the cluster."""
    return Program(
        "postgres",
        (str(programs() / "postgres"), "-D", str(folder / "data")),
        log,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        user=system_user(),
        stop_signal=signal.SIGINT,  # fast: sessions are ended, nothing is lost
    )


def create_database(url: str, name: str) -> None:
    """Make the database ``name`` if there is none; ``url`` is the cluster's, for psycopg."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if found.fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
