"""The Merkle tree of RFC 6962 §2.1 (RFC 9162 §2.1): hashes, proofs and their verification.

Pure: hashes come in through a :data:`NodeReader`, nothing is stored. The notation ``[a, b)`` means
the leaves from index ``a`` up to, not including, ``b``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""Root of the tree without leaves (RFC 6962 §2.1)."""

NodeReader = Callable[[int, int], bytes]
"""``(level, index)`` → hash of the perfect subtree over ``[index·2^level, (index+1)·2^level)``."""

_sha256 = hashlib.sha256


class ProofError(ValueError):
    """A proof does not show what it claims to show."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash of a leaf: SHA-256(0x00 ‖ entry)."""
    return _sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: SHA-256(0x01 ‖ left ‖ right)."""
    return _sha256(b"\x01" + left + right).digest()


class Frontier:
    """The compact form of a tree: one hash for each perfect subtree, largest first.

    It takes leaves at its right edge and knows its root; ``size`` has as many one bits as there
    are hashes.
    """

    __slots__ = ("hashes", "size")

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.hashes = list(hashes)
        if len(self.hashes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has not {len(self.hashes)} perfect subtrees")

    @classmethod
    def from_bytes(cls, size: int, packed: bytes) -> Frontier:
        """Read what :meth:`to_bytes` wrote.

        Raises:
            ValueError: when the length does not fit ``size``.
        """
        return cls(size, split_hashes(packed))

    def to_bytes(self) -> bytes:
        """The hashes one after the other."""
        return b"".join(self.hashes)

    def append(self, leaf: bytes) -> None:
        """Add the hash of one leaf."""
        hashes = self.hashes
        size = self.size
        while size & 1:
            leaf = node_hash(hashes.pop(), leaf)
            size >>= 1
        hashes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Root hash of the tree at this size."""
        return fold(self.hashes) if self.hashes else EMPTY_ROOT


def fold(hashes: Sequence[bytes]) -> bytes:
    """Root over perfect subtrees of falling size; at least one."""
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Root over leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def split_hashes(packed: bytes) -> list[bytes]:
    """Cut concatenated hashes apart.

    Raises:
        ValueError: when the length is no multiple of 32.
    """
    if len(packed) % HASH_BYTES:
        raise ValueError(f"{len(packed)} bytes are not a whole number of hashes")
    return [packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)]


def range_root(read: NodeReader, begin: int, end: int) -> bytes:
    """Root over ``[begin, end)``, where ``begin`` is a multiple of a power of two ≥ the width."""
    hashes = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        hashes.append(read(level, begin >> level))
        begin += 1 << level
    return fold(hashes)


def root_at(read: NodeReader, size: int) -> bytes:
    """Root of the tree of the first ``size`` leaves."""
    return range_root(read, 0, size) if size else EMPTY_ROOT


def inclusion_proof(read: NodeReader, index: int, size: int) -> list[bytes]:
    """PATH(index, D[size]) of RFC 6962 §2.1.1, from the leaf's sibling upwards.

    Raises:
        ValueError: when ``index`` is not in a tree of ``size``.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    proof = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            proof.append(range_root(read, middle, end))
            end = middle
        else:
            proof.append(range_root(read, begin, middle))
            begin = middle
    return proof[::-1]


def consistency_proof(read: NodeReader, old: int, new: int) -> list[bytes]:
    """PROOF(old, D[new]) of RFC 6962 §2.1.2; empty when ``old`` is 0 or equals ``new``.

    Raises:
        ValueError: when not ``0 <= old <= new``.
    """
    if not 0 <= old <= new:
        raise ValueError(f"no consistency proof from {old} to {new}")
    if old in (0, new):
        return []
    proof = []
    begin, end = 0, new
    while end != old:
        middle = begin + _split(end - begin)
        if old <= middle:
            proof.append(range_root(read, middle, end))
            end = middle
        else:
            proof.append(range_root(read, begin, middle))
            begin = middle
    # A left-most subtree is the old tree itself: its root is known to whoever checks.
    if begin:
        proof.append(range_root(read, begin, end))
    return proof[::-1]


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that the leaf hash stands at ``index`` in the tree (RFC 9162 §2.1.3.2).

    Raises:
        ProofError: when it does not.
    """
    if not 0 <= index < size:
        raise ProofError(f"no leaf {index} in a tree of {size}")
    node, last, seen = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("the proof is too long")
        if node & 1 or node == last:
            seen = node_hash(sibling, seen)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            seen = node_hash(seen, sibling)
        node >>= 1
        last >>= 1
    if last or seen != root:
        raise ProofError(f"leaf {index} is not under this root")


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree of ``new`` leaves begins with the tree of ``old`` (RFC 9162 §2.1.4.2).

    Raises:
        ProofError: when it does not.
    """
    if not 0 <= old <= new:
        raise ProofError(f"a log of {new} cannot extend one of {old}")
    if old in (0, new):
        known = EMPTY_ROOT if old == 0 else new_root
        if proof or old_root != known:
            raise ProofError(f"the tree of {new} does not extend the tree of {old}")
        return
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise ProofError("the proof is too short")
    node, last = old - 1, new - 1
    while node & 1:
        node >>= 1
        last >>= 1
    seen_old = seen_new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("the proof is too long")
        if node & 1 or node == last:
            seen_old = node_hash(sibling, seen_old)
            seen_new = node_hash(sibling, seen_new)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            seen_new = node_hash(seen_new, sibling)
        node >>= 1
        last >>= 1
    if last or seen_old != old_root or seen_new != new_root:
        raise ProofError(f"the tree of {new} does not extend the tree of {old}")


def _split(width: int) -> int:
    """The largest power of two smaller than ``width`` (> 1): where RFC 6962 cuts."""
    return 1 << ((width - 1).bit_length() - 1)
