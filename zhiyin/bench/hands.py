"""Cases of a bench, worked on by child processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice
from typing import Final, TypeVar

T = TypeVar("T")

HANDS: Final = max(1, min(2, len(os.sched_getaffinity(0))))
"""Children at once. Not more than two, however many cores there are: what a case costs is measured
too, and memory bandwidth is shared by all."""


def spread(work: Callable[[int], T], numbers: Iterable[int], *, hands: int = HANDS) -> Generator[T]:
    """``work`` of each number, done by ``hands`` child processes; results come as they are ready.

    Args:
        work: a function of a module, that tells the same of a number in whichever process.
        numbers: which cases; not more are taken than are worked on, and one in hand for each child.
        hands: processes.

    Raises:
        concurrent.futures.process.BrokenProcessPool: when a child ends before it has answered.
    """
    left = iter(numbers)
    # A fork would share the threads' locks of the libraries that look at pictures.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(hands, mp_context=context, initializer=_begin) as pool:
        waiting: set[Future[T]] = {pool.submit(work, one) for one in islice(left, 2 * hands)}
        try:
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                waiting |= {pool.submit(work, one) for one in islice(left, len(done))}
                for one in done:
                    yield one.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """A child is counted as one core; the bench's output and its interruption are the parent's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)
    import cv2

    cv2.setNumThreads(1)
