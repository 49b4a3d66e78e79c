"""One process for one data folder: a second start is refused, a killed one leaves no lock."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.domain.errors import DomainError

_MODE = 0o700


def make_folder(folder: Path) -> Path:
    """Make a folder of ours that only its owner may enter.

    Raises:
        DomainError: ``data_dir_unusable``, with what the system says.
    """
    try:
        folder.mkdir(mode=_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise DomainError(
            "data_dir_unusable",
            f"目录 {folder} 用不了（{error.strerror}）：请检查路径和权限（配置项 data_dir）",
            f"folder {folder} cannot be used ({error.strerror}): check path and rights"
            " (setting data_dir)",
        ) from error
    return folder


@contextmanager
def claimed(folder: Path, name: str = "zhiyin") -> Iterator[None]:
    """Hold ``folder`` for this process. The system lets go of it when the process ends, however.

    Raises:
        DomainError: ``already_running``, with the process id of who holds it;
            ``data_dir_unusable``.
    """
    path = make_folder(folder) / f"{name}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "?"
            raise DomainError(
                "already_running",
                f"数据目录 {folder} 正由另一个智印进程（进程号 {holder}）使用："
                "请先停止它，或换一个 data_dir",
                f"data folder {folder} is in use by another process ({holder}): stop it first,"
                " or choose another data_dir",
                "conflict",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
