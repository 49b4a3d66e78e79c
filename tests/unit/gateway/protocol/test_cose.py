"""COSE_Sign1: both algorithms, one form in bytes, and no way around the signature."""

import cbor2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import cbor, cose
from gateway.protocol.cose import EDDSA, ES256, Ed25519Signer, Es256Signer, PublicKey
from gateway.protocol.errors import ProtocolError, Reason
from tests.unit.gateway.protocol.strategies import outcome

ED = Ed25519Signer(bytes(range(32)))
ES = Es256Signer(bytes(range(1, 33)))
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SIGNERS = pytest.mark.parametrize("signer", [ED, ES], ids=["EdDSA", "ES256"])


def _refusal(raw: bytes, key: PublicKey) -> Reason | None:
    found = outcome(lambda: cose.parse(raw).verify(key))
    assert found is None or isinstance(found, Reason)
    return found


def _parts(raw: bytes) -> list[object]:
    parts: list[object] = cbor.decode(raw[1:])
    return parts


def _pack(*parts: object) -> bytes:
    return b"\xd2" + cbor.encode(list(parts))


@_SIGNERS
@given(payload=st.binary(max_size=300))
def test_what_is_signed_verifies(signer: cose.Signer, payload: bytes) -> None:
    raw = cose.sign(payload, signer)
    signed = cose.parse(raw)
    signed.verify(signer.public)
    assert (signed.payload, signed.alg, signed.kid) == (
        payload,
        signer.public.alg,
        signer.public.kid,
    )
    assert cose.sign(payload, signer) == raw  # both algorithms are deterministic here


@_SIGNERS
@given(data=st.data())
def test_any_mutation_of_signed_bytes_is_refused(signer: cose.Signer, data: st.DataObject) -> None:
    raw = bytearray(cose.sign(b"the payload", signer))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    assert _refusal(bytes(raw), signer.public) is not None


@_SIGNERS
def test_every_single_bit_counts(signer: cose.Signer) -> None:
    raw = cose.sign(b"x", signer)
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        assert _refusal(bytes(changed), signer.public) is not None, bit


@given(st.binary(max_size=120).map(lambda tail: b"\xd2" + tail) | st.binary(max_size=120))
def test_hostile_bytes_raise_nothing_but_protocol_error(raw: bytes) -> None:
    assert _refusal(raw, ED.public) is not None


@given(st.integers(0, 2**256 - 1), st.integers(0, 2**256 - 1))
def test_no_invented_es256_signature_holds(r: int, s: int) -> None:
    for one, other in ((r, s), (0, s), (r, 0), (0, 0), (_ORDER, s), (r, _ORDER)):
        signature = one.to_bytes(32, "big") + other.to_bytes(32, "big")
        with pytest.raises(ProtocolError) as caught:
            ES.public.verify(signature, b"message")
        assert caught.value.reason is Reason.BAD_SIGNATURE


def test_an_es256_signature_has_no_second_form() -> None:
    signature = ES.sign(b"message")
    s = int.from_bytes(signature[32:], "big")
    assert s <= _ORDER // 2
    with pytest.raises(ProtocolError, match="lower half"):
        ES.public.verify(signature[:32] + (_ORDER - s).to_bytes(32, "big"), b"message")


def test_an_ed25519_signature_has_no_second_form() -> None:
    group = 2**252 + 27742317777372353535851937790883648493
    signature = ED.sign(b"message")
    s = int.from_bytes(signature[32:], "little") + group
    with pytest.raises(ProtocolError):
        ED.public.verify(signature[:32] + s.to_bytes(32, "little"), b"message")


@pytest.mark.parametrize("low_order", [bytes(32), b"\x01" + bytes(31)])
def test_a_low_order_ed25519_key_verifies_nothing(low_order: bytes) -> None:
    with pytest.raises(ProtocolError):
        PublicKey(EDDSA, low_order).verify(low_order + bytes(32), b"message")


