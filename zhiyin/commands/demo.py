"""``zhiyin demo``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from zhiyin.running.stopping import Stop

FIRST_PORT = 8460


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

        With --once: exit code 0 when all came as the scenario says; 1 when not, or when it was
        interrupted.
        """
        from seal_firmware_sim.scenarios.format import ScenarioError
        from zhiyin import logs
        from zhiyin.running.stopping import Stop

        logs.configure("error", "console")
        stop = Stop()
        stop.listen()
        try:
            if once:
                code = _once(scenario, stop, data, fresh=fresh, as_json=as_json)
            else:
                code = _live(scenario, stop, data or Path("var/demo"), speed, port, fresh=fresh)
        except ScenarioError as error:
            raise typer.BadParameter(str(error), param_hint="--scenario") from error
        raise typer.Exit(code)


def _live(
    scenario: Path | None, stop: Stop, data: Path, speed: float, port: int, *, fresh: bool
) -> int:
    from zhiyin.demo.play import DAY
    from zhiyin.demo.show import live

    return live(data, scenario or DAY, speed, port, stop, fresh=fresh)


def _once(
    scenario: Path | None, stop: Stop, data: Path | None, *, fresh: bool, as_json: bool
) -> int:
    from zhiyin.demo.once import once
    from zhiyin.demo.play import DAY
    from zhiyin.running.stopping import Stopped

    try:
        result, right = once(scenario or DAY, stop, _progress, folder=data, fresh=fresh)
    except Stopped:
        _progress("已停止 · stopped")
        return 1
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        for key, value in result.items():
            print(f"{key:18} {value}")
    return 0 if right else 1


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
