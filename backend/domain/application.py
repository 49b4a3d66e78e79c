"""An application (用印申请): what is asked for, where it stands, what its approvers said.

The whole life, and which status may follow which, is in backend.domain.application_life.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class Status(StrEnum):
    """Where an application stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    IN_USE = "in_use"
    USED = "used"
    FINISHED_EARLY = "finished_early"
    VOIDED = "voided"
    CLOSED = "closed"


STATUS_ZH: Final[dict[Status, str]] = {
    Status.DRAFT: "草稿",
    Status.SUBMITTED: "审批中",
    Status.RETURNED: "退回补充",
    Status.APPROVED: "已批准",
    Status.REJECTED: "未批准",
    Status.WITHDRAWN: "已撤回",
    Status.EXPIRED: "已过期",
    Status.IN_USE: "用印中",
    Status.USED: "已用印",
    Status.FINISHED_EARLY: "提前结束",
    Status.VOIDED: "已作废",
    Status.CLOSED: "已归档",
}

EDITABLE: Final = frozenset({Status.DRAFT, Status.RETURNED})
"""In these the applicant may still change it."""


class Kind(StrEnum):
    """``batch``: one matter, many copies. ``emergency``: two people now, a review afterwards."""

    ORDINARY = "ordinary"
    BATCH = "batch"
    EMERGENCY = "emergency"


class Decision(StrEnum):
    """What an approver said."""

    APPROVED = "approved"
    REJECTED = "rejected"
    RETURNED = "returned"


class DocumentKind(StrEnum):
    """``page``: of the document to be stamped; ``resolution``: of the meeting."""

    PAGE = "page"
    RESOLUTION = "resolution"
    ATTACHMENT = "attachment"


EMERGENCY_ROLE: Final = "emergency"
"""The ``role`` of an emergency's only step: any approver or supervisor of the branch."""


@dataclass(frozen=True, slots=True)
class Document:
    """An uploaded paper. ``sha256`` is over its clear bytes: what approvers sign."""

    id: str
    kind: DocumentKind
    name: str
    mime: str
    size: int
    sha256: bytes
    picture_id: str | None = None
    position: int = 0
    created_at: int = 0


@dataclass(frozen=True, slots=True)
class StepState:
    """One step of this application's chain. It is open between ``opened_at`` and ``decided_at``.

    ``due_at`` is its deadline (C28); ``assignee_id`` to whom it was delegated. ``overdue_at`` is
    when the deadline was found missed.
    """

    position: int
    role: str
    org_path: str
    name: str
    limit_ms: int
    opened_at: int | None = None
    due_at: int | None = None
    overdue_at: int | None = None
    document_opened_at: int | None = None
    assignee_id: str | None = None
    delegated_by: str | None = None
    decided_by: str | None = None
    decision: Decision | None = None
    reason: str | None = None
    decided_at: int | None = None
    signature: bytes | None = None
    signature_info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Application:
    """One request to use a seal. Amounts are fen, times ms UTC.

    ``stamps_per_copy`` × ``copies`` is what a grant allows. ``alternates`` may stamp in the
    operator's place. ``due_at`` is the open step's deadline, ``expires_at`` when it has waited for
    approval in vain. ``version`` grows with each change that a person makes.
    """

    id: str
    org_path: str
    matter_id: str
    matter_version: int
    seal_id: str
    applicant_id: str
    operator_id: str
    title: str
    purpose: str
    created_at: int
    number: str | None = None
    alternates: tuple[str, ...] = ()
    status: Status = Status.DRAFT
    kind: Kind = Kind.ORDINARY
    extends_id: str | None = None
    beneficiary: str | None = None
    counterparty: str | None = None
    amount_fen: int | None = None
    copies: int = 1
    stamps_per_copy: int = 1
    resolution: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[StepState, ...] = ()
    documents: tuple[Document, ...] = ()
    step: int = 0
    reason: str | None = None
    wanted_from: int | None = None
    wanted_until: int | None = None
    submitted_at: int | None = None
    expires_at: int | None = None
    due_at: int | None = None
    decided_at: int | None = None
    closed_at: int | None = None
    reviewed_by: str | None = None
    reviewed_at: int | None = None
    review_outcome: str | None = None
    review_note: str | None = None
    version: int = 0

    @property
    def stamps(self) -> int:
        """Stamps in all."""
        return self.copies * self.stamps_per_copy

    @property
    def open_step(self) -> StepState | None:
        """The step that waits for its approver."""
        if self.status is not Status.SUBMITTED or self.step >= len(self.steps):
            return None
        return self.steps[self.step]

    @property
    def people(self) -> frozenset[str]:
        """Who takes part as asker or stamper."""
        return frozenset({self.applicant_id, self.operator_id, *self.alternates})

    @property
    def pages(self) -> tuple[Document, ...]:
        """The pages to be stamped, in order."""
        pages = [one for one in self.documents if one.kind is DocumentKind.PAGE]
        return tuple(sorted(pages, key=lambda one: (one.position, one.id)))
