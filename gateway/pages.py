"""Answers to sleeves that hold a press until the page was looked at.

The eyes look beside the pipeline (backend.services.eyes). What they found, or that they were too
late, is said here: ``proceed`` with the number of the press, or a refusal in plain words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, Row

from backend.domain import use as domain
from backend.domain.eyes import PageFinding
from backend.store import looks, sleeves, uses
from backend.store.db import Database
from gateway.protocol import topics
from gateway.protocol.messages import Down, Proceed, Refusal
from gateway.stages.answer import Publisher

WAIT_MS: Final = 25_000
"""A little less than a sleeve waits for its answer."""

_LATE: Final = "late"
_RETRY: Final = frozenset({PageFinding.RETAKE.value, PageFinding.IMPOSSIBLE.value, _LATE})

_TEXTS: Final = {
    PageFinding.ALTERED.value: "文件与审批的不一致，不能盖章，请联系审批人",
    PageFinding.ANOTHER.value: "这不是审批过的文件，不能盖章",
    PageFinding.EXTRA.value: "这一页不在盖章范围内，请换上审批的那一页",
    PageFinding.BLANK.value: "纸上没有内容，不能在空白纸上盖章",
    PageFinding.REUSED.value: "这张纸已经盖过章，不能重复使用",
    PageFinding.IMPOSSIBLE.value: "文件暂时无法核对，请重新拍照",
    _LATE: "核对文件超时，请重新拍照",
}
_RETAKE_TEXTS: Final = {
    "dark": "光线太暗，请打开灯再拍",
    "glare": "纸面反光，请换个角度再拍",
    "blurred": "照片不清楚，请放稳再拍",
    "covered": "有东西挡住文字，请移开再拍",
    "cut_off": "没有拍到整页，请放正再拍",
    "too_small": "离纸太远，请靠近再拍",
    "two_pages": "拍到了两页纸，请只放一页",
    "unreadable": "看不清文字，请重新拍照",
}


class PageAnswers:
    """Tells waiting sleeves. One call of :meth:`tick` looks once."""

    def __init__(
        self,
        db: Database,
        publisher: Publisher,
        sign: Callable[[str, Down, int], bytes],
        now: Callable[[], int],
    ) -> None:
        self._db = db
        self._publisher = publisher
        self._sign = sign
        self._now = now

    def tick(self) -> bool:
        """Answer what can be answered; whether anything could."""
        now = self._now()
        with self._db.read() as conn:
            rows = looks.held(conn, now - WAIT_MS)
        for row in rows:
            with self._db.write() as conn:
                said = self._settle(conn, row, now)
            if said is not None:
                self._publisher.publish(topics.down(row.device_id, said[0]), said[1])
        return bool(rows)

    @property
    def idle(self) -> bool:
        """Whether no waiting sleeve can be answered."""
        with self._db.read() as conn:
            return not looks.held(conn, self._now() - WAIT_MS, limit=1)

    def _settle(self, conn: Connection, row: Row[Any], now: int) -> tuple[str, bytes] | None:
        sleeve = sleeves.lock_sleeves(conn, [row.device_id]).get(row.device_id)
        use = uses.load_uses(conn, [row.use_id]).get(row.use_id)
        grants = uses.load_grants(conn, [use.grant])[0] if use is not None and use.grant else {}
        if not looks.let_go(conn, row.id):
            return None  # another gateway was quicker
        if sleeve is None or use is None or not use.open:
            return None  # nobody waits any more
        grant = grants.get(use.grant or "")
        code = "unknown_grant" if grant is None else domain.grant_code(grant, use.device, now)
        body = _answer(row, use, code, locked=sleeve.locked)
        payload = self._sign(row.device_id, body, now)
        kept = {
            "device_id": row.device_id,
            "counter": row.counter,
            "type": body.type,
            "payload": payload,
            "at": now,
        }
        sleeves.save_answers(conn, [kept])
        return body.type, payload


def _answer(row: Row[Any], use: domain.Use, grant: str, *, locked: bool) -> Down:
    ended = "locked" if locked else grant if grant in _ENDS else None
    if ended is not None:
        refused = domain.refusal(ended)
        return Refusal(answers=row.counter, reason=refused.code, text=refused.text)
    finding = row.finding if row.state == looks.DONE else _LATE
    if finding in _CLEARS:
        number = int(use.id.rsplit(":", 1)[1])
        return Proceed(answers=row.counter, use=number, press=row.press)
    reasons = row.result.get("reasons") or [""]
    text = _RETAKE_TEXTS.get(reasons[0]) if finding == PageFinding.RETAKE.value else None
    return Refusal(
        answers=row.counter,
        reason=f"page_{finding}",
        text=text or _TEXTS.get(finding, _RETAKE_TEXTS["unreadable"]),
        retry=finding in _RETRY,
    )


_ENDS: Final = frozenset({"unknown_grant", "revoked", "expired"})
_CLEARS: Final = frozenset(one.value for one in PageFinding if one.clears)
