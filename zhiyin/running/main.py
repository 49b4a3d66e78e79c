"""Runs a part as the whole of a process: settings, logs, signals, exit code."""

from __future__ import annotations

from collections.abc import Callable

import typer

from zhiyin import logs
from zhiyin.running.stopping import Stop, Stopped
from zhiyin.settings import Settings
from zhiyin.settings_source import load_settings


def run(part: Callable[[Settings, Stop], int]) -> None:
    """Run ``part`` until a signal ends it; leaves with its exit code."""
    settings = load_settings()
    logs.configure(settings.log.level, settings.log.format)
    stop = Stop()
    stop.listen()
    try:
        code = part(settings, stop)
    except Stopped:
        code = 0
    raise typer.Exit(code)
