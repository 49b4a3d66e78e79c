"""A part is given the keys that it needs; it works with them, and can do nothing else."""

from pathlib import Path
from random import Random

import pytest

from backend.store.handing import NEEDS, hand_out
from backend.store.keyfiles import KeyRingError, Purpose
from backend.store.keyring import KeyRing

RANDOM = Random(7).randbytes


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    KeyRing.create(folder, RANDOM)
    KeyRing.rotate(folder, Purpose.RECEIPT, RANDOM)
    return folder


def part(keys: Path, name: str) -> KeyRing:
    hand_out(keys, keys.parent / "parts")
    return KeyRing.load(keys.parent / "parts" / name)


def test_each_part_is_given_exactly_what_it_needs(keys: Path) -> None:
    for name, needs in NEEDS.items():
        given = part(keys, name).generations()
        assert set(given) == {str(purpose) for purpose in needs.secret}, name
        for file in (keys.parent / "parts" / name).iterdir():
            assert file.stat().st_mode & 0o077 == 0


def test_the_web_names_keys_whose_secret_it_does_not_have(keys: Path) -> None:
    whole, web = KeyRing.load(keys), part(keys, "api")
    assert web.receipt_keys == whole.receipt_keys
    assert list(web.receipt_keys) == list(whole.receipt_keys)  # the newest first
    assert web.grant_keys == whole.grant_keys
    assert web.picture_wire_public == whole.picture_wire_public
    for secret in ("receipt", "picture_wire", "picture_wire_all"):
        with pytest.raises(KeyRingError, match="keys_missing"):
            getattr(web, secret)


def test_the_alerts_sign_checkpoints_and_nothing_else(keys: Path) -> None:
    alerts = part(keys, "alerts")
    assert alerts.log_signer("a.example/log").key == KeyRing.load(keys).log_keys("a.example/log")[0]
    for secret in ("grant", "receipt", "picture_wire", "web"):
        with pytest.raises(KeyRingError, match="keys_missing"):
            getattr(alerts, secret)
    with pytest.raises(KeyRingError, match="keys_missing"):
        alerts.wrap(bytes(32))


def test_a_new_generation_reaches_the_parts_and_what_they_need_no_more_goes(keys: Path) -> None:
    assert part(keys, "gateway").generations()["grant"] == 1
    KeyRing.rotate(keys, Purpose.GRANT, RANDOM)
    stray = keys.parent / "parts/alerts/grant.0001.key"
    stray.write_text("left over")
    assert part(keys, "gateway").generations()["grant"] == 2
    assert not stray.exists()
    assert part(keys, "gateway").grant.public == KeyRing.load(keys).grant.public


def test_keys_restored_from_a_backup_replace_those_handed_out(keys: Path, tmp_path: Path) -> None:
    part(keys, "api")
    other = tmp_path / "backup"
    KeyRing.create(other, RANDOM)
    hand_out(other, tmp_path / "parts")
    assert KeyRing.load(tmp_path / "parts/api").grant.public == KeyRing.load(other).grant.public


def test_a_damaged_public_key_is_refused(keys: Path) -> None:
    part(keys, "api")
    file = keys.parent / "parts/api/receipt.0001.pub"
    file.write_text(file.read_text().replace("receipt 1", "receipt 2"))
    with pytest.raises(KeyRingError, match="keys_damaged"):
        KeyRing.load(keys.parent / "parts/api")


def test_a_folder_open_to_others_is_given_nothing(keys: Path) -> None:
    folder = keys.parent / "parts" / "gateway"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    with pytest.raises(KeyRingError, match="keys_exposed"):
        hand_out(keys, keys.parent / "parts")
