"""The demo's folder: what it keeps from start to start, and that nothing else is ever removed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from backend.domain.errors import DomainError
from zhiyin.running.lock import claimed, make_folder

MARK: Final = "zhiyin-demo"
_LOCK: Final = "demo"
_MARK_TEXT: Final = (
    "这里是 zhiyin demo 的数据，可以整个删除。Data of zhiyin demo; may be deleted.\n"
)


class DemoFolder:
    """Paths in ``path``, which is ours alone: marked when we made it, locked while we use it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = path / "clock"
        self.kept = path / "demo.json"
        self.town = path / "town.json"
        self.flash = path / "flash"

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Hold the folder for this process; what a start that did not get to its end left in it is
        removed.

        Raises:
            DomainError: ``not_a_demo``, ``already_running``, ``data_dir_unusable``.
        """
        make_folder(self.path)
        mark = self.path / MARK
        if not mark.exists() and any(one.name != f"{_LOCK}.lock" for one in self.path.iterdir()):
            raise DomainError(
                "not_a_demo",
                f"目录 {self.path} 里有别的文件，不是演示数据：请换一个空目录（--data）",
                f"folder {self.path} holds other files and no demo: choose an empty one (--data)",
            )
        with claimed(self.path, _LOCK):
            mark.write_text(_MARK_TEXT, encoding="utf-8")
            if not self.town.exists():
                # The town is written last: without it, all else is half of a founding.
                self.clear()
            yield

    def clear(self) -> None:
        """Remove everything but the mark; only while it is claimed."""
        for one in self.path.iterdir():
            if one.name in (MARK, f"{_LOCK}.lock"):
                continue
            if one.is_dir() and not one.is_symlink():
                shutil.rmtree(one)
            else:
                one.unlink()
