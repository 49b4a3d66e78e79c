"""All settings of an installation: environment first, then one TOML file, then defaults.

``ZHIYIN_WEB__PORT=8443`` in the environment is ``port = 8443`` below ``[web]`` in the file. The
file is the one named by ``ZHIYIN_CONFIG`` (or ``--config``), else ``zhiyin.toml`` in the current
folder if there is one. Secrets come from files or the environment and are never printed.
"""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

_VENDOR_FONTS = Path(__file__).resolve().parent.parent / "backend/web/static/vendor/fonts"


def _both_or_neither(cert: Path | None, key: Path | None) -> None:
    if (cert is None) != (key is None):
        raise Unfit(
            "证书和私钥要同时填写", "the certificate and its private key must be given together"
        )


class Unfit(ValueError):
    """A value that is well-formed but does not fit; says what to do, for people."""

    def __init__(self, zh: str, en: str) -> None:
        self.zh = zh
        self.en = en
        super().__init__(en)


def _existing_file(path: Path) -> Path:
    if not path.is_file():
        raise Unfit("没有这个文件，请检查路径", "no such file: check the path")
    return path


ExistingFile = Annotated[Path, AfterValidator(_existing_file)]


def is_loopback(host: str) -> bool:
    """Whether ``host`` can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DatabaseSettings(_Section):
    """Where the records live."""

    url: SecretStr | None = Field(
        default=None,
        description="数据库地址：postgresql+psycopg://用户:口令@主机/库；"
        "不填则用数据目录里的 SQLite",
    )
    password_file: ExistingFile | None = Field(
        default=None, description="存放数据库口令的文件（地址里就不必写口令）"
    )
    pool_size: int = Field(default=10, ge=1, le=200, description="每个进程的 PostgreSQL 连接数上限")

    @field_validator("url")
    @classmethod
    def _known_kind(cls, url: SecretStr | None) -> SecretStr | None:
        kinds = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")
        if url is not None and urlsplit(url.get_secret_value()).scheme not in kinds:
            raise Unfit(
                "只支持 sqlite:/// 和 postgresql+psycopg://",
                "only sqlite:/// and postgresql+psycopg:// are supported",
            )
        return url


class MqttSettings(_Section):
    """The broker between sleeves and gateways."""

    embedded: bool = Field(
        default=True, description="自带 broker（只监听本机）；false 则连接下面的外部 broker"
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="broker 主机")
    port: int = Field(default=1883, ge=1, le=65535, description="broker 端口（TLS 常用 8883）")
    ca_file: ExistingFile | None = Field(
        default=None, description="验证 broker 的 CA 证书；填了就用 TLS"
    )
    cert_file: ExistingFile | None = Field(default=None, description="网关自己的证书（双向 TLS）")
    key_file: ExistingFile | None = Field(default=None, description="网关证书的私钥")
    username: str | None = Field(default=None, description="登录 broker 的用户名")
    password: SecretStr | None = Field(
        default=None, description="登录 broker 的口令（最好用 password_file）"
    )
    password_file: ExistingFile | None = Field(default=None, description="存放 broker 口令的文件")
    shared_group: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="多个网关分担时的共享订阅组名（MQTT 5）；单网关不填",
    )
    allow_plaintext: bool = Field(
        default=False, description="允许不加密地连接别的机器上的 broker（只限隔离的内网）"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _both_or_neither(self.cert_file, self.key_file)
        if self.embedded and not is_loopback(self.host):
            raise Unfit(
                "自带 broker 只监听本机：请把 host 改回 127.0.0.1，"
                "或设 embedded = false 连接外部 broker",
                "the embedded broker listens on loopback only: set host back to 127.0.0.1,"
                " or embedded = false to use an external broker",
            )
        if not is_loopback(self.host) and self.ca_file is None and not self.allow_plaintext:
            raise Unfit(
                "连接别的机器上的 broker 须用 TLS：请填 ca_file"
                "（隔离内网可设 allow_plaintext = true）",
                "a broker on another machine needs TLS: set ca_file"
                " (or allow_plaintext = true on an isolated network)",
            )
        return self


class BrokerSettings(_Section):
    """The broker that we run ourselves (`zhiyin serve`, `zhiyin broker`)."""

    host: str | None = Field(
        default=None,
        description="自带 broker 另对套筒监听的地址，如 0.0.0.0（须 Mosquitto 和 TLS 证书）；"
        "不填则只在本机",
    )
    port: int = Field(default=8883, ge=1, le=65535, description="对套筒监听的端口（TLS）")
    tls_cert_file: ExistingFile | None = Field(
        default=None, description="对套筒监听所用的证书（含中间证书）"
    )
    tls_key_file: ExistingFile | None = Field(default=None, description="对套筒监听所用证书的私钥")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _both_or_neither(self.tls_cert_file, self.tls_key_file)
        if self.host is not None and self.tls_cert_file is None:
            raise Unfit(
                "对套筒监听须有 TLS：请填 tls_cert_file 和 tls_key_file",
                "listening for sleeves needs TLS: set tls_cert_file and tls_key_file",
            )
        return self


class WebSettings(_Section):
    """Pages and the JSON API."""

    host: str = Field(default="127.0.0.1", min_length=1, description="网页监听的地址")
    port: int = Field(default=8443, ge=1, le=65535, description="网页监听的端口")
    tls_cert_file: ExistingFile | None = Field(default=None, description="HTTPS 证书（含中间证书）")
    tls_key_file: ExistingFile | None = Field(default=None, description="HTTPS 证书的私钥")
    behind_proxy: bool = Field(default=False, description="前面有反向代理负责 HTTPS")
    trusted_proxies: tuple[str, ...] = Field(
        default=("127.0.0.1",), description="哪些代理的 X-Forwarded-* 可信"
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/\s]+$",
        description="用户看到的网址，如 https://yin.example.cn",
    )
    session_hours: int = Field(default=12, ge=1, le=24 * 30, description="登录保持的小时数")
    paper_approval_hours: int | None = Field(
        default=None,
        ge=1,
        le=24 * 365,
        description="用纸审批时一般要多少小时（本地自己的统计），一屏上用来对比；不填则不对比",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            try:
                ipaddress.ip_network(proxy, strict=False)
            except ValueError as error:
                raise Unfit(
                    "须为代理的 IP 地址或网段，如 10.0.0.1 或 10.0.0.0/24",
                    "must be addresses or networks of proxies, such as 10.0.0.1 or 10.0.0.0/24",
                ) from error
        return proxies

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _both_or_neither(self.tls_cert_file, self.tls_key_file)
        if not (is_loopback(self.host) or self.tls_cert_file or self.behind_proxy):
            raise Unfit(
                "对外监听须有 HTTPS：请填 tls_cert_file 和 tls_key_file，"
                "或在反向代理之后设 behind_proxy = true",
                "listening beyond this machine needs HTTPS: set tls_cert_file and tls_key_file,"
                " or behind_proxy = true behind a reverse proxy",
            )
        return self


class LedgerSettings(_Section):
    """The append-only log of records."""

    checkpoint_seconds: int = Field(
        default=10, ge=1, le=3600, description="日志有新内容时，隔多少秒签一次检查点"
    )


class LogSettings(_Section):
    """Technical logs, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="日志级别"
    )
    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="日志格式；auto：终端里易读，否则每行一个 JSON"
    )


