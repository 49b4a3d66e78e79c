"""The worker process: ``python -m backend.vision.workers.child MEMORY_MB``.

Reads questions from standard input until it ends, so it never outlives who started it.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from typing import BinaryIO

from backend.vision.workers import wire


def limit(memory_mb: int) -> None:
    """Take away what looking at pictures does not need: memory beyond ``memory_mb`` MiB, writing
    files, core dumps with somebody's contract in them."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def peak_kb() -> int:
    """The most memory that this process ever held, kB."""
    # Not getrusage: Linux counts there what whoever started us held in the moment of the fork.
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            held = next(line for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(held.split()[1])


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the questions end."""
    import cv2

    from backend.vision.workers import tasks

    cv2.setNumThreads(1)  # a worker is counted as one core
    while True:
        head = questions.read(wire.LENGTH_BYTES)
        if len(head) < wire.LENGTH_BYTES:
            return
        begun = time.process_time()
        task = wire.read_task(questions.read(int.from_bytes(head, "big")))
        result = tasks.perform(task)
        answers.write(wire.frame(wire.Answer(result, peak_kb(), time.process_time() - begun)))
        answers.flush()


def main() -> None:
    """Serve on what were standard input and output; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    limit(int(sys.argv[1]))
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
