"""A stand-in and a clock for each test."""

import pytest

from alerts.channels.standin import Standin
from tests.support.channel_bench import TurnedClock


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def standin(clock: TurnedClock) -> Standin:
    return Standin(clock)
