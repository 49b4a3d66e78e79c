"""docker-compose.yml: what must hold without an engine to run it."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.store.handing import NEEDS
from tests.support.machine import find_program
from zhiyin import cli
from zhiyin.running.prepare import prepare
from zhiyin.settings_source import setting_fields, variable

_ROOT = Path(__file__).parents[3]
_COMPOSE = _ROOT / "docker-compose.yml"
_PUBLISH = _ROOT / "deploy/mosquitto/publish.yml"
_ONE_SHOT = {"migrate", "init", "fleet-enrol"}
KNOWN = {
    *("image", "build", "restart", "init", "read_only", "cap_drop", "security_opt", "profiles"),
    *("stop_grace_period", "tmpfs", "volumes", "networks", "logging", "healthcheck", "command"),
    *("environment", "secrets", "depends_on", "ports", "shm_size"),
}
"""Keys of a service that we use; a misspelt one is not among them."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(_COMPOSE.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def test_the_whole_topology_is_there(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == {
        "postgres",
        "migrate",
        "broker",
        "gateway-1",
        "gateway-2",
        "api",
        "alerts",
        "eyes",
        "init",
        "fleet-enrol",
        "fleet",
    }
    assert services["postgres"]["image"].startswith("postgres:15")
    assert [name for name, one in services.items() if "build" in one] == ["migrate"]


def test_both_gateways_share_one_subscription(services: dict[str, dict[str, Any]]) -> None:
    for name in ("gateway-1", "gateway-2"):
        assert services[name]["environment"]["ZHIYIN_MQTT__SHARED_GROUP"] == "zhiyin"
        assert services[name]["command"] == ["gateway", "--name", name]


def test_whatever_lasts_has_a_health_check(services: dict[str, dict[str, Any]]) -> None:
    for name, one in services.items():
        if name in _ONE_SHOT:
            assert one["restart"] == "no"
        elif name != "fleet":
            assert one["healthcheck"]["test"][0] == "CMD", name
            assert one["restart"] == "unless-stopped", name


def test_only_the_web_is_published(services: dict[str, dict[str, Any]]) -> None:
    assert [name for name, one in services.items() if "ports" in one] == ["api"]
    assert services["api"]["ports"] == ["${ZHIYIN_WEB_PORT:-8443}:8443"]
    reachable = {name for name, one in services.items() if "outside" in one["networks"]}
    assert reachable == {"api", "alerts"}  # alerts reach out to DingTalk and the like


def test_the_sleeves_port_is_published_only_on_request_and_with_tls(
    services: dict[str, dict[str, Any]],
) -> None:
    more = yaml.safe_load(_PUBLISH.read_text(encoding="utf-8"))["services"]
    assert more["broker"]["ports"] == ["${ZHIYIN_MQTT_PORT:-8883}:8883"]
    broker = services["broker"]["environment"]
    assert broker["ZHIYIN_BROKER__PORT"] == "8883"
    assert broker["ZHIYIN_BROKER__TLS_CERT_FILE"] == "/run/secrets/mqtt.crt"


def test_nothing_beyond_loopback_listens_without_tls(services: dict[str, dict[str, Any]]) -> None:
    for name, one in services.items():
        given = one.get("environment", {})
        for section in ("WEB", "BROKER"):
            if given.get(f"ZHIYIN_{section}__HOST", "127.0.0.1") != "127.0.0.1":
                assert given[f"ZHIYIN_{section}__TLS_CERT_FILE"].startswith("/run/secrets/"), name
                assert given[f"ZHIYIN_{section}__TLS_KEY_FILE"].startswith("/run/secrets/"), name


