"""Every page, in one list: what the application includes."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from fastapi import APIRouter

MODULES: Final[tuple[str, ...]] = (
    "static_files",
    "sign_in",
    "today",
    "pictures",
    "story",
)
"""Modules of ``backend.web`` with a ``router``."""


def routers() -> list[APIRouter]:
    """The routers of all pages; give ``backend.web.errors.install`` as a finishing step."""
    return [import_module(f"backend.web.{name}").router for name in MODULES]
