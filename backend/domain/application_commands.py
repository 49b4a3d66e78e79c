"""What can be asked of an application, and what a decision answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backend.domain.actor import Actor
from backend.domain.application import Application


@dataclass(frozen=True, slots=True)
class Submit:
    """Hand it in; ``number`` is its number from now on (a returned one keeps its own)."""

    by: Actor
    number: str


@dataclass(frozen=True, slots=True)
class OpenPages:
    """The approver looks at the pages (C27)."""

    by: Actor


@dataclass(frozen=True, slots=True)
class Approve:
    """Yes, with the approver's own signature over the canonical bytes if there is one. It was
    verified before it comes here."""

    by: Actor
    reason: str = ""
    signature: bytes | None = None
    signature_info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reject:
    """No, for a reason."""

    by: Actor
    reason: str


@dataclass(frozen=True, slots=True)
class Return:
    """More is needed first."""

    by: Actor
    reason: str


@dataclass(frozen=True, slots=True)
class Delegate:
    """Somebody else decides this step: another approver of the place, or one from above."""

    by: Actor
    to: Actor
    reason: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The applicant no longer wants it."""

    by: Actor
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Expire:
    """Its time is over, before approval or before use."""


@dataclass(frozen=True, slots=True)
class NoteOverdue:
    """The open step's deadline has passed (C28)."""


@dataclass(frozen=True, slots=True)
class Void:
    """The approval no longer holds; a live grant goes with it."""

    by: Actor
    reason: str


@dataclass(frozen=True, slots=True)
class Explain:
    """Why a use ended before all stamps were made."""

    by: Actor
    reason: str


@dataclass(frozen=True, slots=True)
class Review:
    """The look afterwards at an emergency: ``outcome`` is ``proper`` or ``improper``."""

    by: Actor
    outcome: str
    note: str


@dataclass(frozen=True, slots=True)
class Close:
    """The stamped papers are filed."""

    by: Actor


Command = (
    Submit
    | OpenPages
    | Approve
    | Reject
    | Return
    | Delegate
    | Withdraw
    | Expire
    | NoteOverdue
    | Void
    | Explain
    | Review
    | Close
)


@dataclass(frozen=True, slots=True)
class Happened:
    """Something to record: ``kind`` of the record and its data."""

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command led to. ``issue``: a grant is due now. ``revoke``: live grants end now."""

    application: Application
    happened: tuple[Happened, ...] = ()
    issue: bool = False
    revoke: bool = False


def base_data(application: Application) -> dict[str, Any]:
    """What every record of an application says. Ids only: never names of people."""
    return {
        "number": application.number,
        "matter": application.matter_id,
        "title": application.title,
        "kind": application.kind.value,
        "stamps": application.stamps,
        "copies": application.copies,
        "applicant": application.applicant_id,
        "operator": application.operator_id,
    }
