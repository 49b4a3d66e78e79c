"""Puts the alerts together: thresholds, channels with their secrets, timers.

Everything that an installation may choose stands in one TOML file (setting ``alerts.file``)::

    silent_ms = …                     any field of alerts.rules.settings.RuleSettings, below [rules]
    [channels.dingtalk_robot.robots.town]
    access_token = { file = "/etc/zhiyin/dingtalk.token" }
    secret = { env = "DINGTALK_SECRET" }
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Final, get_type_hints

import msgspec

from alerts.channels.base import Channel, ConfigError
from alerts.channels.http import Runtime, open_client
from alerts.channels.registry import build_channels
from alerts.channels.web_push import PushDevice, WebPush
from alerts.rules.settings import RuleSettings
from alerts.service import Alerts
from alerts.settings import AlertSettings
from backend.domain.errors import DomainError
from backend.services.sweeps import Sweeps
from backend.store import push
from zhiyin.settings import Settings
from zhiyin.wall import wall_clock
from zhiyin.wiring import House

CHANNELS: Final = "channels"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the file says: thresholds and the like, and each channel's settings."""

    settings: AlertSettings
    channels: Mapping[str, Mapping[str, object]]


def alerts(
    house: House,
    *,
    channels: Mapping[str, Channel] | None = None,
    wall: Callable[[], int] = wall_clock,
) -> Alerts:
    """The alerts of an installation. ``channels`` stand in for those of the file in a demo.

    Channels sign with ``wall`` time, whatever the house's clock.

    Raises:
        DomainError: ``alert_settings``, with everything that is wrong.
    """
    chosen = read(house.settings)
    sweeps = Sweeps(house.services)
    if channels is None:
        try:
            channels = build_channels(
                chosen.channels, Runtime(open_client(), wall, devices=Browsers(house))
            )
        except ConfigError as error:
            raise _wrong(house.settings.alerts.file, "；".join(error.problems)) from error
    return Alerts(
        house.services,
        channels,
        chosen.settings,
        sweeps=[lambda: _changed(sweeps)],
        pictures=house.pictures,
    )


class Browsers:
    """People's browsers that listen for push messages, as the store keeps them."""

    def __init__(self, house: House) -> None:
        self._db = house.db
        self._now = house.now

    def of(self, person_id: str) -> Sequence[PushDevice]:
        """Those of one person."""
        with self._db.read() as conn:
            kept = push.devices(conn, person_id)
        return [PushDevice(one["endpoint"], one["p256dh"], one["auth"]) for one in kept]

    def drop(self, person_id: str, endpoint: str) -> None:
        """This one no longer listens."""
        with self._db.write() as conn:
            push.drop(conn, person_id, endpoint, self._now())


def push_key(channels: Mapping[str, Channel]) -> str | None:
    """What a browser subscribes to push messages with; ``None``: that channel is not set up."""
    found = channels.get("web_push")
    return found.public_key if isinstance(found, WebPush) else None


def _changed(sweeps: Sweeps) -> int:
    return sum(sweeps.run().values())


def read(settings: Settings, environ: Mapping[str, str] | None = None) -> Chosen:
    """What the file says over the defaults.

    Raises:
        DomainError: ``alert_settings``.
    """
    file = settings.alerts.file
    try:
        given = {} if file is None else tomllib.loads(file.read_text(encoding="utf-8"))
        channels = _with_secrets(
            given.pop(CHANNELS, {}), os.environ if environ is None else environ
        )
        if not isinstance(channels, dict):
            raise ValueError(f"{CHANNELS}: 应为表格 · must be a table")
        _refuse_unknown(given, AlertSettings, "")
        chosen = msgspec.convert(given, AlertSettings)
    except (OSError, ValueError) as error:  # TOML, UTF-8 and msgspec's errors are ValueErrors
        raise _wrong(file, str(error)) from error
    if "face_accept" not in given.get("rules", {}):
        rules: RuleSettings = replace(chosen.rules, face_accept=settings.faces.accept)
        chosen = replace(chosen, rules=rules)
    if not chosen.link_base and settings.web.public_url:
        chosen = replace(chosen, link_base=settings.web.public_url)
    return Chosen(chosen, channels)


def _refuse_unknown(given: object, kind: Any, where: str) -> None:
    """A misspelt threshold would be one that silently does not hold."""
    if not (isinstance(given, dict) and is_dataclass(kind)):
        return
    known = {field.name for field in fields(kind)}
    hints = get_type_hints(kind)
    for name, value in given.items():
        if name not in known:
            raise ValueError(
                f"{where}{name}: 没有这个配置项，可用的有 {'、'.join(sorted(known))} · no setting"
            )
        _refuse_unknown(value, hints[name], f"{where}{name}.")


def _with_secrets(value: object, environ: Mapping[str, str]) -> Any:
    """``{file = "…"}`` and ``{env = "…"}`` replaced by what they name."""
    match value:
        case {"file": str(path), **rest} if not rest:
            return Path(path).read_text(encoding="utf-8").strip()
        case {"env": str(name), **rest} if not rest:
            if name not in environ:
                raise ValueError(f"没有环境变量 {name} · no such environment variable")
            return environ[name]
        case dict():
            return {name: _with_secrets(inner, environ) for name, inner in value.items()}
    return value


def _wrong(file: Path | None, why: str) -> DomainError:
    return DomainError(
        "alert_settings",
        f"预警配置文件 {file} 有误：{why}",
        f"the alerts' settings file {file} cannot be used: {why}",
    )
