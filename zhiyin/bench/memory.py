"""What a process holds."""

from __future__ import annotations

from pathlib import Path


def pss_kb(pid: int) -> int:
    """The proportional set size of a process (proc(5), smaps_rollup), in kB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise RuntimeError("the kernel tells no PSS")
