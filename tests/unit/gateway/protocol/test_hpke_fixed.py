"""HPKE laid open gives what the library opens."""

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.hpke_fixed import seal

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_KEYS = st.binary(min_size=32, max_size=32)


@given(st.binary(max_size=200), st.binary(max_size=80), _KEYS, _KEYS)
def test_the_library_opens_it(clear: bytes, info: bytes, secret: bytes, ephemeral: bytes) -> None:
    recipient = X25519PrivateKey.from_private_bytes(secret)
    public = recipient.public_key().public_bytes_raw()
    steps = seal(clear, recipient=public, info=info, ephemeral=ephemeral)
    assert _SUITE.decrypt(steps.sealed, recipient, info=info) == clear
    assert steps.sealed.startswith(steps.enc)
    assert seal(clear, recipient=public, info=info, ephemeral=ephemeral) == steps
