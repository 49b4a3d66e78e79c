"""``zhiyin device``: commissioning sleeves."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

By = Annotated[
    str, typer.Option("--by", help="以哪位管理员的名义办理（用户名）· login of an administrator")
]
Device = Annotated[str, typer.Argument(help="套筒编号 · id of the sleeve")]


class Algorithm(StrEnum):
    """Of a simulated sleeve's key."""

    EDDSA = "EdDSA"
    ES256 = "ES256"


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    device = typer.Typer(help="登记和管理套筒 · commission sleeves", no_args_is_help=True)
    device.command("enrol")(_enrol)
    device.command("list")(_list)
    device.command("bind")(_bind)
    device.command("rotate")(_rotate)
    device.command("revoke")(_revoke)
    app.add_typer(device, name="device")


def _enrol(
    device: Annotated[
        str | None,
        typer.Argument(help="套筒编号；--sim 时可不填，每枚没有套筒的印章各造一个 · id"),
    ] = None,
    org: Annotated[str | None, typer.Option(help="所属组织编号 · organisation")] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="公钥或签名请求（PEM）· public key or signing request"
        ),
    ] = None,
    seal: Annotated[str | None, typer.Option(help="其中的印章编号 · the seal in it")] = None,
    lat: Annotated[float | None, typer.Option(help="纬度 · latitude, WGS-84")] = None,
    lon: Annotated[float | None, typer.Option(help="经度 · longitude")] = None,
    fence: Annotated[float | None, typer.Option(help="围栏半径，米 · metres")] = None,
    sim: Annotated[
        bool,
        typer.Option("--sim", help="模拟套筒：自造密钥，只供演练 · simulated, makes its own key"),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="模拟套筒的凭据文件，逐行追加 · with --sim: where to")
    ] = None,
    branch: Annotated[
        str | None, typer.Option(help="--sim：只在此组织路径之下 · only below this path")
    ] = None,
    prefix: Annotated[str, typer.Option(help="--sim：自动编号的前缀 · prefix of ids")] = "SIM",
    alg: Annotated[Algorithm, typer.Option(help="--sim：密钥算法 · algorithm")] = Algorithm.EDDSA,
    host: Annotated[str | None, typer.Option(help="--sim：broker 主机 · host")] = None,
    port: Annotated[int | None, typer.Option(help="--sim：broker 端口 · port")] = None,
    jobs: Annotated[
        int,
        typer.Option(
            min=0,
            max=1000,
            help="--sim：每台另备几件已批准的演练用印（PIN，7 天有效）· approved jobs of a drill",
        ),
    ] = 0,
    by: By = "admin",
) -> None:
    """登记套筒；凭据只显示一次 · enrol a sleeve; its credentials are shown once, as JSON."""
    if sim:
        if out is None or (device is None) != (seal is None) or key is not None:
            raise typer.BadParameter(
                "--sim 需要 --out；指定套筒编号时还要 --seal，不要 --key"
                " · --sim takes --out, and an id only together with --seal"
            )
        _enrol_simulated(out, device, seal, branch, prefix, alg, host, port, jobs, by)
        return
    if device is None or org is None or key is None:
        raise typer.BadParameter("请给出套筒编号、--org 和 --key · give the id, --org and --key")
    from backend.services.devices import DeviceService, NewDevice
    from zhiyin import commissioning
    from zhiyin.settings_source import load_settings

    with commissioning.house(load_settings()) as home:
        actor = commissioning.administrator(home, by)
        made = DeviceService(home.services, home.keys).enrol(
            actor,
            NewDevice(
                device, org, key.read_text("utf-8"), seal_id=seal, lat=lat, lon=lon, fence_m=fence
            ),
        )
        typer.echo(json.dumps(commissioning.bundle(made), ensure_ascii=False, indent=2))


