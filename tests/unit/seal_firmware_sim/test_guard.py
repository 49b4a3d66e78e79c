"""What must never go unnoticed, and the orders of the server."""

from __future__ import annotations

import pytest

from gateway.protocol import messages as m
from seal_firmware_sim import inputs, texts
from seal_firmware_sim.session import Phase
from tests.unit.seal_firmware_sim.conftest import Hands
from tests.unit.seal_firmware_sim.model import HOME

AWAY = m.Position(lat=30.5, lon=120.24, accuracy=5.0)


def moves(hands: Hands) -> list[bool]:
    return [b.moving for b in hands.server.bodies(m.Moved) if isinstance(b, m.Moved)]


def test_an_opened_switch_ends_the_use_and_blocks_the_next(hands: Hands) -> None:
    hands.offer(stamps=2)
    hands.ready(count=2)
    hands.bench.switches.set("seal", is_open=True)
    hands.bench.sleeve.tick()
    assert hands.phase() is Phase.IDLE
    assert hands.display == texts.TAMPERED
    assert hands.last(m.UseFinished) == m.UseFinished(
        use=2, presses=0, reason="stopped", note="tamper"
    )
    hands.offer(name="g-2")
    hands.unlock()
    assert hands.refusals() == ["fault"]
    hands.bench.switches.set("seal", is_open=False)
    assert hands.unlock() is Phase.COUNT
    assert [b.open for b in hands.server.bodies(m.Tamper) if isinstance(b, m.Tamper)] == [
        True,
        False,
    ]


def test_a_switch_opened_without_power_is_told_of_at_the_next_start(hands: Hands) -> None:
    hands.bench.sleeve.power_off()
    hands.bench.switches.set("case", is_open=True)
    hands.bench.switches.poll(0)
    hands.bench.sleeve.power_on()
    assert hands.last(m.Tamper) == m.Tamper(switch="case", open=True)
    hands.do(inputs.TamperSwitch("case", True))
    assert len(hands.server.bodies(m.Tamper)) == 1, "no news"


def test_the_motor_moving_without_a_job(hands: Hands) -> None:
    hands.pass_time(5_000)
    hands.bench.mechanism.nudge("motor", hands.bench.clock())
    hands.bench.sleeve.tick()
    assert hands.last(m.MotionUnexpected) == m.MotionUnexpected(part="motor")
    assert hands.display == texts.UNEXPECTED


def test_the_limit_switch_moving_without_a_job(hands: Hands) -> None:
    hands.bench.mechanism.nudge("limit_switch", hands.bench.clock())
    hands.pass_time(1_000)
    assert hands.last(m.MotionUnexpected) == m.MotionUnexpected(part="limit_switch")


def test_a_forced_drop_is_counted_and_belongs_to_no_use(hands: Hands) -> None:
    hands.pass_time(5_000)
    hands.bench.mechanism.force(hands.bench.clock())
    hands.pass_time(5_000)
    stamped = hands.last(m.Stamped)
    assert isinstance(stamped, m.Stamped)
    assert (stamped.use, stamped.press, stamped.total) == (0, 0, 1)
    assert "motion_unexpected" in hands.server.types()


def test_bolting_after_a_use_is_no_motion_without_a_job(hands: Hands) -> None:
    hands.offer()
    hands.ready()
    hands.stamp()
    hands.pass_time(2_000)
    hands.do(inputs.MotorMoved())
    assert "motion_unexpected" in hands.server.types(), "long after the bolt"
    hands.offer(name="g-2")
    hands.ready()
    hands.do(inputs.FinishEarly())
    count = hands.server.types().count("motion_unexpected")
    hands.do(inputs.MotorMoved())
    assert hands.server.types().count("motion_unexpected") == count


def test_being_carried_is_told_once_a_minute(hands: Hands) -> None:
    for _ in range(13):
        hands.bench.motion.carry(AWAY, moving=True)
        hands.pass_time(10_000)
    hands.bench.motion.carry(HOME, moving=False)
    hands.pass_time(1_000)
    assert moves(hands) == [True, True, True, False]
    assert hands.server.bodies(m.Moved)[0] == m.Moved(position=AWAY, moving=True)


def test_leaving_the_fence_is_told_of_even_without_motion(hands: Hands) -> None:
    hands.push(m.Config(revision=1, fence=m.Place(lat=HOME.lat, lon=HOME.lon, radius=200)))
    hands.do(inputs.Sensed(80, 20.0, AWAY))
    hands.do(inputs.Sensed(80, 20.0, AWAY))
    assert moves(hands) == [False]
    hands.do(inputs.Sensed(80, 20.0, None))
    assert moves(hands) == [False], "no fix is no news"
    hands.do(inputs.Sensed(80, 20.0, HOME))
    assert moves(hands) == [False, False]


