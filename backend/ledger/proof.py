"""A proof that travels alone (c2sp.org/tlog-proof): index, inclusion proof and checkpoint."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final

from backend.ledger.checkpoint import Checkpoint
from backend.ledger.note import Note, decode_base64
from backend.ledger.tree import HASH_BYTES, ProofError, leaf_hash, verify_inclusion

_HEADER: Final = "c2sp.org/tlog-proof@v1"
_MAX_HASHES: Final = 63


@dataclass(frozen=True, slots=True)
class LogProof:
    """That an entry stands at ``index`` under ``checkpoint`` (a whole signed note).

    ``extra`` is not authenticated by anything.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    @property
    def text(self) -> str:
        """The proof file."""
        lines = [_HEADER]
        if self.extra is not None:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(one).decode() for one in self.hashes]
        return "\n".join(lines) + "\n\n" + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> LogProof:
        """Read a proof file; nothing is verified.

        Raises:
            ProofError: when it is malformed.
        """
        head, blank, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if not blank or lines.pop(0) != _HEADER:
            raise ProofError("not a log proof")
        try:
            extra = None
            if lines and lines[0].startswith("extra "):
                extra = decode_base64(lines.pop(0).removeprefix("extra "))
            word, _, digits = (lines.pop(0) if lines else "").partition(" ")
            hashes = tuple(decode_base64(line) for line in lines)
            proof = cls(int(digits), hashes, checkpoint, extra)
        except ValueError as error:
            raise ProofError(f"not a log proof: {error}") from error
        if (
            word != "index"
            or proof.index < 0
            or len(hashes) > _MAX_HASHES
            or any(len(one) != HASH_BYTES for one in hashes)
            or proof.text != text
        ):
            raise ProofError("not a log proof in its one form")
        return proof

    def verify(self, entry: bytes) -> Checkpoint:
        """Check that ``entry`` is what the proof is about.

        Returns:
            The checkpoint that includes it. **Its signatures are not checked here**:
            see :func:`backend.ledger.checkpoint.open_checkpoint`.

        Raises:
            ProofError: when the entry is not under the checkpoint's root.
        """
        try:
            checkpoint = Checkpoint.parse(Note.parse(self.checkpoint).body)
        except ValueError as error:
            raise ProofError(f"no checkpoint in the proof: {error}") from error
        verify_inclusion(
            leaf_hash(entry), self.index, checkpoint.size, self.hashes, checkpoint.root
        )
        return checkpoint
