"""What is sent and answered about sleeves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.services.devices import Commissioned
from gateway.protocol.cose import EDDSA, PublicKey

_PEM = "PEM 公钥或 PKCS#10 签名请求（Ed25519 或 P-256）· PEM public key or signing request"
_SIGNATURE = (
    "可选：持有私钥的证明，64字节十六进制，签名内容为 “zhiyin enrol v1”、零字节、套筒编号"
    " · optional proof, hex: signature over 'zhiyin enrol v1', a zero byte and the id"
)


class Home(BaseModel):
    """套筒平时所在位置 · where the sleeve lives."""

    model_config = ConfigDict(extra="forbid")
    lat: float | None = Field(default=None, ge=-90, le=90, description="纬度 · latitude, WGS-84")
    lon: float | None = Field(default=None, ge=-180, le=180, description="经度 · longitude")
    fence_m: float | None = Field(
        default=None, gt=0, le=100_000, description="围栏半径，米 · metres"
    )


class DeviceForm(Home):
    """要登记的套筒 · a sleeve to enrol."""

    id: str = Field(min_length=3, max_length=32, description="套筒编号 · id")
    org_id: str = Field(max_length=64, description="所属组织编号 · organisation")
    key: str = Field(max_length=8192, description=_PEM)
    signature: str | None = Field(
        default=None, pattern="^[0-9a-fA-F]{128}$", description=_SIGNATURE
    )
    seal_id: str | None = Field(default=None, max_length=64, description="其中的印章 · its seal")


class KeyForm(BaseModel):
    """维修后更换的密钥 · another key, after a repair."""

    model_config = ConfigDict(extra="forbid")
    key: str = Field(max_length=8192, description=_PEM)
    signature: str | None = Field(
        default=None, pattern="^[0-9a-fA-F]{128}$", description=_SIGNATURE
    )


class SealBinding(BaseModel):
    """套筒中的印章 · the seal in it."""

    model_config = ConfigDict(extra="forbid")
    seal_id: str | None = Field(max_length=64, description="印章编号，null 为取出 · null: none")


class LockForm(BaseModel):
    """远程锁定或解除 · lock, or allow again."""

    model_config = ConfigDict(extra="forbid")
    locked: bool = Field(description="true 锁定 · true: lock")
    reason: str = Field(min_length=1, max_length=60, description="原因，显示在套筒上 · shown there")


class ConfigForm(BaseModel):
    """要修改的参数，未列出的不变 · what is to change; the rest stays."""

    model_config = ConfigDict(extra="forbid")
    heartbeat_ms: int = Field(
        default=60_000, ge=1_000, le=86_400_000, description="心跳间隔，毫秒 · between heartbeats"
    )
    use_timeout_ms: int = Field(
        default=300_000, ge=10_000, le=3_600_000, description="用印超时，毫秒 · a use ends after"
    )
    close_timeout_ms: int = Field(
        default=8_000, ge=1_000, le=60_000, description="关门超时，毫秒 · to close within"
    )
    face_attempts: int = Field(default=3, ge=1, le=9, description="人脸重试次数 · face attempts")


class Reason(BaseModel):
    """为什么 · why."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(min_length=1, max_length=200, description="原因 · why")


@dataclass(frozen=True, slots=True)
class Login:
    """Broker account; shown this once."""

    username: Annotated[str, Field(description="MQTT 用户名 · user name")]
    password: Annotated[str, Field(description="MQTT 口令，仅显示一次 · shown this once")] = field(
        repr=False
    )


@dataclass(frozen=True, slots=True)
class Key:
    """A public key of the server, hex."""

    alg: Annotated[Literal["EdDSA", "ES256"], Field(description="算法 · algorithm")]
    public: Annotated[str, Field(description="公钥，十六进制 · public key, hex")]


@dataclass(frozen=True, slots=True)
class Server:
    """Whom the sleeve believes, and to whom it encrypts pictures (X25519)."""

    grant_keys: tuple[Key, ...]
    receipt_keys: tuple[Key, ...]
    picture_key: str


@dataclass(frozen=True, slots=True)
class Start:
    """Where its chain goes on; zeros for a new sleeve."""

    counter: int
    tip: str
    boot: int
    total: int


@dataclass(frozen=True, slots=True)
class CommissionedView:
    """Everything that is put into the sleeve."""

    device: str
    org: str
    seal: str | None
    key_id: str
    proof: str
    mqtt: Login
    server: Server
    start: Start


def commissioned_view(made: Commissioned) -> CommissionedView:
    return CommissionedView(
        made.device_id,
        made.org_id,
        made.seal_id,
        made.key_id.hex(),
        made.proof,
        Login(made.mqtt.username, made.mqtt.password),
        Server(
            tuple(_key(one) for one in made.server.grant_keys),
            tuple(_key(one) for one in made.server.receipt_keys),
            made.server.picture_key.hex(),
        ),
        Start(made.start.counter, made.start.tip.hex(), made.start.boot, made.start.total),
    )


def _key(key: PublicKey) -> Key:
    return Key("EdDSA" if key.alg == EDDSA else "ES256", key.raw.hex())
