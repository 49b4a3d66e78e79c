"""What commissioning hands to simulated sleeves: one JSON object a line.

A real sleeve makes its own key and never gives it away. The simulator's sleeves live in files, so
their lines hold the private key too; ``zhiyin device enrol --sim`` writes them. Bytes are hex.

Fields of a line (those with a default may be left out)::

    device        id of the sleeve                     "YQ01-W"
    org           id of its organisation               "330109103201"
    seal          id of the seal in it                 "…"
    alg           "EdDSA" or "ES256"
    private_key   32 bytes: Ed25519 seed or P-256 scalar
    mqtt          {"host", "port", "username": null, "password": null, "ca_file": null}
    server        {"grant_keys": [{"alg", "public"}], "receipt_keys": [{"alg", "public"}],
                   "picture_key"}
    home          {"lat", "lon"} or null
    start         {"counter": 0, "tip": "00…", "boot": 0, "total": 0}
    jobs          job codes that a load test may use, each with its number of stamps:
                  [{"job": "123456", "stamps": 1, "face": null, "pin": null, "witness": "",
                    "witness_pin": ""}]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from gateway.protocol.cose import EDDSA, ES256, Algorithm, PublicKey
from gateway.protocol.errors import ProtocolError
from gateway.protocol.messages import DeviceId, JobCode, Position, Stamps
from seal_firmware_sim.identity import ChainStart, Identity, make_signer

Hex32 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
AlgorithmName = Literal["EdDSA", "ES256"]

_ALGORITHMS: Final[dict[str, Algorithm]] = {"EdDSA": EDDSA, "ES256": ES256}


class CredentialsError(ValueError):
    """A line that is no credentials; the text says where and what, in Chinese."""


class MqttAddress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the broker is and how the sleeve signs in. ``ca_file`` turns TLS on."""

    host: Annotated[str, Meta(min_length=1)]
    port: Annotated[int, Meta(ge=1, le=65535)]
    username: str | None = None
    password: str | None = None
    ca_file: str | None = None


class ServerKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public key of the server: 32 bytes (EdDSA) or a 65-byte point (ES256)."""

    alg: AlgorithmName
    public: Annotated[str, Meta(pattern="^([0-9a-f]{64}|[0-9a-f]{130})$")]

    @classmethod
    def of(cls, key: PublicKey) -> ServerKey:
        """From a key."""
        return cls(alg="EdDSA" if key.alg == EDDSA else "ES256", public=key.raw.hex())

    def key(self) -> PublicKey:
        """The key. Raises ProtocolError when it is none."""
        return PublicKey(_ALGORITHMS[self.alg], bytes.fromhex(self.public))


class ServerKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom the sleeve believes, and to whom it encrypts."""

    grant_keys: Annotated[list[ServerKey], Meta(min_length=1)]
    receipt_keys: Annotated[list[ServerKey], Meta(min_length=1)]
    picture_key: Hex32


class Home(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the sleeve belongs, WGS-84 degrees."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]


class Start(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the chain and the mechanical counter go on; zeros for a new sleeve."""

    counter: Annotated[int, Meta(ge=0)] = 0
    tip: Hex32 = "00" * 32
    boot: Annotated[int, Meta(ge=0)] = 0
    total: Annotated[int, Meta(ge=0)] = 0


class Job(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An approved application that a load test may use up. The operator is person ``face`` of the
    40, or enters ``pin`` beside ``witness``; with neither, a picture without a face is taken."""

    job: JobCode
    stamps: Stamps = 1
    face: Annotated[int, Meta(ge=0, le=39)] | None = None
    pin: str | None = None
    witness: str = ""
    witness_pin: str = ""


class Credentials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One simulated sleeve."""

    device: DeviceId
    org: str
    seal: str
    alg: AlgorithmName
    private_key: Hex32
    mqtt: MqttAddress
    server: ServerKeys
    home: Home | None = None
    start: Start = msgspec.field(default_factory=Start)
    jobs: list[Job] = msgspec.field(default_factory=list)

    def identity(self) -> Identity:
        """What the firmware needs.

        Raises:
            CredentialsError: when a key is none.
        """
        try:
            return Identity(
                device=self.device,
                signer=make_signer(_ALGORITHMS[self.alg], bytes.fromhex(self.private_key)),
                grant_keys={key.kid: key for key in (one.key() for one in self.server.grant_keys)},
                receipt_keys={
                    key.kid: key for key in (one.key() for one in self.server.receipt_keys)
                },
                picture_key=bytes.fromhex(self.server.picture_key),
                start=ChainStart(
                    self.start.counter, bytes.fromhex(self.start.tip), self.start.boot
                ),
            )
        except (ProtocolError, ValueError) as error:
            raise CredentialsError(f"套筒 {self.device} 的密钥无法使用：{error}") from error

    def position(self) -> Position | None:
        """Home as a position on the wire."""
        if self.home is None:
            return None
        return Position(lat=self.home.lat, lon=self.home.lon, accuracy=5.0)


def dump(credentials: Iterable[Credentials]) -> bytes:
    """The file of ``credentials``."""
    return b"".join(msgspec.json.encode(one) + b"\n" for one in credentials)


def parse(line: str) -> Credentials:
    """One line of a file of credentials.

    Raises:
        CredentialsError: with what is wrong.
    """
    try:
        return msgspec.json.decode(line, type=Credentials)
    except msgspec.MsgspecError as error:
        raise CredentialsError(f"不是有效的套筒凭据：{error}") from error


def load(path: Path) -> list[Credentials]:
    """Read a file of credentials.

    Raises:
        CredentialsError: with file, line and what is wrong; also when a sleeve stands there twice.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise CredentialsError(f"读不到凭据文件 {path}：{error.strerror}") from error
    found = list(_lines(path, text))
    seen: set[str] = set()
    for one in found:
        if one.device in seen:
            raise CredentialsError(f"{path}：套筒 {one.device} 出现了不止一次")
        seen.add(one.device)
    return found


def _lines(path: Path, text: bytes) -> Iterator[Credentials]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield msgspec.json.decode(line, type=Credentials)
        except msgspec.MsgspecError as error:
            raise CredentialsError(f"{path} 第 {number} 行不是有效的套筒凭据：{error}") from error
