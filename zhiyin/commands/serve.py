"""``zhiyin serve``."""

from __future__ import annotations

import sys

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("serve")
    def serve() -> None:
        """一台机器运行全部：网页、网关、预警、自带消息代理 · everything on one machine.

        Stops cleanly on Ctrl-C or SIGTERM. Exit code 1 when a part died (start it again).
        """
        from zhiyin import logs
        from zhiyin.running.stopping import Stop
        from zhiyin.settings_source import load_settings
        from zhiyin.supervisor import AllInOne

        settings = load_settings()
        logs.configure(settings.log.level, settings.log.format)
        stop = Stop()
        stop.listen()
        running = AllInOne(settings, say=_say)
        running.start()
        try:
            _tell(f"已就绪 · ready: {running.web.url}")
            code = running.watch(stop)
        finally:
            running.stop()
        _tell("已停止 · stopped")
        raise typer.Exit(code)


def _say(number: int, count: int, zh: str, en: str) -> None:
    _tell(f"[{number}/{count}] {zh} · {en}")


def _tell(text: str) -> None:
    # On standard output: standard error belongs to the structured log.
    print(text, file=sys.stdout, flush=True)
