"""What a record says in plain words. A kind without words shows its code: nothing is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from backend.domain.record import Record
from backend.web import eyes_words
from backend.web.i18n import mark
from backend.web.words import RULE_NAME


class Said(NamedTuple):
    """A message, its values, a tone and an icon. Values that are messages are translated."""

    text: str
    values: Mapping[str, Any] = {}
    tone: str = "mute"
    icon: str = "list"


CODES: Final[Mapping[str, str]] = {
    # why a grant is worth nothing, or an unlock was refused
    "live": mark("授权有效"),
    "none": mark("没有授权"),
    "unknown": mark("没有这份授权"),
    "unknown_grant": mark("没有这份授权"),
    "not_started": mark("用印时间未到"),
    "expired": mark("授权已过期"),
    "revoked": mark("授权已撤销"),
    "used": mark("授权已用过"),
    "other_device": mark("授权属于另一个套筒"),
    "locked": mark("套筒已被远程锁定"),
    "no_seal": mark("套筒没有绑定印章"),
    "outside_place": mark("不在授权的地点"),
    "bad_grant": mark("授权内容有误"),
    "found": mark("补传的旧请求，不再应答"),
    # what the sleeve itself refused
    "past_count": mark("超过批准章数"),
    "no_grant": mark("没有授权"),
    "grant_used": mark("授权已用过"),
    "grant_expired": mark("授权已过期"),
    "grant_other_device": mark("授权属于另一个套筒"),
    "grant_bad": mark("授权签名不对"),
    "clock_untrusted": mark("套筒时钟不可信"),
    "flash_full": mark("套筒存储已满"),
    "no_picture": mark("没有拍到照片"),
    "remote_lock": mark("已被远程锁定"),
    "pin_wrong": mark("PIN不对"),
    "too_many_attempts": mark("尝试次数过多"),
    "not_answered": mark("平台没有应答"),
    "fault": mark("设备故障"),
    # how a use ended
    "done": mark("盖完"),
    "early": mark("提前结束"),
    "timeout": mark("超时上锁"),
    "refused": mark("核验未通过"),
    "power": mark("断电"),
    "stopped": mark("被中止"),
    # checks
    "match": mark("相符"),
    "doubtful": mark("存疑"),
    "mismatch": mark("不符"),
    "unusable": mark("看不清"),
    "unchecked": mark("未能核验"),
    "pin_ok": mark("PIN正确"),
    # why a burst shows no living person
    "no_turn": mark("没有看到转头"),
    "no_frontal": mark("没有先正对镜头"),
    "wrong_way": mark("转头方向不对"),
    "too_far": mark("头转得太多"),
    "flat": mark("镜头前像是一张照片"),
    "turned_other": mark("转头前后不像同一个人"),
    "not_continuous": mark("拍摄中途换了人或移动太快"),
    "replay": mark("照片以前用过"),
    # parts
    "case": mark("外壳"),
    "sleeve": mark("底座"),
    "seal": mark("印章仓"),
    "motor": mark("电机"),
    "limit_switch": mark("限位开关"),
}

_NOT_ALIVE: Final = (
    "no_turn",
    "no_frontal",
    "wrong_way",
    "too_far",
    "flat",
    "turned_other",
    "not_continuous",
    "replay",
)

_Teller = Callable[[Record, Mapping[str, Any], Mapping[str, Any]], Said]
"""From a record, its sleeve's own words and the verdict on them."""


def tell(record: Record) -> Said:
    """What ``record`` says."""
    teller = _TELLERS.get(record.kind)
    if teller is None:
        return Said(record.kind)
    return teller(record, record.data.get("event", {}), record.data.get("verdict", {}))


def code(value: Any) -> str:
    """A code as a message; an unknown one stands for itself."""
    return CODES.get(str(value), str(value))


def _plain(text: str, tone: str = "mute", icon: str = "list") -> _Teller:
    return lambda _record, _event, _verdict: Said(text, {}, tone, icon)


