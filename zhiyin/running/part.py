"""What every single part does around its work: lock, heartbeat, waiting for the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy.exc import DBAPIError

from backend.domain.errors import DomainError
from backend.store.db import Database
from zhiyin import wiring
from zhiyin.running import schema, store
from zhiyin.running.lock import claimed
from zhiyin.running.pulse import Pulse
from zhiyin.running.stopping import Stop, until
from zhiyin.settings import Settings
from zhiyin.wall import wall_clock
from zhiyin.wiring import House

log = structlog.get_logger(__name__)


@contextmanager
def beating(settings: Settings, name: str) -> Iterator[Pulse]:
    """The part ``name`` is ours and beats.

    Raises:
        DomainError: ``already_running``, ``data_dir_unusable``.
    """
    with claimed(settings.run_path(), name):
        pulse = Pulse(settings.run_path(), name, wall_clock)
        pulse.start()
        try:
            yield pulse
        finally:
            pulse.stop()


@contextmanager
def housed(settings: Settings, name: str, stop: Stop) -> Iterator[tuple[House, Pulse]]:
    """The part ``name`` with a house whose database answers and has our tables; waits for both.

    Raises:
        DomainError: ``needs_postgresql``, ``already_running``, ``schema_newer``, keys.
        Stopped: when told to stop while waiting.
    """
    store.require_one_process(settings, name)
    with beating(settings, name) as pulse:
        house = wiring.build(settings)
        try:
            until(lambda: missing(house.db), stop, pulse.waiting)
            log.info("part.starts", part=name)
            yield house, pulse
            log.info("part.stops", part=name, reason=stop.reason)
        finally:
            house.close()


def missing(db: Database) -> list[str]:
    """What of the database is not there yet: ``database`` or ``schema``.

    Raises:
        DomainError: ``schema_newer``: waiting would not help.
    """
    reason = store.away(db)
    if reason is not None:
        log.warning("database.away", reason=reason)
        return ["database"]
    try:
        schema.require_current(db)
    except DomainError as error:
        if error.code == "schema_newer":
            raise
        log.warning("database.schema", code=error.code, zh=error.zh, en=error.en)
        return ["schema"]
    except DBAPIError as error:  # gone again between the two questions
        log.warning("database.away", reason=type(error).__name__)
        return ["database"]
    return []
