"""Drafts: what an applicant fills in, with the papers, until it is handed in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import Connection

from backend.domain.actor import Actor, Role
from backend.domain.application import EDITABLE, Application, Document, DocumentKind, Kind
from backend.domain.application_actions import EXTENDABLE
from backend.domain.application_checks import AtTheDoor, SealFacts, refuse_forbidden
from backend.domain.application_guards import expect, only_applicant
from backend.domain.errors import DomainError, conflict, missing
from backend.services import paper_pieces
from backend.services.application_changes import ApplicationChanges, same_version
from backend.services.application_reader import show, visible
from backend.services.context import ServiceContext
from backend.services.facts import load_facts, load_matter, load_seal
from backend.services.paper_pieces import PaperComing
from backend.services.papers import paper_type
from backend.services.views import ApplicationView
from backend.store import applications
from backend.store.pictures import PictureStore
from backend.store.uploads import drop_pieces

_RESERVED: Final = ("explanation",)
"""Details that only a later decision writes."""

ASKERS: Final = (Role.APPLICANT, Role.CUSTODIAN)
"""Who may apply for the use of a seal in their branch; a custodian does so for a villager."""


@dataclass(frozen=True, slots=True)
class ApplicationForm:
    """What an applicant fills in. Amounts are fen, times ms UTC."""

    matter_id: str
    seal_id: str
    operator_id: str
    title: str
    purpose: str
    copies: int = 1
    stamps_per_copy: int = 1
    kind: Kind = Kind.ORDINARY
    alternates: tuple[str, ...] = ()
    beneficiary: str | None = None
    counterparty: str | None = None
    amount_fen: int | None = None
    resolution: str | None = None
    wanted_from: int | None = None
    wanted_until: int | None = None
    extends_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


class DraftService:
    """Makes, fills and changes drafts; in an emergency, hands them in at once."""

    def __init__(self, context: ServiceContext, pictures: PictureStore) -> None:
        self._context = context
        self._pictures = pictures
        self._changes = ApplicationChanges(context)

    def create(self, actor: Actor, form: ApplicationForm) -> ApplicationView:
        """A draft, seen by its applicant alone until it is submitted.

        Raises:
            DomainError: ``not_found`` (seal or matter outside the actor's branch), ``denied``.
            AtTheDoor: ``forbidden``: a certificate that a village may not issue; recorded.
        """
        now = self._context.now()
        draft = self._draft(actor, form, now)
        try:
            with self._context.db.write() as conn:
                draft = self._insert(conn, actor, draft, now)
                return show(conn, self._context, actor, draft.id)
        except AtTheDoor as refused:
            self._changes.record_refusal(actor, replace(draft, id=""), refused)
            raise

    def update(
        self, actor: Actor, application_id: str, version: int, form: ApplicationForm
    ) -> ApplicationView:
        """Change a draft, or one that was returned for more.

        Raises:
            DomainError: ``not_found``, ``denied``, ``wrong_status``, ``changed_meanwhile``.
            AtTheDoor: ``forbidden``; recorded.
        """
        now = self._context.now()
        try:
            with self._context.db.write() as conn:
                old = self._editable(conn, actor, application_id, version)
                keeper = self._askable_seal(conn, actor, form.seal_id, now)
                filled = self._draft(actor, form, now)
                new = replace(
                    filled,
                    id=old.id,
                    number=old.number,
                    org_path=keeper.org_path,
                    status=old.status,
                    extends_id=old.extends_id,
                    documents=old.documents,
                    steps=old.steps,
                    step=old.step,
                    reason=old.reason,
                    created_at=old.created_at,
                    submitted_at=old.submitted_at,
                    expires_at=old.expires_at,
                    version=old.version + 1,
                )
                new = self._with_matter(conn, new)
                refuse_forbidden(new, load_facts(conn, self._context, new, now))
                applications.save(conn, old, new)
                return show(conn, self._context, actor, application_id)
        except AtTheDoor as refused:
            self._changes.record_refusal(actor, self._changes.known(application_id), refused)
            raise

    def attach(
        self, actor: Actor, application_id: str, kind: DocumentKind, name: str, data: bytes
    ) -> ApplicationView:
        """Add a paper: a page to be stamped, the meeting's resolution, or an attachment whose name
        begins with what the matter calls it. The same paper sent again (its answer was lost) is
        there once.

        Raises:
            DomainError: as :meth:`update`; ``paper_…``, ``picture_…`` for what is no paper;
                ``too_many_papers``.
        """
        settings = self._context.settings
        mime = paper_type(data, settings.paper_bytes)
        name = _paper_name(name)
        digest = hashlib.sha256(data).digest()
        now = self._context.now()
        with self._context.db.write() as conn:
            item = self._editable(conn, actor, application_id, None)
            if _attached(item, kind, name, digest):
                return show(conn, self._context, actor, application_id)
            if len(item.documents) >= settings.papers:
                raise conflict(
                    "too_many_papers",
                    f"一份申请最多{settings.papers}个文件",
                    f"an application has at most {settings.papers} papers",
                )
            picture_id = self._context.new_id()
            self._pictures.put(
                conn,
                picture_id,
                data,
                org_path=item.org_path,
                kind="document",
                mime=mime,
                now=now,
                person_id=actor.person_id,
            )
            paper = Document(
                id=self._context.new_id(),
                kind=kind,
                name=name,
                mime=mime,
                size=len(data),
                sha256=digest,
                picture_id=picture_id,
                position=1 + max((one.position for one in item.documents), default=0),
                created_at=now,
            )
            applications.insert_documents(conn, item.id, [paper])
            applications.save(conn, item, replace(item, version=item.version + 1))
            return show(conn, self._context, actor, application_id)

    def pieces_held(self, actor: Actor, application_id: str, paper: PaperComing) -> tuple[int, ...]:
        """Which pieces of ``paper`` need not be sent; all of them when it is attached already.

        Raises:
            DomainError: as :meth:`update`; ``bad_upload``, ``paper_too_large``.
        """
        paper = paper.checked(self._context.settings.paper_bytes)
        with self._context.db.read() as conn:
            item = visible(conn, actor, application_id, lock=False)
            only_applicant(item, actor)
            if _attached(item, paper.kind, _paper_name(paper.name), bytes.fromhex(paper.digest)):
                return tuple(range(paper.pieces))
            return paper_pieces.held(conn, paper.key(item.id))

    def attach_piece(
        self, actor: Actor, application_id: str, paper: PaperComing, position: int, data: bytes
    ) -> ApplicationView | None:
        """Keep one piece of ``paper``; with the last that was missing it is attached. None: more
        pieces are missing. Any piece may come any number of times.

        Raises:
            DomainError: as :meth:`attach`; ``bad_upload``: start anew.
        """
        paper = paper.checked(self._context.settings.paper_bytes)
        if len(data) != paper.length(position):
            raise paper_pieces.bad_upload()
        with self._context.db.write() as conn:
            item = self._editable(conn, actor, application_id, None)
            if _attached(item, paper.kind, _paper_name(paper.name), bytes.fromhex(paper.digest)):
                return show(conn, self._context, actor, application_id)
            key = paper.key(item.id)
            there = paper_pieces.keep(
                conn, self._pictures, key, position, data, self._context.now()
            )
            if len(there) < paper.pieces:
                return None
            made = paper_pieces.whole(conn, self._pictures, key)
        try:
            if hashlib.sha256(made).hexdigest() != paper.digest:
                raise paper_pieces.bad_upload()
            view = self.attach(actor, application_id, paper.kind, paper.name, made)
        except DomainError:
            self._drop_pieces(key)
            raise
        self._drop_pieces(key)
        return view

    def _drop_pieces(self, key: str) -> None:
        with self._context.db.write() as conn:
            drop_pieces(conn, key)

    def detach(self, actor: Actor, application_id: str, document_id: str) -> ApplicationView:
        """Take a paper out of a draft. Its picture stays in the store until its time is over: an
        application that gets more stamps may share it.

        Raises:
            DomainError: as :meth:`update`.
        """
        with self._context.db.write() as conn:
            item = self._editable(conn, actor, application_id, None)
            if not applications.delete_document(conn, item.id, document_id):
                raise missing("该文件", "document")
            applications.save(conn, item, replace(item, version=item.version + 1))
            return show(conn, self._context, actor, application_id)

    def open_emergency(self, actor: Actor, form: ApplicationForm, reason: str) -> ApplicationView:
        """Break glass: apply and hand in at once. A second person must confirm it, everybody who
        watches is alerted, and a supervisor reviews it afterwards.

        Raises: as :meth:`create` and :meth:`submit`.
        """
        now = self._context.now()
        urgent = replace(
            form, kind=Kind.EMERGENCY, details={**form.details, "emergency": reason.strip()}
        )
        draft = self._draft(actor, urgent, now)
        try:
            with self._context.db.write() as conn:
                draft = self._insert(conn, actor, draft, now)
                self._changes.apply(conn, actor, draft, self._changes.submission(actor), now)
                return show(conn, self._context, actor, draft.id)
        except AtTheDoor as refused:
            self._changes.record_refusal(actor, replace(draft, id=""), refused)
            raise

    def _draft(self, actor: Actor, form: ApplicationForm, now: int) -> Application:
        return Application(
            id=self._context.new_id(),
            org_path="",
            matter_id=form.matter_id,
            matter_version=0,
            seal_id=form.seal_id,
            applicant_id=actor.person_id,
            operator_id=form.operator_id,
            title=form.title.strip(),
            purpose=form.purpose.strip(),
            created_at=now,
            alternates=form.alternates,
            kind=form.kind,
            extends_id=form.extends_id,
            beneficiary=form.beneficiary,
            counterparty=form.counterparty,
            amount_fen=form.amount_fen,
            copies=form.copies,
            stamps_per_copy=form.stamps_per_copy,
            resolution=form.resolution,
            details={name: value for name, value in form.details.items() if name not in _RESERVED},
            wanted_from=form.wanted_from,
            wanted_until=form.wanted_until,
        )

    def _insert(self, conn: Connection, actor: Actor, draft: Application, now: int) -> Application:
        keeper = self._askable_seal(conn, actor, draft.seal_id, now)
        draft = self._with_matter(conn, replace(draft, org_path=keeper.org_path))
        if draft.extends_id is not None:
            draft = self._extending(conn, actor, draft)
        refuse_forbidden(draft, load_facts(conn, self._context, draft, now))
        applications.insert(conn, draft)
        return draft

    def _askable_seal(self, conn: Connection, actor: Actor, seal_id: str, now: int) -> SealFacts:
        keeper = load_seal(conn, seal_id, now)
        if not actor.may_any(tuple(Role), keeper.org_path):
            raise missing("该印章", "seal")
        actor.must_any(ASKERS, keeper.org_path)
        return keeper

    @staticmethod
    def _with_matter(conn: Connection, draft: Application) -> Application:
        found, _ = load_matter(conn, draft.matter_id, None, draft.org_path)
        return replace(draft, matter_version=found.version)

    def _extending(self, conn: Connection, actor: Actor, draft: Application) -> Application:
        """The papers are those that were approved: more stamps are for the same document."""
        assert draft.extends_id is not None
        original = visible(conn, actor, draft.extends_id, lock=False)
        if original.status not in EXTENDABLE:
            raise conflict(
                "bad_extension",
                "原申请不能加盖：须是已批准或已用印的申请",
                "only an approved or used application gets more stamps",
            )
        papers = tuple(replace(one, id=self._context.new_id()) for one in original.documents)
        return replace(
            draft, matter_id=original.matter_id, seal_id=original.seal_id, documents=papers
        )

    def _editable(
        self, conn: Connection, actor: Actor, application_id: str, version: int | None
    ) -> Application:
        item = visible(conn, actor, application_id, lock=True)
        only_applicant(item, actor)
        expect(item, *EDITABLE)
        same_version(item, version)
        return item


def _paper_name(name: str) -> str:
    return name.strip()[:200] or "未命名"


def _attached(item: Application, kind: DocumentKind, name: str, digest: bytes) -> bool:
    return any(
        one.sha256 == digest and one.kind is kind and one.name == name for one in item.documents
    )
