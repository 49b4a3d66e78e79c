"""The files that docker compose mounts as secrets: passwords and certificates, made once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from zhiyin.running.certificates import make_server, write

PASSWORDS: Final = ("database", "mqtt")
BROKER: Final = "broker"
"""The broker's name inside the compose network: its certificate is for it."""


def prepare(
    folder: Path,
    web_names: Sequence[str],
    broker_names: Sequence[str],
    now: int,
    password: Callable[[], str] = lambda: secrets.token_hex(24),
) -> list[Path]:
    """Make what ``folder`` lacks; returns what was made. ``now`` in ms UTC.

    The folder itself is for its owner only. Files that containers read are readable within it, for
    the users in the containers are others; the authority's key is nobody's but the owner's.

    Raises:
        OSError: when the folder cannot be used.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    made: list[Path] = []
    for name in PASSWORDS:
        if not (folder / name).exists():
            write(folder / name, password().encode(), secret=False)
            made.append(folder / name)
    for name, names in (("web", web_names), ("mqtt", [BROKER, "localhost", *broker_names])):
        if not (folder / f"{name}.crt").exists():
            made += make_server(folder, name, names, now)
            (folder / f"{name}.key").chmod(0o644)
    return made
