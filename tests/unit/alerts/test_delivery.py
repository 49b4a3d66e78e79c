"""The outbox: at least once, in time, whatever fails; and every failure can be seen (promise 7)."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from alerts.channels.base import Dead, Delivered, Message, Outcome, Retry
from alerts.delivery import Delivery
from alerts.outbox import Outbox, Telling
from alerts.preferences import Preference, Quiet
from alerts.rules.registry import BREAKTHROUGH
from alerts.settings import AlertSettings, DeliverySettings
from backend.store.tables import delivery, delivery_attempt, preference
from tests.support.alerts_world import SETTINGS, AlertsWorld, HandChannel
from tests.support.world import VILLAGE

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


def tell(village: AlertsWorld, count: int = 1, **options: Any) -> None:
    """Put ``count`` things to say to the custodian into the outbox."""
    base: dict[str, Any] = {
        "kind": "C1",
        "org_path": VILLAGE,
        "people": [village.people["custodian"]],
        "breakthrough": True,
        "severity": "critical",
        "fields": {"village": "柳塘村", "at": village.world.clock()},
    }
    outbox = Outbox(village.world.context, village.alerts.settings)
    with village.world.db.write() as conn:
        for _ in range(count):
            dedupe = village.world.context.new_id()
            telling = Telling(**{**base, "dedupe": dedupe, **options})
            outbox.tell(conn, [telling], village.world.clock())


def states(village: AlertsWorld) -> dict[str, int]:
    """How many deliveries stand how."""
    found: dict[str, int] = {}
    for row in village.outbox:
        found[row.state] = found.get(row.state, 0) + 1
    return found


def rush(village: AlertsWorld, limit: int = 10_000) -> None:
    """Jump from one moment to the next until the outbox has nothing foreseen."""
    for _ in range(limit):
        village.alerts.delivery.step(village.world.clock())
        due = village.alerts.delivery.next_due()
        if due is None:
            return
        village.world.clock.time = max(village.world.clock.time, due)
    raise AssertionError("the outbox never came to rest")


# ── nothing is lost ──────────────────────────────────────────────────────────────────────────────


def test_promise_7_all_of_them_are_sent_with_failures_and_killed_workers(
    village: AlertsWorld,
) -> None:
    dice = Random(7)
    seen: dict[str, int] = {}

    def answer(message: Message) -> Outcome:
        luck = dice.random()
        if luck < 0.2:
            return Retry("忙", "http:503")
        seen[message.dedupe_id] = seen.get(message.dedupe_id, 0) + 1
        if luck < 0.3:
            raise Killed  # after it went out, before anybody wrote that down
        return Delivered("ok")

    village.channel.answer = answer
    tell(village, 150)
    killed = 0
    for _ in range(5_000):
        try:
            village.alerts.delivery.step(village.world.clock())
        except Killed:
            killed += 1
            # A new process knows nothing of the old one.
            village.alerts.delivery = Delivery(
                village.world.context, village.alerts.settings, {"hand": village.channel}
            )
        due = village.alerts.delivery.next_due()
        if due is None:
            break
        village.world.clock.time = max(village.world.clock.time, due)
    assert killed > 5
    assert states(village) == {"delivered": 150}
    assert set(seen) == {row.id for row in village.outbox}


def test_a_second_worker_does_not_take_what_is_leased(village: AlertsWorld) -> None:
    tell(village, 3)
    other = Delivery(village.world.context, village.alerts.settings, {"hand": village.channel})

    def meanwhile(_message: Message) -> Outcome:
        assert other.step(village.world.clock()) == 0
        return Delivered("ok")

    village.channel.answer = meanwhile
    assert village.alerts.delivery.step(village.world.clock()) == 3
    assert len(village.channel.sent) == 3


def test_a_worker_that_comes_back_too_late_writes_over_nobody(village: AlertsWorld) -> None:
    tell(village)
    other = Delivery(village.world.context, village.alerts.settings, {"hand": HandChannel()})

    def slow(_message: Message) -> Outcome:
        village.world.clock.advance(2 * MINUTE)  # the lease ran out long ago
        assert other.step(village.world.clock()) == 1
        return Retry("太慢", "net:timeout")

    village.channel.answer = slow
    village.alerts.delivery.step(village.world.clock())
    assert states(village) == {"delivered": 1}
    kinds = [row.outcome for row in village.rows(delivery_attempt)]
    assert kinds == ["retry", "delivered", "retry"]


def test_the_lease_of_another_is_left_alone(village: AlertsWorld) -> None:
    tell(village)
    found: list[str] = []

    def still_sending(_message: Message) -> Outcome:
        # The first one comes back just now, with a failure, while we hold the lease.
        slow.join_in()
        found.extend(row.state for row in village.outbox)
        return Delivered("ok")

    other_channel = HandChannel(answer=still_sending)
    other = Delivery(village.world.context, village.alerts.settings, {"hand": other_channel})
    slow = _Slow(village, other)
    village.channel.answer = slow.send
    village.alerts.delivery.step(village.world.clock())
    assert states(village) == {"delivered": 1}
    assert found == ["sending"]


class _Slow:
    """A send that lasts longer than its lease, and whose failure is written in the middle of
    another's send."""

    def __init__(self, village: AlertsWorld, other: Delivery) -> None:
        self._village = village
        self._other = other
        self._leased_at = village.world.clock()

    def send(self, _message: Message) -> Outcome:
        self._village.world.clock.advance(2 * MINUTE)
        self._other.step(self._village.world.clock())
        return Retry("太慢", "net:timeout")

    def join_in(self) -> None:
        """Write the failure now, as the first worker would."""
        (row,) = self._village.outbox
        worker = self._village.alerts.delivery
        now = self._village.world.clock()
        worker._write(row, Retry("太慢", "net:timeout"), self._leased_at, now)


