"""The live demo: the day at speed, sign-ins on the terminal, the page in the browser."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Final

from seal_firmware_sim.scenarios.format import ZONE, Scenario
from seal_firmware_sim.scenarios.player import Player
from zhiyin.demo.play import Demo
from zhiyin.demo.town import Town
from zhiyin.running.stopping import Stop

_EVERY_S: Final = 0.5


def live(
    folder: Path, scenario: Scenario, speed: float, port: int, stop: Stop, *, fresh: bool
) -> None:
    """Play until told to stop.

    Raises:
        DomainError: for a folder or a port that cannot be used.
        Stopped: when told to stop before the pages were there.
    """
    demo = Demo(
        folder,
        scenario=scenario,
        stop=stop,
        tell=_line,
        speed=speed,
        web_port=port,
        fresh=fresh,
    )
    try:
        town = demo.prepare()
        _announce(town, demo.url, speed)
        demo.watch = _Ticker().show
        if demo.play():
            result, wrong = demo.count()
            _line("")
            _line(f"这一天演完了：{_summary(result)}")
            for one in wrong:
                _line(f"与剧本不符：{one}")
            _line("页面仍可浏览；按 Ctrl-C 结束。The day is over; pages stay until Ctrl-C.")
            demo.stay()
        _line("")
        _line("正在停止… stopping")
    finally:
        demo.close()
    _line(f"已停止；数据保留在 {folder}，再次运行会接着演（--fresh 重新开始）。")


def _announce(town: Town, url: str, speed: float) -> None:
    _line("")
    _line(f"  打开页面 · open   {url}/today")
    _line("")
    _line("  账号 · sign in            口令 · password        身份 · who")
    for one in town.sign_ins:
        _line(f"  {one.login:24} {one.password:22} {one.who}")
    _line("")
    _line(f"  时间按 {speed:g} 倍流逝；按 Ctrl-C 结束。")
    _line("")


class _Ticker:
    """One line that shows the demo's clock, rewritten in place on a terminal."""

    def __init__(self) -> None:
        self._last = 0.0
        self._minute = -1

    def show(self, at: int, player: Player) -> None:
        """The clock, and how many actions have begun."""
        wall = time.monotonic()
        if wall - self._last < _EVERY_S:
            return
        self._last = wall
        clock = datetime.fromtimestamp(at / 1000, ZONE)
        text = f"  {clock:%Y-%m-%d %H:%M}  已开演 {len(player.progress)} 件事"
        if sys.stdout.isatty():
            print(f"\r{text}   ", end="", flush=True)
        elif clock.hour != self._minute:
            self._minute = clock.hour
            _line(text)


def _summary(result: dict[str, object]) -> str:
    alerts = result["alerts"]
    total = sum(alerts.values()) if isinstance(alerts, dict) else 0
    proven = "日志核验通过" if result["log_verified"] else "日志核验未通过"
    return (
        f"用印 {result['uses']} 次，预警 {total} 条，送达 {result['deliveries']} 条消息，"
        f"记录 {result['records']} 条，{proven}"
    )


def _line(text: str) -> None:
    print(text, flush=True)
