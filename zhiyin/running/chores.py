"""What an installation does by itself every few seconds, beside the timers of the alerts."""

from __future__ import annotations

from typing import Final

from backend.background import Background
from backend.services.pictures import PictureService, Retention
from backend.services.retention import Keep, RetentionService
from backend.store.search_index import SearchIndex
from zhiyin.running.checkpoints import CheckpointSigner
from zhiyin.settings import RetentionSettings
from zhiyin.wiring import House

RETENTION_SECONDS: Final = 60.0
FORGETTING_SECONDS: Final = 3600.0
SEARCH_SECONDS: Final = 1.0
_DAY_MS: Final = 86_400_000


def retention(settings: RetentionSettings) -> Retention:
    """How long each kind of picture is kept."""
    others = ("page_before", "page_after", "document", "evidence", "crop")
    return Retention(
        {
            "face": settings.face_days * _DAY_MS,
            **dict.fromkeys(others, settings.picture_days * _DAY_MS),
        }
    )


def keep(settings: RetentionSettings) -> Keep:
    """How long records of use and technical rows are kept."""
    return Keep(settings.usage_days * _DAY_MS, settings.technical_days * _DAY_MS)


class Chores:
    """Background tasks. Any number of processes may run them: each works on its own rows."""

    def __init__(self, house: House) -> None:
        settings = house.settings
        self._pictures = PictureService(house.services, house.pictures)
        self._retention = retention(settings.retention)
        self._rows = RetentionService(house.services)
        self._keep = keep(settings.retention)
        self.signer = CheckpointSigner(
            house.db, house.log, house.keys.log_signer(settings.log_origin), house.now
        )
        self._search = SearchIndex(house.db, house.now)
        self._tasks = (
            Background("checkpoints", [self._sign], settings.ledger.checkpoint_seconds),
            Background("search", [self._index], SEARCH_SECONDS),
            Background("retention", [self._retain], RETENTION_SECONDS),
            Background("forgetting", [self._forget], FORGETTING_SECONDS),
        )

    # Each returns nothing: once a round is enough, however much there was to do.

    def _sign(self) -> None:
        self.signer.tick()

    def _index(self) -> None:
        self._search.run()

    def _retain(self) -> None:
        self._pictures.sweep(self._retention)

    def _forget(self) -> None:
        self._rows.sweep(self._keep)

    def start(self) -> None:
        """Begin all."""
        for task in self._tasks:
            task.start()

    def stop(self) -> None:
        """End all, each after what it has in hand."""
        for task in self._tasks:
            task.stop()

    @property
    def trouble(self) -> list[str]:
        """What a person must look at: names of tasks that died, a log that may not be signed."""
        found = [task.name for task in self._tasks if not task.alive]
        return [*found, "log_tampered"] if self.signer.failure else found
