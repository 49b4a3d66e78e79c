"""Promise 1: no motor moves without a recorded, single-use, expiring grant."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.gateway_machine import GatewayMachine
from tests.support.gateway_world import Stencil


def test_promise_1_two_gateways_never_give_more_than_was_granted(stencil: Stencil) -> None:
    class Machine(GatewayMachine):
        def __init__(self) -> None:
            super().__init__(stencil.world())

    run_state_machine_as_test(
        Machine,
        settings=settings(
            settings.default,
            max_examples=max(40, settings().max_examples // 4),
            stateful_step_count=25,
            suppress_health_check=list(HealthCheck),
        ),
    )
