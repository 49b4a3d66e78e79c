"""Checkpoints (c2sp.org/tlog-checkpoint) and who must have witnessed them.

A checkpoint states origin, size and root of a log, signed by the log. Witnesses add cosignatures:
each says that it has only ever seen this log grow.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from backend.ledger.note import COSIGNATURE, Note, NoteError, VerifierKey, decode_base64
from backend.ledger.tree import EMPTY_ROOT, HASH_BYTES

_MAX_SIZE = 2**63 - 1


class CheckpointError(ValueError):
    """A text that is no checkpoint of this log, or is not signed as it must be."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Origin, size and root of a log. ``extensions`` are further lines that the log signs."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.origin or "\n" in self.origin:
            raise CheckpointError("a checkpoint begins with its origin")
        if not 0 <= self.size <= _MAX_SIZE or len(self.root) != HASH_BYTES:
            raise CheckpointError("a checkpoint has a size and a root of 32 bytes")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise CheckpointError("an empty log has another root")

    @property
    def body(self) -> str:
        """The text that is signed."""
        root = base64.b64encode(self.root).decode()
        return "\n".join([self.origin, str(self.size), root, *self.extensions]) + "\n"

    @classmethod
    def parse(cls, body: str) -> Checkpoint:
        """Read the text that is signed.

        Raises:
            CheckpointError: when it is malformed.
        """
        lines = body.removesuffix("\n").split("\n")
        if len(lines) < 3 or not all(lines):
            raise CheckpointError("a checkpoint has origin, size and root on three lines")
        origin, size, root, *extensions = lines
        if not (size.isascii() and size.isdigit() and len(size) <= 19):
            raise CheckpointError(f"not a size: {size[:40]!r}")
        try:
            checkpoint = cls(origin, int(size), decode_base64(root), tuple(extensions))
        except NoteError as error:
            raise CheckpointError(f"not a root: {error}") from error
        if checkpoint.body != body:
            raise CheckpointError("the checkpoint is not in its one form")
        return checkpoint


@dataclass(frozen=True, slots=True)
class Cosignature:
    """That a witness saw a checkpoint, and when (ms, whole seconds)."""

    witness: VerifierKey
    at: int


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint with the signatures on it that verified."""

    checkpoint: Checkpoint
    note: Note
    log_keys: tuple[VerifierKey, ...]
    cosignatures: tuple[Cosignature, ...]


@dataclass(frozen=True, slots=True)
class WitnessPolicy:
    """At least ``threshold`` of these witnesses must have cosigned. Without witnesses, none."""

    witnesses: tuple[VerifierKey, ...] = ()
    threshold: int = 0

    def __post_init__(self) -> None:
        if any(key.algorithm != COSIGNATURE for key in self.witnesses):
            raise CheckpointError("a witness key is of the cosignature type")
        # The same key under two names would count twice.
        if len({key.public_key for key in self.witnesses}) != len(self.witnesses):
            raise CheckpointError("two witnesses share one key")
        lowest = 1 if self.witnesses else 0
        if not lowest <= self.threshold <= len(self.witnesses):
            raise CheckpointError(
                f"{self.threshold} of {len(self.witnesses)} witnesses can not be asked for"
            )

    @classmethod
    def of(cls, witnesses: Iterable[VerifierKey], threshold: int | None = None) -> WitnessPolicy:
        """A policy; the majority is asked for when no ``threshold`` is named.

        Raises:
            CheckpointError: when the threshold cannot be met or keys are shared.
        """
        keys = tuple(witnesses)
        majority = len(keys) // 2 + 1 if keys else 0
        return cls(keys, majority if threshold is None else threshold)

    def met(self, cosignatures: Sequence[Cosignature]) -> bool:
        """Whether enough of the policy's witnesses cosigned; never without witnesses."""
        return bool(self.threshold) and len(self._times(cosignatures, max)) >= self.threshold

    def window(self, cosignatures: Sequence[Cosignature]) -> tuple[int, int]:
        """When the checkpoint was seen, as ``(until, by)`` in ms: it was still the newest one
        ``until``, and existed ``by``. Ask only when :meth:`met`.

        Sound while fewer than ``threshold`` witnesses lie: of any ``threshold`` times one is
        honest, so the threshold-th newest and the threshold-th oldest are safe to rely on.
        """
        newest, oldest = self._times(cosignatures, max), self._times(cosignatures, min)
        return newest[-self.threshold], oldest[self.threshold - 1]

    def _times(
        self, cosignatures: Sequence[Cosignature], choose: Callable[[int, int], int]
    ) -> list[int]:
        """One time for each of the policy's witnesses, rising."""
        times: dict[VerifierKey, int] = {}
        for seen in cosignatures:
            if seen.witness in self.witnesses:
                times[seen.witness] = choose(times.get(seen.witness, seen.at), seen.at)
        return sorted(times.values())


def open_checkpoint(
    text: str, *, log_keys: Iterable[VerifierKey], witnesses: Iterable[VerifierKey] = ()
) -> SignedCheckpoint:
    """Read a checkpoint and verify what is signed by the given keys.

    A log key counts only on a checkpoint whose origin is the key's name: this keeps one key's
    logs apart.

    Raises:
        CheckpointError: when it is malformed, a signature by a given key does not verify, or
            neither the log nor a witness signed it.
    """
    keys = tuple(log_keys)
    try:
        note = Note.parse(text)
        checkpoint = Checkpoint.parse(note.body)
        verified = note.verify([*keys, *witnesses])
    except NoteError as error:
        raise CheckpointError(str(error)) from error
    signed = SignedCheckpoint(
        checkpoint,
        note,
        tuple(
            key
            for key in dict.fromkeys(one.key for one in verified)
            if key in keys and key.name == checkpoint.origin
        ),
        tuple(Cosignature(one.key, one.at) for one in verified if one.at is not None),
    )
    if not signed.log_keys and not signed.cosignatures:
        raise CheckpointError("nobody whose key is known signed this checkpoint")
    return signed
