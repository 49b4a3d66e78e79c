"""What the display says, in plain Chinese: what happened, and what to do now."""

from __future__ import annotations

from typing import Final

IDLE: Final = "请输入任务码，或从待办列表选择用印任务"
REQUESTING: Final = "正在核对授权，请稍候"
ENTER_PIN: Final = "请输入用章人口令，并请见证人输入口令"
FACE: Final = "请用章人正对摄像头"
FACE_LEFT: Final = "请用章人正对摄像头，然后慢慢向左转头"
FACE_RIGHT: Final = "请用章人正对摄像头，然后慢慢向右转头"
CHECKING: Final = "正在核对身份，请稍候"
PAGE_CHECKING: Final = "正在核对文件，请勿移动纸张"
WORKING: Final = "正在盖章，请勿移动"
BUSY: Final = "上一次用印尚未结束，请先完成"
DONE: Final = "用印完成，印章已锁好"
ENDED_EARLY: Final = "用印已提前结束，印章已锁好"
ENDED: Final = "用印已中止，印章已锁好；如需继续请重新申请"
TIMED_OUT: Final = "操作超时，用印已结束，印章已锁好"
LOCKED: Final = "套筒已被远程锁定，请联系镇街监督员"
UNLOCKED: Final = "远程锁定已解除"
GRANT_STORED: Final = "收到一份可离线使用的授权"
REVOKED: Final = "授权已被撤销，用印已中止"
TAMPERED: Final = "检测到套筒或印章被打开，已停止用印并上报"
MOVED: Final = "检测到套筒被移动，已上报"
UNEXPECTED: Final = "检测到未经授权的印章动作，已上报"
FOREIGN: Final = "平台上有本套筒从未产生过的记录，密钥可能被复制，已停用，请立即联系镇街"
LATE_GRANT: Final = "授权到达过晚，已作废，请重新申请解锁"
OFFLINE_NEEDS_LIST: Final = "当前没有网络：请从待办列表选择可离线使用的任务"
NOT_YET: Final = "用印时间未到，请在授权时间内再来"
RETRY_FACE: Final = "没有认出用章人，请再试一次，或改用口令加见证人"
WITNESS_SELF: Final = "见证人必须是另一个人，请换一位见证人"
NO_PIN: Final = "本次用印不允许用口令，请使用人脸"
JOB_FORM: Final = "任务码应为6到10位数字，请核对后重新输入"
PIN_FORM: Final = "口令应为4到12位数字，见证人编号不能为空"
FACE_FIRST: Final = "离线用印请先拍摄人脸，再输入口令"
PIN_ONLY: Final = "本次用印请输入口令，并请见证人在场"
NOT_IN_ORDER: Final = "请按屏幕提示的顺序操作"
KEY_ROTATED: Final = "密钥已更换"

REFUSALS: Final[dict[str, str]] = {
    "past_count": "已达到批准的盖章次数，不能再盖；确需增加请另行申请",
    "no_grant": "没有用印授权，不能盖章；请先申请并获批准",
    "grant_used": "这份授权已经用过，不能再次使用",
    "grant_expired": "用印授权已过期，请重新申请",
    "grant_other_device": "这份授权不属于本套筒，请到指定的印章处盖章",
    "grant_bad": "授权未通过核验，不能使用；请重新申请解锁",
    "clock_untrusted": "套筒时间未经平台校准，离线不能用印；请恢复网络后再试",
    "flash_full": "存储已满，请先连接网络上传记录，再用印",
    "no_picture": "拍照失败，未盖章；请检查摄像头后再按一次",
    "remote_lock": LOCKED,
    "pin_wrong": "口令不正确，请重新输入",
    "too_many_attempts": "身份核对多次未通过，用印已结束；如需继续请重新申请",
    "outside_place": "不在授权的用印地点，不能用印",
    "not_answered": "平台没有答复，请稍后再试",
    "fault": "套筒有故障或被打开，不能用印；请联系镇街管理员",
}

FAULTS: Final[dict[str, str]] = {
    "jam": "印章卡住，请勿用力，联系维护人员",
    "not_closed": "印章没有收回到位，请取走纸张并检查",
    "camera": "摄像头故障或被遮挡，请检查镜头",
    "flash": "存储故障，请联系维护人员",
    "flash_full": "存储已满，请连接网络上传记录",
    "clock": "时钟异常",
    "battery": "电量过低，请充电后再用印",
    "sensor": "传感器故障，请联系维护人员",
    "other": FOREIGN,
}


def granted(title: str, stamps: int) -> str:
    """A grant was accepted: what for, and how many stamps at most."""
    return f"{title}：请输入盖章次数（最多{stamps}次）"


def ready(press: int, count: int) -> str:
    """The sleeve waits for press ``press`` of ``count``."""
    return f"请放好纸张，按“盖章”（第{press}次，共{count}次）"


def too_many(stamps: int) -> str:
    """The operator wants more stamps than granted."""
    return f"最多批准{stamps}次，请重新输入盖章次数"


def face_prompt(challenge: str) -> str:
    """What the operator must do before the face camera."""
    return {"left": FACE_LEFT, "right": FACE_RIGHT}.get(challenge, FACE)
