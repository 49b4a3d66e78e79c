"""Feishu's side of the two Feishu channels."""

import base64
import hashlib
import hmac
import json

from alerts.channels.standin import credentials as own
from alerts.channels.standin.book import Answer, Book, Request, whole_number

_SECOND_MS = 1000


def _said(code: int, text: str, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer({"code": code, "msg": text, "data": {}}, status, named)


def robot(book: Book, request: Request, limits: bool) -> Answer:
    """``POST /open-apis/bot/v2/hook/{hook}``."""
    if request.path.rsplit("/", 1)[1] != own.FEISHU_HOOK:
        return _said(19001, "param invalid: incoming webhook access token invalid")
    data = request.json()
    stamp = whole_number(str(data.get("timestamp", "")))
    key = f"{data.get('timestamp')}\n{own.FEISHU_ROBOT_SECRET}".encode()
    expected = base64.b64encode(hmac.digest(key, b"", hashlib.sha256))
    if (
        stamp is None
        or not book.within_an_hour(stamp * 1000)
        or not hmac.compare_digest(str(data.get("sign", "")).encode(), expected)
    ):
        return _said(19021, "sign match fail or timestamp is not within one hour from current time")
    if limits and book.too_fast("feishu_robot", 5, _SECOND_MS):
        return _said(11232, "frequency limited psm[lark.oapi.app_platform_runtime]")
    content = data.get("content")
    title, text = _read_post(content.get("post") if isinstance(content, dict) else None)
    if data.get("msg_type") != "post" or not title:
        return _said(9499, "Bad Request")
    book.take("feishu_robot", own.GROUP, title, text, data)
    return Answer(
        {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}
    )


def token(book: Book, request: Request) -> Answer:
    """``POST /open-apis/auth/v3/tenant_access_token/internal``."""
    data = request.json()
    if data.get("app_id") != own.FEISHU_APP_ID:
        return _said(10003, "invalid param")
    if data.get("app_secret") != own.FEISHU_APP_SECRET:
        return _said(10014, "app secret invalid")
    return Answer(
        {"code": 0, "msg": "ok", "tenant_access_token": book.issue_token(7200), "expire": 7200}
    )


def person(book: Book, request: Request, limits: bool) -> Answer:
    """``POST /open-apis/im/v1/messages``."""
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not book.token_good(bearer):
        return _said(99991663, "Invalid access token for authorization.", 400)
    data = request.json()
    who = str(data.get("receive_id", ""))
    if limits and book.too_fast(f"feishu_person {who}", 5, _SECOND_MS):
        return _said(99991400, "request trigger frequency limit", 429, x_ogw_ratelimit_reset="7")
    kind = request.query.get("receive_id_type", "")
    if kind not in ("open_id", "union_id", "user_id", "email") or not who or who in book.absent:
        return _said(230001, "Your request contains an invalid request parameter", 400)
    try:
        content = json.loads(str(data.get("content", "")))
    except ValueError:
        content = None
    title, text = _read_post(content)
    if data.get("msg_type") != "post" or not title or len(str(data.get("uuid", ""))) > 50:
        return _said(230001, "content is not a string in json format", 400)
    reference = book.take("feishu_person", f"{kind}:{who}", title, text, data)
    return Answer({"code": 0, "msg": "success", "data": {"message_id": f"om_{reference}"}})


def _read_post(post: object) -> tuple[str, str]:
    if not isinstance(post, dict) or len(post) != 1:
        return "", ""
    language, content = next(iter(post.items()))
    if language not in ("zh_cn", "en_us") or not isinstance(content, dict):
        return "", ""
    rows = content.get("content")
    lines = [
        "".join(str(part.get("text", "")) for part in row if isinstance(part, dict))
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, list)
    ]
    return str(content.get("title", "")), "\n".join(lines)
