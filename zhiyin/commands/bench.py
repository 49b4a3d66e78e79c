"""``zhiyin bench``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from zhiyin import logs

Quick = Annotated[bool, typer.Option("--quick", help="50 秒内结束的小规模 · ends within 50 s")]
AsJson = Annotated[bool, typer.Option("--json", help="最后一行输出 JSON · last line is JSON")]


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    bench = typer.Typer(help="性能测量（见 docs/performance.md）· measure", no_args_is_help=True)

    @bench.callback()
    def quiet() -> None:
        logs.configure("error", "console")

    @bench.command("ingest")
    def ingest(quick: Quick = False, as_json: AsJson = False) -> None:
        """签名事件经 broker 到入库并出回执的速率 · signed events per second, committed."""
        from zhiyin.bench import ingest as measured

        _tell(measured.run(quick=quick), as_json)

    @bench.command("unlock")
    def unlock(rate: int = 100, quick: Quick = False, as_json: AsJson = False) -> None:
        """开锁请求到套筒收到授权的时间 · unlock request to grant at the sleeve."""
        from zhiyin.bench import unlock as measured

        _tell(measured.run(rate=rate, quick=quick), as_json)

    @bench.command("loop")
    def loop(quick: Quick = False, as_json: AsJson = False) -> None:
        """盖章到消息交给通道的时间、人脸核验的 CPU · press to message, and a face's CPU."""
        from zhiyin.bench import loop as measured

        _tell(measured.run(quick=quick), as_json)

    @bench.command("console")
    def console(
        quick: Quick = False,
        as_json: AsJson = False,
        database: Annotated[
            str | None, typer.Option(help="只测 sqlite 或 postgresql · only this one")
        ] = None,
        uses: Annotated[int | None, typer.Option(min=1000, help="用印次数 · how many")] = None,
        keep: Annotated[
            Path | None, typer.Option(help="留下准备好的数据，下次直接测 · keep what is prepared")
        ] = None,
        warm: Annotated[
            bool, typer.Option("--warm", help="先把数据读进内存 · read the database once before")
        ] = False,
    ) -> None:
        """用印记录页在一百万、一千万次用印中的应答时间 · the usage log's server time."""
        from zhiyin.bench import console as measured

        found = measured.run(quick=quick, database=database, uses=uses, keep=keep, warm=warm)
        _tell(found, as_json)

    @bench.command("watchers")
    def watchers(quick: Quick = False, as_json: AsJson = False) -> None:
        """四百个页面同时盯着：每个占多少内存、多久听到 · open pages: memory each, time to hear."""
        from zhiyin.bench import watchers as measured

        _tell(measured.run(quick=quick), as_json)

    @bench.command("eyes")
    def eyes(
        quick: Quick = False,
        as_json: AsJson = False,
        keep: Annotated[
            Path | None, typer.Option(help="结果逐条存入此文件，下次接着测 · go on from this file")
        ] = None,
        only: Annotated[
            str | None,
            typer.Option(help="只测 faces、paper、imprints、presses 或 pool · only this part"),
        ] = None,
        result: Annotated[
            Path | None, typer.Option(help="全部数据另存为 JSON · all figures, as a file")
        ] = None,
    ) -> None:
        """认人、认纸、认印的正确率和开销（见 docs/vision.md）· how often the eyes are right."""
        from zhiyin.bench import eyes as measured

        if only not in (None, *measured.PARTS):
            raise typer.BadParameter("、".join(measured.PARTS), param_hint="--only")
        _tell(measured.run(quick=quick, keep=keep, only=only, result=result), as_json)

    app.add_typer(bench, name="bench")


def _tell(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
        return
    for name, value in result.items():
        typer.echo(f"{name:24} {value}")
