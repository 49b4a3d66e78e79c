"""Who a sleeve is and whom it believes: its key, the server's keys, its place in the world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.protocol.cose import (
    EDDSA,
    ES256,
    Ed25519Signer,
    Es256Signer,
    PublicKey,
    Signer,
)
from gateway.protocol.envelope import GENESIS
from gateway.protocol.errors import ProtocolError, Reason

Entropy = Callable[[int], bytes]
"""Gives that many random bytes: ``os.urandom`` in earnest, a seeded source in a simulation."""


@dataclass(frozen=True, slots=True)
class ChainStart:
    """Where the chain of a sleeve with empty flash goes on: after a repair that lost the flash,
    the last counter, hash and boot number that the server holds; for a new sleeve, zeros."""

    counter: int = 0
    tip: bytes = GENESIS
    boot: int = 0


@dataclass(frozen=True, slots=True)
class Identity:
    """What commissioning leaves in a sleeve.

    ``grant_keys`` sign everything the server says except receipts, which ``receipt_keys`` sign;
    by key id. ``picture_key`` is the server's 32-byte X25519 key. A ``keys`` message of the server
    takes the place of all of them.
    """

    device: str
    signer: Signer
    grant_keys: dict[bytes, PublicKey]
    receipt_keys: dict[bytes, PublicKey]
    picture_key: bytes
    firmware: str = "sim-1.0"
    hardware: str = "sim-a"
    start: ChainStart = ChainStart()


def make_signer(alg: int, secret: bytes) -> Signer:
    """The signer of a 32-byte secret: an Ed25519 seed or a P-256 scalar.

    Raises:
        ProtocolError: ``unknown_algorithm``.
        ValueError: when the secret does not fit the algorithm.
    """
    if alg == EDDSA:
        return Ed25519Signer(secret)
    if alg == ES256:
        return Es256Signer(secret)
    raise ProtocolError(Reason.UNKNOWN_ALGORITHM, str(alg)[:40])


def new_secret(alg: int, entropy: Entropy) -> bytes:
    """A fresh secret for ``alg`` from ``entropy``."""
    while True:
        secret = entropy(32)
        try:
            make_signer(alg, secret)
        except ValueError as error:
            if isinstance(error, ProtocolError):
                raise
            continue  # not a scalar of P-256: about one draw in 2³²
        return secret
