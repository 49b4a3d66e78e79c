"""Cases worked on by child processes."""

import itertools
import os
import signal
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool

import pytest

from zhiyin.bench.hands import spread


def squared(number: int) -> tuple[int, int]:
    print("libraries do print")
    return number, number * number


def dies_of_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_each_number_is_worked_on_once_and_told() -> None:
    found = list(spread(squared, range(20), hands=2))
    assert sorted(found) == [(number, number * number) for number in range(20)]


def test_nothing_to_do_ends_at_once() -> None:
    assert list(spread(squared, [], hands=2)) == []


def test_a_child_that_dies_ends_the_bench_instead_of_leaving_a_case_out() -> None:
    with pytest.raises(BrokenProcessPool):
        list(spread(dies_of_three, range(6), hands=1))


def test_a_bench_that_stops_in_the_middle_takes_no_further_case() -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in itertools.count():
            taken.append(number)
            yield number

    some = spread(squared, numbers(), hands=1)
    number, square = next(some)
    assert square == number * number
    some.close()  # returns, though there is no end of numbers
    assert len(taken) < 10
