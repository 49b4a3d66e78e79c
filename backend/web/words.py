"""Codes in words, with the tone in which they are shown: ok, run (going on), warn, bad, mute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from backend.web.i18n import mark


class Word(NamedTuple):
    """A message and its tone."""

    text: str
    tone: str = "mute"


USE_STATE: Final[Mapping[str, Word]] = {
    "unlocked": Word(mark("已开锁"), "run"),
    "open": Word(mark("已开锁"), "run"),
    "counted": Word(mark("已输入章数"), "run"),
    "checking": Word(mark("核验身份中"), "run"),
    "cleared": Word(mark("身份已核验"), "run"),
    "stamping": Word(mark("盖章中"), "run"),
    "finished": Word(mark("已完成"), "ok"),
    "refused": Word(mark("未盖章"), "mute"),
}

FINISH_REASON: Final[Mapping[str, Word]] = {
    "done": Word(mark("盖完"), "ok"),
    "early": Word(mark("提前结束"), "warn"),
    "timeout": Word(mark("超时上锁"), "warn"),
    "refused": Word(mark("核验未通过"), "bad"),
    "fault": Word(mark("设备故障"), "bad"),
    "power": Word(mark("断电"), "warn"),
    "stopped": Word(mark("被中止"), "warn"),
}

PERSON_CHECK: Final[Mapping[str, Word]] = {
    "none": Word(mark("未核验身份"), "mute"),
    "pending": Word(mark("正在核验"), "run"),
    "match": Word(mark("人脸相符"), "ok"),
    "doubtful": Word(mark("人脸存疑"), "warn"),
    "mismatch": Word(mark("人脸不符"), "bad"),
    "unusable": Word(mark("人脸看不清"), "warn"),
    "pin": Word(mark("PIN加见证人"), "ok"),
    "unchecked": Word(mark("未能核验"), "warn"),
}

PERMIT: Final[Mapping[str, Word]] = {
    "wanted": Word(mark("待审批"), "run"),
    "approved": Word(mark("已批准"), "ok"),
    "rejected": Word(mark("未批准"), "mute"),
    "out": Word(mark("外带中"), "warn"),
    "returned": Word(mark("已归还"), "ok"),
    "overdue": Word(mark("超期未还"), "bad"),
}

SEVERITY: Final[Mapping[str, Word]] = {
    "critical": Word(mark("紧急"), "bad"),
    "major": Word(mark("重要"), "warn"),
    "minor": Word(mark("提示"), "mute"),
}

STAGE: Final[Mapping[str, Word]] = {
    "new": Word(mark("未处理"), "bad"),
    "acknowledged": Word(mark("已知悉"), "warn"),
    "assigned": Word(mark("已派发"), "warn"),
    "rectifying": Word(mark("整改中"), "run"),
    "closed": Word(mark("已销号"), "ok"),
    "false_alarm": Word(mark("误报"), "mute"),
}

APPLICATION_TONE: Final[Mapping[str, str]] = {
    "draft": "mute",
    "submitted": "run",
    "returned": "warn",
    "approved": "ok",
    "rejected": "bad",
    "withdrawn": "mute",
    "expired": "mute",
    "in_use": "run",
    "used": "ok",
    "finished_early": "warn",
    "voided": "bad",
    "closed": "mute",
}

GRANT_STATE: Final[Mapping[str, Word]] = {
    "issued": Word(mark("待用"), "run"),
    "unlocked": Word(mark("已开锁"), "run"),
    "burnt": Word(mark("使用中"), "run"),
    "used": Word(mark("已用完"), "ok"),
    "expired": Word(mark("已过期"), "mute"),
    "revoked": Word(mark("已撤销"), "bad"),
}

PICTURE_KIND: Final[Mapping[str, str]] = {
    "face": mark("用章人"),
    "page_before": mark("盖章前"),
    "page_after": mark("盖章后"),
    "document": mark("文件"),
    "enrolment": mark("登记照"),
    "evidence": mark("证据"),
    "crop": mark("局部"),
}

PICTURE_STATE: Final[Mapping[str, str]] = {
    "announced": mark("正在上传"),
    "complete": mark("可查看"),
    "broken": mark("上传失败"),
    "erased": mark("已按规定删除"),
}

SEAL_SHORT: Final[Mapping[str, str]] = {
    "party": mark("党"),
    "committee": mark("村"),
    "cooperative": mark("经"),
}


def word(table: Mapping[str, Word], code: str | None) -> Word:
    """The word for ``code``; an unknown code stands for itself."""
    return table.get(code or "", Word(code or "—"))


LOG_STATE: Final[Mapping[str, str]] = {
    "open": mark("正在进行"),
    "done": mark("盖完"),
    "early": mark("提前结束"),
    "timeout": mark("超时上锁"),
    "refused": mark("核验未通过"),
    "fault": mark("设备故障"),
    "unstamped": mark("没有盖章"),
    "offline": mark("离线用印"),
    "late": mark("补传的"),
    "mismatch": mark("人脸不符"),
    "doubtful": mark("人脸存疑"),
    "unusable": mark("人脸看不清"),
    "pin": mark("PIN加见证人"),
    "unchecked": mark("未能核验"),
}
"""What the usage log may be narrowed to: some of :data:`backend.domain.search.STATES`."""

RULE_NAME: Final[Mapping[str, str]] = {
    "C1": mark("未批先盖"),
    "C2": mark("超批盖章"),
    "C3": mark("文件不符"),
    "C4": mark("中途换页"),
    "C5": mark("内容被改"),
    "C6": mark("空白用印"),
    "C7": mark("一批多用"),
    "C8": mark("用错印章"),
    "C9": mark("印迹异常"),
    "C10": mark("他人代盖"),
    "C11": mark("人脸造假"),
    "C12": mark("镜头异常"),
    "C13": mark("拆取印章"),
    "C14": mark("长按连盖"),
    "C15": mark("无故动作"),
    "C16": mark("擅自外带"),
    "C17": mark("非工作时间"),
    "C18": mark("长期离线"),
    "C19": mark("应急过多"),
    "C20": mark("时钟异常"),
    "C21": mark("盖印不符"),
    "C22": mark("未能关闭"),
    "C23": mark("记录缺失"),
    "C24": mark("假冒设备"),
    "C25": mark("拆分合同"),
    "C26": mark("自批自用"),
    "C27": mark("未看就批"),
    "C28": mark("办理超时"),
    "C29": mark("禁开证明"),
    "C30": mark("频次异常"),
    "C31": mark("系统外用印"),
    "C32": mark("未及时用印"),
    "C33": mark("任期已满"),
    "C34": mark("记录被改"),
    "C35": mark("有人质疑"),
}

CHANNEL: Final[Mapping[str, str]] = {
    "console": mark("控制台"),
    "inbox": mark("站内消息"),
    "web_push": mark("手机浏览器推送"),
    "dingtalk_robot": mark("钉钉群"),
    "dingtalk_person": mark("钉钉"),
    "wecom_robot": mark("企业微信群"),
    "wecom_person": mark("企业微信"),
    "feishu_robot": mark("飞书群"),
    "feishu_person": mark("飞书"),
    "sms": mark("短信"),
    "zhezhengding": mark("浙政钉"),
    "email": mark("电子邮件"),
    "ntfy": mark("手机推送"),
    "webhook": mark("接口推送"),
}

NOTICE_KIND: Final[Mapping[str, str]] = {
    "use_finished": mark("用印完成"),
    "late_uses_bundled": mark("补传的用印汇总"),
    "application_decided": mark("申请有了结果"),
}
