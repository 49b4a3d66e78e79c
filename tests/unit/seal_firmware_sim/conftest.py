"""A sleeve on its bench with a lawful server, and hands to work it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gateway.protocol import messages as m
from seal_firmware_sim import inputs
from seal_firmware_sim.session import Phase
from tests.unit.seal_firmware_sim.model import (
    Bench,
    ModelServer,
    make_bench,
    make_grant,
    pass_time,
    pump,
)

JOB = "123456"


@dataclass
class Hands:
    """What an operator does, with the network answering in between."""

    bench: Bench
    server: ModelServer

    def do(self, happened: inputs.Input) -> Phase:
        self.bench.sleeve.do(happened)
        pump(self.bench, self.server)
        return self.bench.sleeve.phase

    def pass_time(self, ms: int) -> Phase:
        pass_time(self.bench, self.server, ms)
        return self.bench.sleeve.phase

    def offer(self, **changes: object) -> m.Grant:
        grant = self.server.jobs[JOB] = make_grant(**changes)  # type: ignore[arg-type]  # fields
        return grant

    def push(self, body: m.Down) -> None:
        self.raw(body.type, self.server.seal(body))

    def raw(self, type_: str, payload: bytes) -> None:
        self.bench.network.send(self.server.device, type_, payload)
        pump(self.bench, self.server)

    def unlock(self, job: str = JOB) -> Phase:
        return self.do(inputs.RequestUnlock(job=job))

    def ready(self, count: int = 1) -> Phase:
        """Up to where the button may be pressed."""
        self.unlock()
        self.do(inputs.EnterCount(count))
        return self.do(inputs.PresentFace())

    def press(self) -> Phase:
        self.do(inputs.Press())
        return self.do(inputs.Release())

    def stamp(self, times: int = 1) -> Phase:
        for _ in range(times):
            self.press()
            self.pass_time(3_000)
        return self.bench.sleeve.phase

    def link(self, up: bool) -> None:
        self.bench.network.reachable = up
        pump(self.bench, self.server)

    def reboot(self) -> None:
        self.bench.sleeve.power_off()
        self.bench.sleeve.power_on()
        pump(self.bench, self.server)

    @property
    def total(self) -> int:
        return self.bench.mechanism.total

    def phase(self) -> Phase:
        return self.bench.sleeve.phase

    @property
    def display(self) -> str:
        return self.bench.sleeve.display

    def refusals(self) -> list[str]:
        pump(self.bench, self.server)
        return [
            event.reason
            for event in self.server.bodies(m.AttemptRefused)
            if isinstance(event, m.AttemptRefused)
        ]

    def last(self, kind: type[m.Event]) -> m.Event:
        pump(self.bench, self.server)
        return self.server.bodies(kind)[-1]


@pytest.fixture
def hands() -> Hands:
    """A sleeve that has started, is connected and trusts its time."""
    bench = make_bench()
    server = ModelServer(bench.clock)
    bench.sleeve.power_on()
    pump(bench, server)
    return Hands(bench, server)
