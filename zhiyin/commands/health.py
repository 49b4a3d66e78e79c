"""``zhiyin health``."""

import json
from typing import Annotated

import typer

_QUEUE = (
    "  核对排队 {looks_ready}，最久 {looks_oldest_s} s；排满后放到空闲时 {looks_put_off}"
    " · looks queued, the oldest since; put off"
)


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("health")
    def health(
        part: Annotated[
            str | None, typer.Argument(help="只看这一部分，如 gateway · this part only")
        ] = None,
        alive: Annotated[
            bool, typer.Option("--alive", help="只问是否活着 · alive is enough, waiting is fine")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="一行 JSON · one line")] = False,
    ) -> None:
        """各部分是否正常（读取心跳文件）· whether the parts of this data folder are well.

        Exit code 1 when a part is not, or none runs.
        """
        import msgspec

        from zhiyin.running import pulse
        from zhiyin.settings_source import load_settings
        from zhiyin.wall import wall_clock

        now = wall_clock()
        beats = [
            beat
            for beat in pulse.read(load_settings().run_path())
            if part is None or beat.part == part or beat.part.startswith(f"{part}-")
        ]
        well = [beat.alive(now) if alive else beat.well(now) for beat in beats]
        if as_json:
            told = [
                {"well": ok, **msgspec.to_builtins(b)} for ok, b in zip(well, beats, strict=True)
            ]
            typer.echo(json.dumps({"ok": bool(beats) and all(well), "parts": told}))
        else:
            for ok, beat in zip(well, beats, strict=True):
                state = beat.state if beat.alive(now) else f"{(now - beat.at) // 1000} s 无心跳"
                reason = f" ← {', '.join(beat.waiting_for)}" if beat.waiting_for else ""
                typer.echo(f"{'✓' if ok else '✗'} {beat.part}: {state}{reason}")
                if "looks_ready" in beat.figures:
                    typer.echo(_QUEUE.format(**beat.figures))
            if not beats:
                typer.echo("✗ 没有正在运行的部分 · nothing runs with this data folder")
        if not beats or not all(well):
            raise typer.Exit(1)
