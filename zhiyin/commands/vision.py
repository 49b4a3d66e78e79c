"""``zhiyin vision``: how the eyes do here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from backend.services.second_opinions import Rate

_KINDS: Final = {"page": "文件 papers", "imprint": "印迹 imprints", "face": "人脸 faces"}


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    vision = typer.Typer(
        help="文件、印迹、人脸的核对 · what is looked at by program", no_args_is_help=True
    )

    @vision.callback()
    def about() -> None:
        """Keeps ``report`` a subcommand."""

    @vision.command("report")
    def report(
        since: Annotated[
            datetime | None,
            typer.Option(formats=["%Y-%m-%d"], help="从哪天起（当地时间）· since that day"),
        ] = None,
        org: Annotated[
            str | None, typer.Option(help="只算某个单位及其下级（组织代码）· one branch only")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="输出 JSON · print JSON")] = False,
    ) -> None:
        """本地误报率：按人工复核统计 · the local false-alarm rate, from people's reviews."""
        from zoneinfo import ZoneInfo

        from sqlalchemy import true

        from backend.services import second_opinions
        from backend.store.tables import second_opinion
        from zhiyin.running.store import opened, require_answer
        from zhiyin.settings_source import load_settings

        settings = load_settings()
        start = since and since.replace(tzinfo=ZoneInfo(settings.time_zone))
        at = 0 if start is None else round(start.timestamp() * 1000)
        with opened(settings) as db:
            require_answer(db)
            with db.read() as conn:
                branch = true() if org is None else second_opinion.c.org_path.contains(f"/{org}/")
                found = second_opinions.rates(conn, at, branch)
        alarms = second_opinions.together(found, second_opinions.ALARMING, "false_alarms")
        missed = second_opinions.together(found, second_opinions.CLEARING, "missed")
        if as_json:
            tables = {"findings": found, "false_alarms": alarms, "missed": missed}
            plain = {name: [_plain(one) for one in some] for name, some in tables.items()}
            typer.echo(json.dumps({"since": at, "org": org, **plain}, ensure_ascii=False))
            return
        if not found:
            typer.echo(
                "还没有人复核过核对结果：请在用印或预警页面点“核对得对吗？”。"
                " Nobody has reviewed a verdict yet."
            )
            return
        for title, some in (
            ("误报：报了警，人工看过认为不对 · false alarms", alarms),
            ("漏报：没报警，人工看过认为不对 · missed", missed),
            ("逐项 · by finding", found),
        ):
            _table(title, some)
        typer.echo("只算有人复核过的；括号里是 95% 置信区间（Wilson）。Reviewed verdicts only.")

    app.add_typer(vision, name="vision")


def _plain(one: Rate) -> dict[str, object]:
    return {**asdict(one), "rate": one.wrong / one.reviewed}


def _table(title: str, rates: Sequence[Rate]) -> None:
    if not rates:
        return
    typer.echo(title)
    for one in rates:
        typer.echo(
            f"  {_KINDS[one.kind]:16} {one.finding:14} {one.wrong}/{one.reviewed}"
            f"  {one.wrong / one.reviewed:.1%} ({one.low:.1%}–{one.high:.1%})"
        )
