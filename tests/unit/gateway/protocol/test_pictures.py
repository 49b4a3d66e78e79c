"""Pictures and PINs on the wire: only the server reads them, only as the event named them."""

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import cbor, pictures, samples
from gateway.protocol.errors import ProtocolError, Reason
from gateway.protocol.hpke_fixed import seal
from gateway.protocol.limits import MAX_PICTURE_BYTES, MAX_PIECE_DATA, MAX_PIECES
from gateway.protocol.messages import PictureRef
from tests.unit.gateway.protocol.strategies import outcome

SECRET = X25519PrivateKey.from_private_bytes(samples.PICTURE_SECRET)
PUBLIC = SECRET.public_key().public_bytes_raw()
SALT = bytes(range(32))
DEVICE = samples.DEVICE

# The points of small order that RFC 7748 §6.1 warns of; a shared secret with them is all zeros.
LOW_ORDER = [
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
]


def _seal(picture: bytes = b"picture") -> pictures.SealedPicture:
    return pictures.seal(picture, device=DEVICE, server_key=PUBLIC, salt=SALT)


@given(st.binary(max_size=2 * MAX_PIECE_DATA))
def test_a_sealed_picture_opens_to_itself(picture: bytes) -> None:
    sealed = _seal(picture)
    pieces = pictures.split(sealed)
    assert b"".join(piece.data for piece in pieces) == sealed.ciphertext
    assert [piece.index for piece in pieces] == list(range(sealed.ref.pieces))
    assert all(len(piece.data) == MAX_PIECE_DATA for piece in pieces[:-1])
    found = pictures.open_sealed(sealed.ciphertext, sealed.ref, device=DEVICE, secret=SECRET)
    assert found == (SALT, picture)
    assert sealed.ref.commit == pictures.commitment(SALT, picture)


@given(st.data())
def test_any_mutation_of_a_sealed_picture_is_refused(data: st.DataObject) -> None:
    sealed = _seal()
    changed = bytearray(sealed.ciphertext)
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    found = outcome(pictures.open_sealed, bytes(changed), sealed.ref, device=DEVICE, secret=SECRET)
    assert found is Reason.BAD_FIELD


@given(st.binary(max_size=200))
def test_hostile_uploads_raise_nothing_but_protocol_error(upload: bytes) -> None:
    ref = msgspec.structs.replace(_seal().ref, size=max(1, len(upload)))
    found = outcome(pictures.open_sealed, upload, ref, device=DEVICE, secret=SECRET)
    assert found is Reason.BAD_FIELD
    assert (
        outcome(pictures.open_pins, upload, device=DEVICE, use=1, secret=SECRET) is Reason.BAD_FIELD
    )


def test_a_picture_belongs_to_its_sleeve_and_its_commitment() -> None:
    sealed = _seal()
    elsewhere = outcome(
        pictures.open_sealed,
        sealed.ciphertext,
        sealed.ref,
        device=samples.OTHER_DEVICE,
        secret=SECRET,
    )
    assert elsewhere is Reason.BAD_FIELD
    other = msgspec.structs.replace(_seal(b"another").ref, size=sealed.ref.size)
    mixed = outcome(pictures.open_sealed, sealed.ciphertext, other, device=DEVICE, secret=SECRET)
    assert mixed is Reason.BAD_FIELD
    shorter = msgspec.structs.replace(sealed.ref, size=sealed.ref.size - 1)
    cut = outcome(pictures.open_sealed, sealed.ciphertext, shorter, device=DEVICE, secret=SECRET)
    assert cut is Reason.BAD_FIELD


@pytest.mark.parametrize("clear", [b"", bytes(31)])
def test_a_picture_without_a_whole_salt_is_refused(clear: bytes) -> None:
    # It decrypts and meets its commitment; yet without a salt the commitment could be guessed.
    commit = pictures.commitment(clear, b"")
    info = pictures.picture_info(DEVICE, commit)
    upload = seal(clear, recipient=PUBLIC, info=info, ephemeral=SALT).sealed
    ref = PictureRef(commit=commit, size=len(upload), pieces=1)
    assert (
        outcome(pictures.open_sealed, upload, ref, device=DEVICE, secret=SECRET) is Reason.BAD_FIELD
    )


@pytest.mark.parametrize("point", [*LOW_ORDER, b"", bytes(31), bytes(33)])
def test_low_order_and_invalid_points_are_refused(point: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        pictures.seal(b"x", device=DEVICE, server_key=point, salt=SALT)
    assert caught.value.reason is Reason.BAD_FIELD
    with pytest.raises(ProtocolError):
        pictures.seal_pins("1", "2", device=DEVICE, use=1, server_key=point)
    sealed = _seal()
    upload = point + sealed.ciphertext[32:]
    ref = msgspec.structs.replace(sealed.ref, size=len(upload))
    assert (
        outcome(pictures.open_sealed, upload, ref, device=DEVICE, secret=SECRET) is Reason.BAD_FIELD
    )


def test_sizes_end_at_the_limit() -> None:
    overhead = 32 + 32 + 16  # ephemeral key, salt, tag
    largest = _seal(bytes(MAX_PICTURE_BYTES - overhead))
    assert (largest.ref.size, largest.ref.pieces) == (MAX_PICTURE_BYTES, MAX_PIECES)
    assert outcome(_seal, bytes(MAX_PICTURE_BYTES - overhead + 1)) is Reason.TOO_LARGE
    short = outcome(pictures.seal, b"x", device=DEVICE, server_key=PUBLIC, salt=bytes(31))
    assert short is Reason.BAD_FIELD


@given(st.text(max_size=12), st.text(max_size=12))
def test_pins_open_to_themselves(operator_pin: str, witness_pin: str) -> None:
    sealed = pictures.seal_pins(operator_pin, witness_pin, device=DEVICE, use=7, server_key=PUBLIC)
    found = pictures.open_pins(sealed, device=DEVICE, use=7, secret=SECRET)
    assert found == (operator_pin, witness_pin)
    for wrong in ({"use": 8}, {"device": samples.OTHER_DEVICE}):
        given = {"device": DEVICE, "use": 7} | wrong
        assert outcome(pictures.open_pins, sealed, secret=SECRET, **given) is Reason.BAD_FIELD


@pytest.mark.parametrize(
    "clear",
    [
        b"\xff",
        cbor.encode([1, 2]),
        cbor.encode({"operator_pin": "1"}),
        cbor.encode({"operator_pin": 1, "witness_pin": 2}),
    ],
)
def test_sealed_nonsense_is_no_pin(clear: bytes) -> None:
    info = pictures.pin_info(DEVICE, 1)
    sealed = seal(clear, recipient=PUBLIC, info=info, ephemeral=SALT).sealed
    assert (
        outcome(pictures.open_pins, sealed, device=DEVICE, use=1, secret=SECRET) is Reason.BAD_FIELD
    )
