"""Assets: fetched once, kept when the network is away, and replaced as a whole."""

import stat
from pathlib import Path

import pytest

from tools import assets

_ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder with a lock and no assets."""
    root = tmp_path / "project"
    for folder in ("backend/web/static", "seal_firmware_sim/assets", "requirements"):
        (root / folder).mkdir(parents=True)
    (root / "package-lock.json").write_text("{}", encoding="utf-8")
    return root


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An npm on PATH that makes all files; it counts its calls, and fails while ``down`` exists."""
    folder = tmp_path / "bin"
    folder.mkdir()
    makes = "\n".join(
        f'mkdir -p "node_modules/{Path(name).parent}"; echo made > "node_modules/{name}"'
        for name in [*(source for source, _ in assets.FILES), *assets.DEV_FILES]
    )
    script = folder / "npm"
    script.write_text(
        f'#!/bin/sh\necho "$*" >> "{folder}/calls"\n[ ! -e "{folder}/down" ] || exit 1\n{makes}\n',
        encoding="utf-8",
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def _calls(npm: Path) -> list[str]:
    calls = npm / "calls"
    return calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []


def test_fetched_once_with_every_licence(project: Path, npm: Path) -> None:
    assets.ensure(project, with_dev=True)
    assets.ensure(project, with_dev=True)
    assert len(_calls(npm)) == 1
    for _, target in assets.FILES:
        assert (project / target).read_text(encoding="utf-8") == "made\n"


def test_the_package_leaves_out_what_only_tests_use(project: Path, npm: Path) -> None:
    assets.ensure(project, with_dev=False)
    assert "--omit=dev" in _calls(npm)[0]


def test_a_changed_lock_fetches_again_and_leaves_nothing_old(project: Path, npm: Path) -> None:
    assets.ensure(project, with_dev=True)
    old = project / "backend/web/static/vendor/removed.js"
    old.write_text("old", encoding="utf-8")
    (project / "package-lock.json").write_text('{"changed": true}', encoding="utf-8")
    assets.ensure(project, with_dev=True)
    assert len(_calls(npm)) == 2
    assert not old.exists()


def test_a_lost_file_is_fetched_again(project: Path, npm: Path) -> None:
    assets.ensure(project, with_dev=True)
    (project / assets.FILES[0][1]).unlink()
    assets.ensure(project, with_dev=True)
    assert (project / assets.FILES[0][1]).is_file()


def test_without_network_the_assets_at_hand_are_used(
    project: Path, npm: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assets.ensure(project, with_dev=True)
    (project / "package-lock.json").write_text('{"changed": true}', encoding="utf-8")
    (npm / "down").touch()
    assets.ensure(project, with_dev=True)
    assert "沿用已有的" in capfd.readouterr().err
    (npm / "down").unlink()
    assets.ensure(project, with_dev=True)
    assert len(_calls(npm)) == 3


def test_without_network_and_without_assets_it_says_what_to_do(project: Path, npm: Path) -> None:
    (npm / "down").touch()
    with pytest.raises(assets.AssetsError, match="请检查网络"):
        assets.ensure(project, with_dev=True)


def test_each_file_comes_with_its_licence() -> None:
    for folder in ("backend/web/static/vendor", "seal_firmware_sim/assets/vendor"):
        targets = [target for _, target in assets.FILES if target.startswith(folder)]
        assert any("licen" in target.lower() for target in targets)
    packages = {source.split("/")[-2] for source, _ in assets.FILES if "LICENSE" in source}
    assert packages == {"htmx.org", "htmx-ext-sse", "noto-serif-sc"}
