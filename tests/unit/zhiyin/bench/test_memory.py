"""The memory of a process, as the kernel tells it."""

import mmap
import os
from pathlib import Path

import pytest

from zhiyin.bench.memory import pss_kb


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="this kernel tells no PSS")
def test_pss_is_told_in_kb_and_grows_with_what_is_kept() -> None:
    before = pss_kb(os.getpid())
    # Fresh pages from the kernel: the allocator might have some left that count already.
    with mmap.mmap(-1, 32 << 20) as kept:
        kept.write(b"x" * (32 << 20))
        assert pss_kb(os.getpid()) - before > 16 * 1024