class RetentionSettings(_Section):
    """How long what is kept."""

    usage_days: int = Field(
        default=1095, ge=365, le=36500, description="用印记录保留的天数（默认三年）"
    )
    face_days: int = Field(
        default=180, ge=1, le=36500, description="盖章时所拍人脸照片保留的天数，到期销毁"
    )
    picture_days: int = Field(
        default=1095, ge=1, le=36500, description="盖章页面照片和申请文件保留的天数，到期销毁"
    )
    technical_days: int = Field(
        default=200, ge=180, le=36500, description="技术日志保留的天数（网络安全法：不少于六个月）"
    )


class FaceSettings(_Section):
    """Who pressed: engines and thresholds (docs say how they were measured)."""

    engine: Literal["sface", "dlib"] = Field(default="sface", description="主引擎")
    second_opinion: bool = Field(default=True, description="可疑区间再由另一引擎复核")
    accept: float = Field(default=0.45, ge=0, le=1, description="SFace 余弦相似度：不低于此即通过")
    doubtful: float = Field(default=0.40, ge=0, le=1, description="SFace：不低于此而未通过，再复核")
    identify: float = Field(default=0.50, ge=0, le=1, description="SFace：在多人中辨认的门槛")
    dlib_distance: float = Field(default=0.50, gt=0, le=1, description="dlib 距离：不高于此即通过")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.doubtful <= self.accept <= self.identify:
            raise Unfit(
                "三个门槛须 doubtful ≤ accept ≤ identify",
                "thresholds must be doubtful <= accept <= identify",
            )
        return self


