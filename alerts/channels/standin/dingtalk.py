"""DingTalk's side of the two DingTalk channels."""

import base64
import hashlib
import hmac
from collections.abc import Mapping

from alerts.channels.standin import credentials as own
from alerts.channels.standin.book import Answer, Book, Request, whole_number

_MINUTE_MS = 60_000


def _said(code: int, text: str) -> Answer:
    return Answer({"errcode": code, "errmsg": text})


def robot(book: Book, request: Request, limits: bool) -> Answer:
    """``POST /robot/send``."""
    if request.query.get("access_token") != own.DINGTALK_ROBOT_TOKEN:
        return _said(300005, "token is not exist")
    stamp = whole_number(request.query.get("timestamp", ""))
    if stamp is None or not book.within_an_hour(stamp):
        return _said(310000, "invalid timestamp")
    digest = hmac.digest(
        own.DINGTALK_ROBOT_SECRET.encode(),
        f"{stamp}\n{own.DINGTALK_ROBOT_SECRET}".encode(),
        hashlib.sha256,
    )
    # The query is decoded once here, as by any server: a sign that was encoded twice differs.
    if not hmac.compare_digest(request.query.get("sign", "").encode(), base64.b64encode(digest)):
        return _said(310000, "sign not match, more: [https://ding-doc.dingtalk.com]")
    if limits and book.too_fast("dingtalk_robot", 20, _MINUTE_MS):
        return _said(130101, "send too fast, exceed 20 times per minute")
    data = request.json()
    text = _part(data, "markdown")
    if data.get("msgtype") != "markdown" or not text.get("text") or not text.get("title"):
        return _said(40035, "缺少参数 json")
    book.take("dingtalk_robot", own.GROUP, str(text["title"]), str(text["text"]), data)
    return _said(0, "ok")


def token(book: Book, request: Request) -> Answer:
    """``GET /gettoken``."""
    if (request.query.get("appkey"), request.query.get("appsecret")) != (
        own.DINGTALK_APP_KEY,
        own.DINGTALK_APP_SECRET,
    ):
        return _said(40089, "不合法的corpid或corpsecret")
    return Answer(
        {"errcode": 0, "errmsg": "ok", "access_token": book.issue_token(7200), "expires_in": 7200}
    )


def person(book: Book, request: Request) -> Answer:
    """``POST /topapi/message/corpconversation/asyncsend_v2``."""
    if not book.token_good(request.query.get("access_token", "")):
        return Answer(
            {
                "errcode": 88,
                "errmsg": "ding talk error[subcode=40014,submsg=不合法的access_token]",
                "sub_code": "40014",
                "sub_msg": "不合法的access_token",
            }
        )
    data = request.json()
    who = str(data.get("userid_list", ""))
    if data.get("agent_id") != own.DINGTALK_AGENT_ID:
        return _said(400006, "agent_id 不合法")
    if not who or who in book.absent:
        return _said(33012, "无效的USERID")
    text = _part(_part(data, "msg"), "markdown")
    if len(request.body) > 2048 or not text.get("text"):
        return _said(34016, "消息内容长度超过限制")
    reference = book.take(
        "dingtalk_person", who, str(text.get("title", "")), str(text["text"]), data
    )
    return Answer({"errcode": 0, "errmsg": "ok", "task_id": reference, "request_id": "standin"})


def _part(data: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = data.get(name)
    return part if isinstance(part, dict) else {}
