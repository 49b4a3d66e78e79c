"""``zhiyin search``: the index of the usage log, for who runs it."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    search = typer.Typer(help="用印记录的索引 · the index of the usage log", no_args_is_help=True)

    @search.callback()
    def about() -> None:
        """Keeps ``rebuild`` a subcommand."""

    @search.command("rebuild")
    def rebuild() -> None:
        """从用印重新建立索引（运行中可执行，其间记录陆续恢复）· make the index anew."""
        from backend.store.search_index import SearchIndex
        from zhiyin.running.store import opened, require_answer
        from zhiyin.settings_source import load_settings
        from zhiyin.wall import wall_clock

        with opened(load_settings()) as db:
            require_answer(db)
            count = SearchIndex(db, wall_clock).rebuild(
                lambda so_far: typer.echo(f"{so_far:,}", err=True)
            )
        typer.echo(f"{count:,} 次用印已编入索引 · uses are in the index")

    app.add_typer(search, name="search")
