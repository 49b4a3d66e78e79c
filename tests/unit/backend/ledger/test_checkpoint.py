"""Checkpoints, the witness policy, and proofs that travel alone."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.ledger.checkpoint import (
    Checkpoint,
    CheckpointError,
    Cosignature,
    WitnessPolicy,
    open_checkpoint,
)
from backend.ledger.note import COSIGNATURE, Ed25519Signer, Note, cosign, sign
from backend.ledger.proof import LogProof
from backend.ledger.tree import EMPTY_ROOT, ProofError, leaf_hash, node_hash

_ORIGIN = "example.test/log"
_LOG = Ed25519Signer(_ORIGIN, bytes(32))
_WITNESSES = [
    Ed25519Signer(f"witness.test/w{n}", bytes([n + 1]) * 32, COSIGNATURE) for n in range(3)
]
_KEYS = [one.key for one in _WITNESSES]
_ROOT = bytes(range(32))


def _signed(size: int = 7, cosigned_at: tuple[int, ...] = ()) -> str:
    note = sign(Checkpoint(_ORIGIN, size, _ROOT).body, _LOG)
    seen = [cosign(note, who, at) for who, at in zip(_WITNESSES, cosigned_at, strict=False)]
    return Note(note.body, (*note.signatures, *seen)).text


@given(st.integers(1, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_reads_back(size: int, root: bytes) -> None:
    for extensions in [(), ("one", "two")]:
        checkpoint = Checkpoint(_ORIGIN, size, root, extensions)
        assert Checkpoint.parse(checkpoint.body) == checkpoint


def test_the_example_of_the_specification() -> None:
    body = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    checkpoint = Checkpoint.parse(body)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)


_B64 = base64.b64encode(_ROOT).decode()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "o\n1\n",
        f"o\n1\n{_B64}",
        f"\n1\n{_B64}\n",
        f"o\n01\n{_B64}\n",
        f"o\n-1\n{_B64}\n",
        f"o\n+1\n{_B64}\n",
        f"o\n１\n{_B64}\n",
        f"o\n1e3\n{_B64}\n",
        f"o\n9223372036854775808\n{_B64}\n",
        f"o\n{'9' * 5000}\n{_B64}\n",
        f"o\n1\n{_B64[:-4]}\n",
        f"o\n1\n{_B64}\n\n",
        f"o\n1\n{_B64}\n\nextension\n",
        f"o\n0\n{_B64}\n",
    ],
)
def test_malformed_checkpoints_are_refused(body: str) -> None:
    with pytest.raises(CheckpointError):
        Checkpoint.parse(body)


def test_an_empty_log_has_one_root() -> None:
    assert Checkpoint.parse(Checkpoint(_ORIGIN, 0, EMPTY_ROOT).body).size == 0


def test_only_a_key_named_like_the_log_counts_as_the_log_s() -> None:
    assert open_checkpoint(_signed(), log_keys=[_LOG.key]).log_keys == (_LOG.key,)
    stranger = Ed25519Signer("example.test/other", bytes(32))
    note = sign(Checkpoint(_ORIGIN, 7, _ROOT).body, stranger)
    with pytest.raises(CheckpointError, match="nobody"):
        open_checkpoint(note.text, log_keys=[stranger.key])
    with pytest.raises(CheckpointError, match="nobody"):
        open_checkpoint(_signed(), log_keys=[stranger.key])


def test_a_broken_signature_of_a_witness_spoils_the_checkpoint() -> None:
    good = _signed(cosigned_at=(5000, 6000))
    signed = open_checkpoint(good, log_keys=[_LOG.key], witnesses=_KEYS)
    assert signed.cosignatures == (Cosignature(_KEYS[0], 5000), Cosignature(_KEYS[1], 6000))
    note = Note.parse(good)
    moved = Note(Checkpoint(_ORIGIN, 8, _ROOT).body, note.signatures)
    with pytest.raises(CheckpointError, match="does not verify"):
        open_checkpoint(moved.text, log_keys=[], witnesses=_KEYS)


@pytest.mark.parametrize(
    ("threshold", "count", "met"), [(1, 0, False), (1, 1, True), (2, 1, False), (3, 3, True)]
)
def test_k_of_n_witnesses_must_sign(threshold: int, count: int, met: bool) -> None:
    policy = WitnessPolicy.of(_KEYS, threshold)
    seen = [Cosignature(key, 1000) for key in _KEYS[:count]]
    assert policy.met(seen) is met
    stranger = Ed25519Signer("x.test", bytes([9]) * 32, COSIGNATURE).key
    assert policy.met([*seen, Cosignature(stranger, 1), *seen]) is met


def test_the_majority_is_asked_for_by_default() -> None:
    assert WitnessPolicy.of(_KEYS).threshold == 2
    assert WitnessPolicy.of([]).threshold == 0
    assert not WitnessPolicy.of([]).met([])


@pytest.mark.parametrize("lie", [0, 5_500, 10**15])
def test_one_liar_can_not_move_the_time_of_a_checkpoint(lie: int) -> None:
    policy = WitnessPolicy.of(_KEYS, 2)
    seen = [Cosignature(_KEYS[0], 5000), Cosignature(_KEYS[1], 6000), Cosignature(_KEYS[2], lie)]
    until, by = policy.window(seen)
    assert until <= 6000, "never later than an honest witness saw it as the newest"
    assert by >= 5000, "never earlier than an honest witness saw it at all"


def test_a_checkpoint_seen_again_is_seen_for_longer() -> None:
    policy = WitnessPolicy.of(_KEYS, 2)
    seen = [Cosignature(key, at) for key in _KEYS[:2] for at in (9000, 1000, 5000)]
    assert policy.window(seen) == (9000, 1000)
    assert not policy.met(seen[:3])


def test_a_policy_that_means_nothing_is_refused() -> None:
    twin = Ed25519Signer("witness.test/twin", bytes([1]) * 32, COSIGNATURE).key
    for keys, threshold in [
        (_KEYS, 4),
        (_KEYS, 0),
        ([], 1),
        ([_KEYS[0], twin], 1),
        ([_LOG.key], 1),
    ]:
        with pytest.raises(CheckpointError):
            WitnessPolicy.of(keys, threshold)


def test_a_proof_travels_alone() -> None:
    left, right = leaf_hash(b"left"), leaf_hash(b"right")
    note = sign(Checkpoint(_ORIGIN, 2, node_hash(left, right)).body, _LOG).text
    for extra in (None, b"", b"more"):
        proof = LogProof.parse(LogProof(0, (right,), note, extra).text)
        assert proof.extra == extra
        assert proof.verify(b"left").size == 2
        open_checkpoint(proof.checkpoint, log_keys=[_LOG.key])
        with pytest.raises(ProofError):
            proof.verify(b"right")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\nindex 0\n",
        f"c2sp.org/tlog-proof@v2\nindex 0\n\n{_signed()}",
        f"c2sp.org/tlog-proof@v1\nindex 00\n\n{_signed()}",
        f"c2sp.org/tlog-proof@v1\nindex -1\n\n{_signed()}",
        f"c2sp.org/tlog-proof@v1\n\n{_signed()}",
        f"c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\n{_signed()}",
        "c2sp.org/tlog-proof@v1\nindex 0\n" + f"{_B64}\n" * 64 + f"\n{_signed()}",
        f"c2sp.org/tlog-proof@v1\nextra !\nindex 0\n\n{_signed()}",
        f"c2sp.org/tlog-proof@v1\nindex 0\nextra AAAA\n\n{_signed()}",
    ],
)
def test_malformed_proofs_are_refused(text: str) -> None:
    with pytest.raises(ProofError):
        LogProof.parse(text)


def test_a_proof_without_a_checkpoint_proves_nothing() -> None:
    with pytest.raises(ProofError, match="no checkpoint"):
        LogProof.parse("c2sp.org/tlog-proof@v1\nindex 0\n\nnonsense").verify(b"")
