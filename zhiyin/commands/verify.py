"""``zhiyin verify``: an export alone, without settings, database or network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from backend.ledger.checkpoint import WitnessPolicy
    from backend.ledger.disclosure import SleeveKey
    from backend.ledger.note import VerifierKey


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("verify")
    def verify(
        export: Annotated[Path, typer.Argument(help="导出文件 · the export (.zip)")],
        log_key: Annotated[
            list[str] | None,
            typer.Option("--log-key", help="日志公钥（另行取得）· key of the log, got elsewhere"),
        ] = None,
        witness: Annotated[
            list[str] | None, typer.Option("--witness", help="见证人公钥 · key of a witness")
        ] = None,
        threshold: Annotated[
            int | None,
            typer.Option(help="至少几个见证人（默认过半）· so many witnesses (default: majority)"),
        ] = None,
        policy: Annotated[
            Path | None,
            typer.Option("--policy", help="写明日志和见证人的文件 · file naming log and witnesses"),
        ] = None,
        since: Annotated[
            list[Path] | None,
            typer.Option("--since", help="以前留存的检查点或导出 · a checkpoint or export kept"),
        ] = None,
        sleeves: Annotated[
            Path | None,
            typer.Option("--sleeves", help="另行取得的套筒公钥 · sleeve keys got elsewhere"),
        ] = None,
        english: Annotated[bool, typer.Option("--en", help="英文 · in English")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="一行 JSON · one line")] = False,
    ) -> None:
        """核验导出文件：无须信任平台 · check an export, trusting nobody who runs the server.

        Exit code 1 when something is wrong with it.
        """
        from backend.ledger.verify import verify as check

        log_keys, witnesses = _trusted(log_key or [], witness or [], threshold, policy)
        report = check(
            export,
            log_keys=log_keys,
            policy=witnesses,
            since=since or [],
            sleeve_keys=() if sleeves is None else _sleeve_keys(sleeves),
        )
        if as_json:
            typer.echo(json.dumps(report.as_dict(), ensure_ascii=False))
        else:
            for line in report.lines("en" if english else "zh"):
                typer.echo(line)
        if not report.ok:
            raise typer.Exit(1)


def _trusted(
    log_keys: list[str], witnesses: list[str], threshold: int | None, policy: Path | None
) -> tuple[tuple[VerifierKey, ...], WitnessPolicy]:
    from backend.ledger import policy as policies
    from backend.ledger.checkpoint import CheckpointError, WitnessPolicy
    from backend.ledger.note import NoteError, VerifierKey

    if policy is not None and (log_keys or witnesses or threshold is not None):
        raise typer.BadParameter("不能与 --log-key、--witness 同用 · give one or the others")
    try:
        if policy is not None:
            found = policies.parse(policy.read_text(encoding="utf-8"))
            return found.log_keys, found.witnesses
        keys = tuple(VerifierKey.parse(text) for text in log_keys)
        return keys, WitnessPolicy.of([VerifierKey.parse(text) for text in witnesses], threshold)
    except (NoteError, CheckpointError, policies.PolicyError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"公钥或见证设置有误 · keys or policy: {error}") from error
    except OSError as error:
        raise typer.BadParameter(f"{policy}: {error.strerror}") from error


def _sleeve_keys(path: Path) -> tuple[SleeveKey, ...]:
    from backend.ledger.disclosure import ExportError, parse_sleeve

    try:
        lines = path.read_bytes().splitlines()
        return tuple(parse_sleeve(line) for line in lines if line.strip())
    except ExportError as error:
        raise typer.BadParameter(f"{path}: {error}") from error
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}") from error
