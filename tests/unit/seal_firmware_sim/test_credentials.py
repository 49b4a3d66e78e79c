"""The credentials file: what commissioning writes, and what is wrong said with line and reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.protocol.cose import EDDSA, ES256, Es256Signer
from seal_firmware_sim import credentials as sim
from seal_firmware_sim.credentials import CredentialsError, Job, Start
from seal_firmware_sim.identity import make_signer, new_secret
from tests.unit.seal_firmware_sim.model import PICTURE_KEY
from tests.unit.seal_firmware_sim.test_terminal import make_credentials


def test_a_file_is_read_back(tmp_path: Path) -> None:
    some = [
        make_credentials(device=f"sleeve-{nth}", jobs=[Job(job="123456", stamps=2)])
        for nth in range(3)
    ]
    path = tmp_path / "sleeves.jsonl"
    path.write_bytes(sim.dump(some) + b"\n")
    assert sim.load(path) == some


def test_an_identity_has_its_keys_and_its_start() -> None:
    secret = b"\x07" * 32
    one = make_credentials(
        alg="ES256",
        private_key=secret.hex(),
        start=Start(counter=7, tip="ab" * 32, boot=3, total=12),
    )
    identity = one.identity()
    assert identity.signer.public == Es256Signer(secret).public
    assert (identity.start.counter, identity.start.boot) == (7, 3)
    assert identity.picture_key == PICTURE_KEY
    assert list(identity.grant_keys) != list(identity.receipt_keys)
    position = one.position()
    assert position is not None
    assert make_credentials(home=None).position() is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{}", "第 1 行.*device"),
        (b"\n[1]", "第 2 行"),
        (b"\xff\xfe", "第 1 行"),
        (sim.dump([make_credentials()]) * 2, "不止一次"),
        (sim.dump([make_credentials()]).replace(b'"EdDSA"', b'"RSA"', 1), "第 1 行"),
        (sim.dump([make_credentials()]).replace(b'"device"', b'"devise"', 1), "第 1 行"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "sleeves.jsonl"
    path.write_bytes(content)
    with pytest.raises(CredentialsError, match=says):
        sim.load(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="读不到"):
        sim.load(tmp_path / "nothing")


def test_a_key_that_is_none() -> None:
    with pytest.raises(CredentialsError, match="密钥无法使用"):
        make_credentials(alg="ES256", private_key="00" * 32).identity()


@pytest.mark.parametrize("alg", [EDDSA, ES256])
def test_new_secrets_fit_their_algorithm(alg: int) -> None:
    draws = iter([b"\x00" * 32, b"\xff" * 32, b"\x01" * 32])
    secret = new_secret(alg, lambda _size: next(draws))
    assert make_signer(alg, secret).public.alg == alg
    assert secret == (b"\x01" * 32 if alg == ES256 else b"\x00" * 32)
    with pytest.raises(ValueError, match="unknown_algorithm"):
        new_secret(-999, lambda _size: b"\x01" * 32)
