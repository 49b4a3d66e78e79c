"""``zhiyin decode``, ``zhiyin vectors`` and ``zhiyin contract``."""

import base64
import json
from pathlib import Path

import pytest
import typer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from gateway.protocol import cose, envelope, samples
from gateway.protocol import messages as m
from zhiyin import cli
from zhiyin.commands.decode import as_bytes, read_key

DOCS = Path(__file__).parents[4] / "docs"
ED = samples.SLEEVE_ED25519
RAW = envelope.seal_event(
    m.Tamper(switch="case", open=True),
    ED,
    device=samples.DEVICE,
    boot=1,
    time=samples.NOW,
    counter=1,
)


def _run(*words: str, stdin: bytes = b"") -> tuple[int, str, str]:
    result = CliRunner().invoke(cli.build(words[0]), list(words), input=stdin)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    "text",
    [
        RAW.hex(),
        RAW.hex().upper(),
        "0x" + RAW.hex(),
        RAW.hex(" "),
        base64.b64encode(RAW).decode(),
        base64.urlsafe_b64encode(RAW).decode().rstrip("="),
    ],
)
def test_decode_takes_hex_and_base64(text: str) -> None:
    code, out, _ = _run("decode", text)
    assert code == 0
    assert out.startswith("防拆告警 tamper")
    assert "开关 switch: case（外壳）" in out


def test_decode_reads_files_and_standard_input(tmp_path: Path) -> None:
    path = tmp_path / "payload"
    for content in (RAW, RAW.hex().encode() + b"\n"):
        path.write_bytes(content)
        for words, stdin in ((("--file", str(path)), b""), (("-",), content), ((), content)):
            code, out, _ = _run("decode", *words, stdin=stdin)
            assert code == 0
            assert "tamper" in out


@given(st.binary(min_size=1, max_size=200))
def test_what_is_given_as_hex_is_what_it_says(data: bytes) -> None:
    assert as_bytes(data.hex().encode()) == data
    assert as_bytes(b"\xd2" + data) == b"\xd2" + data


def test_decode_verifies_with_hex_and_pem(tmp_path: Path) -> None:
    pem = tmp_path / "key.pem"
    key = ed25519.Ed25519PublicKey.from_public_bytes(ED.public.raw)
    pem.write_bytes(
        key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    for given_key in (ED.public.raw.hex(), str(pem)):
        code, out, _ = _run("decode", RAW.hex(), "--key", given_key, "--json")
        assert code == 0
        found = json.loads(out)
        assert found["signature"]["verified"] is True
        assert found["body"] == {"switch": "case", "open": True}
    assert read_key(samples.SLEEVE_ES256.public.raw.hex()) == samples.SLEEVE_ES256.public


def test_decode_shows_a_message_whose_signature_fails_and_says_so() -> None:
    forged = RAW[:-1] + bytes([RAW[-1] ^ 1])
    code, out, _ = _run("decode", forged.hex(), "--key", ED.public.raw.hex())
    assert code == 1
    assert "✗ 签名验证失败 [bad_signature" in out
    assert "开关 switch" in out


def test_decode_tells_reason_and_chinese_for_what_is_no_payload() -> None:
    code, out, err = _run("decode", "00")
    assert (code, out) == (1, "")
    assert err.startswith("✗ 报文不是 COSE_Sign1 签名信封 [not_cose")
    code, out, _ = _run("decode", RAW.hex()[:-2], "--json")
    assert code == 1
    assert json.loads(out)["error"]["reason"] == "not_cbor"


def test_decode_says_what_is_wrong_with_its_options(tmp_path: Path) -> None:
    secret = ec.derive_private_key(7, ec.SECP384R1()).public_key()
    pem = tmp_path / "other.pem"
    pem.write_bytes(
        secret.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    missing = str(tmp_path / "none")
    for words, told in (
        ((RAW.hex(), "--key", "nonsense"), "neither hex nor a readable PEM file"),
        ((RAW.hex(), "--key", "00" * 65), "not a point of P-256"),
        ((RAW.hex(), "--key", str(pem)), "unknown_algorithm"),
        ((RAW.hex(), "--file", missing), "not both"),
        (("--file", missing), missing),
    ):
        code, _, err = _run("decode", *words)
        assert code == 2
        assert told in err


def test_read_key_refuses_what_is_no_key() -> None:
    with pytest.raises(typer.BadParameter, match="PEM"):
        read_key("/nonexistent/key.pem")
    assert isinstance(read_key("11" * 32), cose.PublicKey)


def test_vectors_are_checked(tmp_path: Path) -> None:
    code, out, _ = _run("vectors", "--check", str(DOCS / "vectors"))
    assert code == 0
    assert "条向量符合" in out
    code, out, _ = _run("vectors", "--write", str(tmp_path / "new"))
    assert code == 0
    changed = tmp_path / "new" / "events.json"
    vectors = json.loads(changed.read_text(encoding="utf-8"))
    vectors[2]["hash"] = ""
    changed.write_text(json.dumps(vectors), encoding="utf-8")
    code, out, err = _run("vectors", "--check", str(tmp_path / "new"))
    assert code == 1
    assert vectors[2]["name"] in err


def test_vectors_says_what_is_wrong_with_its_options(tmp_path: Path) -> None:
    assert _run("vectors")[0] == 2
    code, _, err = _run("vectors", "--check", str(tmp_path))
    assert code == 2
    assert "no vectors" in err


def test_contract_finds_drift_and_writes_it_away(tmp_path: Path) -> None:
    assert _run("contract", str(DOCS))[0] == 0
    (tmp_path / "protocol.md").write_text("<!-- made: limits -->\n<!-- end -->", encoding="utf-8")
    code, out, _ = _run("contract", str(tmp_path))
    assert code == 1
    assert "asyncapi.yaml" in out
    assert _run("contract", str(tmp_path), "--write")[0] == 0
    assert _run("contract", str(tmp_path))[0] == 0
    assert _run("contract", str(tmp_path / "none"))[0] == 2
