"""Keys live in their own closed files, rotate by generations and never show themselves."""

import pickle
import stat
from pathlib import Path
from random import Random

import pytest

from backend.store.keyfiles import KeyRingError, Purpose
from backend.store.keyring import KeyRing
from gateway.protocol import cose

NONCE = bytes(range(12))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def code_of(folder: Path, *required: Purpose) -> str:
    with pytest.raises(KeyRingError) as caught:
        KeyRing.load(folder, required)
    assert caught.value.zh
    assert caught.value.en
    return caught.value.code


def test_each_purpose_has_its_own_key_and_file(folder: Path) -> None:
    ring = KeyRing.create(folder, Random(1).randbytes)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = sorted(folder.iterdir())
    assert {path.name for path in files} == {f"{purpose}.0001.key" for purpose in Purpose}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert len({path.read_text().split("\n")[1] for path in files}) == len(Purpose)
    assert ring.grant.public != ring.receipt.public
    assert ring.log_signer("example.cn/log").key.public_key not in {
        ring.grant.public.raw,
        ring.receipt.public.raw,
    }


def test_loading_gives_the_same_keys_and_creating_again_changes_none(folder: Path) -> None:
    made = KeyRing.create(folder, Random(1).randbytes)
    again = KeyRing.create(folder, Random(2).randbytes)

    assert KeyRing.load(folder).grant.public == made.grant.public == again.grant.public
    assert again.web == made.web


def test_what_the_grant_key_signs_verifies_with_the_published_keys(folder: Path) -> None:
    ring = KeyRing.create(folder, Random(1).randbytes)
    signed = cose.parse(cose.sign(b"payload", ring.grant))

    signed.verify(ring.grant_keys[signed.kid])


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_others_may_read_is_refused(folder: Path, mode: int) -> None:
    KeyRing.create(folder)
    (folder / "log.0001.key").chmod(mode)

    assert code_of(folder) == "keys_exposed"


def test_a_key_folder_that_others_may_enter_is_refused(folder: Path) -> None:
    KeyRing.create(folder)
    folder.chmod(0o750)

    assert code_of(folder) == "keys_exposed"


def test_creating_in_an_open_folder_writes_no_key(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)

    with pytest.raises(KeyRingError, match="keys_exposed"):
        KeyRing.create(folder)
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "zhiyin key v1 log 1\n",
        "zhiyin key v1 log 1\n!!!\n",
        "zhiyin key v1 log 1\nAAAA\n",
        "zhiyin key v1 grant 1\n" + "A" * 43 + "=\n",
    ],
)
def test_a_damaged_key_file_is_refused(folder: Path, text: str) -> None:
    KeyRing.create(folder)
    (folder / "log.0001.key").write_text(text)

    assert code_of(folder) == "keys_damaged"


def test_missing_keys_are_named(folder: Path) -> None:
    assert code_of(folder) == "keys_missing"

    ring = KeyRing.create(folder, purposes=[Purpose.RECEIPT])
    assert ring.receipt.public.raw
    assert code_of(folder, Purpose.RECEIPT, Purpose.GRANT) == "keys_missing"
    with pytest.raises(KeyRingError, match="keys_missing"):
        _ = ring.grant


def test_rotation_signs_and_wraps_with_the_newest_and_still_opens_the_oldest(
    folder: Path,
) -> None:
    old = KeyRing.create(folder)
    old_id, wrapped = old.wrap(b"k" * 32)
    sealed = old.seal_template(b"face", "person:1", NONCE)

    for purpose in Purpose:
        assert KeyRing.rotate(folder, purpose) == 2
    new = KeyRing.load(folder)

    assert new.grant.public != old.grant.public
    assert set(new.grant_keys.values()) == {old.grant.public, new.grant.public}
    assert set(new.receipt_keys.values()) == {old.receipt.public, new.receipt.public}
    assert new.unwrap(old_id, wrapped) == b"k" * 32
    assert new.wrap(b"k" * 32)[0] != old_id
    assert new.open_template(sealed, "person:1") == b"face"
    assert new.web[0] == old.web[0]
    assert new.web[-1] != old.web[0]
    newest, oldest = new.picture_wire_all
    assert newest.private_bytes_raw() == new.picture_wire.private_bytes_raw()
    assert oldest.private_bytes_raw() == old.picture_wire.private_bytes_raw()
    assert new.log_keys("example.cn/log")[1:] == old.log_keys("example.cn/log")
    with pytest.raises(KeyRingError, match="key_unknown"):
        old.unwrap(*new.wrap(b"k" * 32))


def test_changed_ciphertext_and_foreign_context_do_not_open(folder: Path) -> None:
    ring = KeyRing.create(folder)
    key_id, wrapped = ring.wrap(b"k" * 32)
    sealed = ring.seal_template(b"face", "person:1", NONCE)

    with pytest.raises(KeyRingError, match="keys_damaged"):
        ring.unwrap(key_id, wrapped[:-1] + bytes([wrapped[-1] ^ 1]))
    with pytest.raises(KeyRingError, match="keys_damaged"):
        ring.open_template(sealed, "person:2")
    with pytest.raises(KeyRingError, match="keys_damaged"):
        ring.open_template(sealed[:-1] + bytes([sealed[-1] ^ 1]), "person:1")


def test_keys_never_show_themselves(folder: Path) -> None:
    ring = KeyRing.create(folder, Random(1).randbytes)
    secrets = [path.read_text().split("\n")[1] for path in folder.iterdir()]

    shown = repr(ring) + repr(vars(ring)) + str(ring)
    assert "grant" in repr(ring)
    assert not any(secret in shown for secret in secrets)
    assert not any(repr(secret)[2:-1] in shown for secret in ring.web)
    with pytest.raises(TypeError):
        pickle.dumps(ring)
