"""Runs a terminal: lines come from a person or a script, the sleeve lives in a thread beside."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from seal_firmware_sim.credentials import Credentials
from seal_firmware_sim.device import assemble
from seal_firmware_sim.hardware.flash import FileFlash
from seal_firmware_sim.hub import Hub
from seal_firmware_sim.terminal import Cameras, Terminal, TypingError

CONNECT_S: Final = 10.0
SETTLE_S: Final = 60.0
"""How long a line may keep the sleeve busy before the next one is read all the same."""

_LOOK_S: Final = 0.02
_T = TypeVar("_T")


class Shell:
    """One sleeve in its own thread, worked line by line; a context that powers it on and off.

    With ``folder`` its flash lasts from run to run.

    Raises:
        CredentialsError: when the sleeve's key is none.
        FlashFailure: when the folder cannot be used.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        write: Callable[[str], None],
        folder: Path | None = None,
        dice: random.Random | None = None,
    ) -> None:
        dice = dice or random.SystemRandom()
        self._write = write
        self._hub = Hub(dice=dice, helpers=1)
        cameras = Cameras.made(dice)
        self.terminal = Terminal(cameras, write, self._hub.clock)
        self._flash = None if folder is None else FileFlash(folder)
        self._device = assemble(
            credentials,
            self._hub,
            face_camera=cameras,
            page_camera=cameras,
            dice=dice,
            flash=self._flash,
            on_effect=self.terminal.effect,
        )
        self.terminal.attach(self._device)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._hub.run, args=(self._stop,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._in_hub(self._device.sleeve.power_on)
        self._until(lambda: self._device.sleeve.online, CONNECT_S)
        if not self._device.sleeve.online:
            self._write("还没有连上 broker，会继续在后台重试；可以先离线操作")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._until(self._device.sleeve.idle, CONNECT_S)
        self._in_hub(self._device.sleeve.power_off)
        self._stop.set()
        self._hub.wake()
        self._thread.join()
        self._hub.close()
        if self._flash is not None:
            self._flash.close()

    def type(self, line: str) -> bool:
        """Carry one line out and wait until the sleeve wants something again; False for 退出."""
        word, _, rest = line.strip().partition(" ")
        if word == "退出":
            return False
        try:
            if word == "等待":
                self._stop.wait(seconds(rest))
            else:
                self._in_hub(lambda: self.terminal.handle(line))
        except TypingError as error:
            self._write(f"  {error}")
        self._until(lambda: not self.terminal.waiting, SETTLE_S)
        return True

    def run(self, lines: Iterable[str]) -> None:
        """Type the lines of a script one after the other; empty ones and comments (#) are none."""
        for line in lines:
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            self._write(f"＞ {text}")
            if not self.type(text):
                return

    def _in_hub(self, what: Callable[[], _T]) -> _T:
        future: Future[_T] = Future()

        def run() -> None:
            try:
                future.set_result(what())
            except BaseException as error:  # whatever it is, it belongs to who asked
                future.set_exception(error)

        self._hub.call(run)
        return future.result()

    def _until(self, done: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._in_hub(done) and time.monotonic() < deadline:
            self._stop.wait(_LOOK_S)


def seconds(text: str) -> float:
    """How long to wait; one second when nothing is said.

    Raises:
        TypingError: when it is no time between 0 and an hour.
    """
    try:
        value = float(text or 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 3_600:
        raise TypingError("请输入 等待 秒数，例如 等待 3")
    return value
