"""One process for one data folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from backend.domain.errors import DomainError
from zhiyin.running.lock import claimed

_HOLD = (
    "import sys, time\nfrom pathlib import Path\nfrom zhiyin.running.lock import claimed\n"
    "with claimed(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"
)


def _holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_start_on_the_same_data_is_refused_and_names_the_first(tmp_path: Path) -> None:
    holder = _holder(tmp_path)
    try:
        with pytest.raises(DomainError) as caught, claimed(tmp_path):
            pass
        assert caught.value.code == "already_running"
        assert str(holder.pid) in caught.value.zh
        assert str(holder.pid) in caught.value.en
    finally:
        holder.communicate("")


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    holder = _holder(tmp_path)
    holder.kill()
    holder.communicate()
    with claimed(tmp_path):
        assert (tmp_path / "zhiyin.lock").read_text() == f"{os.getpid()}\n"


def test_the_folder_is_for_its_owner_only_and_the_lock_is_let_go(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with claimed(folder):
        assert folder.stat().st_mode & 0o077 == 0
    with claimed(folder):
        pass


def test_parts_with_other_names_do_not_disturb_each_other(tmp_path: Path) -> None:
    with claimed(tmp_path, "gateway-1"), claimed(tmp_path, "gateway-2"):
        pass


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DomainError) as caught, claimed(tmp_path / "file" / "data"):
        pass
    assert caught.value.code == "data_dir_unusable"
