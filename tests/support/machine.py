"""What the machine at hand offers to tests that need a real part.

A bare machine skips such tests with the reason; CI (environment ``CI=true``) has installed every
part, so there a missing part is a failure: a skipped promise would look like a kept one.
"""

import os
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

_POSTGRES_ROOT = Path("/usr/lib/postgresql")


def in_ci() -> bool:
    """Whether this run is CI's."""
    return os.environ.get("CI", "").lower() == "true"


def find_program(*names: str) -> Path | None:
    """The first of ``names`` on PATH or in the system's sbin folders."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"])
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return Path(found)
    return None


def find_mosquitto() -> Path | None:
    """The Mosquitto broker."""
    return find_program("mosquitto")


def find_chromium() -> Path | None:
    """A Chromium that Playwright can drive."""
    return find_program("chromium", "chromium-browser", "google-chrome")


def find_dlib() -> Path | None:
    """The second face engine: the extra ``faces-dlib``, which the lock installs."""
    found = [find_spec(name) for name in ("dlib", "face_recognition", "face_recognition_models")]
    first = found[0]
    return Path(first.origin) if all(found) and first and first.origin else None


def find_postgres_bin() -> Path | None:
    """The folder with ``initdb`` and ``pg_ctl`` of the newest PostgreSQL (15 or later)."""
    versions = sorted(
        (
            folder
            for folder in _POSTGRES_ROOT.glob("*/bin")
            if folder.parent.name.isdigit() and (folder / "pg_ctl").exists()
        ),
        key=lambda folder: int(folder.parent.name),
    )
    if versions and int(versions[-1].parent.name) >= 15:
        return versions[-1]
    return None


NEEDS: dict[str, tuple[Callable[[], Path | None], str]] = {
    "needs_mosquitto": (find_mosquitto, "no mosquitto on this machine (Debian: mosquitto)"),
    "needs_postgres": (find_postgres_bin, "no PostgreSQL 15+ on this machine (Debian: postgresql)"),
    "needs_chromium": (find_chromium, "no Chromium on this machine (Debian: chromium)"),
    "needs_dlib": (find_dlib, "the extra faces-dlib is not installed (./run installs it)"),
}
"""Marker → how to find the part, and what to say where it is missing."""


def missing(marker: str) -> str | None:
    """Why a test with ``marker`` cannot run here; ``None`` where it can."""
    find, reason = NEEDS[marker]
    return None if find() else reason


def require(marker: str) -> None:
    """Go on where the part is there; else skip the running test, or in CI fail it."""
    reason = missing(marker)
    if reason is None:
        return
    if in_ci():
        pytest.fail(f"{reason}; CI installs it, so this is a failure", pytrace=False)
    pytest.skip(reason)
