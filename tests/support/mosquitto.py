"""A private Mosquitto for a test: own port, own data, stopped by its process id."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.machine import find_mosquitto
from tests.support.ports import free_port
from tests.support.process import WatchedProcess


class MosquittoServer:
    """One broker on a loopback port; it keeps port and data when it is stopped and started again.

    Persistence is on and written about once a second, as in a real installation.
    ``extra_config`` lines are appended to the generated file. Raises RuntimeError when the broker
    does not come up.
    """

    host = "127.0.0.1"

    def __init__(self, folder: Path, extra_config: Sequence[str] = ()) -> None:
        self.folder = folder
        self.port = free_port()
        self._extra_config = tuple(extra_config)
        self._process: WatchedProcess | None = None

    @property
    def pid(self) -> int:
        """Process id of the running broker. Raises RuntimeError when it is stopped."""
        if self._process is None:
            raise RuntimeError("mosquitto is stopped")
        return self._process.pid

    def start(self) -> Self:
        """Start it and return when it listens; a no-op while it runs."""
        if self._process is None:
            program = find_mosquitto()
            if program is None:
                raise RuntimeError("mosquitto is not installed")
            # 2.0 says "mosquitto version 2.0.11 running" once its listeners are open.
            self._process = WatchedProcess.start(
                [program, "-c", self._write_config()], lambda line: line.endswith(" running\n")
            )
        return self

    def stop(self) -> None:
        """Ask it to end (it writes its data) and wait until it has; a no-op while stopped."""
        process, self._process = self._process, None
        if process is not None:
            process.end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once: what is not on disk is lost; a no-op while stopped."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _write_config(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f"listener {self.port} {self.host}",
            "allow_anonymous true",
            "persistence true",
            f"persistence_location {self.folder}/",
            "autosave_on_changes true",
            "autosave_interval 1",
            "set_tcp_nodelay true",
            "max_inflight_messages 2000",
            "max_queued_messages 200000",
            "log_dest stderr",
        ]
        if os.geteuid() == 0:
            lines.append("user root")  # else it drops to a user who may not write to our folder
        config = self.folder / "mosquitto.conf"
        config.write_text("\n".join([*lines, *self._extra_config]) + "\n", encoding="utf-8")
        return config
