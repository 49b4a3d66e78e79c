"""Bytes in a request, as WebAuthn and JOSE write them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import EncodedBytes

from backend.ledger.personal import decode, encode


class _Url:
    """Base64url (RFC 4648 §5); padding may be left out."""

    @classmethod
    def decode(cls, data: bytes) -> bytes:
        """Bytes of the text."""
        return decode(data.decode("ascii", "replace"))

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        """Text of the bytes."""
        return encode(value).encode()

    @classmethod
    def get_json_format(cls) -> Literal["base64url"]:
        """For the document."""
        return "base64url"


Base64Url = Annotated[bytes, EncodedBytes(encoder=_Url)]