def test_the_same_occasion_is_put_in_once(village: AlertsWorld) -> None:
    tell(village, dedupe="one")
    tell(village, dedupe="one")
    assert len(village.outbox) == 1


# ── retry, backoff, dead ─────────────────────────────────────────────────────────────────────────


def test_backoff_grows_has_jitter_and_ends_dead_with_each_attempt_written(
    village: AlertsWorld,
) -> None:
    village.channel.answer = lambda _message: Retry("忙", "http:503")
    tell(village)
    rush(village)
    first = next(row for row in village.outbox if row.kind == "C1")
    attempts = village.rows(delivery_attempt, delivery_attempt.c.delivery_id == first.id)
    assert (first.state, first.last_error) == ("dead", "忙")
    assert len(attempts) == first.attempts == village.alerts.settings.delivery.attempts
    waits = [b.at - a.at for a, b in pairwise(attempts)]
    assert waits[0] < waits[2] < waits[4]
    assert all(wait >= 5 * SECOND for wait in waits)


def test_a_service_that_asks_for_time_gets_it(village: AlertsWorld) -> None:
    village.channel.answer = lambda _message: Retry("限流", "429", after_ms=10 * MINUTE)
    tell(village)
    village.alerts.delivery.step(village.world.clock())
    assert village.alerts.delivery.next_due() == village.world.clock() + 10 * MINUTE
    assert village.alerts.delivery.idle


def test_a_lasting_failure_goes_to_the_next_channel(sqlite_url: str, tmp_path: Path) -> None:
    dead, good = HandChannel("dead", lambda _m: Dead("号码不对", "sms:1")), HandChannel("good")
    settings = replace(SETTINGS, default_channels=(("dead", "{person}"), ("good", "{person}")))
    village = AlertsWorld.create(sqlite_url, tmp_path, settings, {"dead": dead, "good": good})
    tell(village, kind="approval_wanted", breakthrough=False, severity="info")
    rush(village)
    assert [one.kind for one in good.sent] == ["approval_wanted"]
    assert states(village) == {"dead": 1, "delivered": 1}


def test_what_breaks_through_uses_all_channels_at_once(sqlite_url: str, tmp_path: Path) -> None:
    one, two = HandChannel("one"), HandChannel("two")
    settings = replace(SETTINGS, default_channels=(("one", "{person}"), ("two", "{person}")))
    village = AlertsWorld.create(sqlite_url, tmp_path, settings, {"one": one, "two": two})
    tell(village)
    village.alerts.delivery.step(village.world.clock())
    assert (len(one.sent), len(two.sent)) == (1, 1)


