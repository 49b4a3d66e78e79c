"""Structured logs on standard error: one JSON object a line, or readable text in a terminal.

Modules log with ``structlog.get_logger(__name__)`` and key-value pairs; what libraries log through
the standard `logging` comes out in the same form. Secrets are blanked before anything is written.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_HIDDEN = "***"
_SECRET_KEY = re.compile(
    r"passw|passphrase|secret|token|private|credential|api_?key|authorization|cookie|signature"
    r"|(^|_)pin($|_)|(^|_)salt($|_)|template|embedding",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(://[^/\s:@]*:)[^@\s/]+(?=@)")

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "json", "console"]


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Blank values whose key sounds secret, and passwords inside addresses, however deep."""
    return {key: _clean(key, value) for key, value in event.items()}


def configure(level: Level, form: Format, stream: TextIO | None = None) -> None:
    """Send all logs of this process to ``stream`` (default: standard error).

    ``form`` ``auto`` is readable text where the stream is a terminal, else JSON. May be called
    again: the last call holds.
    """
    target = sys.stderr if stream is None else stream
    readable = form == "console" or (form == "auto" and target.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # a logger made before this call must follow it
    )
    last: list[Processor] = (
        [redact, _readable(target.isatty())]
        if readable
        else [structlog.processors.format_exc_info, redact, _render_json]
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def _clean(key: str, value: Any) -> Any:
    if _SECRET_KEY.search(key):
        return _HIDDEN
    if isinstance(value, str):
        return _URL_PASSWORD.sub(rf"\1{_HIDDEN}", value)
    if isinstance(value, Mapping):
        return {inner: _clean(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", item) for item in value]
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return value


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return json.dumps(event, ensure_ascii=False, default=str)


def _readable(colours: bool) -> structlog.dev.ConsoleRenderer:
    # The default shows each frame's local variables: passwords, keys, pictures.
    return structlog.dev.ConsoleRenderer(
        colors=colours, exception_formatter=structlog.dev.plain_traceback
    )
