"""Enrolling a face from the browser's camera: the consent is read and recorded first, then three
pictures with words about each while one sits there. The PIN with a witness is offered beside it."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import File, Form, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from backend.api.deps import service
from backend.api.settings import MAX_UPLOAD
from backend.domain.errors import DomainError
from backend.services.credentials import CredentialService
from backend.services.faces import ENROLLERS, MAX_PICTURES, FaceService
from backend.services.people import PersonInfo
from backend.web.admin import admin_of
from backend.web.i18n import ENGLISH, mark, reading_locale, say
from backend.web.ports import Web
from backend.web.site import Concerned, WebPort, go, page, pages, showable

CONSENT: Final = mark(
    "同意登记人脸\n"
    "谁来处理：{org}。\n"
    "做什么用：只在用印时核对盖章的人是不是获准的用章人，不作别用。\n"
    "怎么处理：在本单位的服务器上把照片算成一串特征数字并加密保存；照片算完就删，不传到互联网。\n"
    "保存多久：到离任或撤回同意为止，到时立刻销毁。\n"
    "可以不同意：用PIN加见证人同样能盖章，办事不受影响。\n"
    "可以随时撤回：在本页点“撤回同意”，特征数字立刻销毁。"
)
"""What the person agrees to, kept on record word for word. Names no threshold of law."""

Faces = Annotated[FaceService, service(FaceService)]
Credentials = Annotated[CredentialService, service(CredentialService)]

router = pages()


@router.get("/faces/{person_id}")
def face_page(
    request: Request, who: Concerned, web: WebPort, faces: Faces, person_id: str
) -> Response:
    """Where this person stands: no consent, consent, enrolled."""
    return _show(request, web, who, faces, person_id)


@router.post("/faces/{person_id}/consent")
def consent(
    request: Request,
    who: Concerned,
    web: WebPort,
    faces: Faces,
    person_id: str,
    agreed: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """The person has read it and agrees."""
    wording = _wording(web, who, web.people.get(who.actor, person_id))
    try:
        faces.give_consent(who.actor, person_id, wording, consented=agreed == "yes")
    except DomainError as error:
        return _refused(request, web, who, faces, person_id, error)
    return go(f"/faces/{person_id}")


@router.post("/faces/{person_id}/look")
def look(
    who: Concerned,
    faces: Faces,
    person_id: str,
    picture: Annotated[UploadFile, File()],
) -> Response:
    """What the camera's present picture is worth, in words; nothing is kept."""
    report = faces.look(who.actor, person_id, picture.file.read())
    if report is None:
        return JSONResponse({"good": False, "words": None})
    english = reading_locale(who.actor.locale) == ENGLISH
    words = [one.en if english else one.zh for one in report.refusals]
    return JSONResponse({"good": report.usable, "words": " ".join(words[:2])})


@router.post("/faces/{person_id}/pictures", max_body_size=MAX_UPLOAD)
def enrol(
    request: Request,
    who: Concerned,
    web: WebPort,
    faces: Faces,
    person_id: str,
    pictures: Annotated[list[UploadFile], File(max_length=MAX_PICTURES)],
) -> Response:
    """Enrol from three pictures or more, under the consent on record."""
    given = faces.get(who.actor, person_id).consent_wording
    try:
        faces.enrol(
            who.actor,
            person_id,
            [one.file.read() for one in pictures],
            given or "",
            consented=given is not None,
        )
    except DomainError as error:
        return _refused(request, web, who, faces, person_id, error)
    return go(f"/faces/{person_id}")


@router.post("/faces/{person_id}/withdraw")
def withdraw(
    request: Request, who: Concerned, web: WebPort, faces: Faces, person_id: str
) -> Response:
    """The consent is withdrawn: what was computed is destroyed at once."""
    try:
        faces.withdraw(who.actor, person_id)
    except DomainError as error:
        return _refused(request, web, who, faces, person_id, error)
    return go(f"/faces/{person_id}")


@router.post("/faces/{person_id}/pin")
def own_pin(
    request: Request,
    who: Concerned,
    web: WebPort,
    faces: Faces,
    credentials: Credentials,
    person_id: str,
    pin: Annotated[str, Form(max_length=12)] = "",
    password: Annotated[str, Form(max_length=128)] = "",
) -> Response:
    """The other way: one's own PIN."""
    web.people.get(who.actor, person_id)
    try:
        if person_id == who.actor.person_id:
            credentials.set_pin(who.actor, pin, password)
        else:
            credentials.set_pin_for(who.actor, person_id, pin)
    except DomainError as error:
        return _refused(request, web, who, faces, person_id, error)
    return go(f"/faces/{person_id}")


def _wording(web: Web, who: Concerned, person: PersonInfo) -> str:
    org = admin_of(web).organisations.name_of(person.org_path)
    return say(CONSENT, reading_locale(who.actor.locale), org=org)


def _refused(
    request: Request,
    web: Web,
    who: Concerned,
    faces: FaceService,
    person_id: str,
    error: DomainError,
) -> Response:
    showable(error)
    return _show(request, web, who, faces, person_id, error)


def _show(
    request: Request,
    web: Web,
    who: Concerned,
    faces: FaceService,
    person_id: str,
    error: DomainError | None = None,
) -> Response:
    person = web.people.get(who.actor, person_id)
    own = person_id == who.actor.person_id
    values = {
        "person": person,
        "face": faces.get(who.actor, person_id),
        "wording": _wording(web, who, person).split("\n"),
        "own": own,
        "may": own or who.actor.may_any(ENROLLERS, person.org_path),
        "org_id": person.org_path.rstrip("/").rsplit("/", 1)[-1],
        "error": error,
    }
    return page(request, web, who, "face.html", values, 422 if error else 200)