def _enrol_simulated(
    out: Path,
    device: str | None,
    seal: str | None,
    branch: str | None,
    prefix: str,
    alg: Algorithm,
    host: str | None,
    port: int | None,
    jobs: int,
    by: str,
) -> None:
    from backend.services.seals import SealService
    from gateway.protocol.cose import EDDSA, ES256
    from zhiyin import commissioning
    from zhiyin.drill import Drill
    from zhiyin.settings_source import load_settings

    settings = load_settings()
    how = commissioning.Simulated(
        ES256 if alg is Algorithm.ES256 else EDDSA,
        host or settings.mqtt.host,
        port or settings.mqtt.port,
        settings.mqtt.ca_file,
    )
    with commissioning.house(settings) as home:
        actor = commissioning.administrator(home, by)
        if device is not None and seal is not None:
            wanted = [(device, SealService(home.services).get(actor, seal))]
        else:
            free = commissioning.seals_without_sleeve(home, actor, branch)
            # The end of an id is random, its beginning only the time.
            wanted = [(f"{prefix}-{one.id.replace('-', '')[-12:]}", one) for one in free]
        drill = Drill(home, actor) if jobs and wanted else None
        for name, one in wanted:
            made = commissioning.enrol_simulated(home, actor, name, one.org_id, one.id, how)
            try:
                if drill is not None:
                    made = drill.with_jobs(made, jobs)
            finally:  # a key that is registered is never lost
                commissioning.save(out, [made])
            typer.echo(f"{name} ← {one.name}")
    typer.echo(f"已登记 {len(wanted)} 个模拟套筒 · enrolled: {out}")


def _list(
    by: By = "admin",
    branch: Annotated[
        str | None, typer.Option(help="只看此组织路径之下 · only below this path")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="每行一个 JSON · JSON lines")] = False,
) -> None:
    """套筒列表和健康状况 · list sleeves and what is wrong with them."""
    import msgspec

    from backend.services.device_views import DeviceViewService
    from zhiyin import commissioning
    from zhiyin.settings_source import load_settings

    with commissioning.house(load_settings()) as home:
        actor = commissioning.administrator(home, by)
        views = DeviceViewService(home.services)
        cursor: str | None = None
        while True:
            found = views.find(actor, branch=branch, cursor=cursor, limit=200)
            for one in found.items:
                if as_json:
                    typer.echo(msgspec.json.encode(one).decode())
                else:
                    state = " ".join(one.problems) or one.status
                    typer.echo(f"{one.id}\t{one.org_path}\t{one.seal_id or '-'}\t{state}")
            cursor = found.next
            if cursor is None:
                return


def _bind(
    device: Device,
    seal: Annotated[
        str | None, typer.Argument(help="印章编号；不填为取出 · the seal; none: taken out")
    ] = None,
    by: By = "admin",
) -> None:
    """绑定或解除印章 · bind a seal, or none."""
    from backend.services.devices import DeviceService
    from zhiyin import commissioning
    from zhiyin.settings_source import load_settings

    with commissioning.house(load_settings()) as home:
        actor = commissioning.administrator(home, by)
        DeviceService(home.services, home.keys).bind(actor, device, seal)
    typer.echo(f"{device} ← {seal or '-'}")


def _rotate(
    device: Device,
    key: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="维修后的新公钥或签名请求；不填则只换 MQTT 口令 · PEM"
        ),
    ] = None,
    by: By = "admin",
) -> None:
    """更换密钥和口令（只显示一次）· another key and password; printed once, as JSON."""
    from backend.services.devices import DeviceService
    from zhiyin import commissioning
    from zhiyin.settings_source import load_settings

    with commissioning.house(load_settings()) as home:
        actor = commissioning.administrator(home, by)
        devices = DeviceService(home.services, home.keys)
        if key is not None:
            made = devices.replace_key(actor, device, key.read_text("utf-8"))
            shown = commissioning.bundle(made)
        else:
            mqtt = devices.rotate_login(actor, device)
            shown = {"mqtt": {"username": mqtt.username, "password": mqtt.password}}
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))


def _revoke(
    device: Device,
    reason: Annotated[str, typer.Option(help="原因 · why")],
    by: By = "admin",
) -> None:
    """注销套筒：密钥、口令和未用的授权即刻失效 · take it out of service for good."""
    from backend.services.devices import DeviceService
    from zhiyin import commissioning
    from zhiyin.settings_source import load_settings

    with commissioning.house(load_settings()) as home:
        actor = commissioning.administrator(home, by)
        DeviceService(home.services, home.keys).revoke(actor, device, reason)
    typer.echo(f"已注销 · revoked: {device}")
