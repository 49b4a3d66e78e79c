"""Comparison with what the checker kept: an earlier checkpoint, or an earlier export.

What somebody kept themselves needs no signature to be compared; a signature makes it evidence
against others.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

from backend.ledger.checkpoint import Checkpoint, CheckpointError, open_checkpoint
from backend.ledger.compare import compare_entries
from backend.ledger.disclosure import ExportError, ExportFile
from backend.ledger.findings import Findings
from backend.ledger.note import MAX_NOTE_CHARACTERS, Note, VerifierKey
from backend.ledger.proven import ProvenTree


def check_kept(
    kept: Sequence[Path],
    tree: ProvenTree,
    log_keys: Sequence[VerifierKey],
    witnesses: Sequence[VerifierKey],
    findings: Findings,
) -> None:
    """Report how the log stands to each kept file; nothing is raised."""
    for path in kept:
        try:
            if zipfile.is_zipfile(path):
                with ExportFile(path) as export:
                    _check_export(export, tree, log_keys, witnesses, findings)
            else:
                text = path.read_bytes()[: 4 * MAX_NOTE_CHARACTERS].decode()
                _check_checkpoint(text, tree, log_keys, witnesses, findings)
        except (ExportError, OSError, UnicodeDecodeError) as error:
            findings.add("kept_unreadable", why=error)


def _check_export(
    export: ExportFile,
    tree: ProvenTree,
    log_keys: Sequence[VerifierKey],
    witnesses: Sequence[VerifierKey],
    findings: Findings,
) -> None:
    same = _check_checkpoint(export.checkpoint, tree, log_keys, witnesses, findings)
    if same is not False:
        return
    now = tree.entries()
    if export.has_entries() and now is not None:
        size = Checkpoint.parse(Note.parse(export.checkpoint).body).size
        compare_entries(list(export.entries(size)), now, findings)
    else:
        for record in export.records():
            if not tree.includes(record.index, record.entry):
                findings.add("changed", record.index)


def _check_checkpoint(
    text: str,
    tree: ProvenTree,
    log_keys: Sequence[VerifierKey],
    witnesses: Sequence[VerifierKey],
    findings: Findings,
) -> bool | None:
    """Whether the log extends it; ``None`` when that can not be told."""
    try:
        kept = Checkpoint.parse(Note.parse(text).body)
    except ValueError as error:
        findings.add("kept_unreadable", why=error)
        return None
    try:
        open_checkpoint(text, log_keys=log_keys, witnesses=witnesses)
    except CheckpointError:
        findings.add("kept_unsigned")
    newest = tree.checkpoint
    if kept.origin != newest.origin:
        findings.add("kept_other_log", origin=kept.origin)
        return None
    if kept.size > newest.size:
        findings.add("kept_longer", kept=kept.size, size=newest.size)
        return False
    extends = tree.extends(kept)
    if extends is None:
        findings.add("kept_not_provable", kept=kept.size)
    else:
        findings.add("kept_extended" if extends else "kept_differs", kept=kept.size)
    return extends
