"""The launcher: sets up once, repairs what is half made, then starts at once and steps aside.

A shell script stands for Python, uv and the assets' fetcher, and writes down how it was called.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]

_FAKE_PYTHON = """#!/bin/sh
echo "${0##*/} $*" >> "$FAKE_CALLS"
for last; do :; done
case "$*" in
-c*) [ ! -e "$FAKE_CALLS.unfit" ] ;;
--version) echo "Python 3.12.0" ;;
"-m venv"*)
    rm -rf "$last"
    mkdir -p "$last/bin"
    cp "$0" "$last/bin/python"
    cp "$0" "$last/bin/uv"
    ;;
"-m pip config"*) echo "the-mirror" ;;
"pip sync"*)
    echo "index ${UV_DEFAULT_INDEX-}" >> "$FAKE_CALLS"
    [ ! -e "$FAKE_CALLS.offline" ]
    ;;
*tools/assets.py)
    mkdir -p backend/web/static/vendor
    cat package-lock.json tools/assets.py > backend/web/static/vendor/.stamp
    ;;
"-P -m zhiyin wait") printf '%s\\n' "$$"; exec cat ;;
"-P -m zhiyin"*)
    shift 3
    for word; do printf '<%s>' "$word"; done
    echo " $PYTHONPATH"
    ;;
esac
"""


class Launcher:
    """A copy of `run` in a project of its own, whose Python is the script above."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        for name in ("requirements/bootstrap.txt", "requirements/lock.txt", "tools/assets.py"):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(f"{name}\n", encoding="utf-8")
        (self.root / "package-lock.json").write_text("{}\n", encoding="utf-8")
        shutil.copy(_ROOT / "run", self.root / "run")
        python = folder / "python3"
        python.write_text(_FAKE_PYTHON, encoding="utf-8")
        python.chmod(0o755)
        self._calls = folder / "calls"
        self.env = {
            "PATH": "/usr/bin:/bin",
            "ZHIYIN_PYTHON": str(python),
            "FAKE_CALLS": str(self._calls),
        }

    def say(self, word: str) -> Path:
        """The file by which a test tells the script how to behave."""
        return self._calls.with_name(f"{self._calls.name}.{word}")

    def start(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            [self.root / "run", *words],
            env=self.env,
            cwd=cwd or self.root,
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self) -> list[str]:
        """What was called since the last look."""
        if not self._calls.exists():
            return []
        lines = self._calls.read_text(encoding="utf-8").splitlines()
        self._calls.unlink()
        return [line for line in lines if not line.startswith(("python -c", "python3 -c"))]


@pytest.fixture
def launcher(tmp_path: Path) -> Launcher:
    return Launcher(tmp_path)


def _made_anew(calls: list[str]) -> bool:
    return any(" -m venv --clear " in call for call in calls)


def _synced(calls: list[str]) -> bool:
    return any(call.startswith("uv pip sync ") for call in calls)


def test_the_first_start_installs_by_hash_and_wheels_only_then_starts(launcher: Launcher) -> None:
    done = launcher.start("demo", "--once")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("<demo><--once> ")
    for step in ("[1/3]", "[2/3]", "[3/3]"):
        assert step in done.stderr
    calls = launcher.calls()
    assert _made_anew(calls)
    installs = [call for call in calls if " install " in call or " sync " in call]
    assert len(installs) == 2
    for call in installs:
        assert "--require-hashes" in call
        assert "--only-binary :all:" in call
    assert "--no-deps" in installs[0]
    assert "index the-mirror" in calls


def test_a_second_start_does_nothing_but_start(launcher: Launcher) -> None:
    launcher.start("version")
    launcher.calls()
    done = launcher.start("version")
    assert launcher.calls() == ["python -P -m zhiyin version"]
    assert done.stderr == ""


def test_a_changed_lock_is_synced_into_the_environment_at_hand(launcher: Launcher) -> None:
    launcher.start("version")
    launcher.calls()
    (launcher.root / "requirements/lock.txt").write_text("changed\n", encoding="utf-8")
    launcher.start("version")
    calls = launcher.calls()
    assert _synced(calls)
    assert not _made_anew(calls)
    launcher.start("version")
    assert len(launcher.calls()) == 1


def test_changed_assets_leave_the_environment_alone(launcher: Launcher) -> None:
    launcher.start("version")
    launcher.calls()
    (launcher.root / "package-lock.json").write_text('{"changed": 1}\n', encoding="utf-8")
    launcher.start("version")
    calls = launcher.calls()
    assert any(call.endswith("tools/assets.py") for call in calls)
    assert not _synced(calls)


def test_an_install_that_failed_is_begun_anew(launcher: Launcher) -> None:
    launcher.say("offline").touch()
    assert launcher.start("version").returncode != 0
    assert not any("zhiyin" in call for call in launcher.calls())
    assert not (launcher.root / ".venv-setup").exists()
    launcher.say("offline").unlink()
    assert launcher.start("version").returncode == 0
    assert _made_anew(launcher.calls())


def test_a_change_of_lock_that_failed_is_begun_anew(launcher: Launcher) -> None:
    launcher.start("version")
    launcher.say("offline").touch()
    (launcher.root / "requirements/lock.txt").write_text("changed\n", encoding="utf-8")
    assert launcher.start("version").returncode != 0
    launcher.calls()
    launcher.say("offline").unlink()
    assert launcher.start("version").returncode == 0
    assert _made_anew(launcher.calls())


def test_an_environment_whose_python_is_gone_is_made_anew(launcher: Launcher) -> None:
    launcher.start("version")
    launcher.calls()
    python = launcher.root / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nonexistent/python")
    assert launcher.start("version").returncode == 0
    assert _made_anew(launcher.calls())


def test_the_guard_of_a_killed_set_up_is_taken_over(launcher: Launcher) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    guard = launcher.root / ".venv-setup"
    guard.mkdir()
    (guard / "pid").write_text(f"{ended.pid}\n", encoding="utf-8")
    assert launcher.start("version").returncode == 0
    assert not guard.exists()


def test_no_fitting_python_is_told_in_both_languages(launcher: Launcher) -> None:
    launcher.say("unfit").touch()
    done = launcher.start("demo")
    assert done.returncode == 1
    assert "没有找到 Python 3.11、3.12 或 3.13" in done.stderr
    assert "No Python 3.11, 3.12 or 3.13 found" in done.stderr
    assert not (launcher.root / ".venv").exists()
    assert not (launcher.root / ".venv-setup").exists()


def test_words_are_handed_on_as_they_are_from_any_folder(
    launcher: Launcher, tmp_path: Path
) -> None:
    launcher.start("version")
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    done = launcher.start("verify", "a b", "", "*", cwd=elsewhere)
    assert done.stdout == f"<verify><a b><><*> {launcher.root}\n"


def test_signals_reach_the_program_itself(launcher: Launcher) -> None:
    launcher.start("version")
    process = subprocess.Popen(
        [launcher.root / "run", "wait"],
        env=launcher.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{process.pid}\n"
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait() == -signal.SIGTERM


def test_it_is_plain_posix_shell() -> None:
    shell = shutil.which("dash") or "/bin/sh"
    for script in ("run", "requirements/relock"):
        assert (_ROOT / script).read_text(encoding="utf-8").startswith("#!/bin/sh\n")
        subprocess.run([shell, "-n", _ROOT / script], check=True)
        assert os.access(_ROOT / script, os.X_OK)
