"""The test vectors: complete, the same each time, and our own implementation meets them."""

import json
from pathlib import Path

import pytest

from gateway.protocol import labels, vectors, vectors_check
from gateway.protocol import messages as m
from gateway.protocol.errors import Reason

FILES = vectors.files()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_they_are_the_same_each_time() -> None:
    assert vectors.files() == FILES


def test_our_own_implementation_meets_them(folder: Path) -> None:
    outcomes = vectors_check.check(folder)
    assert [outcome for outcome in outcomes if outcome.problem] == []
    assert len(outcomes) == sum(len(json.loads(text)) for text in FILES.values())


def test_every_message_type_has_one() -> None:
    found = {
        vector["envelope"]["type"]
        for name in ("events.json", "heartbeats.json", "downs.json")
        for vector in json.loads(FILES[name])
    }
    found |= {"piece", "state"}
    kinds: list[type[m.Wire]] = [*m.EVENTS, m.Heartbeat, m.Piece, m.State, *m.DOWNS]
    assert found == {labels.owner(kind) for kind in kinds}


def test_every_reason_that_bytes_can_give_has_one() -> None:
    found = {
        vector["verdict"]
        for text in FILES.values()
        for vector in json.loads(text)
        if "verdict" in vector
    }
    # These two depend on what the server has registered, the third is no fault of the bytes.
    registered = {Reason.UNKNOWN_DEVICE, Reason.REVOKED_DEVICE, Reason.INTERNAL}
    assert found == {reason.value for reason in Reason if reason not in registered} | {"ok"}


def test_both_algorithms_are_there() -> None:
    keys = {vector["key"] for vector in json.loads(FILES["events.json"])}
    assert keys == {"sleeve-ed25519", "sleeve-es256"}


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("events.json", {"hash": "00"}),
        ("events.json", {"verdict": "bad_signature"}),
        ("downs.json", {"body": {}}),
        ("refused.json", {"verdict": "ok"}),
        ("keys.json", {"kid": "0000000000000000"}),
        ("chains.json", {"through": 3}),
        ("pictures.json", {"salt": ""}),
        ("cbor.json", {"raw": "01"}),
        ("unsigned.json", {"raw": "zz"}),
    ],
)
def test_a_vector_that_does_not_come_out_is_told(
    folder: Path, file: str, change: dict[str, object]
) -> None:
    changed = json.loads(FILES[file])
    changed[0] |= change
    (folder / file).write_text(json.dumps(changed), encoding="utf-8")
    (problem,) = (outcome for outcome in vectors_check.check(folder) if outcome.problem)
    assert (problem.file, problem.name) == (file, changed[0]["name"])


def test_a_folder_without_vectors_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"keys\.json"):
        vectors_check.check(tmp_path)
