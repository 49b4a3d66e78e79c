"""``zhiyin up``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("up")
    def up(
        native: Annotated[
            bool,
            typer.Option("--native", help="不用容器，直接运行 · as processes, without containers"),
        ] = False,
        folder: Annotated[
            Path, typer.Option("--data", help="数据放在哪个目录 · folder for everything")
        ] = Path("var/native"),
        gateways: Annotated[
            int, typer.Option("--gateways", min=1, max=16, help="几个网关 · how many gateways")
        ] = 2,
        fleet: Annotated[
            int,
            typer.Option("--fleet", min=0, help="另起多少个模拟套筒 · simulated sleeves beside"),
        ] = 0,
        check: Annotated[
            bool,
            typer.Option("--check", help="自检：起、用、核对、停 · come up, work, verify, go down"),
        ] = False,
        as_json: Annotated[
            bool, typer.Option("--json", help="最后一行为 JSON · last line")
        ] = False,
    ) -> None:
        """区县部署的整套拓扑，直接在本机运行 · the district's topology on this machine.

        PostgreSQL, Mosquitto, gateways on a shared subscription, alerts, web. Ctrl-C stops all.
        """
        from zhiyin import logs
        from zhiyin.native_run import run, run_check

        if not native:
            raise typer.BadParameter(
                "用容器请执行 docker compose up；不用容器请加 --native"
                " · with containers: docker compose up; without: add --native"
            )
        logs.configure("warning", "auto")
        say = _quiet if as_json else _say
        if check:
            result = run_check(gateways=gateways, say=say)
            typer.echo(json.dumps(result, ensure_ascii=False) if as_json else _told(result))
            raise typer.Exit(0 if result["ok"] else 1)
        raise typer.Exit(run(folder, gateways=gateways, fleet=fleet, say=say))


def _say(text: str) -> None:
    typer.echo(text)


def _quiet(text: str) -> None:
    typer.echo(text, err=True)


def _told(result: dict[str, object]) -> str:
    lines = [f"  {name}: {value}" for name, value in result.items() if name != "ok"]
    verdict = "自检通过 · all is well" if result["ok"] else "自检未通过 · something is wrong"
    return "\n".join([verdict, *lines])