def test_an_empty_battery_begins_no_use(hands: Hands) -> None:
    hands.do(inputs.Sensed(4, 20.0, HOME))
    hands.offer()
    hands.unlock()
    assert hands.refusals() == ["fault"]
    assert "电量" in hands.display
    hands.do(inputs.Sensed(8, 20.0, HOME))
    hands.unlock()
    assert hands.refusals() == ["fault", "fault"]
    hands.do(inputs.Sensed(40, 20.0, HOME))
    assert hands.unlock() is Phase.COUNT


# ── orders ───────────────────────────────────────────────────────────────────────────────────────


def test_the_remote_lock_ends_a_use_and_holds_over_a_reboot(hands: Hands) -> None:
    hands.offer()
    hands.ready()
    hands.push(m.Lock(order=5, locked=True, text="请到镇里说明情况"))
    assert hands.phase() is Phase.IDLE
    assert hands.display == "请到镇里说明情况"
    hands.reboot()
    assert hands.display == "请到镇里说明情况"
    hands.unlock()
    assert hands.refusals() == ["remote_lock"]
    hands.push(m.Lock(order=6, locked=False))
    hands.offer(name="g-2")
    assert hands.unlock() is Phase.COUNT


def test_an_old_order_cannot_be_replayed(hands: Hands) -> None:
    hands.push(m.Lock(order=5, locked=True))
    hands.push(m.Lock(order=4, locked=False))
    hands.push(m.Lock(order=5, locked=False))
    assert hands.server.bodies(m.LockChanged) == [m.LockChanged(order=5, locked=True)]
    hands.reboot()
    hands.push(m.Lock(order=5, locked=False))
    hands.unlock()
    assert hands.refusals() == ["remote_lock"]


def test_an_old_configuration_cannot_be_replayed(hands: Hands) -> None:
    hands.push(m.Config(revision=7, heartbeat_ms=5_000))
    hands.push(m.Config(revision=6, heartbeat_ms=9_000))
    hands.push(m.Config(revision=7, heartbeat_ms=9_000))
    assert hands.server.bodies(m.ConfigApplied) == [m.ConfigApplied(revision=7)]
    hands.reboot()
    hands.push(m.Config(revision=6, heartbeat_ms=9_000))
    firmware = hands.bench.sleeve.firmware
    assert firmware is not None
    assert firmware.session.config == m.Config(revision=7, heartbeat_ms=5_000)
    beats = len(hands.server.heartbeats)
    hands.pass_time(20_500)
    assert len(hands.server.heartbeats) == beats + 4


def test_a_rotated_key_signs_from_the_next_event_on(hands: Hands) -> None:
    old = hands.server.key
    hands.do(inputs.RotateKey())
    rotated = hands.last(m.KeyRotated)
    assert isinstance(rotated, m.KeyRotated)
    assert hands.server.key.raw == rotated.public != old.raw
    hands.reboot()
    hands.do(inputs.TamperSwitch("case", True))
    assert hands.server.types()[-3:] == ["key_rotated", "boot", "tamper"]


def test_no_heartbeat_is_signed_with_a_key_that_the_server_does_not_know(hands: Hands) -> None:
    hands.link(False)
    hands.do(inputs.RotateKey())
    hands.server.quiet.add("receipt")
    beats = len(hands.server.heartbeats)
    hands.link(True)
    assert len(hands.server.heartbeats) == beats
    hands.server.quiet.clear()
    hands.pass_time(20_000)
    assert len(hands.server.heartbeats) == beats + 1


# ── heartbeats ───────────────────────────────────────────────────────────────────────────────────


def test_heartbeats_tell_how_the_sleeve_is(hands: Hands) -> None:
    hands.bench.battery.charge = 42
    hands.pass_time(130_000)
    first, last = hands.server.heartbeats[0], hands.server.heartbeats[-1]
    assert len(hands.server.heartbeats) == 3
    assert (first.clock_trusted, last.clock_trusted) == (False, True)
    assert (last.through, last.pending_events, last.locked) == (1, 0, True)
    assert last.position == HOME
    hands.link(False)
    hands.link(True)
    assert hands.server.heartbeats[-1].battery == 42
    assert hands.server.states == [
        m.State(online=True, boot=1),
        m.State(online=False, boot=1),
        m.State(online=True, boot=1),
    ]


@pytest.mark.parametrize(("battery", "degrees"), [(-5, -300.0), (300, 900.0)])
def test_a_sensor_gone_mad_stops_no_heartbeat(hands: Hands, battery: int, degrees: float) -> None:
    hands.do(inputs.Sensed(battery, degrees, None))
    beats = len(hands.server.heartbeats)
    hands.pass_time(61_000)
    assert len(hands.server.heartbeats) == beats + 1
