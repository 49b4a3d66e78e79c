"""What the eyes saw, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from backend.domain.record import Record
from backend.web.i18n import mark

PAGE: Final[Mapping[str, tuple[str, str]]] = {
    "same": (mark("与审批的文件一致"), "ok"),
    "altered": (mark("与审批的文件有不同"), "bad"),
    "another": (mark("不是审批过的文件"), "bad"),
    "extra": (mark("不是要盖章的那一页"), "bad"),
    "blank": (mark("是空白纸"), "bad"),
    "reused": (mark("这张纸盖过章"), "bad"),
    "retake": (mark("看不清，无法核对"), "warn"),
    "no_reference": (mark("没有可比对的审批文件"), "mute"),
    "impossible": (mark("没能核对"), "warn"),
}
IMPRINT: Final[Mapping[str, tuple[str, str]]] = {
    "right": (mark("一枚印迹，是批准的印章"), "ok"),
    "none": (mark("纸上没有新的印迹"), "bad"),
    "several": (mark("留下多枚印迹"), "bad"),
    "other_seal": (mark("是本村另一枚印章"), "bad"),
    "unknown_seal": (mark("不是登记过的印章"), "bad"),
    "misplaced": (mark("印迹不在要求的位置"), "warn"),
    "page_changed": (mark("盖章前后不是同一张纸"), "bad"),
    "no_template": (mark("有一枚印迹，该印章还没有登记印迹"), "mute"),
    "retake": (mark("看不清，无法核对"), "warn"),
    "impossible": (mark("没能核对"), "warn"),
}
REASON: Final[Mapping[str, str]] = {
    "dark": mark("光线太暗"),
    "glare": mark("纸面反光"),
    "blurred": mark("照片模糊"),
    "covered": mark("文字被遮住"),
    "cut_off": mark("没有拍全"),
    "too_small": mark("离得太远"),
    "two_pages": mark("拍到两页纸"),
    "unreadable": mark("文字看不清"),
    "no_before": mark("没有盖章前的照片"),
    "worker_failed": mark("核对程序两次失败"),
    "queue_full": mark("核对排队已满，空闲时再核对"),
    "picture_on_its_way": mark("照片一直没有传到"),
}
MARK: Final[Mapping[str, str]] = {
    "changed": mark("改动"),
    "added": mark("添加"),
    "missing": mark("缺少"),
    "ink": mark("手写添改"),
    "imprint": mark("印迹"),
}
OTHER_WORDS: Final = mark("不同")
"""Of a line that another paper has in this one's place."""


def seen(record: Record) -> tuple[str, dict[str, Any], str]:
    """Message, values and tone of ``page.checked`` or ``imprint.checked``."""
    finding = str(record.data.get("finding"))
    page = record.kind == "page.checked"
    text, tone = (PAGE if page else IMPRINT).get(finding, (finding, "mute"))
    message = mark("核对第{n}章的文件：{finding}") if page else mark("核对第{n}章的印迹：{finding}")
    return message, {"n": record.data.get("press", "—"), "finding": text}, tone


WORDS: Final = frozenset(text for text, _ in (*PAGE.values(), *IMPRINT.values()))
