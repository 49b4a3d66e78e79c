"""Small pictures, sealed as a sleeve seals them, and the pieces that carry them."""

from __future__ import annotations

import struct
import zlib
from functools import cache

import cv2
import numpy as np

from gateway.inbox import Inbound
from gateway.protocol import envelope, pictures, topics
from gateway.protocol.messages import FaceCaptured, Piece
from tests.support.gateway_world import FakeSleeve, GatewayWorld, inbound


@cache
def jpeg(seed: int = 1, side: int = 64) -> bytes:
    """A picture of noise; about 16 KiB at side 100."""
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8)
    done, encoded = cv2.imencode(".jpg", pixels)
    assert done
    return encoded.tobytes()


def bomb(side: int = 10_000) -> bytes:
    """A PNG of a few bytes that claims ``side`` × ``side`` pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    ends = chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + ends


def seal(world: GatewayWorld, sleeve: FakeSleeve, data: bytes) -> pictures.SealedPicture:
    """``data`` encrypted to the installation, ready to be named and sent."""
    key = world.ring.picture_wire.public_key().public_bytes_raw()
    salt = world.random.randbytes(32)
    return pictures.seal(data, device=sleeve.id, server_key=key, salt=salt)


def pieces(sleeve: FakeSleeve, sealed: pictures.SealedPicture) -> list[Inbound]:
    """The pieces of a sealed picture, as deliveries."""
    topic = topics.up(sleeve.id, Piece.type)
    return [inbound(topic, envelope.encode_piece(one)) for one in pictures.split(sealed)]


def burst(
    world: GatewayWorld,
    sleeve: FakeSleeve,
    use: int,
    *data: bytes,
    attempt: int = 1,
) -> tuple[Inbound, list[Inbound]]:
    """A face event of ``data`` (one picture by default), and the pieces that belong to it."""
    sealed = [seal(world, sleeve, one) for one in data or (jpeg(),)]
    event = sleeve.say(FaceCaptured(use=use, attempt=attempt, pictures=[one.ref for one in sealed]))
    return event, [piece for one in sealed for piece in pieces(sleeve, one)]
