"""Reads the disclosed records one after the other: are they what the log committed to?"""

from __future__ import annotations

import base64
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from backend.ledger.approvals import Approvals
from backend.ledger.chain import Chains
from backend.ledger.disclosure import RecordLine, SleeveKey
from backend.ledger.entries import Entry, EntryError, commitment, decode_entry
from backend.ledger.evidence import EvidenceError, SleeveEvent, decode_item, read_evidence
from backend.ledger.findings import Findings
from backend.ledger.proven import ProvenTree
from backend.ledger.report import SleeveSummary
from backend.ledger.words import moment

_EVENT = "event."
_KEY_ROTATED = "event.key_rotated"
_GAP_CLOSED = "gap.closed"


@dataclass(frozen=True, slots=True)
class AuditResult:
    """How many records were shown and erased, and which sleeves spoke."""

    disclosed: int
    erased: int
    sleeves: tuple[SleeveSummary, ...]


class Audit:
    """Checks records against a tree. ``seen`` are witnessed sizes: ``(size, until, by)``, times
    in ms, sizes rising (see :meth:`backend.ledger.checkpoint.WitnessPolicy.window`)."""

    def __init__(
        self,
        tree: ProvenTree,
        sleeve_keys: Sequence[SleeveKey],
        seen: Sequence[tuple[int, int, int]],
        findings: Findings,
        tolerance_ms: int,
        witness_lag_ms: int,
    ) -> None:
        self._tree = tree
        self._findings = findings
        self._tolerance_ms = tolerance_ms
        self._witness_lag_ms = witness_lag_ms
        self._seen = seen
        self._sizes = [size for size, _, _ in seen]
        self._chains = Chains(findings)
        self._keys: dict[str, list[SleeveKey]] = {}
        for key in sleeve_keys:
            self._keys.setdefault(key.device, []).append(key)
        self._names = {name: key.fingerprint for key in sleeve_keys for name in _names(key)}
        self._introduced: dict[str, int] = {}
        self._newest = 0

    def run(self, records: Iterable[RecordLine]) -> AuditResult:
        """Check them all, in rising index."""
        everything = self._tree.entries()
        if everything is not None:
            for index, raw in enumerate(everything):
                self._entry(index, raw)
        approvals = Approvals(self._findings, complete=everything is not None)
        disclosed = erased = shown = 0
        for record in records:
            shown += 1
            if not self._tree.includes(record.index, record.entry):
                self._findings.add("not_included", record.index)
                continue
            try:
                entry = decode_entry(record.entry)
            except EntryError as error:
                if everything is None:
                    self._findings.add("entry_malformed", record.index, why=error)
                continue
            if everything is None:
                self._time(record.index, entry.at)
            if record.body is None or record.salt is None:
                erased += 1
                self._chains.erased(record.index)
                approvals.erased()
            else:
                disclosed += 1
                body = self._record(record.index, entry, record.salt, record.body)
                if body is not None:
                    approvals.record(record.index, entry.kind, body)
        if erased:
            self._findings.add("erased", count=erased)
        if everything is not None and shown < len(everything):
            self._findings.add("withheld", count=len(everything) - shown)
        return AuditResult(disclosed, erased, self._sleeves(everything is not None))

    def _entry(self, index: int, raw: bytes) -> None:
        try:
            self._time(index, decode_entry(raw).at)
        except EntryError as error:
            self._findings.add("entry_malformed", index, why=error)

    def _time(self, index: int, at: int) -> None:
        if at < self._newest - self._tolerance_ms:
            self._findings.add("time_back", index, at=moment(at), before=moment(self._newest))
        self._newest = max(self._newest, at)
        place = bisect_right(self._sizes, index)
        if place and at < (until := self._seen[place - 1][1]) - self._witness_lag_ms:
            self._findings.add("dated_before_witness", index, at=moment(at), seen=moment(until))
        if place < len(self._seen) and at > (by := self._seen[place][2]) + self._tolerance_ms:
            self._findings.add("dated_after_witness", index, at=moment(at), seen=moment(by))

    def _record(self, index: int, entry: Entry, salt: bytes, body: bytes) -> dict[str, Any] | None:
        """Check one; its content, if the log committed to it."""
        try:
            if commitment(salt, body) != entry.commit:
                self._findings.add("commitment_wrong", index)
                return None
            value = decode_item(body)
            if not isinstance(value, dict):
                raise EvidenceError("a record is a map")
        except ValueError as error:
            self._findings.add("body_malformed", index, why=error)
            return None
        if value.get("kind") != entry.kind or value.get("at") != entry.at:
            self._findings.add("body_differs", index)
        evidence = value.get("evidence")
        if isinstance(evidence, bytes):
            self._evidence(index, entry.kind, value, evidence)
        elif entry.kind.startswith(_EVENT):
            self._findings.add("evidence_missing", index)
        if entry.kind == _GAP_CLOSED:
            self._gap(value)
        if entry.kind == _KEY_ROTATED or not entry.kind.startswith(_EVENT):
            self._introductions(index, value)
        return value

    def _evidence(self, index: int, kind: str, body: dict[str, Any], evidence: bytes) -> None:
        try:
            event = read_evidence(evidence, self._keys)
        except EvidenceError as error:
            self._findings.add("evidence_bad", index, why=error)
            return
        for what in _differences(kind, body, event):
            self._findings.add("evidence_differs", index, what=what)
        self._chains.event(index, event)

    def _gap(self, body: dict[str, Any]) -> None:
        device, data = _refs(body).get("device"), body.get("data")
        if isinstance(device, str) and isinstance(data, dict):
            first, last = data.get("first"), data.get("last")
            if isinstance(first, int) and isinstance(last, int):
                self._chains.gap_closed(device, first, last)

    def _introductions(self, index: int, body: dict[str, Any]) -> None:
        """Remember which sleeve keys a record names: raw, in hex or base64, or by fingerprint."""
        pending: list[object] = [body]
        while pending:
            value = pending.pop()
            if isinstance(value, dict):
                pending += value.values()
            elif isinstance(value, list | tuple):
                pending += value
            elif isinstance(value, str | bytes):
                named = self._names.get(value.encode() if isinstance(value, str) else value)
                if named is not None:
                    self._introduced.setdefault(named, index)

    def _sleeves(self, complete: bool) -> tuple[SleeveSummary, ...]:
        summaries = []
        for chain in self._chains.finish(complete=complete):
            introduced = {}
            for key in self._keys.get(chain.device, []):
                index = introduced[key.fingerprint] = self._introduced.get(key.fingerprint)
                if index is None:
                    self._findings.add(
                        "sleeve_key_unlogged", device=chain.device, fingerprint=key.fingerprint
                    )
            summaries.append(
                SleeveSummary(chain.device, chain.events, chain.first, chain.last, introduced)
            )
        return tuple(summaries)


def _names(key: SleeveKey) -> tuple[bytes, ...]:
    """The ways in which a record may name a public key."""
    return (
        key.public,
        key.public.hex().encode(),
        base64.b64encode(key.public),
        bytes.fromhex(key.fingerprint),
        key.fingerprint.encode(),
    )


def _refs(body: dict[str, Any]) -> dict[str, Any]:
    refs = body.get("refs")
    return refs if isinstance(refs, dict) else {}


def _differences(kind: str, body: dict[str, Any], event: SleeveEvent) -> list[str]:
    """What a record says otherwise than the sleeve's own signed event."""
    refs = _refs(body)
    pairs = [
        ("kind", kind, _EVENT + (event.type or "")),
        ("happened_at", body.get("happened_at"), event.time),
        ("device", refs.get("device"), event.device),
        ("counter", refs.get("counter"), event.counter),
    ]
    return [what for what, told, signed in pairs if told != signed]
