"""``zhiyin init`` and ``zhiyin device``, as somebody at a terminal uses them."""

import json
import stat
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from sqlalchemy import func, select
from typer.testing import CliRunner, Result

from backend.domain.actor import Role
from backend.domain.errors import DomainError
from backend.domain.matter import SealKind
from backend.ledger.log import Log
from backend.services.actors import load_actor
from backend.services.context import ServiceContext
from backend.services.identity import IdentityService
from backend.services.organisations import NewOrganisation, OrganisationService
from backend.services.passwords import Passwords
from backend.services.seals import NewSeal, SealService
from backend.store.db import Database
from backend.store.journal import Journal, read_all
from backend.store.keyring import KeyRing
from backend.store.tables import device, matter, mqtt_account, person
from seal_firmware_sim import credentials
from zhiyin import cli
from zhiyin.settings import Settings

NOW = 1_790_000_000_000
INIT = ("init", "--district", "330109", "--district-name", "江南区", "--admin", "王方")


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str) -> Path:
    folder = tmp_path / "data"
    monkeypatch.setenv("ZHIYIN_DATA_DIR", str(folder))
    monkeypatch.setenv("ZHIYIN_DATABASE__URL", database_url)
    monkeypatch.chdir(tmp_path)
    return folder


def run(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(cli.build(cli.asked(list(words))), list(words), input=typed)


def refused(*words: str) -> str:
    result = run(*words)
    assert isinstance(result.exception, DomainError), result.output
    return result.exception.code


def done(*words: str, typed: str | None = None) -> str:
    result = run(*words, typed=typed)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


@pytest.fixture
def db(database_url: str) -> Database:
    return Database(database_url)


def sign_in(db: Database, folder: Path, password: str) -> bool:
    """Whether the administrator gets in; then whether the password is temporary."""
    ring = KeyRing.load(folder / "keys")
    journal = Journal(Log(Settings().log_origin), bytes)
    context = ServiceContext(db, journal, lambda: 2**52, lambda n: b"r" * n)
    identity = IdentityService(context, Passwords(), ring.web, lambda: NOW)
    made = identity.sign_in("admin", password, "127.0.0.1")
    assert made.authenticated.actor.may(Role.ADMIN, "/330109/")
    return made.authenticated.must_change_password


def test_init_makes_everything_and_prints_the_password_once(
    installation: Path, db: Database
) -> None:
    output = done(*INIT)

    password = next(
        line.split(":")[1].strip() for line in output.splitlines() if "临时口令" in line
    )
    assert sign_in(db, installation, password)
    assert stat.S_IMODE(installation.stat().st_mode) == 0o700
    assert stat.S_IMODE((installation / "keys").stat().st_mode) == 0o700
    with db.read() as conn:
        assert conn.execute(select(func.count()).select_from(matter)).scalar_one() > 20
        kinds = {one.kind for one in read_all(conn)}
        stored = conn.execute(select(person.c.password_hash)).scalar_one()
    assert {"organisation.created", "person.created", "role.granted", "matter.changed"} <= kinds
    assert password not in stored


def test_init_asks_for_the_password_when_told_to(installation: Path, db: Database) -> None:
    chosen = "江南区的第一把新钥匙"
    output = done(*INIT, "--ask-password", typed=f"{chosen}\n{chosen}\n")

    assert chosen not in output
    assert not sign_in(db, installation, chosen)


def test_init_a_second_time_changes_nothing(installation: Path, db: Database) -> None:
    done(*INIT)
    keys = {path.name: path.read_bytes() for path in (installation / "keys").iterdir()}
    with db.read() as conn:
        records = len(list(read_all(conn)))

    assert refused(*INIT, "--login", "second") == "already_founded"

    assert {path.name: path.read_bytes() for path in (installation / "keys").iterdir()} == keys
    with db.read() as conn:
        assert len(list(read_all(conn))) == records
        assert conn.execute(select(func.count()).select_from(person)).scalar_one() == 1


def test_init_cut_short_goes_on_where_it_was(installation: Path, db: Database) -> None:
    short = run(*INIT, "--ask-password", typed="short\nshort\n")
    assert isinstance(short.exception, DomainError)
    assert short.exception.code == "weak_password"
    assert not installation.exists()
    done("migrate")
    other = ("init", "--district", "330110", "--district-name", "别区", "--admin", "李")

    done(*INIT)
    assert refused(*other) == "already_founded"


def test_without_init_the_device_command_says_what_to_do() -> None:
    assert refused("device", "list") == "schema_missing"


# ── device ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def village(installation: Path, db: Database) -> list[str]:
    """A founded installation with a town, a village and its two seals."""
    done(*INIT)
    ring = KeyRing.load(installation / "keys")
    assert ring.generations()
    context = ServiceContext(
        db,
        Journal(Log(Settings().log_origin), lambda n: b"s" * n),
        lambda: 2**45,
        Random(1).randbytes,
    )
    with db.read() as conn:
        found = conn.execute(select(person.c.id)).scalar_one()
        actor = load_actor(conn, found, 2**45)
    assert actor is not None
    organisations = OrganisationService(context)
    organisations.create(actor, NewOrganisation("330109", "t1", "义渡镇"))
    organisations.create(actor, NewOrganisation("t1", "v1", "柳塘村", 30.1, 120.2, 300.0))
    seals = SealService(context)
    return [
        seals.register(actor, NewSeal("v1", kind, f"柳塘村{kind}")).id
        for kind in (SealKind.PARTY, SealKind.COMMITTEE)
    ]


def key_file(folder: Path) -> Path:
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    file = folder / "sleeve.pem"
    file.write_bytes(
        key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return file


def test_a_real_sleeve_is_enrolled_bound_rotated_and_revoked(
    village: list[str], tmp_path: Path, db: Database
) -> None:
    key = str(key_file(tmp_path))
    enrolled = json.loads(done("device", "enrol", "YQ-0001", "--org", "v1", "--key", key))
    assert enrolled["mqtt"]["username"] == "YQ-0001"
    assert len(enrolled["server"]["picture_key"]) == 64

    done("device", "bind", "YQ-0001", village[0])
    assert village[0] in done("device", "list")
    rotated = json.loads(done("device", "rotate", "YQ-0001"))
    assert rotated["mqtt"]["password"] != enrolled["mqtt"]["password"]
    replaced = json.loads(done("device", "rotate", "YQ-0001", "--key", str(key_file(tmp_path))))
    assert replaced["key_id"] != enrolled["key_id"]
    done("device", "revoke", "YQ-0001", "--reason", "报废")
    (line,) = done("device", "list", "--json").splitlines()
    assert json.loads(line)["status"] == "revoked"
    with db.read() as conn:
        administrator = conn.execute(select(person.c.id)).scalar_one()
        revoked = [one for one in read_all(conn) if one.kind == "device.revoked"]
        assert conn.execute(select(mqtt_account.c.revoked_at)).scalar_one() is not None
    assert [one.person for one in revoked] == [administrator]


def test_simulated_sleeves_make_their_own_keys_into_a_closed_file(
    village: list[str], tmp_path: Path, db: Database
) -> None:
    out = tmp_path / "sim.jsonl"
    done("device", "enrol", "SIM-1", "--seal", village[0], "--sim", "--out", str(out))
    done("device", "enrol", "--sim", "--alg", "ES256", "--out", str(out), "--port", "18830")
    done("device", "enrol", "--sim", "--out", str(out))

    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    made = credentials.load(out)
    assert {one.seal for one in made} == set(village)
    assert [one.alg for one in made] == ["EdDSA", "ES256"]
    assert made[1].mqtt.port == 18830
    assert len({one.identity().signer.public for one in made}) == 2
    with db.read() as conn:
        stored = conn.execute(select(device).order_by(device.c.enrolled_at)).all()
    assert {row.seal_id for row in stored} == set(village)
    assert {(row.home_lat, row.fence_m) for row in stored} == {(30.1, 300.0)}


def test_a_credentials_file_that_others_can_read_is_refused(
    village: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "sim.jsonl"
    out.touch(mode=0o644)
    out.chmod(0o644)

    assert refused("device", "enrol", "--sim", "--out", str(out)) == "file_exposed"
    assert out.read_bytes() == b""


def test_the_device_command_acts_for_an_administrator_only(
    village: list[str], tmp_path: Path
) -> None:
    assert refused("device", "list", "--by", "nobody") == "denied"
    result = run("device", "enrol", "YQ-0001")
    assert result.exit_code == 2
    result = run("device", "enrol", "--sim")
    assert result.exit_code == 2
