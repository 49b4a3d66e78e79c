"""``zhiyin gateway``."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("gateway")
    def gateway(
        name: Annotated[
            str | None,
            typer.Option(
                "--name",
                help="网关名；多个网关须各不相同（默认自动）· name, different for each gateway",
            ),
        ] = None,
    ) -> None:
        """单独运行一个网关（PostgreSQL、外部 broker）· one gateway as a process of its own."""
        from zhiyin import parts
        from zhiyin.running.main import run

        run(
            lambda settings, stop: parts.gateway(settings, parts.gateway_name(settings, name), stop)
        )
