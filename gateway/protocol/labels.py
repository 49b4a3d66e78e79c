"""Words for people: each message, field and value in Chinese, each field also in English with unit.

``zhiyin decode``, the AsyncAPI document and the tables of ``docs/protocol.md`` are made of these. A
key ``owner.name`` wins over ``name`` alone, where ``owner`` is the type of a message, or the name
of a part such as ``position``.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec


class Label(NamedTuple):
    """A field: ``zh`` is what a screen says, ``en`` what it means, ``unit`` how it is measured."""

    zh: str
    en: str
    unit: str = ""


ENVELOPE: Final[dict[str, Label]] = {
    "v": Label("协议版本", "Version of the contract."),
    "device": Label("套筒编号", "The sleeve's number, as in the topic."),
    "boot": Label("启动次数", "How often the sleeve has started in its life."),
    "counter": Label("序号", "Grows by one with each event from 1 on; never reset, never reused."),
    "prev": Label(
        "上一条哈希", "SHA-256 of the complete bytes of the event before; 32 zeros first."
    ),
    "time": Label("发出时间", "When it was made, by the sender's clock.", "ms since 1970 UTC"),
    "type": Label("类型", "Which message it is, as in the topic."),
    "body": Label("内容", "The fields of the message."),
}

TYPES: Final[dict[str, str]] = {
    "boot": "启动",
    "unlock_request": "请求开锁",
    "grant_burnt": "授权已核销",
    "count_entered": "已输入盖章数",
    "face_captured": "已采集人脸",
    "pin_entered": "已输入口令",
    "page_captured": "已拍摄页面",
    "stamped": "盖章",
    "use_finished": "用印结束",
    "attempt_refused": "套筒拒绝",
    "tamper": "防拆告警",
    "motion_unexpected": "异常动作",
    "moved": "套筒移动",
    "fault": "故障",
    "grant_stored": "离线授权已存",
    "grant_dropped": "离线授权已删",
    "config_applied": "设置已生效",
    "lock_changed": "远程锁定已执行",
    "clock_set": "校时",
    "key_rotated": "更换密钥",
    "keys_applied": "平台公钥已生效",
    "heartbeat": "心跳",
    "piece": "图片分片",
    "state": "在线状态",
    "grant": "用印授权",
    "proceed": "准许继续",
    "refusal": "拒绝",
    "receipt": "签名回执",
    "pieces_held": "已收分片",
    "revoke": "撤销授权",
    "time": "授时",
    "lock": "远程锁定",
    "config": "设置",
    "keys": "平台公钥",
    "server_key": "平台的一把公钥",
    "position": "位置",
    "place": "范围",
    "picture_ref": "图片",
    "pin_check": "口令校验",
}

_USE = "The use: counter of its unlock_request (on line) or of its grant_burnt (off line)."

FIELDS: Final[dict[str, Label]] = {
    "lat": Label("纬度", "Latitude, WGS-84, north positive.", "degrees"),
    "lon": Label("经度", "Longitude, WGS-84, east positive.", "degrees"),
    "accuracy": Label("精度", "Radius that holds the true position with 95 %.", "m"),
    "radius": Label("半径", "Radius of the circle.", "m"),
    "commit": Label("图片承诺值", "SHA-256(salt ‖ picture): the picture's id and proof."),
    "size": Label("密文大小", "Size of the encrypted picture.", "bytes"),
    "picture_ref.pieces": Label("分片数", "size ÷ 16384, rounded up."),
    "firmware": Label("固件版本", "Version of the firmware."),
    "hardware": Label("硬件版本", "Model and revision of the hardware."),
    "reason": Label("原因", "Why."),
    "lost": Label("丢失记录数", "Journal entries found unreadable after a power cut."),
    "nonce": Label("随机数", "16 fresh random bytes; the answer repeats them."),
    "grant": Label("授权编号", "Id of the grant."),
    "job": Label("用印码", "The code of the job that the operator typed."),
    "position": Label("位置", "Where the sleeve is, when known."),
    "use": Label("用印会话", _USE),
    "stamped.use": Label("用印会话", _USE + " 0: the seal dropped without any."),
    "attempt_refused.use": Label("用印会话", _USE + " 0: none was open."),
    "grant_burnt.offline": Label("离线", "Whether the grant was stored ahead and used off line."),
    "grant.offline": Label("可离线", "Whether it may be used without asking again."),
    "clock_age": Label("授时距今", "Age of the last signed server time when burnt.", "ms"),
    "count": Label("盖章数", "Stamps the operator wants; at most what the grant allows."),
    "attempt": Label("第几次", "Which attempt within this use, from 1."),
    "pictures": Label("图片", "The burst, in the order taken."),
    "challenge": Label("转头指令", "Which way the stamper was, or is to be, asked to turn."),
    "matched": Label("机内比对", "Verdict of matching inside the sleeve; absent when not done."),
    "witness": Label("见证人", "Pseudonym of the witness."),
    "sealed": Label("加密口令", "HPKE over CBOR {operator_pin, witness_pin}."),
    "checked": Label("机内校验", "Verdict on the operator's PIN off line; absent on line."),
    "stage": Label("阶段", "Before or after the press."),
    "press": Label("第几枚", "Which press within the use, from 1."),
    "stamped.press": Label("第几枚", "Which press within the use, from 1; 0 without a use."),
    "proceed.press": Label("第几枚", "The press that may go on; 0: all of the use."),
    "picture": Label("图片", "The picture; absent when the camera failed."),
    "failure": Label("失败原因", "Why there is none; empty when all is well."),
    "stamped.total": Label("累计盖章", "Mechanical counter over the sleeve's life."),
    "contact_ms": Label("接触时长", "How long the seal touched.", "ms"),
    "contacts": Label("接触次数", "How often the seal touched within this press."),
    "presses": Label("实盖数", "Presses made in this use."),
    "note": Label("备注", "What the operator gave as reason, if anything."),
    "switch": Label("开关", "Which tamper switch."),
    "open": Label("打开", "Whether the switch is open now."),
    "part": Label("部件", "What moved."),
    "moving": Label("移动中", "True when it starts to move, false when it rests again."),
    "code": Label("故障代码", "What does not work."),
    "cleared": Label("已恢复", "True when it works again."),
    "detail": Label("说明", "What a technician should know."),
    "revision": Label("设置版本", "Grows with each change; a lower one is ignored."),
    "order": Label("锁定指令号", "Grows with each order; a lower one is ignored."),
    "locked": Label("锁定", "Whether the sleeve is locked."),
    "lock_changed.locked": Label("锁定", "Whether the remote lock is on now."),
    "lock.locked": Label("锁定", "Whether to refuse all unlocking until ordered otherwise."),
    "before": Label("校时前", "The sleeve's clock before.", "ms since 1970 UTC"),
    "after": Label("校时后", "The sleeve's clock after.", "ms since 1970 UTC"),
    "signed": Label("签名授时", "Whether a signed server time set it."),
    "alg": Label("签名算法", "-7 ES256 (P-256, SHA-256), -8 EdDSA (Ed25519)."),
    "public": Label("新公钥", "Ed25519: 32 bytes; P-256: 65 bytes, uncompressed point."),
    "heartbeat.through": Label("最后序号", "Counter of the last event made."),
    "receipt.through": Label("已存至", "Every event up to this counter is stored durably."),
    "battery": Label("电量", "Charge left.", "%"),
    "temperature": Label("温度", "Inside the case.", "°C"),
    "clock_trusted": Label("时钟可信", "Whether a signed server time came since the start."),
    "pending_events": Label("待存记录", "Events that no receipt covers yet."),
    "pending_pictures": Label("待传图片", "Pictures that the server does not hold yet."),
    "flash_free": Label("剩余存储", "Flash left for events and pictures.", "bytes"),
    "index": Label("分片序号", "Which piece, from 0."),
    "data": Label("数据", "Bytes index × 16384 and on; all but the last piece are full."),
    "online": Label("在线", "True when published by the sleeve, false as last will."),
    "state.boot": Label("启动次数", "The start this state belongs to."),
    "salt": Label("盐", "Salt of PBKDF2."),
    "rounds": Label("轮数", "Iterations of PBKDF2."),
    "digest": Label("摘要", "PBKDF2-HMAC-SHA256 of the PIN's UTF-8, 32 bytes."),
    "operator": Label("用章人", "Pseudonym of who may stamp."),
    "alternates": Label("候补用章人", "Pseudonyms of who may stamp instead."),
    "stamps": Label("准盖数", "How many stamps."),
    "not_before": Label("生效时间", "First moment to unlock.", "ms since 1970 UTC"),
    "not_after": Label("失效时间", "Last moment to unlock.", "ms since 1970 UTC"),
    "title": Label("事项", "What the sleeve shows."),
    "request": Label("答复序号", "Counter of the unlock_request; absent when stored ahead."),
    "grant.nonce": Label("随机数", "Of the unlock_request; absent when stored ahead."),
    "time.nonce": Label("随机数", "Of the heartbeat that it answers."),
    "heartbeat.nonce": Label("随机数", "16 fresh random bytes to ask for the time."),
    "place": Label("允许地点", "Where it may be used; absent: anywhere."),
    "check": Label("核验方式", "How the person is checked."),
    "pin_allowed": Label("可用口令", "Whether PIN and witness may replace the face."),
    "frames": Label("连拍张数", "Pictures in the burst."),
    "max_clock_age": Label("授时有效期", "Oldest signed time for off-line use.", "ms"),
    "pin": Label("口令校验", "How to check the operator's PIN off line."),
    "wait_for_page": Label("等待页面核验", "Each press waits for proceed with its number."),
    "answers": Label("答复序号", "Counter of the event that it answers."),
    "refusal.reason": Label("原因代码", "Stable code."),
    "text": Label("提示", "What the sleeve shows."),
    "retry": Label("可重试", "Whether to try again within this use."),
    "tip": Label("链尾哈希", "Hash of event `through`; 32 zeros when 0."),
    "receipt.time": Label("服务器时间", "Server time at signing.", "ms since 1970 UTC"),
    "time.time": Label("服务器时间", "Server time at signing.", "ms since 1970 UTC"),
    "ranges": Label("后续已存", "Counters (first, last) stored durably beyond a gap."),
    "complete": Label("已收齐", "Whether this ends the upload."),
    "missing": Label("缺少分片", "Pieces (first, last) still to be sent."),
    "heartbeat_ms": Label("心跳间隔", "Time between heartbeats.", "ms"),
    "use_timeout_ms": Label("用印时限", "Longest wait for the operator within a use.", "ms"),
    "close_timeout_ms": Label("回位时限", "Longest time for the seal to be back up.", "ms"),
    "face_attempts": Label("人脸次数", "Attempts at the face within a use."),
    "serial": Label("清单编号", "Grows with each list of keys; one that is not higher is ignored."),
    "keys.grant": Label("授权公钥", "Sign everything but receipts; oldest first."),
    "keys.receipt": Label("回执公钥", "Sign receipts, nothing else; oldest first."),
    "keys.picture": Label("图片公钥", "X25519: to it pictures and PINs are encrypted."),
    "server_key.public": Label("公钥", "Ed25519: 32 bytes; P-256: 65 bytes, uncompressed point."),
    "until": Label(
        "有效至", "Last signed server time at which it is believed.", "ms since 1970 UTC"
    ),
    "fence": Label("固定地点", "Where the sleeve belongs; outside it reports moved."),
}

VALUES: Final[dict[str, str]] = {
    "power_on": "上电",
    "brownout": "欠压复位",
    "watchdog": "看门狗复位",
    "update": "固件升级",
    "commissioned": "首次启用",
    "none": "无",
    "left": "向左",
    "right": "向右",
    "before": "盖章前",
    "after": "盖章后",
    "done": "完成",
    "early": "提前结束",
    "timeout": "超时",
    "refused": "被拒绝",
    "fault": "故障",
    "power": "断电",
    "stopped": "被停止",
    "past_count": "超过批准次数",
    "no_grant": "没有授权",
    "grant_used": "授权已用过",
    "grant_expired": "授权不在有效期",
    "grant_other_device": "授权属于别的套筒",
    "grant_bad": "授权无效",
    "clock_untrusted": "时钟不可信",
    "flash_full": "存储已满",
    "no_picture": "没有拍到图片",
    "remote_lock": "已被远程锁定",
    "pin_wrong": "口令错误",
    "too_many_attempts": "尝试次数过多",
    "outside_place": "不在允许地点",
    "not_answered": "服务器未答复",
    "case": "外壳",
    "sleeve": "套筒与底座",
    "seal": "印章与印座",
    "motor": "电机",
    "limit_switch": "限位开关",
    "jam": "卡滞",
    "not_closed": "未回位",
    "camera": "摄像头",
    "flash": "存储",
    "clock": "时钟",
    "battery": "电池",
    "sensor": "传感器",
    "other": "其他",
    "revoked": "被撤销",
    "expired": "已过期",
    "face": "人脸（服务器比对）",
    "face_in_sleeve": "人脸（套筒内比对）",
    "pin": "口令加见证人",
    "-7": "ES256",
    "-8": "EdDSA",
}


def owner(kind: type[msgspec.Struct]) -> str:
    """Name of a message type or part: ``stamped``, ``picture_ref``."""
    named: str | None = getattr(kind, "type", None)
    if isinstance(named, str):
        return named
    return "".join("_" + c.lower() if c.isupper() else c for c in kind.__name__).lstrip("_")


def field(owner: str, name: str) -> Label:
    """Words for a field.

    Raises:
        KeyError: when the contract has no such field.
    """
    return FIELDS.get(f"{owner}.{name}") or FIELDS[name]


def value(of: object) -> str:
    """Chinese for a value of a closed list, or empty."""
    return VALUES.get(str(of), "")