def test_promise_7_the_failure_to_tell_is_itself_told(village: AlertsWorld) -> None:
    custodian = village.people["custodian"]

    def answer(message: Message) -> Outcome:
        if message.recipient == custodian:
            return Dead("号码不对", "sms:1")
        return Delivered("ok")

    village.channel.answer = answer
    tell(village, kind="use_finished", breakthrough=False, severity="info")
    rush(village)
    assert village.told("admin") == ["delivery_failed"]
    (message,) = village.channel.sent
    assert any("管小章" in line for line in message.lines)
    assert any("号码不对" in line for line in message.lines)
    # And the person finds it in the app all the same.
    assert [one.kind for one in village.inbox("custodian")] == ["use_finished"]


def test_a_failure_to_tell_of_a_failure_goes_in_no_circle(village: AlertsWorld) -> None:
    village.channel.answer = lambda _message: Dead("停用", "x:1")
    tell(village)
    rush(village)
    assert states(village) == {"dead": len(village.outbox)}
    assert {row.kind for row in village.outbox} == {"C1", "delivery_failed"}


def test_a_channel_that_is_not_set_up_is_dead_at_once(village: AlertsWorld) -> None:
    tell(village)
    with village.world.db.write() as conn:
        conn.execute(update(delivery).values(channel="gone"))
    village.alerts.delivery.step(village.world.clock())
    (row,) = [one for one in village.outbox if one.kind == "C1"]
    assert row.state == "dead"
    assert "gone" in row.last_error


def test_a_channel_that_raises_is_tried_again(village: AlertsWorld) -> None:
    def broken(_message: Message) -> Outcome:
        raise RuntimeError("bug")

    village.channel.answer = broken
    tell(village)
    village.alerts.delivery.step(village.world.clock())
    assert states(village) == {"waiting": 1}


# ── a bad channel, a narrow channel ──────────────────────────────────────────────────────────────


def test_a_dead_channel_rests_while_others_go_on(sqlite_url: str, tmp_path: Path) -> None:
    tries: list[str] = []

    def down(message: Message) -> Outcome:
        tries.append(message.dedupe_id)
        return Retry("连不上", "net:connect")

    bad, good = HandChannel("bad", down), HandChannel("good")
    settings = replace(SETTINGS, default_channels=(("bad", "{person}"), ("good", "{person}")))
    village = AlertsWorld.create(sqlite_url, tmp_path, settings, {"bad": bad, "good": good})
    tell(village, 30)
    now = village.world.clock()
    while village.alerts.delivery.step(now):
        pass
    assert len(good.sent) == 30
    assert len(tries) == DeliverySettings().circuit_failures
    assert "bad" in village.alerts.status.resting
    assert village.alerts.delivery.idle
    village.world.clock.advance(MINUTE)
    village.alerts.delivery.step(village.world.clock())
    assert len(tries) == DeliverySettings().circuit_failures + 1  # one is let through to see
    bad.answer = lambda _message: Delivered("ok")
    rush(village)
    assert len(bad.sent) == 30


def test_a_channels_rate_is_kept(sqlite_url: str, tmp_path: Path) -> None:
    settings = replace(SETTINGS, delivery=DeliverySettings(rates={"hand": 10}))
    village = AlertsWorld.create(sqlite_url, tmp_path, settings)
    # The default channel is made by create(); take it from the wiring.
    tell(village, 25)
    now = village.world.clock()
    while village.alerts.delivery.step(now):
        pass
    assert len(village.channel.sent) == 10
    assert village.alerts.delivery.next_due() == now + MINUTE
    rush(village)
    assert len(village.channel.sent) == 25
    assert village.world.clock() == now + 2 * MINUTE


# ── many to one ──────────────────────────────────────────────────────────────────────────────────


def test_many_ordinary_notices_to_one_person_become_one_message(village: AlertsWorld) -> None:
    tell(village, 5, kind="use_finished", breakthrough=False, severity="info")
    tell(village, 2)
    rush(village)
    assert sorted(village.told("custodian")) == ["C1", "C1", "notices_bundled"]
    (bundle,) = [one for one in village.channel.sent if one.kind == "notices_bundled"]
    assert sum("用印完成" in line for line in bundle.lines) == 5
    assert len(village.inbox("custodian")) == 7


