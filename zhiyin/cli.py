"""The command line: parses, wires and dispatches; what a command does lives elsewhere.

Each command is a module ``zhiyin/commands/<name>.py`` with ``register(app: typer.Typer)``, and one
line in `COMMANDS`. Only the module of the command asked for is imported, so that ``--help`` and
light commands start at once whatever the others need.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from backend.domain.errors import DomainError

COMMANDS: tuple[tuple[str, str], ...] = (
    ("init", "首次安装 · set up a new installation"),
    ("serve", "一台机器运行全部 · everything on one machine"),
    ("device", "登记和管理套筒 · commission sleeves"),
    ("sim", "模拟套筒：单台、剧本、机群 · sleeves in software"),
    ("migrate", "建立或升级数据库的表 · make or upgrade the tables"),
    ("keys", "查看、更换密钥 · the installation's keys"),
    ("certificate", "生成试用证书 · a certificate for a try"),
    ("prepare", "为 docker compose 准备口令和证书 · secrets for docker compose"),
    ("health", "各部分是否正常 · whether the parts are well"),
    ("up", "区县部署的整套拓扑 · the district's topology"),
    ("gateway", "单独运行网关 · a gateway of its own"),
    ("api", "单独运行网页和接口 · pages and API of their own"),
    ("alerts", "单独运行预警和定时任务 · alerts and chores of their own"),
    ("eyes", "单独运行文件与印迹核对 · looks at papers and imprints"),
    ("vision", "核对得准不准：本地误报率 · the local false-alarm rate"),
    ("broker", "运行 Mosquitto · run Mosquitto with our accounts and ACL"),
    ("bench", "性能测量 · measure"),
    ("export", "导出可独立核验的记录 · export records that anybody can check"),
    ("verify", "核验导出文件 · check an export, trusting nobody"),
    ("log", "只增日志：签检查点、自查 · the append-only log"),
    ("search", "用印记录的索引：重建 · the index of the usage log"),
    ("settings", "查看生效的配置 · show the settings in force"),
    ("decode", "读懂任何报文 · print any payload of the device contract"),
    ("vectors", "接口测试向量 · test vectors of the device contract"),
    ("contract", "接口文档是否一致 · whether the published contract is current"),
    ("demo", "演示一个镇的一天 · a town's day, live"),
    ("version", "查看版本 · show versions"),
)
"""Every command in the order of ``--help``: its name and one line about it."""

_EXIT_REFUSED = 2


def build(command: str | None) -> typer.Typer:
    """The application, with ``command`` wholly there and the others by name and help line only."""
    application = typer.Typer(
        name="zhiyin",
        help="智印：每一枚章，先审批、盖章时有见证、事后可证明。\n\n"
        "Every stamp is approved first, witnessed, and provable afterwards.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,  # importing rich would double the time to the first line
        pretty_exceptions_enable=False,  # its tracebacks print local variables: secrets too
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    application.callback()(_options)
    for name, about in COMMANDS:
        if name == command:
            import_module(f"zhiyin.commands.{name.replace('-', '_')}").register(application)
        else:
            application.command(name, help=about)(_only_listed)
    return application


def app(arguments: Sequence[str] | None = None) -> None:
    """Run one command line (default: the process's own) and exit.

    Exit codes: 0 done; 2 refused, with one line that says what to do; others as the command says.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        build(asked(words))(args=words, prog_name="zhiyin")
    except DomainError as error:
        typer.echo(f"{error.zh}\n{error.en} [{error.code}]", err=True)
        sys.exit(_EXIT_REFUSED)


def asked(words: Sequence[str]) -> str | None:
    """The command's name among ``words``: the first that is no option nor an option's value."""
    rest = iter(words)
    for word in rest:
        if word == "--config":
            next(rest, None)
        elif not word.startswith("-"):
            return word
    return None


def _options(
    config: Annotated[
        Path | None,
        typer.Option("--config", help="配置文件 · settings file (TOML)，默认 default zhiyin.toml"),
    ] = None,
) -> None:
    if config is not None:
        # Through the environment, so that processes which a command starts read the same file.
        os.environ["ZHIYIN_CONFIG"] = str(config.resolve())


def _only_listed() -> None:
    raise AssertionError("a command that was not asked for was run")
