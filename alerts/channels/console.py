"""Console: one JSON line per message, for trials and for whoever collects logs."""

import json

from alerts.channels.base import Delivered, Description, Message, Outcome, Retry
from alerts.channels.http import Runtime
from alerts.channels.settings import Setting, Values

SERVICE = "控制台"
SETTINGS: tuple[Setting, ...] = ()


class Console:
    """Writes every message; the recipient is any text."""

    def __init__(self, _values: Values, runtime: Runtime) -> None:
        self._write_line = runtime.write_line

    def describe(self) -> Description:
        """See `base.Channel`."""
        return Description("console", SERVICE, "任意文字", False)

    def check_config(self) -> tuple[str, ...]:
        """Nothing can be wrong."""
        return ()

    def send(self, message: Message) -> Outcome:
        """See `base.Channel`."""
        line = {
            "event": "notice",
            "id": message.dedupe_id,
            "kind": message.kind,
            "severity": message.severity.value,
            "recipient": message.recipient,
            "title": message.title,
            "lines": list(message.lines),
            "link": message.link,
        }
        try:
            self._write_line(json.dumps(line, ensure_ascii=False))
        except (OSError, ValueError):
            # A closed or full stream, or an encoding that cannot say it.
            return Retry(f"{SERVICE}：写不出去，请检查标准输出（console:write）", "console:write")
        return Delivered(message.dedupe_id)