def test_a_few_are_sent_as_they_are(village: AlertsWorld) -> None:
    tell(village, 2, kind="use_finished", breakthrough=False, severity="info")
    rush(village)
    assert village.told("custodian") == ["use_finished", "use_finished"]


def test_a_muted_kind_stays_in_the_app(village: AlertsWorld) -> None:
    with village.world.db.write() as conn:
        conn.execute(
            preference.insert(),
            {
                "person_id": village.people["custodian"],
                "channels": [],
                "kinds": {"use_finished": False, "C1": False},
                "updated_at": 0,
            },
        )
    tell(village, kind="use_finished", breakthrough=False, severity="info")
    tell(village)
    rush(village)
    assert village.told("custodian") == ["C1"]
    assert len(village.inbox("custodian")) == 2


# ── quiet hours ──────────────────────────────────────────────────────────────────────────────────

_minutes = st.integers(0, 24 * 60 - 1)
_times = st.integers(1_772_330_000_000, 1_772_330_000_000 + 3 * DAY)


@given(begin=_minutes, end=_minutes, at=_times)
def test_quiet_hours_delay_and_never_drop(begin: int, end: int, at: int) -> None:
    wishes = Preference("p", quiet=Quiet(begin, end))
    due = wishes.due(at, breakthrough=False)
    assert at <= due < at + DAY
    assert wishes.due(due, breakthrough=False) == due  # never quiet again when it is due
    assert wishes.due(at, breakthrough=True) == at
    minute = (at + 8 * HOUR) // MINUTE % (24 * 60)
    span = (end - begin) % (24 * 60)
    assert (due == at) == (not (minute - begin) % (24 * 60) < span)
    if due > at:
        assert (due + 8 * HOUR) // MINUTE % (24 * 60) == end


def test_at_night_ordinary_notices_wait_and_alerts_break_through(
    sqlite_url: str, tmp_path: Path
) -> None:
    settings = replace(SETTINGS, quiet_from="22:00", quiet_until="07:00")
    village = AlertsWorld.create(sqlite_url, tmp_path, settings)
    village.world.clock.advance(13 * HOUR)  # 23:00
    night = village.world.clock()
    tell(village, 1, kind="approval_wanted", breakthrough=False, severity="info")
    for code in sorted(BREAKTHROUGH):
        tell(village, kind=code)
    village.alerts.delivery.step(night)
    assert sorted(village.told("custodian")) == sorted(BREAKTHROUGH)
    assert village.alerts.delivery.idle
    rush(village)
    assert village.world.clock() == night + 8 * HOUR
    assert "approval_wanted" in village.told("custodian")


def test_a_retry_of_an_ordinary_notice_waits_for_the_morning_too(
    sqlite_url: str, tmp_path: Path
) -> None:
    settings = replace(SETTINGS, quiet_from="22:00", quiet_until="07:00")
    village = AlertsWorld.create(sqlite_url, tmp_path, settings)
    village.world.clock.advance(12 * HOUR - MINUTE)  # 21:59
    village.channel.answer = lambda _message: Retry("忙", "x", after_ms=5 * MINUTE)
    tell(village, kind="approval_wanted", breakthrough=False, severity="info")
    village.alerts.delivery.step(village.world.clock())
    (row,) = village.outbox
    assert row.due_at == village.world.clock() + 9 * HOUR + MINUTE


@pytest.mark.parametrize("wait_ms", [0, 59_000])
def test_idle_tells_the_truth(village: AlertsWorld, wait_ms: int) -> None:
    before = village.alerts.delivery.idle
    assert village.alerts.delivery.next_due() is None
    tell(village)
    village.world.clock.advance(wait_ms)
    waiting = village.alerts.delivery.idle
    village.alerts.delivery.step(village.world.clock())
    assert (before, waiting, village.alerts.delivery.idle) == (True, False, True)


def test_settings_have_the_delays_of_the_documentation() -> None:
    steps = AlertSettings().escalation
    assert [step.after_ms for step in steps] == [30 * MINUTE, 2 * HOUR, DAY]
