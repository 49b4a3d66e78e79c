"""The tree against a second, naive reading of RFC 6962 §2.1, and against published roots."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.ledger.tree import (
    EMPTY_ROOT,
    Frontier,
    ProofError,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_at,
    root_of,
    split_hashes,
    verify_consistency,
    verify_inclusion,
)

# Inputs and roots that certificate-transparency implementations share as test data.
_PUBLISHED_LEAVES = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    bytes(range(0x60, 0x70)),
]
_PUBLISHED_ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def _sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _cut(count: int) -> int:
    cut = 1
    while cut * 2 < count:
        cut *= 2
    return cut


def _mth(entries: list[bytes]) -> bytes:
    """MTH(D[n]) as the RFC writes it."""
    if not entries:
        return _sha(b"")
    if len(entries) == 1:
        return _sha(b"\x00" + entries[0])
    cut = _cut(len(entries))
    return _sha(b"\x01" + _mth(entries[:cut]) + _mth(entries[cut:]))


def _path(index: int, entries: list[bytes]) -> list[bytes]:
    """PATH(m, D[n]) as the RFC writes it."""
    if len(entries) == 1:
        return []
    cut = _cut(len(entries))
    if index < cut:
        return [*_path(index, entries[:cut]), _mth(entries[cut:])]
    return [*_path(index - cut, entries[cut:]), _mth(entries[:cut])]


def _subproof(old: int, entries: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF(m, D[n], b) as the RFC writes it."""
    if old == len(entries):
        return [] if whole else [_mth(entries)]
    cut = _cut(len(entries))
    if old <= cut:
        return [*_subproof(old, entries[:cut], whole), _mth(entries[cut:])]
    return [*_subproof(old - cut, entries[cut:], False), _mth(entries[:cut])]


class _Nodes:
    """Perfect subtrees straight from the entries."""

    def __init__(self, entries: list[bytes]) -> None:
        self.entries = entries

    def __call__(self, level: int, index: int) -> bytes:
        part = self.entries[index << level : (index + 1) << level]
        assert len(part) == 1 << level, "only perfect subtrees inside the tree may be asked for"
        return _mth(part)


def _entries(count: int) -> list[bytes]:
    return [f"entry {n}".encode() for n in range(count)]


_sizes = st.integers(1, 70)


@pytest.mark.parametrize(("size", "root"), _PUBLISHED_ROOTS.items())
def test_published_roots(size: int, root: str) -> None:
    leaves = [leaf_hash(entry) for entry in _PUBLISHED_LEAVES[:size]]
    assert root_of(leaves).hex() == root
    assert root_at(_Nodes(_PUBLISHED_LEAVES), size).hex() == root


def test_every_small_tree_proves_as_the_rfc_says() -> None:
    for size in range(1, 34):
        entries = _entries(size)
        nodes = _Nodes(entries)
        for index in range(size):
            assert inclusion_proof(nodes, index, size) == _path(index, entries)
        for old in range(1, size + 1):
            assert consistency_proof(nodes, old, size) == _subproof(old, entries, True)


@given(_sizes, st.data())
def test_every_inclusion_proof_verifies_and_no_bit_may_flip(size: int, data: st.DataObject) -> None:
    entries = _entries(size)
    index = data.draw(st.integers(0, size - 1))
    leaf, root = leaf_hash(entries[index]), _mth(entries)
    proof = inclusion_proof(_Nodes(entries), index, size)
    verify_inclusion(leaf, index, size, proof, root)

    packed = bytearray(leaf + root + b"".join(proof))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    leaf, root, *proof = split_hashes(bytes(packed))
    with pytest.raises(ProofError):
        verify_inclusion(leaf, index, size, proof, root)


@given(_sizes, st.data())
def test_an_inclusion_proof_fits_no_other_place(size: int, data: st.DataObject) -> None:
    entries = _entries(size)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(_Nodes(entries), index, size)
    other = data.draw(st.integers(-1, size + 1).filter(lambda place: place != index))
    with pytest.raises(ProofError):
        verify_inclusion(leaf_hash(entries[index]), other, size, proof, _mth(entries))
    for wrong in (proof[:-1] if proof else [bytes(32)], [*proof, bytes(32)]):
        with pytest.raises(ProofError):
            verify_inclusion(leaf_hash(entries[index]), index, size, wrong, _mth(entries))


@given(_sizes, st.data())
def test_any_two_sizes_are_consistent_and_no_bit_may_flip(size: int, data: st.DataObject) -> None:
    entries = _entries(size)
    old = data.draw(st.integers(0, size))
    roots = _mth(entries[:old]), _mth(entries)
    proof = consistency_proof(_Nodes(entries), old, size)
    verify_consistency(old, size, *roots, proof)

    if old:
        packed = bytearray(b"".join([*roots, *proof]))
        packed[data.draw(st.integers(0, len(packed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        first, second, *wrong = split_hashes(bytes(packed))
        with pytest.raises(ProofError):
            verify_consistency(old, size, first, second, wrong)
    with pytest.raises(ProofError):
        verify_consistency(old, size, *roots, [*proof, bytes(32)])


@given(st.integers(2, 70), st.data())
def test_a_rewritten_history_has_no_consistency_proof(size: int, data: st.DataObject) -> None:
    entries = _entries(size)
    old = data.draw(st.integers(1, size))
    changed = list(entries)
    changed[data.draw(st.integers(0, old - 1))] = b"another"
    proof = consistency_proof(_Nodes(changed), old, size)
    with pytest.raises(ProofError):
        verify_consistency(old, size, _mth(entries[:old]), _mth(changed), proof)


def test_what_cannot_be_proven_is_refused() -> None:
    nodes = _Nodes(_entries(3))
    with pytest.raises(ValueError, match="no leaf 3"):
        inclusion_proof(nodes, 3, 3)
    with pytest.raises(ValueError, match="from 4 to 3"):
        consistency_proof(nodes, 4, 3)
    with pytest.raises(ProofError, match="cannot extend"):
        verify_consistency(4, 3, bytes(32), bytes(32), [])
    with pytest.raises(ProofError, match="too short"):
        verify_consistency(3, 5, bytes(32), bytes(32), [])
    verify_consistency(0, 5, EMPTY_ROOT, bytes(32), [])
    with pytest.raises(ProofError):
        verify_consistency(0, 5, bytes(32), bytes(32), [])


@given(st.lists(st.binary(max_size=40), max_size=80))
def test_the_frontier_grows_to_the_same_root(entries: list[bytes]) -> None:
    frontier = Frontier()
    for size, entry in enumerate(entries):
        assert frontier.root() == _mth(entries[:size])
        frontier = Frontier.from_bytes(frontier.size, frontier.to_bytes())
        frontier.append(leaf_hash(entry))
    assert frontier.root() == _mth(entries)


def test_a_frontier_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="perfect subtrees"):
        Frontier.from_bytes(3, bytes(32))
    with pytest.raises(ValueError, match="whole number"):
        Frontier.from_bytes(3, bytes(33))


def test_leaves_and_nodes_are_kept_apart() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)
    hashes = [leaf_hash(entry) for entry in _entries(9)]
    assert len({root_of(hashes[:size]) for size in range(10)}) == 10
    assert all(a != b for a, b in pairwise(hashes))
