"""``zhiyin demo``."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

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

        Exit code 0 when all came as the scenario says; 1 when not, or when it was interrupted.
        """
        from zhiyin import logs
        from zhiyin.demo.play import DAY, Demo, scratch
        from zhiyin.demo.show import live
        from zhiyin.running.stopping import Stop

        logs.configure("error", "console")
        stop = Stop()
        stop.listen()
        if not once:
            folder = data or Path("var/demo")
            if fresh:
                scratch(folder)
            raise typer.Exit(live(folder, scenario or DAY, speed, port, stop))
        with tempfile.TemporaryDirectory(prefix="zhiyin-demo-") as name:
            playing = Demo(
                data or Path(name),
                scenario=scenario or DAY,
                speed=None,
                web_port=None,
                tell=_progress,
            )
            try:
                playing.prepare()
                _progress("开演：时钟在各部分都空闲时前进 · playing")
                finished = playing.play(stop)
                result, wrong = playing.count()
            finally:
                playing.close()
        for line in wrong:
            _progress(f"与剧本不符 · not as the scenario says: {line}")
        if as_json:
            print(json.dumps(result, ensure_ascii=False))
        else:
            for key, value in result.items():
                print(f"{key:18} {value}")
        raise typer.Exit(0 if finished and not wrong else 1)


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
