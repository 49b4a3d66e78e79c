"""What an installation does by itself every few seconds, beside the timers of the alerts."""

from __future__ import annotations

from backend.store.db import is_passing
from zhiyin.running.checkpoints import CheckpointSigner
from zhiyin.running.repeating import Repeating
from zhiyin.wiring import House


class Chores:
    """Background tasks. Any number of processes may run them: each works on its own rows."""

    def __init__(self, house: House) -> None:
        settings = house.settings
        self.signer = CheckpointSigner(
            house.db, house.log, house.keys.log_signer(settings.log_origin), house.now
        )
        self._tasks = (
            Repeating(
                "checkpoints",
                self.signer.tick,
                settings.ledger.checkpoint_seconds,
                passing=is_passing,
            ),
        )

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
