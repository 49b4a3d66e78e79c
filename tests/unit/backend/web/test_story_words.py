"""Stories speak of records that somebody writes, and of nothing else."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import alerts
import backend
import gateway
from alerts.book import Change
from alerts.case_life import Stage
from backend.domain.application import Decision
from backend.domain.record import Record
from backend.web.story_words import _TELLERS, tell
from gateway.protocol.messages import EVENTS
from tests.support.world import START, VILLAGE

WRITERS = (
    Path(backend.__file__).parent / "domain",
    Path(backend.__file__).parent / "services",
    Path(backend.__file__).parent / "store",
    Path(gateway.__file__).parent,
    Path(alerts.__file__).parent,
)


def literals() -> Iterator[str]:
    for folder in WRITERS:
        for path in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def test_every_kind_that_is_told_is_written_by_somebody() -> None:
    written = {*literals(), *(f"event.{one.type}" for one in EVENTS)}
    written |= {f"application.{one.value}" for one in Decision}
    written |= {f"alert.{one.value}" for one in (*Change, *Stage)}

    assert set(_TELLERS) - written == set()


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ({"refused": "expired"}, ("不予开锁：{reason}", "bad")),
        ({"granted": 2}, ("平台核对授权，准予开锁", "ok")),
        ({}, ("在套筒上请求开锁", "mute")),
    ],
)
def test_a_request_is_told_with_its_answer(
    verdict: dict[str, object], said: tuple[str, str]
) -> None:
    data = {"event": {}, "verdict": verdict}
    told = tell(Record("event.unlock_request", VILLAGE, START, START, data=data))
    assert (told.text, told.tone) == said


def test_a_use_that_ended_with_fewer_stamps_than_granted_stands_out() -> None:
    def told(ends: str) -> str:
        data = {"event": {"reason": "done", "presses": 1}, "verdict": {"agree": True, "ends": ends}}
        return tell(Record("event.use_finished", VILLAGE, START, START, data=data)).tone

    assert (told("used"), told("finished_early")) == ("ok", "warn")
