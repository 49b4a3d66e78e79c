"""Signed requests by the Standard Webhooks specification (https://www.standardwebhooks.com).

Headers ``webhook-id`` (the same over all attempts), ``webhook-timestamp`` (whole seconds, of this
attempt) and ``webhook-signature``: for each secret ``v1,`` and the base64 of HMAC-SHA256 over
``id + "." + timestamp + "." + body``, parted by spaces. Secrets are written ``whsec_`` and the
base64 of 24 to 64 random bytes. Used by the webhook channel and by the SMS contract.
"""

import base64
import binascii
import hashlib
import hmac

SECRET_HINT = (
    "签名密钥：whsec_ 加上 32 个随机字节的 base64（可用 openssl rand -base64 32 生成后半段）"
)
_PREFIX = "whsec_"


def decode_secret(text: str) -> bytes:
    """The key in a written secret.

    Raises:
        ValueError: not ``whsec_`` and base64, or not 24 to 64 bytes.
    """
    if not text.startswith(_PREFIX):
        raise ValueError("应以 whsec_ 开头")
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("whsec_ 后面应是 base64") from error
    if not 24 <= len(key) <= 64:
        raise ValueError("whsec_ 后面应是 24 到 64 个字节的 base64")
    return key


def signed_headers(
    keys: tuple[bytes, ...], message_id: str, timestamp_s: int, body: bytes
) -> dict[str, str]:
    """The three headers for `body` exactly as it will be sent."""
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    signatures = (
        "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        for key in keys
    )
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(signatures),
    }
