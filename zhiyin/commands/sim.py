"""``zhiyin sim``: sleeves in software."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from seal_firmware_sim.credentials import Credentials
    from seal_firmware_sim.shell import Shell
    from zhiyin.running.stopping import Stop

CredentialsFile = Annotated[
    Path,
    typer.Option(
        "--credentials",
        "-c",
        help="zhiyin device enrol --sim 导出的凭据文件 · credentials of simulated sleeves",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    sim = typer.Typer(help="模拟套筒：单台、剧本、机群 · sleeves in software", no_args_is_help=True)
    sim.command("device")(_device)
    sim.command("play")(_play)
    sim.command("fleet")(_fleet)
    app.add_typer(sim, name="sim")


def _device(
    credentials: CredentialsFile,
    device: Annotated[
        str | None, typer.Option("--device", "-d", help="哪一台（默认第一台）· which sleeve")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="保存套筒闪存的目录；不填则退出即忘 · where its flash lasts"),
    ] = None,
    script: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="逐行执行的脚本 · lines to type"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="随机种子（只影响模拟）· for repeatable runs")
    ] = None,
) -> None:
    """在终端里操作一台套筒 · work one sleeve from the terminal."""
    from seal_firmware_sim.shell import Shell

    one = _choose(_load(credentials), device)
    dice = None if seed is None else random.Random(seed)
    with Shell(one, write=typer.echo, folder=folder, dice=dice) as shell:
        if script is not None:
            shell.run(script.read_text(encoding="utf-8").splitlines())
        else:
            _converse(shell)


def _play(
    scenario: Annotated[Path, typer.Argument(help="剧本（YAML）· scenario")],
    check: Annotated[
        bool, typer.Option("--check", help="只检查剧本，不演 · only check it")
    ] = False,
) -> None:
    """演一个剧本，最后一行是 JSON 结果 · play a scenario; the last line is JSON.

    Exit code 0 when all came as the scenario says.
    """
    from seal_firmware_sim.scenarios.format import ScenarioError, load

    try:
        loaded = load(scenario)
    except ScenarioError as error:
        raise typer.BadParameter(str(error)) from error
    if check:
        typer.echo(f"{loaded.name}：{loaded.date}，{len(loaded.actions)} 个动作，剧本没有问题")
        return
    raise typer.Exit(_once(scenario))


def _once(scenario: Path) -> int:
    from zhiyin.commands.demo import play_once, run

    def play(stop: Stop) -> int:
        result, right = play_once(scenario, stop)
        typer.echo(json.dumps(result, ensure_ascii=False))
        return 0 if right else 1

    return run(play)


def _fleet(
    credentials: CredentialsFile,
    n: Annotated[
        int | None, typer.Option("-n", min=1, help="多少台（默认凭据里的全部）· how many")
    ] = None,
    rate: Annotated[
        float, typer.Option(min=0, help="全机群每秒用印次数 · uses a second in all")
    ] = 10.0,
    seconds: Annotated[float, typer.Option(min=0, help="用印多少秒 · for how long")] = 10.0,
    connects: Annotated[
        float, typer.Option(min=0, help="每秒接入多少台，0 为尽快 · connections a second")
    ] = 500.0,
    picture_bytes: Annotated[
        int, typer.Option(min=1, max=1_500_000, help="每张图片的字节数 · size of a picture")
    ] = 20_000,
    processes: Annotated[
        int | None, typer.Option(min=1, max=64, help="进程数（默认按描述符上限）· processes")
    ] = None,
    until_spent: Annotated[
        bool, typer.Option("--until-spent", help="任务用完就结束 · end when the jobs are used up")
    ] = False,
    seed: Annotated[int, typer.Option(help="随机种子 · seed")] = 1,
) -> None:
    """成千上万台套筒同时在线，最后一行是 JSON · thousands at once; the last line is JSON.

    Jobs to use up stand in the credentials file (zhiyin device enrol --sim --jobs); a sleeve whose
    jobs are used up only stays connected. Without any, each request is refused, which is a round
    trip too. Exit code 0 when all connected and no receipt or picture is missing.
    """
    from seal_firmware_sim import fleet

    enrolled = _load(credentials)
    if n is not None and n > len(enrolled):
        raise typer.BadParameter(
            f"凭据文件里只有 {len(enrolled)} 台，请先用 zhiyin device enrol --sim 再登记"
            f" · only {len(enrolled)} sleeves are enrolled"
        )
    plan = fleet.Plan(
        seconds=seconds,
        rate=rate,
        connects=connects,
        picture_bytes=picture_bytes,
        seed=seed,
        until_spent=until_spent,
    )
    outcome, used = fleet.run_spread(enrolled[:n], plan, _tell, processes=processes)
    report = outcome.report(used)
    _tell(
        "这些套筒的记忆没有保存：再用同一份凭据，平台会当作密钥被复制（C24）；再测请另行登记"
        " · enrol others for another run: these sleeves have forgotten what they said"
    )
    typer.echo(json.dumps(report, ensure_ascii=False))
    whole = outcome.connected == outcome.sleeves
    missing = outcome.missing_receipts or outcome.missing_pictures
    raise typer.Exit(0 if whole and not missing else 1)


def _load(path: Path) -> list[Credentials]:
    from seal_firmware_sim.credentials import CredentialsError, load

    try:
        found = load(path)
    except CredentialsError as error:
        raise typer.BadParameter(str(error)) from error
    if not found:
        raise typer.BadParameter(f"凭据文件 {path} 是空的 · no sleeve in it")
    return found


def _choose(found: list[Credentials], device: str | None) -> Credentials:
    for one in found:
        if device is None or one.device == device:
            return one
    raise typer.BadParameter(f"凭据文件里没有套筒 {device} · no such sleeve")


def _converse(shell: Shell) -> None:
    typer.echo("输入 帮助 看可以用的词，输入 退出 结束。")
    while True:
        try:
            line = input(f"{shell.terminal.prompt()}＞ ")
        except EOFError:
            return
        if not shell.type(line):
            return


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
