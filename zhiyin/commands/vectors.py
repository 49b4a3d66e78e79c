"""``zhiyin vectors``."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("vectors")
    def vectors(
        check: Annotated[
            Path | None,
            typer.Option("--check", metavar="DIR", help="逐条核对目录中的向量 · run the vectors"),
        ] = None,
        write: Annotated[
            Path | None,
            typer.Option("--write", metavar="DIR", help="写出全部向量 · write all vectors"),
        ] = None,
    ) -> None:
        """套筒接口测试向量 · the test vectors of the device contract.

        Exit code 1 when a vector does not come out as its file says.
        """
        from gateway.protocol import vectors as made

        if (check is None) == (write is None):
            raise typer.BadParameter("请给出 --check DIR 或 --write DIR · give one of the two")
        if write is not None:
            write.mkdir(parents=True, exist_ok=True)
            for name, text in made.files().items():
                (write / name).write_text(text, encoding="utf-8", newline="\n")
                typer.echo(str(write / name))
        if check is not None:
            raise typer.Exit(0 if _check(check) else 1)


def _check(folder: Path) -> bool:
    from gateway.protocol import vectors_check

    try:
        outcomes = vectors_check.check(folder)
    except (OSError, ValueError, KeyError) as error:
        raise typer.BadParameter(f"{folder} 中没有可用的向量 · no vectors: {error}") from error
    wrong = [outcome for outcome in outcomes if outcome.problem]
    for outcome in wrong:
        typer.echo(f"✗ {outcome.file} · {outcome.name}: {outcome.problem}", err=True)
    typer.echo(f"{len(outcomes) - len(wrong)} / {len(outcomes)} 条向量符合 · vectors as expected")
    return not wrong
