"""The demo's folder: what is not ours is never touched, half a founding never used."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.domain.errors import DomainError
from zhiyin.demo.folder import MARK, DemoFolder


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "thesis.txt"
    precious.write_text("years of work")
    with pytest.raises(DomainError) as refused, DemoFolder(tmp_path).claimed():
        pass
    assert refused.value.code == "not_a_demo"
    assert precious.read_text() == "years of work"


def test_what_a_founding_left_half_done_is_removed(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path / "new")
    with folder.claimed():
        (folder.path / "zhiyin.sqlite3").write_text("half")
        (folder.path / "keys").mkdir()
    with folder.claimed():
        assert not (folder.path / "zhiyin.sqlite3").exists()
        assert not (folder.path / "keys").exists()
        assert (folder.path / MARK).exists()


def test_a_founded_town_stays(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path / "new")
    with folder.claimed():
        (folder.path / "zhiyin.sqlite3").write_text("whole")
        folder.town.write_text("{}")
    with folder.claimed():
        assert (folder.path / "zhiyin.sqlite3").read_text() == "whole"


def test_clearing_does_not_follow_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "thesis.txt").write_text("years of work")
    folder = DemoFolder(tmp_path / "new")
    with folder.claimed():
        (folder.path / "link").symlink_to(outside)
        folder.clear()
        assert not (folder.path / "link").is_symlink()
    assert (outside / "thesis.txt").exists()


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path / "new")
    with folder.claimed(), pytest.raises(DomainError) as refused, folder.claimed():
        pass
    assert refused.value.code == "already_running"
