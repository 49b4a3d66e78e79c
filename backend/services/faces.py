"""Enrolling faces with consent on record, and forgetting them when it is withdrawn.

Separate consent, its wording kept; the template encrypted under its own key; the pictures not kept
unless asked for. The PIN with a witness is the other way: nobody must give a face.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Row, select

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError, conflict
from backend.services.context import ServiceContext
from backend.services.face_erasure import PURPOSE, ErasedFaces, erase_faces
from backend.services.people_rows import record_of_person, seen_person
from backend.store.keyring import NONCE_BYTES, KeyRing
from backend.store.people import template_context
from backend.store.pictures import PictureStore
from backend.store.tables import consent, face_template
from backend.vision.decode import PictureError, inspect
from backend.vision.faces.enrolment import Enrolment
from backend.vision.faces.frames import FrameReport

ENROLLERS: Final = (Role.ADMIN, Role.CUSTODIAN)
MAX_PICTURES: Final = 10
_MAX_WORDING: Final = 4000
_MIN_WORDING: Final = 10


class Enroller(Protocol):
    """Makes a template: :class:`backend.vision.faces.FaceVerifier`."""

    def enrol(self, pictures: Sequence[bytes]) -> Enrolment:
        """A template from good pictures of one person; raises a DomainError that says why not."""
        ...

    def look(self, picture: bytes) -> FrameReport:
        """What one picture is worth; nothing is kept."""
        ...


@dataclass(frozen=True, slots=True)
class FaceInfo:
    """What is known of a person's face: never the face. Times are ms UTC."""

    person_id: str
    enrolled: bool
    engine: str | None
    pictures: int
    enrolled_at: int | None
    consent_given_at: int | None
    consent_wording: str | None


