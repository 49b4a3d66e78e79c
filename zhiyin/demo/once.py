"""The whole day as fast as the parts are, without a page."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from seal_firmware_sim.scenarios.format import Scenario
from zhiyin.demo.play import Demo
from zhiyin.running.stopping import Stop, Stopped


def once(
    scenario: Scenario,
    stop: Stop,
    tell: Callable[[str], None],
    *,
    folder: Path | None = None,
    fresh: bool = False,
) -> tuple[dict[str, Any], bool]:
    """Play ``scenario``; its result (see README), and whether all came as it says.

    Without ``folder`` nothing is left behind.

    Raises:
        Stopped: when told to stop before the end.
    """
    with ExitStack() as undo:
        if folder is None:
            name = undo.enter_context(tempfile.TemporaryDirectory(prefix="zhiyin-demo-"))
        demo = Demo(
            folder or Path(name),
            scenario=scenario,
            stop=stop,
            tell=tell,
            lasting=folder is not None,
            fresh=fresh,
        )
        undo.callback(demo.close)
        demo.prepare()
        tell("开演：时钟在各部分都空闲时前进 · playing")
        if not demo.play():
            raise Stopped
        result, wrong = demo.count()
    for line in wrong:
        tell(f"与剧本不符 · not as the scenario says: {line}")
    return result, not wrong