class EyesSettings(_Section):
    """Whether papers and imprints are looked at, and what that may cost."""

    enabled: bool = Field(default=True, description="核对文件与印迹（盖章前后的照片）")
    workers: int = Field(
        default=1, ge=1, le=16, description="核对进程数；每个约占 1 GB 内存、一个核"
    )
    memory_mb: int = Field(default=6144, ge=2048, description="每个核对进程的地址空间上限（MiB）")
    timeout_seconds: float = Field(default=60.0, ge=5, description="一次核对最多用时（秒）")
    queue_most: int = Field(
        default=1_000, ge=1, description="最多排队几次核对；排满后新的先记“没能核对”，空闲时再补"
    )


class AlertSettings(_Section):
    """What the rules hold against."""

    file: ExistingFile | None = Field(
        default=None,
        description="预警配置文件（TOML）：规则门槛、升级时限、通知通道；不填则用默认值、只进站内信",
    )


class Settings(BaseSettings):
    """Everything an installation can set. Made by `zhiyin.settings_source.load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix="ZHIYIN_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
    )

    data_dir: Path = Field(default=Path("var"), description="数据目录：数据库、密钥、照片")
    keys_dir: Path | None = Field(default=None, description="密钥目录；不填则用 data_dir/keys")
    keys_parts_dir: Path | None = Field(
        default=None,
        description="各部分密钥目录的上级；填了则生成、更换密钥后，把各部分所需的分别抄到其下",
    )
    pictures_dir: Path | None = Field(
        default=None, description="加密照片目录；不填则用 data_dir/pictures"
    )
    fonts_dir: Path = Field(
        default=_VENDOR_FONTS, description="排版用的中文字体目录；不填则用随产品安装的思源宋体"
    )
    log_origin: str = Field(
        default="zhiyin.local/log",
        pattern=r"^[a-z0-9.-]+(/[a-z0-9._-]+)+$",
        description="本机构日志的名字（写进检查点，启用后不可更改），如 yin.example.cn/xiaoshan",
    )
    time_zone: str = Field(default="Asia/Shanghai", description="给人看的时区（存储一律 UTC）")
    database: DatabaseSettings = DatabaseSettings()
    mqtt: MqttSettings = MqttSettings()
    broker: BrokerSettings = BrokerSettings()
    ledger: LedgerSettings = LedgerSettings()
    web: WebSettings = WebSettings()
    log: LogSettings = LogSettings()
    retention: RetentionSettings = RetentionSettings()
    faces: FaceSettings = FaceSettings()
    eyes: EyesSettings = EyesSettings()
    alerts: AlertSettings = AlertSettings()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, OSError, KeyError) as error:  # unknown names raise a KeyError
            raise Unfit(
                "没有这个时区，例如 Asia/Shanghai", "no such time zone, for example Asia/Shanghai"
            ) from error
        return name

    def database_url(self) -> str:
        """SQLAlchemy's address of the database, with its password: never print it."""
        given = self.database.url
        if given is None:
            return f"sqlite+pysqlite:///{self.data_dir / 'zhiyin.sqlite3'}"
        url = given.get_secret_value()
        if url.startswith("postgresql:"):
            url = "postgresql+psycopg:" + url.removeprefix("postgresql:")
        if self.database.password_file is not None:
            parts = urlsplit(url)
            user = parts.netloc.rpartition("@")[0].partition(":")[0]
            password = quote(read_secret(self.database.password_file).get_secret_value(), safe="")
            host = parts.netloc.rpartition("@")[2]
            url = parts._replace(netloc=f"{user}:{password}@{host}").geturl()
        return url

    def mqtt_password(self) -> SecretStr | None:
        """The broker password, from its file if one is named."""
        if self.mqtt.password_file is not None:
            return read_secret(self.mqtt.password_file)
        return self.mqtt.password

    def keys_path(self) -> Path:
        """The folder with the separate keys for grants, receipts, log and pictures."""
        return self.keys_dir or self.data_dir / "keys"

    def run_path(self) -> Path:
        """The folder of locks and heartbeats of the running parts."""
        return self.data_dir / "run"

    def broker_path(self) -> Path:
        """The folder of the broker that we run: its configuration, accounts and queues."""
        return self.data_dir / "broker"

    def pictures_path(self) -> Path:
        """The folder of the encrypted pictures."""
        return self.pictures_dir or self.data_dir / "pictures"


def read_secret(file: Path) -> SecretStr:
    """The one line that a secret file holds."""
    return SecretStr(file.read_text(encoding="utf-8").strip())
