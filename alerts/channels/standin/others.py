"""The stand-in for the SMS gateway, 浙政钉, a webhook receiver and ntfy."""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from urllib.parse import parse_qsl

from alerts.channels.standin import credentials as own
from alerts.channels.standin.book import Answer, Book, Request, whole_number

_TOLERANCE_MS = 5 * 60_000


def sms(book: Book, request: Request) -> Answer:
    """``POST /sms/send``: the contract in docs/channels.md."""
    if not _signed(book, request, own.SMS_SECRET):
        return Answer({"code": "BAD_SIGNATURE", "message": "signature"}, 401)
    data = request.json()
    mobile = str(data.get("mobile", ""))
    if not mobile or mobile in book.absent:
        return Answer({"code": "BAD_MOBILE", "message": "空号"})
    if not data.get("text"):
        return Answer({"code": "BAD_REQUEST", "message": "text"})
    title, text = str(data.get("title", "")), str(data["text"])
    return Answer({"code": "OK", "message_id": book.take("sms", mobile, title, text, data)})


def webhook(book: Book, request: Request) -> Answer:
    """``POST /webhook``: a receiver that verifies by Standard Webhooks."""
    if not _signed(book, request, own.WEBHOOK_SECRET):
        return Answer({"error": "signature"}, 401)
    data = request.json()
    body = data.get("data")
    inner = body if isinstance(body, dict) else {}
    lines = inner.get("lines")
    text = "\n".join(map(str, lines)) if isinstance(lines, list) else ""
    book.take("webhook", own.GROUP, str(inner.get("title", "")), text, data)
    return Answer(b"", 204)


def _signed(book: Book, request: Request, secret: str) -> bool:
    stamp = whole_number(request.headers.get("webhook-timestamp", ""))
    if stamp is None or abs(book.clock() - stamp * 1000) > _TOLERANCE_MS:
        return False
    head = f"{request.headers.get('webhook-id', '')}.{stamp}.".encode()
    key = base64.b64decode(secret.split("_", 1)[1])
    expected = base64.b64encode(hmac.digest(key, head + request.body, hashlib.sha256))
    given = request.headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(one.encode(), b"v1," + expected) for one in given)


def zhezhengding(book: Book, request: Request) -> Answer:
    """``POST /message/workNotification``."""
    pairs = parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True)
    headers = request.headers
    signed = "\n".join(
        [
            request.method,
            headers.get("x-hmac-auth-timestamp", ""),
            headers.get("x-hmac-auth-nonce", ""),
            request.path,
            "&".join(sorted(f"{name}={value}" for name, value in pairs)),
        ]
    )
    expected = base64.b64encode(
        hmac.digest(own.ZHEZHENGDING_SECRET.encode(), signed.encode(), hashlib.sha256)
    )
    given = headers.get("x-hmac-auth-signature", "").encode()
    if (
        headers.get("apikey") != own.ZHEZHENGDING_KEY
        or not _iso_within_an_hour(book, headers.get("x-hmac-auth-timestamp", ""))
        or not hmac.compare_digest(given, expected)
    ):
        return Answer({"success": False, "errorCode": "401", "errorMsg": "签名错误"}, 401)
    form = dict(pairs)
    who = form.get("receiverIds", "")
    if who in book.absent or form.get("tenantId") != own.ZHEZHENGDING_TENANT:
        return Answer(
            {
                "success": True,
                "content": {
                    "success": False,
                    "responseCode": "S30001",
                    "responseMessage": "接收人或租户不存在",
                },
            }
        )
    title, _, rest = _text_of(form.get("msg", "")).partition("\n")
    reference = book.take("zhezhengding", who, title, rest, dict(form))
    return Answer(
        {"success": True, "content": {"success": True, "responseCode": "0", "data": reference}}
    )


def _text_of(message: str) -> str:
    try:
        return str(json.loads(message)["text"]["content"])
    except (ValueError, KeyError, TypeError):
        return ""


def _iso_within_an_hour(book: Book, text: str) -> bool:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return False
    return at.tzinfo is not None and book.within_an_hour(int(at.timestamp() * 1000))


def ntfy(book: Book, request: Request) -> Answer:
    """``POST /``: ntfy's publishing as JSON."""
    if request.headers.get("authorization") != f"Bearer {own.NTFY_TOKEN}":
        return Answer({"code": 40301, "http": 403, "error": "forbidden"}, 403)
    data = request.json()
    topic = str(data.get("topic", ""))
    if not topic or topic in book.absent:
        return Answer({"code": 40009, "http": 400, "error": "invalid topic"}, 400)
    title, text = str(data.get("title", "")), str(data.get("message", ""))
    return Answer({"id": book.take("ntfy", topic, title, text, data), "event": "message"})
