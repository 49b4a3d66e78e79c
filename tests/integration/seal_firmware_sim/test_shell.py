"""`zhiyin sim device` and `zhiyin sim fleet` over a real broker, as a person types them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from seal_firmware_sim import credentials as sim
from tests.integration.seal_firmware_sim.test_fleet import Servers
from tests.support.mosquitto import MosquittoServer
from zhiyin.commands import sim as command

SCRIPT = """
# 一次完整的用印
100000
1
人脸 5

等待 0.1
盖章
状态
飞
退出
盖章
"""


@pytest.fixture
def servers(mosquitto: MosquittoServer) -> Iterator[Servers]:
    with Servers(mosquitto, sleeves=3, jobs=2) as running:
        yield running


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    command.register(made)
    return made


@pytest.fixture
def file(servers: Servers, tmp_path: Path) -> Path:
    path = tmp_path / "sleeves.jsonl"
    path.write_bytes(sim.dump(servers.credentials))
    return path


def run(app: typer.Typer, *words: str, input: str | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["sim", *words], input=input)
    return result.exit_code, result.output


def test_a_script_works_a_sleeve_and_its_flash_lasts(
    app: typer.Typer, servers: Servers, file: Path, tmp_path: Path
) -> None:
    script = tmp_path / "script.txt"
    script.write_text(SCRIPT, encoding="utf-8")
    words = ("device", "-c", str(file), "-d", "sleeve-0001", "--folder", str(tmp_path / "flash"))
    code, said = run(app, *words, "--script", str(script), "--seed", "1")
    assert code == 0, said
    assert "用印完成" in said
    assert "不认识“飞”" in said
    server = servers.models["sleeve-0001"]
    assert server.types().count("stamped") == 1
    script.write_text("状态\n", encoding="utf-8")
    code, said = run(app, *words, "--script", str(script))
    assert code == 0, said
    assert server.types().count("boot") == 2
    assert server.forks == 0


def test_a_person_types(app: typer.Typer, servers: Servers, file: Path) -> None:
    code, said = run(app, "device", "-c", str(file), input="状态\n")
    assert code == 0, said
    assert "sleeve-0000：有电，在线" in said


def test_the_fleet_reports_in_its_last_line(app: typer.Typer, servers: Servers, file: Path) -> None:
    code, said = run(
        app,
        *("fleet", "-c", str(file), "-n", "2", "--rate", "5", "--seconds", "1"),
        *("--picture-bytes", "500", "--connects", "0"),
    )
    report = json.loads(said.splitlines()[-1])
    assert code == 0, said
    assert (report["sleeves"], report["connected"], report["missing_receipts"]) == (2, 2, 0)


def test_more_sleeves_than_are_enrolled(app: typer.Typer, file: Path) -> None:
    code, said = run(app, "fleet", "-c", str(file), "-n", "4")
    assert code == 2
    assert "只有 3 台" in said


def test_no_such_sleeve(app: typer.Typer, file: Path) -> None:
    code, said = run(app, "device", "-c", str(file), "-d", "nobody")
    assert code == 2
    assert "没有套筒 nobody" in said


@pytest.mark.parametrize("content", ["", "{}"])
def test_no_credentials(app: typer.Typer, tmp_path: Path, content: str) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_text(content, encoding="utf-8")
    assert run(app, "fleet", "-c", str(path))[0] == 2


def test_a_scenario_is_checked(app: typer.Typer, tmp_path: Path) -> None:
    path = tmp_path / "day.yaml"
    path.write_text("name: 1\n", encoding="utf-8")
    assert run(app, "play", str(path), "--check")[0] == 2
    path.write_text(
        "name: 一天\ndate: '2026-10-12'\nstart: '08:00'\nend: '09:00'\nseed: 1\nvillages: 1\n"
        "actions: [{do: motor_nudge, at: '08:01', village: 1}]\n"
        "expect: {uses: 0, alerts: {C15: 1}}\n",
        encoding="utf-8",
    )
    code, said = run(app, "play", str(path), "--check")
    assert code == 0, said
    assert "1 个动作" in said
