"""``zhiyin export``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from backend.ledger.disclosure import Scope


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("export")
    def export(
        destination: Annotated[
            Path, typer.Argument(help="写到哪个文件 · the file to write (.zip)")
        ],
        organisation: Annotated[
            str | None,
            typer.Option("--org", help="只含此组织路径之下 · below this path, e.g. /330109/"),
        ] = None,
        use: Annotated[
            str | None, typer.Option("--use", help="只含一次用印及其审批 · one use, whole story")
        ] = None,
        span: Annotated[
            str | None, typer.Option("--range", help="只含某段记录 · records, e.g. 100-250")
        ] = None,
        since: Annotated[
            list[int] | None,
            typer.Option(
                "--since", help="收件人留存的检查点条数 · size of a checkpoint the receiver kept"
            ),
        ] = None,
        sign: Annotated[
            bool,
            typer.Option(
                "--sign/--no-sign", help="先签检查点，含最新记录 · sign a checkpoint first"
            ),
        ] = True,
        as_json: Annotated[bool, typer.Option("--json", help="一行 JSON · one line")] = False,
    ) -> None:
        """导出可独立核验的记录 · export records that anybody can check with zhiyin verify."""
        from backend.domain.errors import DomainError
        from backend.ledger.log import Log, LogError
        from backend.ledger.records import export_scope
        from backend.store.keyfiles import Purpose
        from backend.store.keyring import KeyRing
        from zhiyin.running.store import opened, require_answer
        from zhiyin.settings_source import load_settings
        from zhiyin.wall import wall_clock

        scope = _scope(organisation, use, span)
        settings = load_settings()
        keys = KeyRing.load(settings.keys_path(), [Purpose.LOG])
        ledger = Log(settings.log_origin)
        with opened(settings) as db:
            require_answer(db)
            try:
                if sign:
                    signer = keys.log_signer(settings.log_origin)
                    with db.write() as conn:
                        ledger.sign_checkpoint(conn, signer, wall_clock())
                with db.snapshot() as conn:
                    summary = export_scope(
                        conn,
                        destination,
                        scope,
                        log=ledger,
                        log_keys=keys.log_keys(settings.log_origin),
                        since=since or (),
                    )
            except LogError as error:
                raise DomainError(
                    "export_refused",
                    f"未能导出：{error}",
                    f"not exported: {error}",
                ) from error
            except OSError as error:
                raise DomainError(
                    "export_unwritable",
                    f"写不了 {destination}：{error.strerror}",
                    f"cannot write {destination}: {error.strerror}",
                ) from error
        if as_json:
            typer.echo(json.dumps({"file": str(destination), **asdict(summary)}))
            return
        typer.echo(
            f"已导出 exported: {destination}\n"
            f"  日志 log {summary.size} · 记录 records {summary.records}"
            f"（已删除内容 erased {summary.erased}）· 套筒 sleeves {summary.sleeves}\n"
            f"  核验 check it: zhiyin verify {destination} --log-key …（zhiyin log key）"
        )


def _scope(organisation: str | None, use: str | None, span: str | None) -> Scope:
    from backend.ledger.disclosure import Scope

    if sum(item is not None for item in (organisation, use, span)) > 1:
        raise typer.BadParameter("--org、--use、--range 只能给一个 · give one of them")
    if organisation is not None:
        if not (organisation.startswith("/") and organisation.endswith("/")):
            raise typer.BadParameter("组织路径形如 /330109/330109103/ · a path like that")
        return Scope.organisation(organisation)
    if use is not None:
        return Scope.use(use)
    if span is not None:
        first, dash, last = span.partition("-")
        if not (dash and first.isdigit() and last.isdigit() and int(first) <= int(last)):
            raise typer.BadParameter("范围形如 100-250 · a range like 100-250")
        return Scope.range(int(first), int(last))
    return Scope.everything()
