"""Several workers at once, on each kind of database; and all threads of the service together."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alerts.book import AlertBook, Found
from alerts.delivery import Delivery
from alerts.policies import Policies
from alerts.rules.finding import Finding, Severity
from alerts.service import Alerts
from alerts.worker import Worker
from tests.support.alerts_world import SLEEVE, AlertsWorld
from tests.support.world import VILLAGE

MOST_S = 60.0


@pytest.fixture
def village(tables_url: str, tmp_path: Path) -> Iterator[AlertsWorld]:
    """On SQLite and on PostgreSQL."""
    made = AlertsWorld.create(tables_url, tmp_path)
    yield made
    made.world.close()


def together(*works: Callable[[], Any]) -> None:
    """Run all at once; whatever one raises is raised here."""
    start = threading.Barrier(len(works))
    errors: list[BaseException] = []

    def run(work: Callable[[], Any]) -> None:
        start.wait(MOST_S)
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(MOST_S)
    if errors:
        raise errors[0]


def _rogue(village: AlertsWorld) -> Any:
    verdict = {"granted": 0, "press": 1, "grant": "none", "over": True}
    return village.event("stamped", {"use": 0, "total": 1}, verdict=verdict)


def test_the_same_found_by_many_at_once_is_one_alert(village: AlertsWorld) -> None:
    context = village.world.context
    now = village.world.clock()

    def find() -> None:
        for _ in range(5):
            finding = Finding(
                "C15", f"C15:{SLEEVE}", Severity.CRITICAL, VILLAGE, now, device=SLEEVE
            )
            book = AlertBook(context)
            with village.world.db.write() as conn:
                policies = Policies(conn, village.alerts.settings)
                book.journal(conn, book.write(conn, [Found(finding)], policies, now), now)

    together(*[find] * 4)
    (row,) = village.raised
    assert row._mapping["count"] == 20
    assert len(village.world.records("alert.raised")) == 1
    assert len(village.world.records("alert.updated")) == 19


def test_workers_at_once_read_every_record_once(village: AlertsWorld) -> None:
    village.append(*[_rogue(village) for _ in range(30)])
    context, settings = village.world.context, village.alerts.settings

    def read() -> None:
        worker = Worker(context, settings)
        while not worker.idle:
            worker.step()

    together(read, read, read)
    (row,) = village.raised
    assert row._mapping["count"] == 30


def test_senders_at_once_send_each_message_once(village: AlertsWorld) -> None:
    village.append(_rogue(village))
    for number in range(20):
        event = village.event("tamper", {"switch": "seal", "open": True}, verdict={})
        closed = village.event("tamper", {"switch": "seal", "open": False}, verdict={})
        village.append(event if number % 2 == 0 else closed)
    while village.alerts.worker.step():
        pass
    waiting = len(village.outbox)
    assert waiting > 20
    now = village.world.clock()

    def send() -> None:
        delivery = Delivery(
            village.world.context, village.alerts.settings, {"hand": village.channel}
        )
        for _ in range(20):
            delivery.step(now)

    together(send, send, send)
    assert len(village.channel.sent) == waiting
    assert {row.state for row in village.outbox} == {"delivered"}


def test_promise_7_the_service_tells_within_seconds(village: AlertsWorld) -> None:
    context = village.world.context
    heard = threading.Event()
    village.channel.answer = _hearing(village.channel.answer, heard)
    alerts = Alerts(context, {"hand": village.channel}, village.alerts.settings)
    alerts.start()
    try:
        village.append(_rogue(village))
        alerts.wake()
        assert heard.wait(MOST_S)
        # Time may pass only when all is said; whoever asks in between is told to wait.
        deadline = threading.Event()
        for _ in range(400):
            if alerts.idle:
                break
            deadline.wait(0.05)
        before = alerts.idle
        assert {row.state for row in village.outbox} == {"delivered"}
        village.world.clock.advance(31 * 60_000)
        assert (before, alerts.idle) == (True, False)
    finally:
        alerts.stop()
    assert not alerts.worker.stats.failed


def _hearing(answer: Callable[[Any], Any], heard: threading.Event) -> Callable[[Any], Any]:
    def hear(message: Any) -> Any:
        heard.set()
        return answer(message)

    return hear


def test_a_round_of_everything_works_on_each_database(village: AlertsWorld) -> None:
    village.append(_rogue(village))
    village.alerts.run_once()
    case = village.raised[0].id
    village.alerts.cases.acknowledge(village.actor("town"), case)
    for minutes in (31, 60, 600):
        village.world.clock.advance(minutes * 60_000)
        village.alerts.run_once()
    assert sorted({row.code for row in village.raised}) == ["C1", "C18"]
    assert village.alerts.next_due() is not None
