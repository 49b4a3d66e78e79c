"""Why a face was taken or not, in words that say what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.errors import DomainError


@dataclass(frozen=True, slots=True)
class Reason:
    """A stable code for programs; ``zh`` and ``en`` for the person before the camera."""

    code: str
    zh: str
    en: str


# Refusals of a frame: it says nothing about who is there.
NO_FACE = Reason(
    "no_face",
    "没有看到人脸，请站到镜头前，摘下口罩，正对镜头。",
    "No face seen: stand before the camera, take off any mask and look straight at it.",
)
TWO_FACES = Reason(
    "two_faces",
    "画面里不止一个人，请其他人离开镜头后再试。",
    "More than one person in the picture: the others please step aside, then try again.",
)
TOO_SMALL = Reason(
    "face_too_small",
    "人脸太小，请走近一些。",
    "The face is too small: come closer.",
)
OUT_OF_FRAME = Reason(
    "face_out_of_frame",
    "人脸没有拍全，请把整张脸放到画面中间。",
    "Part of the face is outside the picture: move to the middle.",
)
TURNED_AWAY = Reason(
    "face_turned_away",
    "脸偏向一侧，请正对镜头。",
    "The face is turned aside: look straight at the camera.",
)
TOO_DARK = Reason(
    "too_dark",
    "光线太暗，请开灯或换到亮处，并检查镜头有没有被挡住。",
    "Too dark: turn on a light or move to a bright place, and see that nothing covers the lens.",
)
TOO_BRIGHT = Reason(
    "too_bright",
    "光线太亮，请避开强光，不要背对窗户。",
    "Too bright: avoid strong light and do not stand with your back to a window.",
)
LOW_CONTRAST = Reason(
    "low_contrast",
    "画面发白看不清，请擦干净镜头再试。",
    "The picture is hazy: wipe the lens and try again.",
)
BLURRED = Reason(
    "blurred",
    "画面模糊，请站稳不动，必要时擦一擦镜头。",
    "The picture is blurred: hold still, and wipe the lens if need be.",
)
OCCLUDED = Reason(
    "face_occluded",
    "脸的下半部分被遮住，请摘下口罩，正对镜头。",
    "The lower face is covered: take off the mask and look straight at the camera.",
)
CAMERA_COVERED = Reason(
    "camera_covered",
    "镜头被挡住了，请移开遮挡物。",
    "The camera is covered: take away what lies over it.",
)
NO_FRAMES = Reason(
    "no_frames",
    "没有收到照片，请重新拍摄。",
    "No picture arrived: take it again.",
)
TOO_FEW_USABLE = Reason(
    "too_few_usable",
    "可用的照片太少，请站稳、正对镜头重新拍摄。",
    "Too few usable pictures: hold still, look straight at the camera and try again.",
)

# Outcomes of a comparison.
SAME_PERSON = Reason("same_person", "确认是本人。", "The same person.")
NOT_THIS_PERSON = Reason(
    "not_this_person",
    "人脸与授权用章人不符。如是本人，请摘下口罩、正对镜头再试；仍不通过请改用密码加见证人。",
    "Not the person the authority names. If it is you, take off any mask, look straight at the "
    "camera and try again; otherwise use the PIN with a witness.",
)
UNSURE = Reason(
    "unsure",
    "不能确认是否本人，请摘下口罩、正对镜头再试；仍不通过请改用密码加见证人。",
    "Not certain that it is you: take off any mask, look straight at the camera and try again; "
    "otherwise use the PIN with a witness.",
)
FRAMES_DISAGREE = Reason(
    "frames_disagree",
    "几张照片不像同一个人，请一个人站在镜头前重新拍摄。",
    "The pictures of this burst do not show one person: stand alone before the camera, try again.",
)
SECOND_AGREES = Reason(
    "second_engine_agrees",
    "复核通过。",
    "A second engine agrees.",
)
SECOND_DISAGREES = Reason(
    "second_engine_disagrees",
    "复核未通过。",
    "A second engine disagrees.",
)

# The burst does not show a living person; see ``backend.vision.liveness``.
TOO_FEW_FRAMES = Reason(
    "too_few_frames",
    "照片太少，请站稳、正对镜头重新拍摄。",
    "Too few pictures: stand still, look straight at the camera and try again.",
)
NOT_CONTINUOUS = Reason(
    "not_continuous",
    "拍摄中途人脸移动太快或换了人，请一个人站稳，重新拍摄。",
    "The face moved too fast or changed in between: stand alone and still, and try again.",
)
NO_FRONTAL = Reason(
    "no_frontal",
    "请先正对镜头，再按提示慢慢转头。",
    "First look straight at the camera, then turn your head slowly as shown.",
)
NO_TURN = Reason(
    "no_turn",
    "没有看到转头，请先正对镜头，再按提示慢慢转头；不方便请改用密码加见证人。",
    "No head turn seen: look straight at the camera, then turn slowly as shown, or use the PIN "
    "with a witness.",
)
WRONG_WAY = Reason(
    "wrong_way",
    "转头方向不对，请看清提示的方向，慢慢转头再试。",
    "The wrong way: look which side is asked for, and turn slowly.",
)
FLAT = Reason(
    "flat",
    "请本人站到镜头前，按提示慢慢转头，不要使用照片。",
    "The person themselves must stand before the camera and turn their head; no photograph.",
)
TOO_FAR = Reason(
    "too_far",
    "头转得太多，请先正对镜头，再慢慢转头，转到一半停住。",
    "Turned too far: look straight at the camera, then turn slowly and stop half way.",
)
TURNED_OTHER = Reason(
    "turned_other",
    "转头前后不像同一个人，请一个人站在镜头前重新拍摄。",
    "Before and after the turn it does not look like one person: stand alone and try again.",
)
REPLAY = Reason(
    "replay",
    "这些照片以前用过，请本人现场重新拍摄。",
    "These pictures were used before: the person must be captured anew, on the spot.",
)
LIVENESS = {
    reason.code: reason
    for reason in (
        TOO_FEW_FRAMES,
        NOT_CONTINUOUS,
        NO_FRONTAL,
        NO_TURN,
        WRONG_WAY,
        FLAT,
        TOO_FAR,
        TURNED_OTHER,
        REPLAY,
    )
}
"""By code, for what ``backend.vision.liveness`` says."""
UNKNOWN_PERSON = Reason(
    "unknown_person",
    "不是已登记的人员，请先登记人脸，或改用密码加见证人。",
    "Nobody enrolled here: enrol first, or use the PIN with a witness.",
)
SEVERAL_CANDIDATES = Reason(
    "several_candidates",
    "与多名已登记人员相近，无法确定是谁，请重新拍摄。",
    "Close to more than one enrolled person: take the pictures again.",
)
TEMPLATE_OUTDATED = Reason(
    "template_outdated",
    "人脸识别模型已更新，请重新登记人脸。",
    "The face model has changed: enrol the face again.",
)

# Refusals of an enrolment.
TOO_FEW_PICTURES = Reason(
    "too_few_pictures",
    "合格的照片不够，请补拍不同角度、光线良好的正面照片。",
    "Too few good pictures: take more, from slightly different angles and in good light.",
)
SAME_PICTURE_TWICE = Reason(
    "same_picture_twice",
    "这张照片与另一张完全相同，请另拍一张。",
    "This picture was sent already: take another one.",
)
DIFFERENT_PEOPLE = Reason(
    "different_people",
    "这些照片不像同一个人，请只上传本人的照片。",
    "These pictures do not show one and the same person: send only that person's.",
)


class FaceError(DomainError):
    """Something about faces that cannot go on; ``zh`` and ``en`` say what to do."""


class EngineUnavailable(FaceError):
    """An engine's package or model is missing or is not the one that was pinned."""


class TemplateError(FaceError):
    """Bytes that are no face template."""
