"""Signed notes: published notes verify, broken ones do not."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from backend.ledger.note import (
    COSIGNATURE,
    ED25519,
    Ed25519Signer,
    Note,
    NoteError,
    Signature,
    VerifierKey,
    cosign,
    cosigned_message,
    sign,
)

# The example note of Go's golang.org/x/mod/sumdb/note, signed by two published keys.
_PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
_ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
_PUBLISHED = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb"
    "6KE6RyyBwJnAM=\n"
)
# A witness's key and a cosignature made by it, from the tests of transparency-dev/formats.
_WITNESS = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"

_SIGNER = Ed25519Signer("example.test/log", bytes(32))
_COSIGNER = Ed25519Signer("witness.test/w", bytes(31) + b"\x01", COSIGNATURE)


def test_a_published_note_verifies() -> None:
    note = Note.parse(_PUBLISHED)
    peter = VerifierKey.parse(_PETER)
    assert note.verify([peter, VerifierKey.parse(_ENOCH)])[0].key == peter
    assert note.text == _PUBLISHED
    changed = Note.parse(_PUBLISHED.replace("answer", "Answer"))
    with pytest.raises(NoteError, match="does not verify"):
        changed.verify([peter])


@pytest.mark.parametrize("text", [_PETER, _ENOCH, _WITNESS])
def test_published_keys_read_and_write_the_same(text: str) -> None:
    key = VerifierKey.parse(text)
    assert key.text == text
    assert key.algorithm == (COSIGNATURE if text == _WITNESS else ED25519)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name+00000000",
        "name+00000000+",
        "name+00000000+AAAA",
        _PETER.replace("c74f20a3", "c74f20a4"),
        _PETER.replace("PeterNeumann", "Peter Neumann"),
        _PETER[:-1],
        _PETER + "=",
        "Peter+Neumann" + _PETER.removeprefix("PeterNeumann"),
        "n+c74f20a3+" + base64.b64encode(bytes([ED25519]) + bytes(31)).decode(),
    ],
)
def test_malformed_keys_are_refused(text: str) -> None:
    with pytest.raises(NoteError):
        VerifierKey.parse(text)


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=200))
def test_any_text_signs_and_no_bit_may_flip(text: str) -> None:
    body = text + "\n"
    note = Note.parse(sign(body, _SIGNER).text)
    assert (note.body, [one.key for one in note.verify([_SIGNER.key])]) == (body, [_SIGNER.key])
    broken = bytearray(note.signatures[0].signature)
    broken[len(text) % 64] ^= 1
    other = Signature(_SIGNER.key.name, _SIGNER.key.key_id, bytes(broken))
    with pytest.raises(NoteError):
        Note(body, (other,)).verify([_SIGNER.key])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\n— a\n",
        "text\n\n— a AAAA\n",
        "text\n\n- a AAAAAAA=\n",
        "text\n\n— a AAAAAAA=",
        "text\n\n— a AAAAAAB=\n",
        "text\n\n— a+b AAAAAAA=\n",
        "text\n\n—  AAAAAAA=\n",
        "te\txt\n\n— a AAAAAAA=\n",
        "text\n\n" + "— a AAAAAAA=\n" * 101,
        "text\n" * 50_000 + "\n— a AAAAAAA=\n",
    ],
)
def test_malformed_notes_are_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Note.parse(text)


def test_the_text_ends_at_the_last_empty_line() -> None:
    note = Note.parse(sign("one\n\ntwo\n\n\n", _SIGNER).text)
    assert note.body == "one\n\ntwo\n\n\n"
    assert note.verify([_SIGNER.key])


def test_unknown_signatures_are_passed_over_and_known_ones_must_verify() -> None:
    good = sign("text\n", _SIGNER)
    stranger = Signature("stranger", b"\0\0\0\0", bytes(64))
    same_name = Signature(_SIGNER.key.name, b"\0\0\0\0", bytes(64))
    both = Note(good.body, (stranger, same_name, *good.signatures))
    assert [one.key for one in both.verify([_SIGNER.key])] == [_SIGNER.key]
    assert good.verify([]) == ()
    impostor = Signature(_SIGNER.key.name, _SIGNER.key.key_id, bytes(64))
    with pytest.raises(NoteError):
        Note(good.body, (impostor, *good.signatures)).verify([_SIGNER.key])


def test_the_message_of_a_cosignature_is_the_specification_s() -> None:
    body = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    assert cosigned_message(body, 1679315147) == (
        b"cosignature/v1\ntime 1679315147\n"
        b"example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )
    with pytest.raises(NoteError):
        cosigned_message(body, 2**63)


def test_a_cosignature_states_its_time_and_is_bound_to_it() -> None:
    note = sign("text\n", _SIGNER)
    seen = cosign(note, _COSIGNER, 1_727_964_367_999)
    verified = Note(note.body, (*note.signatures, seen)).verify([_SIGNER.key, _COSIGNER.key])
    assert [one.at for one in verified] == [None, 1_727_964_367_000]
    later = Signature(seen.name, seen.key_id, (1_727_964_368).to_bytes(8, "big") + bytes(64))
    for wrong in (later, Signature(seen.name, seen.key_id, b"\xff" * 72)):
        with pytest.raises(NoteError):
            Note(note.body, (wrong,)).verify([_COSIGNER.key])


def test_a_plain_signature_is_no_cosignature_of_the_same_key() -> None:
    plain = Ed25519Signer("witness.test/w", bytes(31) + b"\x01")
    assert plain.key.public_key == _COSIGNER.key.public_key
    assert plain.key.key_id != _COSIGNER.key.key_id
    with pytest.raises(NoteError, match="cosignature type"):
        cosign(sign("text\n", _SIGNER), plain, 0)


def test_signatures_over_one_text_can_be_merged() -> None:
    note = sign("text\n", _SIGNER)
    seen = Note(note.body, (cosign(note, _COSIGNER, 5_000),))
    merged = note.merged(seen)
    assert merged == merged.merged(seen)
    assert len(merged.verify([_SIGNER.key, _COSIGNER.key])) == 2
    with pytest.raises(NoteError, match="another text"):
        note.merged(sign("other\n", _SIGNER))


def test_of_each_witness_the_first_and_the_newest_signature_are_kept() -> None:
    note = sign("text\n", _SIGNER)
    for at in (5_000, 6_000, 7_000, 7_000):
        note = note.merged(Note(note.body, (cosign(note, _COSIGNER, at),)))
    assert [one.at for one in note.verify([_COSIGNER.key])] == [5_000, 7_000]


def test_a_signer_reads_its_key_from_pem() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert Ed25519Signer.from_pem("example.test/log", pem).key == _SIGNER.key
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw"))
    assert Ed25519Signer.from_pem("example.test/log", locked, b"pw").key == _SIGNER.key
    other = X25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    for bad, password in [(locked, None), (locked, b"no"), (b"nonsense", None), (other, None)]:
        with pytest.raises(NoteError):
            Ed25519Signer.from_pem("a", bad, password)


def test_a_signature_type_from_the_future_never_verifies() -> None:
    key = VerifierKey("log", 0x06, bytes(1312))
    assert VerifierKey.parse(key.text) == key
    note = Note("text\n", (Signature("log", key.key_id, bytes(64)),))
    with pytest.raises(NoteError, match="not known here"):
        note.verify([key])
