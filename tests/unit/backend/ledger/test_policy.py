"""Policy files: who must have cosigned."""

import pytest

from backend.ledger.note import COSIGNATURE, Ed25519Signer
from backend.ledger.policy import PolicyError, parse

LOG = Ed25519Signer("seals.example.gov.cn/zhiyin", bytes(32)).key
WITNESSES = [
    Ed25519Signer(f"witness.example/w{n}", bytes([n]) * 32, COSIGNATURE).key for n in range(1, 4)
]
LINES = "\n".join(
    [f"log {LOG.text}", *(f"witness w{n} {key.text}" for n, key in enumerate(WITNESSES, 1))]
)


@pytest.mark.parametrize(
    ("rest", "threshold", "names"),
    [
        ("group two 2 w1 w2 w3\nquorum two", 2, 3),
        ("group some any w1 w2\nquorum some", 1, 2),
        ("group each all w2 w3\nquorum each", 2, 2),
        ("quorum w3", 1, 1),
        ("quorum none", 0, 0),
    ],
)
def test_a_quorum_is_a_threshold_over_witnesses(rest: str, threshold: int, names: int) -> None:
    found = parse(f"# ours\n{LINES}  # three\n\n{rest}\n")
    assert found.log_keys == (LOG,)
    assert (found.witnesses.threshold, len(found.witnesses.witnesses)) == (threshold, names)


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        ("", "quorum"),
        ("quorum nobody", "nobody"),
        ("group g 3 w1 w2\nquorum g", "3 of 2"),
        ("group g 0 w1\nquorum g", "0 of 1"),
        ("group g many w1\nquorum g", "many"),
        ("group g any w9\nquorum g", "w9"),
        ("group g any w1 w1\nquorum g", "once"),
        ("group a any w1\ngroup b any a\nquorum b", "no witness"),
        ("witness w1 x\nquorum w1", "taken"),
        ("quorum w1\nquorum w2", "not a line"),
        ("witness w4 nonsense\nquorum w4", "line 5"),
        (f"witness w4 {LOG.text}\nquorum w4", "cosignature"),
        ("hello", "hello"),
    ],
)
def test_a_policy_that_says_nothing_sensible_is_refused(rest: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        parse(f"{LINES}\n{rest}\n")
