"""Whatever is typed, reported or sent, in whatever order: the firmware answers and never falls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import messages as m
from gateway.protocol import topics
from seal_firmware_sim import inputs
from tests.unit.seal_firmware_sim.model import (
    DEVICE,
    START,
    ModelServer,
    make_bench,
    make_grant,
    pass_time,
    pin_check,
    pump,
)

text = st.text(max_size=300)
number = st.integers(1, 12)
positions = st.none() | st.builds(
    m.Position, lat=st.floats(-90, 90), lon=st.floats(-180, 180), accuracy=st.floats(0, 1e6)
)
switches = st.sampled_from(inputs.SWITCHES)
downs: st.SearchStrategy[m.Down] = st.one_of(
    st.builds(m.Proceed, answers=number, use=number, press=st.integers(0, 3)),
    st.builds(m.Refusal, answers=number, reason=st.just("x"), text=st.just("不行")),
    st.builds(m.Revoke, grant=st.sampled_from(["g-1", "off-1"])),
    st.builds(m.Lock, order=number, locked=st.booleans()),
    st.builds(m.Config, revision=number, face_attempts=st.integers(1, 9)),
    st.builds(
        m.Receipt,
        through=st.integers(0, 20),
        tip=st.binary(min_size=32, max_size=32),
        time=st.integers(0, 2 * START),
        ranges=st.lists(st.tuples(number, number), max_size=3),
    ),
    st.builds(
        m.PiecesHeld,
        commit=st.binary(min_size=32, max_size=32),
        complete=st.booleans(),
        missing=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=3),
    ),
    st.builds(m.Time, time=st.integers(0, 2 * START), nonce=st.binary(min_size=16, max_size=16)),
    st.just(make_grant("off-1", offline=True, pin=pin_check(), max_clock_age=10**9)),
)
happenings: st.SearchStrategy[inputs.Input] = st.one_of(
    st.builds(inputs.RequestUnlock, job=st.none() | text, grant=st.none() | text),
    st.just(inputs.RequestUnlock(job="123456")),
    st.just(inputs.RequestUnlock(grant="off-1")),
    st.builds(inputs.EnterCount, count=st.integers(-3, 2_000)),
    st.just(inputs.PresentFace()),
    st.builds(inputs.EnterPin, pin=text, witness=text, witness_pin=text),
    st.just(inputs.EnterPin("246810", "p-wang", "1357")),
    st.just(inputs.Press()),
    st.just(inputs.Release()),
    st.builds(inputs.FinishEarly, note=text),
    st.just(inputs.RotateKey()),
    st.just(inputs.PowerFailing()),
    st.builds(inputs.TamperSwitch, switch=switches, open=st.booleans()),
    st.builds(inputs.Movement, moving=st.booleans(), position=positions),
    st.just(inputs.MotorMoved()),
    st.builds(inputs.LimitSwitch, closed=st.booleans()),
    st.just(inputs.Jammed()),
    st.builds(
        inputs.SealDropped,
        contact_ms=st.integers(0, 10**6),
        contacts=st.integers(0, 50),
        total=st.integers(0, 10**9),
    ),
    st.builds(
        inputs.FacesTaken,
        use=number,
        attempt=number,
        pictures=st.lists(st.binary(max_size=20), max_size=12).map(tuple),
        failure=text,
        matched=st.none() | st.booleans(),
    ),
    st.builds(
        inputs.PageTaken,
        use=number,
        press=number,
        stage=st.sampled_from(("before", "after")),
        picture=st.none() | st.binary(max_size=20),
        failure=text,
    ),
    st.builds(
        inputs.Sensed,
        battery=st.integers(-10, 200),
        temperature=st.floats(),
        position=positions,
    ),
    st.builds(
        inputs.Received,
        topic=st.sampled_from([topics.down(DEVICE, "grant"), topics.down(DEVICE, "lock"), "x"]),
        payload=st.binary(max_size=200),
    ),
    st.builds(inputs.PieceDelivered, commit=st.binary(max_size=32), index=number),
)


@given(st.lists(st.tuples(happenings | downs, st.integers(0, 70_000)), max_size=40))
def test_any_input_in_any_order(story: list[tuple[inputs.Input | m.Down, int]]) -> None:
    bench = make_bench()
    server = ModelServer(bench.clock)
    server.jobs["123456"] = make_grant(stamps=999)
    bench.sleeve.power_on()
    for happened, wait in story:
        if isinstance(happened, m.Down):
            bench.network.send(DEVICE, happened.type, server.seal(happened))
        else:
            bench.sleeve.do(happened)
        pump(bench, server)
        bench.clock.now += wait
        bench.sleeve.tick()
    bench.sleeve.power_off()
    bench.sleeve.power_on()
    pump(bench, server)
    pass_time(bench, server, 60_000)
    assert bench.sleeve.powered
    assert server.forks == 0
    assert [event.counter for event in server.events] == list(range(1, server.through + 1))