def test_secrets_are_files_and_never_values(
    compose: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    for name, one in services.items():
        for key, value in one.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN|KEY", key) and not key.endswith("_DIR"):
                assert str(value).startswith("/run/secrets/"), (name, key)
            assert not re.search(r"://[^/@]*:[^/@]+@", str(value)), (name, key)
        for secret in one.get("secrets", ()):
            assert secret in compose["secrets"], (name, secret)
    assert all(set(one) == {"file"} for one in compose["secrets"].values())


def test_each_part_is_given_the_secrets_it_reads(services: dict[str, dict[str, Any]]) -> None:
    for name, one in services.items():
        read = {
            str(value).removeprefix("/run/secrets/")
            for value in one.get("environment", {}).values()
            if str(value).startswith("/run/secrets/")
        }
        assert read <= set(one.get("secrets", ())), name


def test_prepare_makes_exactly_the_files_that_are_mounted(
    compose: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "secrets"
    made = {path.name for path in prepare(folder, ["localhost"], [], 1_790_000_000_000)}
    mounted = {Path(one["file"]).name for one in compose["secrets"].values()}
    assert made == mounted | {"ca.key"}
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "ca.key").stat().st_mode & 0o077 == 0
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert prepare(folder, ["other"], [], 1_790_000_000_000) == []
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_every_variable_is_a_setting_and_every_command_exists(
    services: dict[str, dict[str, Any]],
) -> None:
    known = {variable(key) for key, _ in setting_fields()}
    commands = {name for name, _ in cli.COMMANDS}
    for name, one in services.items():
        if name == "postgres":
            continue
        assert set(one.get("environment", {})) <= known, name
        assert one["command"][0] in commands, name


def test_our_parts_run_with_no_rights_to_spare(services: dict[str, dict[str, Any]]) -> None:
    for name, one in services.items():
        if name != "postgres":
            assert one["read_only"] is True, name
            assert one["cap_drop"] == ["ALL"], name
            assert "no-new-privileges:true" in one["security_opt"], name


KEYS = "/var/lib/zhiyin/keys"
PARTS = "/var/lib/zhiyin/parts"


def mounted(one: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    """Volume → where, and whether it may be written."""
    found = {}
    for volume in one.get("volumes", ()):
        name, where, *mode = volume.split(":")
        found[name] = (where, mode != ["ro"])
    return found


def test_each_part_is_given_its_own_keys_and_no_others(
    services: dict[str, dict[str, Any]],
) -> None:
    for name, one in services.items():
        keys = {volume: at for volume, at in mounted(one).items() if volume.startswith("keys")}
        command = one.get("command", [""])[0]
        if name in ("migrate", "init"):
            every = {f"keys-{part}": (f"{PARTS}/{part}", True) for part in NEEDS}
            assert keys == every | {"keys": (KEYS, True)}, name
            assert one["environment"]["ZHIYIN_KEYS_PARTS_DIR"] == PARTS
            continue
        part = "enrol" if name == "fleet-enrol" else command
        wanted = {f"keys-{part}": (KEYS, False)} if part in NEEDS else {}
        assert keys == wanted, name


def test_the_image_has_each_folder_that_a_volume_of_keys_takes_over() -> None:
    text = (_ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    for part in NEEDS:
        assert f"{PARTS}/{part}" in text, part


def test_the_file_fits_together_without_an_engine(compose: dict[str, Any]) -> None:
    services, volumes = compose["services"], compose["volumes"]
    mounts = {
        volume for one in services.values() for volume in mounted(one) if not volume.startswith("/")
    }
    assert mounts == set(volumes)
    for name, one in services.items():
        assert ("image" in one) or ("build" in one), name
        assert set(one.get("networks", ())) <= set(compose["networks"]), name
        assert set(one.get("secrets", ())) <= set(compose["secrets"]), name
        assert {*one} <= KNOWN, (name, {*one} - KNOWN)
        for needed, how in one.get("depends_on", {}).items():
            assert needed in services, (name, needed)
            if how["condition"] == "service_completed_successfully":
                assert services[needed]["restart"] == "no", (name, needed)
            else:
                assert how["condition"] == "service_healthy", (name, needed)
                assert not services[needed]["healthcheck"].get("disable"), (name, needed)
        for key, value in one.get("environment", {}).items():
            assert isinstance(value, str), (name, key)
    more = yaml.safe_load(_PUBLISH.read_text(encoding="utf-8"))
    assert set(more) <= {"services", "networks", "volumes"}
    assert set(more["services"]) <= set(services)


def test_nobody_waits_for_itself(services: dict[str, dict[str, Any]]) -> None:
    def behind(name: str, seen: tuple[str, ...]) -> None:
        assert name not in seen, (*seen, name)
        for needed in services[name].get("depends_on", {}):
            behind(needed, (*seen, name))

    for name in services:
        behind(name, ())


def test_the_image_is_locked_and_runs_as_nobody_special() -> None:
    text = (_ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    last = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert text.count("--require-hashes") == 2
    assert text.count("--only-binary :all:") == 2
    assert "-slim" in text
    assert "COPY . " not in text
    for copied in re.findall(r"^COPY (?!--from)(\S+)", text, re.MULTILINE):
        assert (_ROOT / copied).exists(), copied


def test_docker_compose_accepts_the_files(tmp_path: Path) -> None:
    program = find_program("docker-compose")
    if program is None:
        pytest.skip("no docker-compose on this machine (Debian: docker-compose)")
    for files in ([_COMPOSE], [_COMPOSE, _PUBLISH]):
        words = [word for file in files for word in ("-f", str(file))]
        done = subprocess.run(
            [program, *words, "config", "--quiet"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
