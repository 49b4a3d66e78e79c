"""Logs: one JSON object a line, with nothing secret in it."""

import io
import json
import logging
from typing import Any, Literal

import pytest
import structlog

from zhiyin import logs


def _logged(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_time_level_and_values() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    structlog.get_logger("gateway.link").info("已连接", sleeve="S-1", count=3)
    (line,) = _logged(stream)
    assert line["event"] == "已连接"
    assert (line["sleeve"], line["count"]) == ("S-1", 3)
    assert line["level"] == "info"
    assert line["logger"] == "gateway.link"
    assert line["at"].endswith("Z")
    assert "已连接" in stream.getvalue()


def test_libraries_log_in_the_same_form() -> None:
    stream = io.StringIO()
    logs.configure("warning", "auto", stream)
    logging.getLogger("uvicorn.error").warning("port %d is taken", 8443)
    logging.getLogger("uvicorn.error").info("not shown")
    (line,) = _logged(stream)
    assert line["event"] == "port 8443 is taken"
    assert line["level"] == "warning"


@pytest.mark.parametrize(
    "key", ["password", "db_password", "api_key", "apiKey", "Authorization", "session_token", "pin"]
)
def test_secret_sounding_keys_are_blanked(key: str) -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    logger = structlog.get_logger()
    logger.info("x", **{key: "geheim"})
    logger.info("x", headers={"inner": [{key: "geheim"}]})
    assert "geheim" not in stream.getvalue()
    assert _logged(stream)[0][key] == "***"


@pytest.mark.parametrize("key", ["shipping", "mapping", "sleeve", "opinion"])
def test_other_keys_are_kept(key: str) -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    structlog.get_logger().info("x", **{key: "kept"})
    assert _logged(stream)[0][key] == "kept"


def test_passwords_in_addresses_and_raw_bytes_are_blanked() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    structlog.get_logger().info("to postgresql://u:geheim@db/x", payload=b"\x00" * 9)
    assert "geheim" not in stream.getvalue()
    assert "postgresql://u:***@db/x" in stream.getvalue()
    assert _logged(stream)[0]["payload"] == "9 bytes"


def test_an_exception_is_logged_with_its_trace_and_without_its_secret() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    try:
        raise ValueError("cannot reach mqtt://u:geheim@broker")
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = _logged(stream)
    assert "ValueError" in line["exception"]
    assert "geheim" not in stream.getvalue()


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_library_exception_keeps_its_trace(form: logs.Format) -> None:
    stream = io.StringIO()
    logs.configure("info", form, stream)
    try:
        raise KeyError("gone")
    except KeyError:
        logging.getLogger("paho").exception("broken")
    assert "KeyError" in stream.getvalue()


def test_a_terminal_gets_readable_lines() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    logs.configure("info", "auto", stream)
    structlog.get_logger().info("已启动", password="geheim")
    assert "已启动" in stream.getvalue()
    assert "geheim" not in stream.getvalue()
    assert not stream.getvalue().startswith("{")


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_traceback_shows_no_local_variables(form: Literal["console", "json"]) -> None:
    stream = io.StringIO()
    logs.configure("info", form, stream)
    try:
        held = "-".join(("hunter2", "in-a-local-variable"))
        raise ValueError(f"{len(held)} characters")
    except ValueError:
        structlog.get_logger("x").exception("it broke")

    assert "ValueError" in stream.getvalue()
    assert "hunter2-in" not in stream.getvalue()