class FaceService:
    """Enrols and forgets. Matching is the gateway's."""

    def __init__(
        self,
        context: ServiceContext,
        keyring: KeyRing,
        pictures: PictureStore,
        enroller: Enroller,
    ) -> None:
        self._context = context
        self._keyring = keyring
        self._pictures = pictures
        self._enroller = enroller
        self._turn = threading.Lock()  # one face network, one picture at a time

    def enrol(
        self,
        actor: Actor,
        person_id: str,
        pictures: Sequence[bytes],
        wording: str,
        *,
        consented: bool,
        keep_pictures: bool = False,
    ) -> FaceInfo:
        """Enrol a face, by oneself or at the counter. ``wording`` is what the person agreed to;
        an earlier template is destroyed.

        Raises:
            DomainError: ``consent_needed``, ``not_found``, ``denied``, ``person_left``,
                ``too_many_pictures``, a ``picture_…`` code, or why the pictures do not do (see
                :class:`backend.vision.faces.enrolment.EnrolmentRefused`).
        """
        wording = _worded(wording, consented)
        with self._context.db.read() as conn:
            self._may(actor, seen_person(conn, actor, person_id))
        _check_pictures(pictures)
        with self._turn:
            made = self._enroller.enrol(pictures)
        now = self._context.now()
        sealed = self._keyring.seal_template(
            made.template.to_bytes(),
            template_context(person_id),
            self._context.random(NONCE_BYTES),
        )
        template_id = self._context.new_id()
        with self._context.db.write() as conn:
            row = seen_person(conn, actor, person_id)
            self._may(actor, row)
            given = _standing(conn, person_id)
            stands = given is not None and given.wording == wording
            erased = erase_faces(conn, self._pictures, person_id, now, keep_consent=stands)
            if given is not None and stands:
                consent_id: str = given.id
            else:
                consent_id = self._insert_consent(conn, actor, person_id, wording, now)
            first = made.template.vectors[0]
            conn.execute(
                face_template.insert(),
                {
                    "id": template_id,
                    "person_id": person_id,
                    "engine": first.engine,
                    "model": first.model_sha256,
                    "sealed": sealed,
                    "pictures": made.template.pictures,
                    "consent_id": consent_id,
                    "created_at": now,
                },
            )
            if keep_pictures:
                for picture in pictures:
                    self._pictures.put(
                        conn,
                        self._context.new_id(),
                        picture,
                        org_path=row.org_path,
                        kind="enrolment",
                        mime=f"image/{inspect(picture).format}",
                        now=now,
                        person_id=person_id,
                    )
            path = row.org_path
            if not stands:
                self._record_consent(conn, actor, path, person_id, consent_id)
            data = {
                "template": template_id,
                "consent": consent_id,
                "engine": first.engine,
                "model": first.model_sha256,
                "pictures": made.template.pictures,
                "replaced": erased.templates,
            }
            record_of_person(self._context, conn, actor, "face.enrolled", path, person_id, data)
        return self.get(actor, person_id)

    def give_consent(
        self, actor: Actor, person_id: str, wording: str, *, consented: bool
    ) -> FaceInfo:
        """Put the person's separate consent on record, before any camera is opened. A consent that
        stands with the same wording stays; one with another wording is replaced by this one.

        Raises:
            DomainError: ``consent_needed``, ``not_found``, ``denied``, ``person_left``.
        """
        wording = _worded(wording, consented)
        now = self._context.now()
        with self._context.db.write() as conn:
            row = seen_person(conn, actor, person_id)
            self._may(actor, row)
            given = _standing(conn, person_id)
            if given is None or given.wording != wording:
                # A face enrolled under other words is not covered by these.
                erase_faces(conn, self._pictures, person_id, now)
                made = self._insert_consent(conn, actor, person_id, wording, now)
                self._record_consent(conn, actor, row.org_path, person_id, made)
        return self.get(actor, person_id)

    def look(self, actor: Actor, person_id: str, picture: bytes) -> FrameReport | None:
        """What one picture is worth for an enrolment, so that people are told while they sit before
        the camera; nothing is kept. ``None``: busy with another one, ask again.

        Raises:
            DomainError: ``consent_needed``, ``not_found``, ``denied``, ``person_left``.
        """
        with self._context.db.read() as conn:
            self._may(actor, seen_person(conn, actor, person_id))
            if _standing(conn, person_id) is None:
                raise _consent_needed()
        if not self._turn.acquire(blocking=False):
            return None
        try:
            return self._enroller.look(picture)
        finally:
            self._turn.release()

    def withdraw(self, actor: Actor, person_id: str) -> ErasedFaces:
        """Withdraw consent: template and enrolment pictures are destroyed at once.

        Raises:
            DomainError: ``not_found``, ``denied``, ``no_consent``.
        """
        now = self._context.now()
        with self._context.db.write() as conn:
            row = seen_person(conn, actor, person_id)
            self._may(actor, row)
            standing = _standing(conn, person_id)
            if standing is None:
                raise conflict("no_consent", "该人员没有登记人脸", "no face is enrolled")
            erased = erase_faces(conn, self._pictures, person_id, now)
            path = row.org_path
            data = {"consent": standing.id, "purpose": PURPOSE}
            record_of_person(self._context, conn, actor, "consent.withdrawn", path, person_id, data)
            gone = {"templates": erased.templates, "pictures": erased.pictures}
            record_of_person(self._context, conn, actor, "face.retired", path, person_id, gone)
        return erased

    def get(self, actor: Actor, person_id: str) -> FaceInfo:
        """Whether a face is enrolled, and by what consent.

        Raises:
            DomainError: ``not_found``.
        """
        with self._context.db.read() as conn:
            seen_person(conn, actor, person_id)
            template = conn.execute(
                select(face_template)
                .where(face_template.c.person_id == person_id, face_template.c.retired_at.is_(None))
                .order_by(face_template.c.id.desc())
                .limit(1)
            ).one_or_none()
            given = _standing(conn, person_id)
        return FaceInfo(
            person_id,
            template is not None,
            template.engine if template is not None else None,
            template.pictures if template is not None else 0,
            template.created_at if template is not None else None,
            given.given_at if given is not None else None,
            given.wording if given is not None else None,
        )

    def _insert_consent(
        self, conn: Connection, actor: Actor, person_id: str, wording: str, now: int
    ) -> str:
        consent_id = self._context.new_id()
        conn.execute(
            consent.insert(),
            {
                "id": consent_id,
                "person_id": person_id,
                "purpose": PURPOSE,
                "wording": wording,
                "given_at": now,
                "recorded_by": actor.person_id,
            },
        )
        return consent_id

    def _record_consent(
        self, conn: Connection, actor: Actor, path: str, person_id: str, consent_id: str
    ) -> None:
        given = {"consent": consent_id, "purpose": PURPOSE}
        record_of_person(self._context, conn, actor, "consent.given", path, person_id, given)

    @staticmethod
    def _may(actor: Actor, row: Row[Any]) -> None:
        if row.id != actor.person_id:
            actor.must_any(ENROLLERS, row.org_path)
        if row.status != "active":
            raise conflict("person_left", "该人员已离任", "the person has left")


def _worded(wording: str, consented: bool) -> str:
    wording = wording.strip()
    if not consented or not _MIN_WORDING <= len(wording) <= _MAX_WORDING:
        raise _consent_needed()
    return wording


def _consent_needed() -> DomainError:
    return DomainError(
        "consent_needed",
        "登记人脸须取得本人单独同意，并保存同意书内容；不同意的可使用 PIN 加见证人",
        "a face is enrolled with the person's separate consent and its wording only; "
        "a PIN with a witness is the other way",
    )


def _standing(conn: Connection, person_id: str) -> Row[Any] | None:
    """The consent that stands, if any."""
    return conn.execute(
        select(consent)
        .where(
            consent.c.person_id == person_id,
            consent.c.purpose == PURPOSE,
            consent.c.withdrawn_at.is_(None),
        )
        .order_by(consent.c.id.desc())
        .limit(1)
    ).one_or_none()


def _check_pictures(pictures: Sequence[bytes]) -> None:
    if len(pictures) > MAX_PICTURES:
        raise DomainError(
            "too_many_pictures",
            f"一次最多上传{MAX_PICTURES}张照片",
            f"at most {MAX_PICTURES} pictures at once",
        )
    for data in pictures:
        try:
            inspect(data)
        except PictureError as error:
            raise DomainError(error.code, error.zh, error.en) from error
