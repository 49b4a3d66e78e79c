"""Where two copies of one log differ: changed, redated, deleted, inserted, moved.

That they differ at all is shown by the roots; this only says where, for people. Leaves commit with
a random salt, so that no two are alike.
"""

from __future__ import annotations

from collections.abc import Sequence

from backend.ledger.entries import EntryError, decode_entry
from backend.ledger.findings import Findings
from backend.ledger.words import moment


def compare_entries(old: Sequence[bytes], new: Sequence[bytes], findings: Findings) -> None:
    """Report each entry of the kept ``old`` log that ``new`` does not repeat in its place."""
    new_at = {entry: index for index, entry in enumerate(new)}
    old_set = set(old)
    gone = [index for index, entry in enumerate(old) if entry not in new_at]
    kept = [(index, new_at[entry]) for index, entry in enumerate(old) if entry in new_at]
    # What follows the last kept entry, and as many as are gone behind it, was appended later; what
    # stands before was put in.
    last_old, last_new = kept[-1] if kept else (-1, -1)
    end = max([last_new + len(old) - 1 - last_old, *(place for _, place in kept)])
    foreign = [index for index in range(min(end + 1, len(new))) if new[index] not in old_set]
    foreign = _pair_redated(old, new, gone, foreign, findings)
    for index in gone:
        if index in foreign:
            foreign.remove(index)
            findings.add("changed", index)
        else:
            findings.add("deleted", index)
    for index in foreign:
        findings.add("inserted", index)
    highest = -1
    for _, place in kept:
        if place < highest:
            findings.add("moved", place)
        highest = max(highest, place)


def _pair_redated(
    old: Sequence[bytes],
    new: Sequence[bytes],
    gone: list[int],
    foreign: list[int],
    findings: Findings,
) -> list[int]:
    """Report entries whose commitment is the same and whose time is not; returns the rest."""
    by_commit = {}
    for index in gone:
        try:
            before = decode_entry(old[index])
        except EntryError:
            continue
        by_commit[before.kind, before.commit] = (index, before.at)
    rest = []
    for index in foreign:
        try:
            now = decode_entry(new[index])
            pair = by_commit.get((now.kind, now.commit))
        except EntryError:
            pair = None
        if pair is None:
            rest.append(index)
            continue
        findings.add("redated", index, old=moment(pair[1]), new=moment(now.at))
        gone.remove(pair[0])
    return rest
