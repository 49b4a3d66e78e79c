"""Whether a sleeve's events are one whole chain: none missing, reordered, replaced or doubled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.protocol.cose import PublicKey
from gateway.protocol.envelope import GENESIS, Message
from gateway.protocol.errors import ProtocolError, Reason
from gateway.protocol.messages import KeyRotated


@dataclass(frozen=True, slots=True)
class Chain:
    """What a set of events shows.

    ``through`` and ``tip`` are counter and hash at the end of the contiguous prefix, ``gaps`` the
    missing counters (first, last) below the highest one seen, ``key`` verifies what comes next.
    """

    through: int
    tip: bytes
    gaps: tuple[tuple[int, int], ...]
    key: PublicKey


def check(
    messages: Iterable[Message], key: PublicKey, *, through: int = 0, tip: bytes = GENESIS
) -> Chain:
    """Verify events of one sleeve, in any order, that follow event ``through`` of hash ``tip``.

    The same event twice counts once. A key rotation is followed. Behind a gap ``prev`` has nothing
    to be compared with; everything else still is.

    Raises:
        ProtocolError: ``wrong_device`` for events of two sleeves, ``fork`` for two events with one
            counter, ``bad_chain`` when ``prev`` is not the hash of the event before, and what
            :meth:`gateway.protocol.cose.Signed.verify` raises.
    """
    gaps: list[tuple[int, int]] = []
    last, known, end = through, tip, (through, tip)
    device: str | None = None
    for message in sorted(messages, key=lambda message: message.counter):
        if message.counter == last and message.hash == known:
            continue
        if device not in (None, message.device):
            raise ProtocolError(Reason.WRONG_DEVICE, f"{message.device} in the chain of {device}")
        device = message.device
        if message.counter <= last:
            raise ProtocolError(Reason.FORK, f"counter {message.counter}")
        if message.counter > last + 1:
            gaps.append((last + 1, message.counter - 1))
        elif message.prev != known:
            raise ProtocolError(Reason.BAD_CHAIN, f"counter {message.counter}")
        message.signed.verify(key)
        if isinstance(message.body, KeyRotated):
            key = message.body.key()
        last, known = message.counter, message.hash
        if not gaps:
            end = (last, known)
    return Chain(*end, tuple(gaps), key)
