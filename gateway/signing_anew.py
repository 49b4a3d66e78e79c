"""What waits for a sleeve was signed when it was ordered; the server's grant key may have been
rotated since, and a sleeve believes an old one for a time only."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.protocol import cose, envelope
from gateway.protocol.errors import ProtocolError


class SignAnew:
    """Signs by ``signer`` what an older key of ours signed; ``known`` are all of them, by key id.

    Nothing else is signed: whoever can write to the database must not have their words signed.
    """

    def __init__(self, signer: cose.Signer, known: Mapping[bytes, cose.PublicKey]) -> None:
        self._signer = signer
        self._older = {kid: key for kid, key in known.items() if kid != signer.public.kid}

    def is_old(self, payload: bytes) -> bool:
        """Whether it names an older key of ours; whether it is signed by it is seen later."""
        if not self._older:
            return False
        try:
            return cose.parse(payload).kid in self._older
        except ProtocolError:
            return False

    def again(self, device: str, payload: bytes, now: int) -> bytes:
        """The same words for ``device``, signed ``now``; as they were when we never said them."""
        try:
            body = envelope.open_down(payload, device=device, keys=self._older)
        except ProtocolError:
            return payload
        return envelope.seal_down(body, self._signer, device=device, time=now)
