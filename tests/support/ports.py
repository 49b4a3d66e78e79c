"""Free loopback ports."""

import itertools
import os
import random
import socket
from collections.abc import Iterator
from typing import Final

_FIRST: Final = 20_000
_EACH: Final = 1_000
"""Below the ports that a system gives to connections of its own accord (from 32768 on Linux), so
that none of those takes one before its server listens, or while its server is stopped; and a
thousand to each of the processes that a run is spread over."""


def _ports() -> Iterator[int]:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    first = _FIRST + _EACH * (int(worker.removeprefix("gw")) % 12)
    offset = random.SystemRandom().randrange(_EACH)  # two runs at once seldom meet
    return itertools.cycle(first + (offset + one) % _EACH for one in range(_EACH))


_NEXT: Final = _ports()


def free_port() -> int:
    """A TCP port on 127.0.0.1 that was free a moment ago, and that nobody else here is given."""
    for port in itertools.islice(_NEXT, _EACH):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")
