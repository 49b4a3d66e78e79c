"""The memory of a process, as the kernel tells it."""

import os
from pathlib import Path

import pytest

from zhiyin.bench.watchers import pss_kb


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="this kernel tells no PSS")
def test_pss_is_told_in_kb_and_grows_with_what_is_kept() -> None:
    before = pss_kb(os.getpid())
    kept = bytearray(os.urandom(1024)) * 32 * 1024
    assert pss_kb(os.getpid()) - before > 16 * 1024
    assert len(kept) == 32 * 1024 * 1024
