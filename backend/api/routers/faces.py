"""Enrolling a face, with consent; withdrawing it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, Path, Response, UploadFile

from backend.api.answers import answer, nothing
from backend.api.deps import ANY, Scope, require, require_session, service
from backend.api.settings import MAX_UPLOAD
from backend.domain.actor import Actor
from backend.services.faces import MAX_PICTURES, FaceInfo, FaceService
from backend.services.identity import Authenticated

router = APIRouter(prefix="/api/v1/people/{person_id}/face", tags=["人脸 Faces"])

Faces = Annotated[FaceService, service(FaceService)]
PersonId = Annotated[str, Path(max_length=64, description="人员编号 · person")]


@router.get("", summary="人脸登记情况 · Is a face enrolled?", response_model=FaceInfo)
def get(
    person_id: PersonId, actor: Annotated[Actor, require(*ANY, scope=Scope.OBJECT)], faces: Faces
) -> Response:
    """Whether and by what consent; never the face."""
    return answer(faces.get(actor, person_id))


@router.post(
    "",
    summary="登记人脸 · Enrol a face",
    status_code=201,
    response_model=FaceInfo,
    max_body_size=MAX_UPLOAD,
)
def enrol(
    person_id: PersonId,
    asker: Annotated[Authenticated, require_session(*ANY, scope=Scope.OBJECT)],
    faces: Faces,
    pictures: Annotated[
        list[UploadFile],
        File(max_length=MAX_PICTURES, description="三张以上正面照片 · three pictures or more"),
    ],
    wording: Annotated[
        str, Form(max_length=4000, description="本人同意的内容 · what the person agreed to")
    ],
    consented: Annotated[
        bool, Form(description="本人已单独同意 · the person's separate consent was given")
    ],
    keep_pictures: Annotated[
        bool, Form(description="是否保存照片 · keep the pictures, too")
    ] = False,
) -> Response:
    """By oneself, or at the counter. Says what to do when the pictures do not serve. Whoever does
    not want to uses a PIN with a witness."""
    made = faces.enrol(
        asker.actor,
        person_id,
        [one.file.read() for one in pictures],
        wording,
        consented=consented,
        keep_pictures=keep_pictures,
    )
    return answer(made, 201)


@router.delete(
    "", summary="撤回同意并删除人脸 · Withdraw consent", status_code=204, response_class=Response
)
def withdraw(
    person_id: PersonId,
    asker: Annotated[Authenticated, require_session(*ANY, scope=Scope.OBJECT)],
    faces: Faces,
) -> Response:
    """Template and enrolment pictures are destroyed at once."""
    faces.withdraw(asker.actor, person_id)
    return nothing()
