"""The command line: every command is found, errors are one clear line, the start is quick."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from backend.domain.errors import DomainError
from zhiyin import __version__, cli

_ROOT = Path(__file__).parents[3]


def _run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.build(cli.asked(words)), list(words))
    return result.exit_code, result.output


def _start(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zhiyin", *words],
        cwd=_ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", [name for name, _ in cli.COMMANDS])
def test_each_listed_command_has_its_module_and_its_help(name: str) -> None:
    code, output = _run(name, "--help")
    assert code == 0, output
    assert name in output
    assert "Usage" in output


def test_help_lists_every_command_with_its_line() -> None:
    code, output = _run("--help")
    assert code == 0
    for name, about in cli.COMMANDS:
        assert name in output
        assert about.split(" · ")[0] in output


def test_help_imports_no_command_and_nothing_heavy() -> None:
    probe = (
        "import sys; from zhiyin.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = ('sqlalchemy', 'pydantic', 'cv2', 'numpy', 'fastapi', 'rich', 'cryptography')\n"
        "print([m for m in sys.modules if m in heavy or m.startswith('zhiyin.commands')],"
        " file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"


def test_version_for_people_and_for_programs() -> None:
    assert __version__ in _run("version")[1]
    assert json.loads(_run("version", "--json")[1])["zhiyin"] == __version__


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ([], None),
        (["--help"], None),
        (["version"], "version"),
        (["--config", "x.toml", "version", "--json"], "version"),
        (["--config=x.toml", "version"], "version"),
        (["--config"], None),
    ],
)
def test_the_command_is_the_first_word_that_is_no_option(
    words: list[str], name: str | None
) -> None:
    assert cli.asked(words) == name


def test_an_unknown_command_is_refused() -> None:
    done = _start("nonsense")
    assert done.returncode == 2
    assert "nonsense" in done.stderr


def test_a_domain_error_is_told_in_both_languages_without_a_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    application = typer.Typer()

    @application.command()
    def refuse() -> None:
        raise DomainError("locked", "印章已锁定，请先解锁", "the seal is locked: unlock it first")

    monkeypatch.setattr(cli, "build", lambda _command: application)
    with pytest.raises(SystemExit) as stopped:
        cli.app([])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert "印章已锁定，请先解锁" in said
    assert "the seal is locked: unlock it first [locked]" in said
    assert "Traceback" not in said


def test_wrong_settings_are_told_and_exit_with_2(tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("[web]\nport = 0\n", encoding="utf-8")
    done = _start("--config", str(file), "settings", PYTHONUTF8="1")
    assert done.returncode == 2
    assert "web.port = 0" in done.stderr
    assert "Traceback" not in done.stderr


def test_config_reaches_processes_that_a_command_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "z.toml"
    file.write_text("[web]\nport = 9300\n", encoding="utf-8")
    monkeypatch.setenv("ZHIYIN_CONFIG", "")
    monkeypatch.chdir(tmp_path)
    code, output = _run("--config", "z.toml", "settings")
    assert code == 0
    assert "web.port = 9300" in output
    assert os.environ["ZHIYIN_CONFIG"] == str(file)
