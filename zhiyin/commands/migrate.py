"""``zhiyin migrate``."""

import time
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("migrate")
    def migrate(
        wait: Annotated[
            int, typer.Option("--wait", help="数据库未就绪时最多等几秒 · seconds to wait for it")
        ] = 0,
        keys: Annotated[
            bool,
            typer.Option("--keys", help="同时生成缺少的密钥 · also make keys that are missing"),
        ] = False,
    ) -> None:
        """建立或升级数据库的表（可重复执行）· make or upgrade the tables; safe to repeat."""
        from zhiyin.running import schema, store
        from zhiyin.settings_source import load_settings

        settings = load_settings()
        if keys:
            from zhiyin.running.keys import create

            create(settings)
        with store.opened(settings) as db:
            deadline = time.monotonic() + wait
            while store.away(db) is not None and time.monotonic() < deadline:
                time.sleep(0.5)
            store.require_answer(db)
            before, after = schema.upgrade(db)
        if before == after:
            typer.echo(f"表结构已是最新 · up to date: {after}")
        else:
            typer.echo(f"表结构已更新 · tables: {before or '–'} → {after}")
