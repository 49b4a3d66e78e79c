"""Where messages wait: urgent first, nothing counted twice, nothing forgotten that is in hand."""

from __future__ import annotations

import threading

from gateway.inbox import Inbound, Inbox
from gateway.protocol import topics

EVENT = topics.up("ZY0001", "moved")
PIECE = topics.up("ZY0001", topics.PIECE)


def message(topic: str = EVENT, token: int = 1) -> Inbound:
    return Inbound(topic, b"", token)


def take(inbox: Inbox, events: int = 256, pieces: int = 16) -> list[Inbound]:
    return inbox.take(events=events, pieces=pieces, timeout=0)


def test_messages_come_out_in_order() -> None:
    inbox = Inbox()
    for token in range(5):
        inbox.put(message(token=token))
    assert [one.token for one in take(inbox)] == [0, 1, 2, 3, 4]


def test_pieces_wait_while_anything_else_is_there() -> None:
    inbox = Inbox()
    inbox.put(message(PIECE))
    inbox.put(message(topics.state("ZY0001")))
    inbox.put(message(EVENT))
    assert [one.topic for one in take(inbox)] == [topics.state("ZY0001"), EVENT]
    assert [one.topic for one in take(inbox)] == [PIECE]


def test_batches_have_a_size_of_their_own_in_each_lane() -> None:
    inbox = Inbox()
    for _ in range(5):
        inbox.put(message(EVENT))
        inbox.put(message(PIECE))
    assert len(take(inbox, events=3, pieces=2)) == 3
    assert len(take(inbox, events=3, pieces=2)) == 2
    assert len(take(inbox, events=3, pieces=2)) == 2
    assert inbox.waiting == 3


def test_idle_is_nothing_waiting_and_nothing_in_hand() -> None:
    inbox = Inbox()
    idle = [inbox.idle]
    inbox.put(message())
    idle.append(inbox.idle)
    taken = take(inbox)
    idle.append(inbox.idle)
    inbox.done(len(taken))
    idle.append(inbox.idle)
    assert idle == [True, False, False, True]


def test_a_connection_lost_in_the_middle_of_a_batch_leaves_the_count_right() -> None:
    """What is in hand is finished (and comes again, as duplicates); what waited is forgotten."""
    inbox = Inbox()
    for _ in range(4):
        inbox.put(message())
    taken = take(inbox, events=3)
    inbox.put(message(PIECE))
    inbox.forget()
    assert inbox.waiting == 0
    assert not inbox.idle
    for _ in range(4):
        inbox.put(message())  # delivered anew
    inbox.done(len(taken))
    assert not inbox.idle
    inbox.done(len(take(inbox)))
    assert inbox.idle


def test_taking_waits_until_something_comes() -> None:
    inbox = Inbox()
    found: list[list[Inbound]] = []
    thread = threading.Thread(
        target=lambda: found.append(inbox.take(events=1, pieces=1, timeout=60))
    )
    thread.start()
    inbox.put(message(token=7))
    thread.join(60)
    assert [one.token for one in found[0]] == [7]


def test_taking_ends_when_closed() -> None:
    inbox = Inbox()
    found: list[list[Inbound]] = []
    thread = threading.Thread(
        target=lambda: found.append(inbox.take(events=1, pieces=1, timeout=None))
    )
    thread.start()
    inbox.close()
    thread.join(60)
    assert found == [[]]
    inbox.put(message())
    assert len(inbox.take(events=1, pieces=1, timeout=None)) == 1