def _reasoned(text: str, tone: str, icon: str = "page") -> _Teller:
    return lambda record, _event, _verdict: Said(
        text, {"reason": record.data.get("reason") or "—"}, tone, icon
    )


def _submitted(record: Record, _event: Any, _verdict: Any) -> Said:
    number = record.data.get("number") or "—"
    return Said(mark("提交申请 {number}"), {"number": number}, "run", "page")


def _step_approved(record: Record, _event: Any, _verdict: Any) -> Said:
    step = record.data.get("step") or "—"
    if not record.data.get("document_opened", True):
        return Said(mark("同意（{step}），但没有打开过文件"), {"step": step}, "warn", "check")
    return Said(mark("看过文件后同意（{step}）"), {"step": step}, "ok", "check")


def _issued(record: Record, _event: Any, _verdict: Any) -> Said:
    values = {"stamps": record.data.get("stamps", "—")}
    return Said(mark("签发一次性授权，最多盖{stamps}章"), values, "ok", "key")


def _unlock_request(_record: Record, _event: Any, verdict: Any) -> Said:
    if refused := verdict.get("refused"):
        return Said(mark("不予开锁：{reason}"), {"reason": code(refused)}, "bad", "lock")
    if "granted" in verdict:
        return Said(mark("平台核对授权，准予开锁"), {}, "ok", "key")
    return Said(mark("在套筒上请求开锁"), {}, "mute", "sleeve")


def _burnt(_record: Record, event: Any, verdict: Any) -> Said:
    if verdict.get("reused"):
        return Said(mark("授权被再次使用"), {}, "bad", "key")
    if event.get("offline"):
        return Said(mark("离线开锁，授权在套筒内作废"), {}, "warn", "key")
    return Said(mark("开锁，授权在套筒内作废，不能再用"), {}, "run", "key")


def _counted(_record: Record, event: Any, verdict: Any) -> Said:
    tone = "bad" if verdict.get("over") else "mute"
    return Said(mark("在套筒上输入{count}章"), {"count": event.get("count", "—")}, tone, "list")


def _face(_record: Record, event: Any, _verdict: Any) -> Said:
    return Said(mark("拍下用章人的脸（第{n}次）"), {"n": event.get("attempt", 1)}, "mute", "face")


def _check(record: Record, _event: Any, _verdict: Any) -> Said:
    verdict = record.data.get("verdict")
    tone = {"match": "ok", "pin_ok": "ok", "mismatch": "bad", "pin_wrong": "bad"}
    score = record.data.get("score")
    values: dict[str, Any] = {"verdict": code(verdict)}
    if record.data.get("kind") == "pin":
        return Said(mark("核验PIN：{verdict}"), values, tone.get(str(verdict), "warn"), "shield")
    not_alive = next((one for one in record.data.get("reasons", ()) if one in _NOT_ALIVE), None)
    if not_alive is not None:
        return Said(mark("核验人脸：{verdict}"), {"verdict": code(not_alive)}, "bad", "shield")
    if isinstance(score, float):
        return Said(
            mark("核验人脸：{verdict}（相似度{score}）"),
            values | {"score": f"{score:.2f}"},
            tone.get(str(verdict), "warn"),
            "shield",
        )
    return Said(mark("核验人脸：{verdict}"), values, tone.get(str(verdict), "warn"), "shield")


def _page(_record: Record, event: Any, _verdict: Any) -> Said:
    values = {"n": event.get("press", "—")}
    if event.get("failure"):
        return Said(mark("第{n}章没有拍到纸面"), values, "warn", "camera")
    if event.get("stage") == "after":
        return Said(mark("第{n}章盖后拍照"), values, "mute", "camera")
    return Said(mark("第{n}章盖前拍照"), values, "mute", "camera")


def _eyes(record: Record, _event: Any, _verdict: Any) -> Said:
    text, values, tone = eyes_words.seen(record)
    return Said(text, values, tone, "eye")