def test_longer_spellings_of_the_same_message_are_refused() -> None:
    raw = cose.sign(bytes(30), ED)
    _, _, payload, signature = _parts(raw)
    assert isinstance(payload, bytes)
    assert isinstance(signature, bytes)
    spellings = [
        raw.replace(b"\x58\x40" + signature, b"\x59\x00\x40" + signature),
        raw.replace(b"\x58\x1e" + payload, b"\x5a\x00\x00\x00\x1e" + payload),
        raw.replace(b"\xd2\x84", b"\xd2\x98\x04"),
        raw.replace(b"\xd2", b"\xd8\x12", 1),
        raw.replace(b"\xa0", b"\xb8\x00", 1),
    ]
    for spelling in spellings:
        assert spelling != raw
        assert _refusal(spelling, ED.public) in (Reason.NOT_COSE, Reason.NOT_CBOR)


@pytest.mark.parametrize(
    "header",
    [
        {True: -8, 4: ED.public.kid},
        {1.0: -8, 4: ED.public.kid},
        {1: -8.0, 4: ED.public.kid},
        {1: True, 4: ED.public.kid},
        {1: [-8], 4: ED.public.kid},
        {1: {}, 4: ED.public.kid},
        {1: None, 4: ED.public.kid},
        {1: -8, 4: ED.public.kid.hex()},
        {1: -8, 4: b""},
        {1: -8},
        {},
        [],
    ],
)
def test_odd_headers_are_refused(header: object) -> None:
    _, _, payload, signature = _parts(cose.sign(b"x", ED))
    raw = b"\xd2" + cbor2.dumps([cbor2.dumps(header), {}, payload, signature])
    assert _refusal(raw, ED.public) in (
        Reason.NOT_CBOR,
        Reason.NOT_COSE,
        Reason.UNKNOWN_ALGORITHM,
    )


def test_the_key_decides_not_the_message() -> None:
    raw = cose.sign(b"x", ED)
    protected, _, payload, signature = _parts(raw)
    assert _refusal(raw, ES.public) is Reason.UNKNOWN_KEY
    claimed = cbor.encode({1: ES256, 4: ED.public.kid})
    assert _refusal(_pack(claimed, {}, payload, signature), ED.public) is Reason.UNKNOWN_ALGORITHM
    assert _refusal(_pack(protected, {}, payload, bytes(63)), ED.public) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("alg", "raw", "reason"),
    [
        (EDDSA, bytes(31), Reason.BAD_FIELD),
        (ES256, bytes(65), Reason.BAD_FIELD),
        (ES256, b"\x04" + bytes(64), Reason.BAD_FIELD),
        (ES256, b"\x06" + ES.public.raw[1:], Reason.BAD_FIELD),
        (ES256, b"\x02" + ES.public.raw[1:33], Reason.BAD_FIELD),
        (5, bytes(65), Reason.UNKNOWN_ALGORITHM),
    ],
)
def test_what_is_no_key_is_refused(alg: cose.Algorithm, raw: bytes, reason: Reason) -> None:
    with pytest.raises(ProtocolError) as caught:
        PublicKey(alg, raw)
    assert caught.value.reason is reason


def _pem(key: object) -> bytes:
    assert isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed448.Ed448PublicKey)
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def test_keys_are_read_from_pem() -> None:
    secret = ec.derive_private_key(7, ec.SECP256R1())
    found = PublicKey.from_pem(_pem(secret.public_key()))
    assert found == Es256Signer((7).to_bytes(32, "big")).public


@pytest.mark.parametrize(
    "other", [ec.generate_private_key(ec.SECP384R1()), ed448.Ed448PrivateKey.generate()]
)
def test_keys_of_other_kinds_are_refused(
    other: ec.EllipticCurvePrivateKey | ed448.Ed448PrivateKey,
) -> None:
    with pytest.raises(ProtocolError) as caught:
        PublicKey.from_pem(_pem(other.public_key()))
    assert caught.value.reason is Reason.UNKNOWN_ALGORITHM


@pytest.mark.parametrize("text", [b"", b"\x00", b"-----BEGIN PUBLIC KEY-----\nAAAA\n"])
def test_what_is_no_pem_is_refused(text: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        PublicKey.from_pem(text)
    assert caught.value.reason is Reason.BAD_FIELD
