"""A record: something that happened, is provable by the log, and is what the rules read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of the journal.

    ``kind`` is dotted (``event.stamped``, ``application.approved``, ``alert.raised`` …).
    ``at`` is when we recorded it, ``happened_at`` when it happened by the clock of whoever did it;
    both ms UTC. The references are ids (pseudonyms: never names). ``data`` is plain CBOR values.
    ``evidence`` is the signed bytes of a sleeve, verbatim. ``seq`` is -1 until the log gave one.
    """

    kind: str
    org_path: str
    at: int
    happened_at: int
    device: str | None = None
    counter: int | None = None
    seal: str | None = None
    application: str | None = None
    grant_id: str | None = None
    use_id: str | None = None
    person: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    evidence: bytes | None = None
    seq: int = -1
