"""Whom a sleeve believes: the server's keys as commissioning or the last ``keys`` message left
them. A sleeve's maker needs the same three rules; the vectors try them.

* A list with a higher serial replaces all keys; any other is ignored.
* It must be signed by a grant key that is believed when it comes.
* A key is believed up to its ``until``, by the least time that it can be at the server: what an
  old key signs is dated by whoever holds it, so its own date proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.protocol import envelope
from gateway.protocol.cose import PublicKey
from gateway.protocol.messages import Down, Keys, ServerKey

Keyset = dict[bytes, PublicKey]


class Trust:
    """The keys of one sleeve, by key id. ``serial`` 0: as commissioned."""

    def __init__(
        self,
        grant: Mapping[bytes, PublicKey],
        receipt: Mapping[bytes, PublicKey],
        picture: bytes,
    ) -> None:
        self.serial = 0
        self.picture = picture
        self._grant: list[tuple[PublicKey, int | None]] = [(key, None) for key in grant.values()]
        self._receipt: list[tuple[PublicKey, int | None]] = [
            (key, None) for key in receipt.values()
        ]

    def take(self, keys: Keys) -> bool:
        """Believe a verified list from now on; False: it is not newer, and nothing changed."""
        if keys.serial <= self.serial:
            return False
        self.serial, self.picture = keys.serial, keys.picture
        self._grant, self._receipt = _spans(keys.grant), _spans(keys.receipt)
        return True

    def open(self, raw: bytes, *, device: str, least_now: int) -> Down:
        """Decode and verify what claims to come from the server. ``least_now``: the least time
        that it can be there (ms UTC), 0 when nothing is known.

        Raises:
            ProtocolError: as :func:`gateway.protocol.envelope.open_down`; ``unknown_key`` also for
                a key whose time is over.
        """
        return envelope.open_down(
            raw,
            device=device,
            keys=_believed(self._grant, least_now),
            receipt_keys=_believed(self._receipt, least_now),
        )


def _spans(keys: list[ServerKey]) -> list[tuple[PublicKey, int | None]]:
    return [(one.key(), one.until) for one in keys]


def _believed(spans: list[tuple[PublicKey, int | None]], least_now: int) -> Keyset:
    return {key.kid: key for key, until in spans if until is None or least_now <= until}
