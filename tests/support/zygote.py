"""Starts parts of the installation in a blink: forks of a process that has imported everything.

A fork is a process of its own: it is killed, and dies, like any other. Only the second or two that
Python takes to import is saved, so that fifty kills fit into a test.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from zhiyin.running.processes import Program

_ROOT = Path(__file__).parents[2]


class Order(msgspec.Struct, frozen=True):
    """What the zygote is asked to run."""

    words: list[str]
    env: dict[str, str]
    log: str


class Fork:
    """A forked part: what `zhiyin.running.processes.Process` asks for."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None
        self._lock = threading.Lock()

    def ended(self, code: int) -> None:
        """From the zygote, who is its parent."""
        with self._lock:
            self._code = code

    def poll(self) -> int | None:
        """Its exit code once it has ended."""
        with self._lock:
            return self._code

    def send_signal(self, sig: int) -> None:
        """Send a signal, unless it has ended."""
        with self._lock:
            if self._code is None:
                os.kill(self.pid, sig)


class Zygote:
    """The process that forks. ``spawn`` fits where `zhiyin.running.processes.spawn` does."""

    def __init__(self) -> None:
        here, there = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.zygote", str(there.fileno())],
            pass_fds=[there.fileno()],
            cwd=_ROOT,
        )
        there.close()
        self._socket = here
        self._lines = here.makefile("rb")
        self._forks: dict[int, Fork] = {}
        self._answers: list[Fork] = []
        self._news = threading.Condition()
        assert self._lines.readline() == b"ready\n"
        threading.Thread(target=self._listen, daemon=True).start()

    def spawn(self, program: Program) -> Fork:
        """Fork one of our parts; ``program.command`` ends with the words after ``zhiyin``."""
        words = list(program.command[program.command.index("zhiyin") + 1 :])
        order = msgspec.json.encode(Order(words, dict(program.env), str(program.log)))
        with self._news:
            self._socket.sendall(order + b"\n")
            assert self._news.wait_for(lambda: bool(self._answers), 20)
            return self._answers.pop()

    def close(self) -> None:
        """End it; what it forked is its owners' business."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._process.wait(10)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _listen(self) -> None:
        for line in self._lines:
            what, pid, code = line.split()
            with self._news:
                if what == b"forked":
                    fork = self._forks[int(pid)] = Fork(int(pid))
                    self._answers.append(fork)
                    self._news.notify_all()
                else:
                    self._forks.pop(int(pid)).ended(int(code))


def _serve(descriptor: int) -> None:
    import zhiyin.broker_part
    import zhiyin.parts
    import zhiyin.running.main
    import zhiyin.supervisor
    import zhiyin.wiring_web  # noqa: F401  # imported for the forks

    line = socket.socket(fileno=descriptor)
    line.sendall(b"ready\n")
    children: set[int] = set()
    line.settimeout(0.02)
    rest = b""
    while True:
        try:
            got = line.recv(1 << 16)
            if not got:
                break
            rest += got
        except TimeoutError:
            pass
        while b"\n" in rest:
            order, _, rest = rest.partition(b"\n")
            pid = os.fork()
            if pid == 0:
                line.close()
                _be(msgspec.json.decode(order, type=Order))
            children.add(pid)
            line.sendall(b"forked %d 0\n" % pid)
        for pid in list(children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                children.discard(pid)
                line.sendall(b"ended %d %d\n" % (pid, os.waitstatus_to_exitcode(status)))
    for pid in children:  # the test failed half-way: leave nothing behind
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _be(order: Order) -> None:
    from zhiyin.cli import app

    os.setsid()
    log = os.open(order.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.clear()
    os.environ.update(order.env)
    code = 70
    try:
        app(order.words)
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