def _opinion(record: Record, _event: Any, _verdict: Any) -> Said:
    values = {"n": record.data.get("subject", "—"), "reason": record.data.get("reason") or "—"}
    if record.data.get("agrees"):
        return Said(mark("人工确认第{n}条核对结果"), values, "ok", "eye")
    return Said(mark("人工更正第{n}条核对结果：{reason}"), values, "warn", "eye")


def _stamped(_record: Record, event: Any, verdict: Any) -> Said:
    grant = verdict.get("grant", "live")
    press = verdict.get("press") or event.get("press") or 1
    if grant != "live":
        return Said(mark("盖下一章，但{reason}"), {"reason": code(grant)}, "bad", "seal")
    if verdict.get("over"):
        return Said(mark("盖下第{n}章，超过批准章数"), {"n": press}, "bad", "seal")
    return Said(mark("盖下第{n}章"), {"n": press}, "ok", "seal")


def _finished(_record: Record, event: Any, verdict: Any) -> Said:
    values = {"reason": code(event.get("reason")), "n": event.get("presses", "—")}
    if verdict.get("agree") is False:
        return Said(mark("上锁，套筒报{n}章，与记录不符（{reason}）"), values, "bad", "lock")
    whole = event.get("reason") == "done" and verdict.get("ends") != "finished_early"
    tone = "ok" if whole else "warn"
    return Said(mark("用印结束，共{n}章，已上锁（{reason}）"), values, tone, "lock")


def _attempt(_record: Record, event: Any, _verdict: Any) -> Said:
    return Said(
        mark("套筒拒绝操作：{reason}"), {"reason": code(event.get("reason"))}, "warn", "cross"
    )


def _tamper(_record: Record, event: Any, _verdict: Any) -> Said:
    values = {"part": code(event.get("switch"))}
    if event.get("open"):
        return Said(mark("{part}被打开"), values, "bad", "alert")
    return Said(mark("{part}已复位"), values, "mute", "check")


def _motion(_record: Record, event: Any, _verdict: Any) -> Said:
    return Said(mark("{part}无故动作"), {"part": code(event.get("part"))}, "bad", "alert")


def _device_fault(_record: Record, event: Any, _verdict: Any) -> Said:
    values = {"code": event.get("code", "—")}
    if event.get("cleared"):
        return Said(mark("设备故障恢复：{code}"), values, "mute", "sleeve")
    return Said(mark("设备故障：{code}"), values, "warn", "sleeve")


def _alert(text: str, tone: str) -> _Teller:
    def told(record: Record, _event: Any, _verdict: Any) -> Said:
        rule = str(record.data.get("code", ""))
        return Said(text, {"code": rule, "name": RULE_NAME.get(rule, rule)}, tone, "alert")

    return told


