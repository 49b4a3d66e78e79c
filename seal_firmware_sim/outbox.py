"""Events on their way to the server: sent in order, and again until a signed receipt covers them.

A broker's acknowledgement counts for nothing here: it does not mean that anybody stored the event.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Final

from gateway.protocol import topics
from gateway.protocol.envelope import digest, open_event
from gateway.protocol.limits import RESEND_AFTER_MS, RESEND_JITTER_MS
from gateway.protocol.messages import Receipt
from seal_firmware_sim import texts
from seal_firmware_sim.core import Core
from seal_firmware_sim.effects import Publish
from seal_firmware_sim.state import ReceiptEntry
from seal_firmware_sim.timekeeping import Timekeeper

WINDOW: Final = 100
"""Uncovered events that are under way at a time; the next ones follow as receipts arrive."""

RESEND_MOST_MS: Final = 40_000
"""The wait doubles with each try up to this, so that a busy server is not buried."""


@dataclass(slots=True)
class _Sent:
    due: int
    tries: int


class Outbox:
    """Sends, sends again, and lets go of what receipts cover."""

    def __init__(self, core: Core, time: Timekeeper) -> None:
        self._core = core
        self._time = time
        self._sent: dict[int, _Sent] = {}

    def connected(self) -> None:
        """A new connection: everything uncovered goes out again."""
        self._sent.clear()

    @property
    def unsent(self) -> bool:
        """Whether an uncovered event has not been sent on this connection."""
        return any(counter not in self._sent for counter in self._window())

    def was_sent(self, counter: int) -> bool:
        """Whether the server may know event ``counter``."""
        memory = self._core.memory
        return counter in self._sent or counter in memory.held or counter <= memory.through

    @property
    def due(self) -> int | None:
        """When (link) the next one is to be sent again."""
        if not self._core.connected:
            return None
        return min((sent.due for sent in self._sent.values()), default=None)

    def pump(self) -> None:
        """Send what is new and what is due."""
        core = self._core
        if not core.connected:
            return
        for counter in self._window():
            sent = self._sent.get(counter)
            if sent is None:
                sent = self._sent[counter] = _Sent(0, 0)
            elif sent.due > core.moment.link:
                continue
            wait = min(RESEND_AFTER_MS << sent.tries, RESEND_MOST_MS)
            sent.due = core.moment.link + wait + core.jitter(RESEND_JITTER_MS)
            sent.tries = min(sent.tries + 1, 8)
            core.act(Publish(self._topic(counter), core.memory.events[counter]))

    def receipt(self, receipt: Receipt) -> None:
        """Take a verified receipt: let go of what it covers, and of nothing else."""
        core, memory = self._core, self._core.memory
        beyond = [last for _, last in receipt.ranges if last > memory.counter]
        if receipt.through > memory.counter or beyond:
            core.fault("other", detail=texts.FOREIGN)
            return
        known = memory.events.get(receipt.through)
        if known is not None and digest(known) != receipt.tip:
            # Somebody else's event stands at our counter. Ours is evidence: keep it, say so.
            core.fault("other", detail=texts.FOREIGN)
            return
        asked = core.created.get(receipt.through)
        if known is not None and asked is not None:
            self._time.learn(receipt.time, asked)
        news = receipt.through > memory.through or any(
            counter not in memory.held and first <= counter <= last
            for first, last in receipt.ranges
            for counter in self._sent
        )
        if not news:
            return
        core.note(ReceiptEntry(receipt.through, receipt.ranges), urgent=False)
        for done in [counter for counter in self._sent if self._covered(counter)]:
            del self._sent[done]
        for done in [counter for counter in core.topics if counter <= memory.through]:
            del core.topics[done]
            core.created.pop(done, None)
        for sent in self._sent.values():
            sent.tries = min(sent.tries, 1)  # the server works: no need to hold back

    def _covered(self, counter: int) -> bool:
        return counter <= self._core.memory.through or counter in self._core.memory.held

    def _window(self) -> list[int]:
        return list(islice(self._core.memory.pending(), WINDOW))

    def _topic(self, counter: int) -> str:
        core = self._core
        topic = core.topics.get(counter)
        if topic is None:  # made before this boot
            body = open_event(core.memory.events[counter]).body
            topic = core.topics[counter] = topics.up(core.device, body.type)
        return topic
