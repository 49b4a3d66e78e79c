"""``zhiyin log``: the append-only log, for who runs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from backend.ledger.findings import Finding

AsJson = Annotated[bool, typer.Option("--json", help="一行 JSON · one line of JSON")]


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    log = typer.Typer(help="只增日志：签检查点、自查 · the append-only log", no_args_is_help=True)

    @log.command("checkpoint")
    def checkpoint() -> None:
        """签署并打印最新检查点（可交见证人留存）· sign and print the newest checkpoint."""
        from backend.ledger.log import Log
        from backend.store.keyfiles import Purpose
        from backend.store.keyring import KeyRing
        from zhiyin.running.store import opened, require_answer
        from zhiyin.settings_source import load_settings
        from zhiyin.wall import wall_clock

        settings = load_settings()
        keys = KeyRing.load(settings.keys_path(), [Purpose.LOG])
        ledger = Log(settings.log_origin)
        with opened(settings) as db:
            require_answer(db)
            with db.write() as conn:
                signer = keys.log_signer(settings.log_origin)
                typer.echo(ledger.sign_checkpoint(conn, signer, wall_clock()), nl=False)

    @log.command("check")
    def check(as_json: AsJson = False) -> None:
        """从头重算整本日志并核对每条记录 · compute the whole log again, compare each record.

        Exit code 1 when something does not fit.
        """
        from backend.ledger.log import Log
        from backend.ledger.records import check_records
        from zhiyin.running.store import opened, require_answer
        from zhiyin.settings_source import load_settings

        settings = load_settings()
        with opened(settings) as db:
            require_answer(db)
            with db.snapshot() as conn:
                found = Log(settings.log_origin).check(conn)
                findings = (*found.findings, *check_records(conn))
        ok = not any(one.level == "problem" for one in findings)
        if as_json:
            typer.echo(
                json.dumps(
                    {
                        "ok": ok,
                        "origin": settings.log_origin,
                        "size": found.size,
                        "root": found.root.hex(),
                        "findings": [_plain(one) for one in findings],
                    },
                    ensure_ascii=False,
                )
            )
        else:
            verdict = "日志完好 · the log is whole" if ok else "日志有问题 · the log has problems"
            typer.echo(f"{verdict}: {found.size} 条 entries, 根 root {found.root.hex()}")
            for one in findings:
                typer.echo(f"  {one.zh}\n  {one.en}")
        if not ok:
            raise typer.Exit(1)

    @log.command("key")
    def key() -> None:
        """打印日志公钥（交给核验人和见证人）· print the public keys of the log."""
        from backend.store.keyfiles import Purpose
        from backend.store.keyring import KeyRing
        from zhiyin.settings_source import load_settings

        settings = load_settings()
        keys = KeyRing.load(settings.keys_path(), [Purpose.LOG])
        for one in keys.log_keys(settings.log_origin):
            typer.echo(one.text)

    app.add_typer(log, name="log")


def _plain(finding: Finding) -> dict[str, object]:
    return {
        "code": finding.code,
        "level": finding.level,
        "index": finding.index,
        "zh": finding.zh,
        "en": finding.en,
    }
