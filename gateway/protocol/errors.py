"""Why a payload is refused: one closed list of reasons, shared by gateway, sleeves and vectors."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Stable code of a refused payload. Test vectors and poison records name these."""

    TOO_LARGE = "too_large"
    NOT_CBOR = "not_cbor"
    NOT_COSE = "not_cose"
    BAD_TOPIC = "bad_topic"
    BAD_FIELD = "bad_field"
    UNKNOWN_VERSION = "unknown_version"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_ALGORITHM = "unknown_algorithm"
    UNKNOWN_KEY = "unknown_key"
    UNKNOWN_DEVICE = "unknown_device"
    REVOKED_DEVICE = "revoked_device"
    WRONG_DEVICE = "wrong_device"
    BAD_SIGNATURE = "bad_signature"
    BAD_CHAIN = "bad_chain"
    FORK = "fork"
    INTERNAL = "internal"


_ZH = {
    Reason.TOO_LARGE: "报文过大",
    Reason.NOT_CBOR: "报文不是有效的 CBOR",
    Reason.NOT_COSE: "报文不是 COSE_Sign1 签名信封",
    Reason.BAD_TOPIC: "主题不符合约定",
    Reason.BAD_FIELD: "字段缺失或类型错误",
    Reason.UNKNOWN_VERSION: "协议版本不受支持，请升级平台或套筒固件",
    Reason.UNKNOWN_TYPE: "未知的消息类型",
    Reason.UNKNOWN_ALGORITHM: "不支持的签名算法",
    Reason.UNKNOWN_KEY: "签名密钥未登记",
    Reason.UNKNOWN_DEVICE: "套筒未登记",
    Reason.REVOKED_DEVICE: "套筒已注销",
    Reason.WRONG_DEVICE: "报文中的套筒与主题不一致",
    Reason.BAD_SIGNATURE: "签名验证失败",
    Reason.BAD_CHAIN: "记录链断开：与上一条记录不衔接",
    Reason.FORK: "同一序号出现两条不同的记录",
    Reason.INTERNAL: "平台内部错误，报文已留存待查",
}


class ProtocolError(ValueError):
    """A payload that breaks the device contract.

    ``reason`` is the stable code; ``detail`` says what was found, for the maker of the sleeve.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)

    @property
    def zh(self) -> str:
        """The reason in Chinese, for a person."""
        return _ZH[self.reason]
