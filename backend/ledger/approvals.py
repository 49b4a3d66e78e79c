"""Approvals that were signed by the approver: checked from the records alone.

The approver's key stands in an earlier record (``person.signing_key_added``), so nobody who runs
the server can sign for them later without a record of a key that is not theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from backend.ledger.findings import Findings
from backend.ledger.personal import PersonalSignature, PersonKey, SignatureError, check, decode

APPROVED: Final = "application.step_approved"
ADDED: Final = "person.signing_key_added"
REVOKED: Final = "person.signing_key_revoked"
_KINDS: Final = frozenset({APPROVED, ADDED, REVOKED})


@dataclass(frozen=True, slots=True)
class _Known:
    person: str
    key: PersonKey
    revoked: bool = False


class Approvals:
    """Reads records in log order. ``complete``: the whole log is there, so that a key must be."""

    def __init__(self, findings: Findings, *, complete: bool) -> None:
        self._findings = findings
        self._complete = complete
        self._keys: dict[str, _Known] = {}

    def erased(self) -> None:
        """A record was erased: it may have been the registration of a key."""
        self._complete = False

    def record(self, index: int, kind: str, body: dict[str, Any]) -> None:
        """One record whose content fits its commitment."""
        if kind not in _KINDS:
            return
        data, refs = body.get("data"), body.get("refs")
        if not isinstance(data, dict) or not isinstance(refs, dict):
            return
        if kind == APPROVED:
            if data.get("signed"):
                self._approval(index, data, refs)
        elif kind == ADDED:
            self._added(index, data)
        else:
            known = self._keys.get(str(data.get("key")))
            if known is not None:
                self._keys[str(data["key"])] = _Known(known.person, known.key, revoked=True)

    def _added(self, index: int, data: dict[str, Any]) -> None:
        try:
            key = PersonKey(str(data.get("alg")), decode(data.get("public_key")))
        except SignatureError as error:
            self._findings.add("approver_key_bad", index, why=error)
            return
        self._keys[str(data.get("key"))] = _Known(str(data.get("subject")), key)

    def _approval(self, index: int, data: dict[str, Any], refs: dict[str, Any]) -> None:
        signature, digest = data.get("signature"), data.get("approval")
        try:
            if not isinstance(signature, dict) or not isinstance(digest, bytes):
                raise SignatureError("it is not in the record")
            key = PersonKey(str(signature.get("alg")), decode(signature.get("public_key")))
            check(PersonalSignature.of(signature), key, digest)
        except SignatureError as error:
            self._findings.add("approval_signature_bad", index, why=error)
            return
        known = self._keys.get(str(signature.get("key")))
        if known is None:
            code = "approver_key_missing" if self._complete else "approver_key_unlogged"
            self._findings.add(code, index)
        elif known.key != key or known.person != refs.get("person"):
            self._findings.add("approver_key_other", index)
        elif known.revoked:
            self._findings.add("approver_key_revoked", index)
