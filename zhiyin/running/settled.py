"""What a part does once, when everything that lives as long as itself has been made."""

from __future__ import annotations

import gc


def settle() -> None:
    """Take what the start made out of the garbage collector's sight.

    Several hundred thousand objects of modules, tables and statements are looked at by every full
    collection: 40 to 70 ms in which an unlock waits. None of them ever dies.
    """
    gc.collect()
    gc.freeze()
