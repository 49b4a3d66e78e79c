"""A missing part skips on a bare machine and fails in CI, so that no promise goes unwatched."""

from pathlib import Path
from typing import Any

import pytest

from tests.support import machine


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(machine.NEEDS, "needs_mosquitto", (lambda: None, "no mosquitto here"))


@pytest.mark.usefixtures("bare")
def test_a_missing_part_skips_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no mosquitto here"):
        machine.require("needs_mosquitto")


@pytest.mark.usefixtures("bare")
def test_a_missing_part_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI installs it"):
        machine.require("needs_mosquitto")


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail), ("", pytest.skip)])
def test_a_second_face_engine_that_is_not_installed_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: Any
) -> None:
    def without(name: str) -> object | None:
        return None if name == "face_recognition_models" else object()

    monkeypatch.setattr(machine, "find_spec", without)
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome.Exception, match="faces-dlib"):
        machine.require("needs_dlib")


def test_whatever_needs_the_second_face_engine_says_so() -> None:
    """A bare ``importorskip`` would let CI pass without it."""
    tests = Path(machine.__file__).parents[1]
    for path in (*tests.glob("*/backend/vision/**/test_*.py"), *tests.glob("e2e/**/test_*.py")):
        text = path.read_text(encoding="utf-8")
        assert "importorskip" not in text, path
        if "dlib_engine.load" in text:
            assert "needs_dlib" in text, path


def test_a_part_that_is_there_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(machine.NEEDS, "needs_mosquitto", (lambda: Path("/bin/true"), "unused"))
    monkeypatch.setenv("CI", "true")
    machine.require("needs_mosquitto")


def test_every_need_is_a_declared_marker(pytestconfig: pytest.Config) -> None:
    declared = {line.split(":")[0] for line in pytestconfig.getini("markers")}
    assert set(machine.NEEDS) <= declared


def test_an_old_postgres_does_not_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for version in ("9.6", "14"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "pg_ctl").touch()
    monkeypatch.setattr(machine, "_POSTGRES_ROOT", tmp_path)
    assert machine.find_postgres_bin() is None
    for version in ("15", "100"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "pg_ctl").touch()
    assert machine.find_postgres_bin() == tmp_path / "100" / "bin"
