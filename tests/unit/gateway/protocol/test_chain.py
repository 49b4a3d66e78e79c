"""Promise 3: a withheld or reordered record shows as a gap, a replaced one as a break or a fork."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import chain, envelope, samples, vectors
from gateway.protocol import messages as m
from gateway.protocol.errors import Reason
from tests.unit.gateway.protocol.strategies import outcome

ED = samples.SLEEVE_ED25519
RAWS = vectors.chain([*samples.BARE_EVENTS, *samples.EVENTS[:7]], ED)
MESSAGES = [envelope.open_event(raw) for raw in RAWS]
OTHERS = [envelope.open_event(raw) for raw in vectors.chain(samples.EVENTS[:19], ED)]
LAST = len(MESSAGES)


def test_a_whole_chain_is_whole() -> None:
    found = chain.check(MESSAGES, ED.public)
    assert found == chain.Chain(LAST, MESSAGES[-1].hash, (), ED.public)
    assert chain.check([], ED.public) == chain.Chain(0, envelope.GENESIS, (), ED.public)


@given(st.sets(st.integers(0, LAST - 2), min_size=1), st.randoms(use_true_random=False))
def test_promise_3_any_withheld_event_shows_as_a_gap(
    withheld: set[int], shuffle: random.Random
) -> None:
    rest = [message for at, message in enumerate(MESSAGES) if at not in withheld]
    shuffle.shuffle(rest)
    found = chain.check(rest, ED.public)
    missing = {n for first, last in found.gaps for n in range(first, last + 1)}
    assert missing == {at + 1 for at in withheld}
    assert found.through == min(withheld)
    assert found.tip == (MESSAGES[found.through - 1].hash if found.through else envelope.GENESIS)


@given(st.integers(0, len(OTHERS) - 1))
def test_promise_3_a_replaced_event_shows(at: int) -> None:
    """Even one that the sleeve's own key signed."""
    changed = [*MESSAGES[:at], OTHERS[at], *MESSAGES[at + 1 :]]
    assert outcome(chain.check, changed, ED.public) is Reason.BAD_CHAIN


@given(st.integers(0, len(OTHERS) - 1), st.randoms(use_true_random=False))
def test_promise_3_two_events_with_one_counter_are_a_fork(at: int, shuffle: random.Random) -> None:
    both = [*MESSAGES[: at + 1], OTHERS[at]]
    shuffle.shuffle(both)
    assert outcome(chain.check, both, ED.public) in (Reason.FORK, Reason.BAD_CHAIN)


@given(st.permutations(MESSAGES), st.lists(st.sampled_from(MESSAGES), max_size=9))
def test_promise_3_order_of_arrival_and_duplicates_change_nothing(
    order: list[envelope.Message], again: list[envelope.Message]
) -> None:
    assert chain.check([*order, *again], ED.public) == chain.check(MESSAGES, ED.public)


def test_a_chain_goes_on_from_where_a_receipt_stands() -> None:
    found = chain.check(MESSAGES[5:], ED.public, through=5, tip=MESSAGES[4].hash)
    assert found.through == LAST
    wrong = outcome(chain.check, MESSAGES[5:], ED.public, through=5, tip=bytes(32))
    assert wrong is Reason.BAD_CHAIN


def test_a_rotation_is_followed_and_the_old_key_is_over() -> None:
    rotated = [
        envelope.open_event(raw)
        for raw in vectors.chain([*samples.EVENTS[-2:], *samples.EVENTS[12:15]], ED)
    ]
    assert chain.check(rotated, ED.public).key == samples.SLEEVE_NEXT.public
    hidden = [rotated[0], *rotated[2:]]
    assert outcome(chain.check, hidden, ED.public) is Reason.UNKNOWN_KEY


def test_a_forged_signature_shows() -> None:
    forged = vectors.chain(samples.EVENTS[:2], samples.STRANGER)
    messages = [envelope.open_event(raw) for raw in forged]
    assert outcome(chain.check, messages, ED.public) is Reason.UNKNOWN_KEY
    flipped = envelope.open_event(RAWS[0][:-1] + bytes([RAWS[0][-1] ^ 1]))
    assert outcome(chain.check, [flipped], ED.public) is Reason.BAD_SIGNATURE


def test_one_chain_is_of_one_sleeve() -> None:
    other = envelope.open_event(
        envelope.seal_event(
            m.Tamper(switch="case", open=True),
            ED,
            device=samples.OTHER_DEVICE,
            boot=1,
            time=samples.NOW,
            counter=2,
            prev=MESSAGES[0].hash,
        )
    )
    assert outcome(chain.check, [MESSAGES[0], other], ED.public) is Reason.WRONG_DEVICE


@pytest.mark.parametrize("counter", [1, LAST])
def test_every_counter_names_its_event(counter: int) -> None:
    assert MESSAGES[counter - 1].counter == counter
