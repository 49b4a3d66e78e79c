"""The stand-alone verifier: an export alone, and what the checker brought along.

It imports the standard library, ``cbor2``, ``cryptography`` and the pure modules beside it: no
database, no network, nothing of the server. What it relies on is what the caller hands in (keys of
log and witnesses, kept checkpoints); what the export says about itself is a claim and is reported
as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from backend.ledger.audit import Audit
from backend.ledger.checkpoint import (
    Checkpoint,
    CheckpointError,
    SignedCheckpoint,
    WitnessPolicy,
    open_checkpoint,
)
from backend.ledger.disclosure import ExportError, ExportFile, SleeveKey
from backend.ledger.findings import Findings
from backend.ledger.kept import check_kept
from backend.ledger.note import Note, NoteError, VerifierKey
from backend.ledger.proven import PartTree, ProvenTree, WholeTree
from backend.ledger.report import Report

TOLERANCE_MS: Final = 60_000
"""Times may run back by so much in log order: several servers write, each with its own clock."""
WITNESS_LAG_MS: Final = 600_000
"""So much may pass between an entry's time and a cosignature on a tree without it."""


def verify(
    path: Path,
    *,
    log_keys: Sequence[VerifierKey] = (),
    policy: WitnessPolicy | None = None,
    since: Sequence[Path] = (),
    sleeve_keys: Sequence[SleeveKey] = (),
    tolerance_ms: int = TOLERANCE_MS,
    witness_lag_ms: int = WITNESS_LAG_MS,
) -> Report:
    """Check an export.

    ``log_keys`` and the witnesses of ``policy`` come from somewhere else than the export; without
    them its own claims are used, with a warning. ``since`` are checkpoints or exports that the
    checker kept earlier. Nothing is raised for a bad export: what is wrong is in the report.
    """
    findings = Findings()
    try:
        with ExportFile(path) as export:
            check = _Check(
                export, findings, policy or WitnessPolicy(), tolerance_ms, witness_lag_ms
            )
            return check.run(log_keys, since, sleeve_keys)
    except ExportError as error:
        findings.add("export_unreadable", why=error)
        return Report("", 0, b"", {}, 0, None, False, 0, 0, (), findings.all())


def verify_cli(
    path: Path,
    *,
    log_key: Sequence[str] = (),
    witness: Sequence[str] = (),
    threshold: int | None = None,
    since: Sequence[Path] = (),
) -> Report:
    """:func:`verify` with keys as texts; the majority of the witnesses is asked for by default.

    Raises:
        NoteError: when a key is malformed.
        CheckpointError: when the witnesses can not meet the threshold.
    """
    return verify(
        path,
        log_keys=[VerifierKey.parse(text) for text in log_key],
        policy=WitnessPolicy.of([VerifierKey.parse(text) for text in witness], threshold),
        since=since,
    )


class _Check:
    def __init__(
        self,
        export: ExportFile,
        findings: Findings,
        policy: WitnessPolicy,
        tolerance_ms: int,
        witness_lag_ms: int,
    ) -> None:
        self._export = export
        self._findings = findings
        self._policy = policy
        self._tolerance_ms = tolerance_ms
        self._witness_lag_ms = witness_lag_ms

    def run(
        self,
        log_keys: Sequence[VerifierKey],
        since: Sequence[Path],
        sleeve_keys: Sequence[SleeveKey],
    ) -> Report:
        findings = self._findings
        keys = tuple(log_keys) or self._claimed_keys()
        newest = self._open(self._export.checkpoint, keys)
        tree = self._tree(newest.checkpoint)
        seen = [one for one in [*self._older(keys, tree), newest] if self._witnessed(one)]
        if since:
            check_kept(since, tree, keys, self._policy.witnesses, findings)
        if not sleeve_keys:
            findings.add("sleeve_keys_unknown")
        audit = Audit(
            tree,
            tuple(sleeve_keys) or tuple(self._export.sleeves()),
            [(one.checkpoint.size, *self._policy.window(one.cosignatures)) for one in seen],
            findings,
            self._tolerance_ms,
            self._witness_lag_ms,
        )
        result = audit.run(self._export.records())
        last = seen[-1] if seen else None
        witnessed = last.checkpoint.size if last else 0
        if not self._policy.witnesses:
            findings.add("no_witness", size=newest.checkpoint.size)
        elif last is None:
            findings.add("not_witnessed", threshold=self._policy.threshold)
        elif unseen := newest.checkpoint.size - witnessed:
            findings.add("unwitnessed_window", witnessed=witnessed, count=unseen)
        return Report(
            origin=newest.checkpoint.origin,
            size=newest.checkpoint.size,
            root=newest.checkpoint.root,
            scope=self._export.scope,
            witnessed=witnessed,
            witnessed_at=self._policy.window(last.cosignatures)[1] if last else None,
            complete=isinstance(tree, WholeTree),
            disclosed=result.disclosed,
            erased=result.erased,
            sleeves=result.sleeves,
            findings=findings.all(),
        )

    def _claimed_keys(self) -> tuple[VerifierKey, ...]:
        self._findings.add("log_key_unknown")
        try:
            return tuple(VerifierKey.parse(text) for text in self._export.log_keys())
        except NoteError as error:
            raise ExportError(f"log.vkey: {error}") from error

    def _open(self, text: str, keys: Sequence[VerifierKey]) -> SignedCheckpoint:
        """The checkpoint as far as it can be read; what is wrong with its signatures is noted."""
        try:
            signed = open_checkpoint(text, log_keys=keys, witnesses=self._policy.witnesses)
        except CheckpointError as error:
            self._findings.add("checkpoint_unsigned", why=error)
            try:
                note = Note.parse(text)
                return SignedCheckpoint(Checkpoint.parse(note.body), note, (), ())
            except ValueError as unreadable:
                raise ExportError(str(unreadable)) from unreadable
        if not signed.log_keys:
            origin = signed.checkpoint.origin
            self._findings.add("checkpoint_unsigned", why=f"no signature by a key of {origin!r}")
        return signed

    def _tree(self, checkpoint: Checkpoint) -> ProvenTree:
        if self._export.has_entries() or checkpoint.size == 0:
            return WholeTree(checkpoint, self._export, self._findings)
        return PartTree(checkpoint, self._export)

    def _older(self, keys: Sequence[VerifierKey], tree: ProvenTree) -> list[SignedCheckpoint]:
        """Earlier checkpoints in the export that the log really extends, oldest first."""
        good = []
        for text in self._export.older_checkpoints():
            signed = self._open(text, keys)
            same_log = signed.checkpoint.origin == tree.checkpoint.origin
            if same_log and tree.extends(signed.checkpoint):
                good.append(signed)
            else:
                self._findings.add("checkpoint_inconsistent", size=signed.checkpoint.size)
        return good

    def _witnessed(self, signed: SignedCheckpoint) -> bool:
        return self._policy.met(signed.cosignatures)