_TELLERS: Final[Mapping[str, _Teller]] = {
    "application.submitted": _submitted,
    "application.refused": _reasoned(mark("申请未被受理：{reason}"), "bad"),
    "application.step_approved": _step_approved,
    "application.approved": _plain(mark("全部审批通过"), "ok", "check"),
    "application.rejected": _reasoned(mark("不同意：{reason}"), "bad"),
    "application.returned": _reasoned(mark("退回补充：{reason}"), "warn"),
    "application.withdrawn": _reasoned(mark("申请人撤回：{reason}"), "mute"),
    "application.delegated": _reasoned(mark("转交他人审批：{reason}"), "mute"),
    "application.overdue": _plain(mark("超过办理时限"), "bad", "clock"),
    "application.expired": _plain(mark("申请过期"), "warn", "clock"),
    "application.voided": _reasoned(mark("作废：{reason}"), "bad"),
    "application.closed": _plain(mark("归档"), "ok", "check"),
    "application.explained": _reasoned(mark("说明提前结束的原因：{reason}"), "mute"),
    "grant.issued": _issued,
    "grant.expired": _plain(mark("授权过期"), "warn", "key"),
    "grant.revoked": _reasoned(mark("授权撤销：{reason}"), "bad", "key"),
    "event.unlock_request": _unlock_request,
    "event.grant_burnt": _burnt,
    "event.count_entered": _counted,
    "event.face_captured": _face,
    "event.pin_entered": _plain(mark("改用PIN，由见证人在场"), "warn", "person"),
    "check.done": _check,
    "event.page_captured": _page,
    "page.checked": _eyes,
    "imprint.checked": _eyes,
    "eyes.reviewed": _opinion,
    "event.stamped": _stamped,
    "event.use_finished": _finished,
    "event.attempt_refused": _attempt,
    "event.tamper": _tamper,
    "event.motion_unexpected": _motion,
    "event.moved": _plain(mark("套筒被移动"), "warn", "place"),
    "event.fault": _device_fault,
    "event.boot": _plain(mark("套筒启动"), "mute", "sleeve"),
    "event.clock_set": _plain(mark("套筒校时"), "mute", "clock"),
    "event.grant_stored": _plain(mark("套筒收到离线授权"), "mute", "key"),
    "event.grant_dropped": _plain(mark("套筒删除离线授权"), "mute", "key"),
    "event.lock_changed": _plain(mark("执行远程锁定指令"), "warn", "lock"),
    "event.config_applied": _plain(mark("更新设置"), "mute", "gear"),
    "event.key_rotated": _plain(mark("更换设备密钥"), "mute", "key"),
    "event.keys_applied": _plain(mark("套筒收到平台的新公钥"), "mute", "key"),
    "gap.opened": _plain(mark("发现记录缺口，等待补传"), "warn", "alert"),
    "gap.healed": _plain(mark("缺失的记录已补齐"), "ok", "check"),
    "gap.closed": _plain(mark("缺失的记录确认丢失"), "bad", "alert"),
    "fork.found": _plain(mark("同一序号出现两份记录，可能有假冒设备"), "bad", "alert"),
    "counter.jump": _plain(mark("机械计数与记录对不上"), "bad", "alert"),
    "poison.kept": _plain(mark("收到无法通过验证的数据"), "bad", "alert"),
    "device.enrolled": _plain(mark("套筒登记"), "mute", "sleeve"),
    "device.bound": _plain(mark("套筒与印章绑定"), "mute", "seal"),
    "alert.raised": _alert(mark("发出预警 {code} {name}"), "bad"),
    "alert.updated": _alert(mark("预警 {code} {name} 再次出现"), "warn"),
    "alert.acknowledged": _alert(mark("预警 {code} {name}：已知悉"), "mute"),
    "alert.assigned": _alert(mark("预警 {code} {name}：派发处理"), "mute"),
    "alert.rectifying": _alert(mark("预警 {code} {name}：整改中"), "mute"),
    "alert.closed": _alert(mark("预警 {code} {name}：已销号"), "ok"),
    "alert.false_alarm": _alert(mark("预警 {code} {name}：误报"), "mute"),
    "alert.cleared": _alert(mark("预警 {code} {name}：情况已消除"), "mute"),
    "alert.suppressed": _alert(mark("预警 {code} {name}：暂停提醒"), "mute"),
    "alert.unsuppressed": _alert(mark("预警 {code} {name}：恢复提醒"), "mute"),
    "picture.viewed": _reasoned(mark("查看图片，事由：{reason}"), "mute", "eye"),
    "picture.erased": _reasoned(mark("删除图片：{reason}"), "warn", "trash"),
    "use.questioned": _reasoned(mark("对本次用印提出疑问：{reason}"), "bad", "alert"),
    "use.reviewed": _plain(mark("监督员已复核"), "ok", "eye"),
    "emergency.opened": _plain(mark("应急用印，两人确认"), "bad", "alert"),
    "emergency.reviewed": _plain(mark("应急用印事后复核"), "mute", "eye"),
}
