"""``zhiyin demo``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

import seal_firmware_sim.scenarios

if TYPE_CHECKING:
    from zhiyin.running.stopping import Stop

FIRST_PORT: Final = 8460
DAY: Final = Path(seal_firmware_sim.scenarios.__file__).parent / "yiqiao_day.yaml"


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("demo")
    def demo(
        once: Annotated[
            bool, typer.Option("--once", help="不开网页，尽快演完一天 · play the day and end")
        ] = False,
        as_json: Annotated[
            bool, typer.Option("--json", help="最后一行输出 JSON · last line is JSON")
        ] = False,
        speed: Annotated[
            float, typer.Option(min=1, max=3600, help="演示时间是真实时间的几倍 · times real time")
        ] = 60.0,
        port: Annotated[int, typer.Option(min=1, max=65535, help="网页端口 · web port")] = (
            FIRST_PORT
        ),
        data: Annotated[
            Path | None, typer.Option("--data", help="数据目录，默认 var/demo · data folder")
        ] = None,
        fresh: Annotated[
            bool, typer.Option("--fresh", help="丢弃上次的数据重新开始 · start over")
        ] = False,
        scenario: Annotated[
            Path | None, typer.Option("--scenario", help="剧本（YAML）· another scenario")
        ] = None,
    ) -> None:
        """演示一个镇的一天：有人照章用印，有人作弊被当场抓住 · a town's day, on one clock.

        Exit code 0 when it was stopped after the pages were there; with --once, when all came as
        the scenario says. 1 when not, or when it was stopped before.
        """
        if once:
            code = run(lambda stop: _once(scenario, stop, data, fresh=fresh, as_json=as_json))
        else:
            folder = data or Path("var/demo")
            code = run(lambda stop: _live(scenario, stop, folder, speed, port, fresh=fresh))
        raise typer.Exit(code)


def run(play: Callable[[Stop], int]) -> int:
    """Run ``play`` until it ends or is told to stop; the exit code.

    Raises:
        typer.BadParameter: for a scenario that cannot be played.
    """
    from seal_firmware_sim.scenarios.format import ScenarioError
    from zhiyin import logs
    from zhiyin.running.stopping import Stop, Stopped

    logs.configure("error", "console")
    stop = Stop()
    stop.listen()
    try:
        return play(stop)
    except ScenarioError as error:
        raise typer.BadParameter(str(error)) from error
    except Stopped:
        progress("已停止 · stopped")
        return 1


def play_once(
    file: Path, stop: Stop, *, folder: Path | None = None, fresh: bool = False
) -> tuple[dict[str, Any], bool]:
    """The day without a page: what came of it, and whether that is as the scenario says.

    Raises:
        ScenarioError: for a file that cannot be played.
        Stopped, DomainError: as `zhiyin.demo.once.once`.
    """
    from seal_firmware_sim.scenarios.format import load

    scenario = load(file)
    with stop.at_once():  # this imports everything there is
        from zhiyin.demo.once import once

    return once(scenario, stop, progress, folder=folder, fresh=fresh)


def progress(text: str) -> None:
    """Standard output is for the result."""
    print(text, file=sys.stderr, flush=True)


def _live(
    scenario: Path | None, stop: Stop, data: Path, speed: float, port: int, *, fresh: bool
) -> int:
    from seal_firmware_sim.scenarios.format import load

    loaded = load(scenario or DAY)
    with stop.at_once():
        from zhiyin.demo.show import live

    live(data, loaded, speed, port, stop, fresh=fresh)
    return 0


def _once(
    scenario: Path | None, stop: Stop, data: Path | None, *, fresh: bool, as_json: bool
) -> int:
    result, right = play_once(scenario or DAY, stop, folder=data, fresh=fresh)
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        for key, value in result.items():
            print(f"{key:18} {value}")
    return 0 if right else 1
