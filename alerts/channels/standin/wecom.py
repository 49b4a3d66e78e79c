"""WeCom's side of the two WeCom channels."""

from collections.abc import Mapping

from alerts.channels.standin import credentials as own
from alerts.channels.standin.book import Answer, Book, Request

_MINUTE_MS = 60_000


def _said(code: int, text: str) -> Answer:
    return Answer({"errcode": code, "errmsg": text})


def robot(book: Book, request: Request, limits: bool) -> Answer:
    """``POST /cgi-bin/webhook/send``."""
    key = request.query.get("key", "")
    if key != own.WECOM_ROBOT_KEY:
        # The real service echoes nothing of the key; this one does, for the redaction's sake.
        return _said(93000, f"invalid webhook url, hint: [key={key}], from ip: 127.0.0.1")
    if limits and book.too_fast("wecom_robot", 20, _MINUTE_MS):
        return _said(45009, "api freq out of limit")
    data = request.json()
    text = str(_part(data, "markdown").get("content", ""))
    if data.get("msgtype") != "markdown" or not text:
        return _said(44004, "empty content")
    if len(text.encode()) > 4096:
        return _said(45002, "content size out of limit")
    book.take("wecom_robot", own.GROUP, text.split("\n", 1)[0].removeprefix("### "), text, data)
    return _said(0, "ok")


def token(book: Book, request: Request) -> Answer:
    """``GET /cgi-bin/gettoken``."""
    if request.query.get("corpid") != own.WECOM_CORP_ID:
        return _said(40013, "invalid corpid")
    if request.query.get("corpsecret") != own.WECOM_SECRET:
        return _said(40001, "invalid credential")
    return Answer(
        {"errcode": 0, "errmsg": "ok", "access_token": book.issue_token(7200), "expires_in": 7200}
    )


def person(book: Book, request: Request) -> Answer:
    """``POST /cgi-bin/message/send``."""
    if not book.token_good(request.query.get("access_token", "")):
        return _said(42001, "access_token expired")
    data = request.json()
    who = str(data.get("touser", ""))
    if data.get("agentid") != own.WECOM_AGENT_ID:
        return _said(40056, "invalid agentid")
    if not who or who in book.absent:
        # As the service does when others in the same call are fine: no error code at all.
        return Answer({"errcode": 0, "errmsg": "ok", "invaliduser": who.lower(), "msgid": ""})
    card = _part(data, "textcard")
    title, text = str(card.get("title", "")), str(card.get("description", ""))
    if data.get("msgtype") == "textcard":
        if len(title.encode()) > 128 or len(text.encode()) > 512 or not card.get("url"):
            return _said(40058, "invalid Request Parameter")
    else:
        content = str(_part(data, "text").get("content", ""))
        title, _, text = content.partition("\n")
        if not content:
            return _said(44004, "empty content")
        if len(content.encode()) > 2048:
            return _said(45002, "content size out of limit")
    reference = book.take("wecom_person", who, title, text, data)
    return Answer({"errcode": 0, "errmsg": "ok", "invaliduser": "", "msgid": reference})


def _part(data: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = data.get(name)
    return part if isinstance(part, dict) else {}
