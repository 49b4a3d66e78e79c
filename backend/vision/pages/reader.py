"""Reading lines of text: PP-OCRv6 by onnxruntime, models from the wheel ``rapidocr``.

A line that is already found needs recognition only, which is done here on the model itself: it
keeps where each sign stands and how sure the model is. Finding lines on a page without a text layer
is ``rapidocr``'s, and loaded only for that. Both models' digests are pinned; nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.vision.pages.errors import ReaderUnavailable
from backend.vision.pages.ink import Gray

if TYPE_CHECKING:
    import onnxruntime
    from rapidocr import RapidOCR

Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels."""

_PACKAGE = "rapidocr"
_FINDER = (
    "models/PP-OCRv6_det_small.onnx",
    "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
)
_RECOGNISER = (
    "models/PP-OCRv6_rec_small.onnx",
    "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
)
_HIGH = 48
_NARROWEST, _WIDEST = 48, 2400
_FINDER_SIDE = 960


@dataclass(frozen=True, slots=True)
class Reading:
    """One line as it was read.

    Attributes:
        text: without spaces.
        at: middle of each sign as a share of the crop's width.
        sure: the model's probability of each sign.
    """

    text: str
    at: tuple[float, ...]
    sure: tuple[float, ...]

    @property
    def surety(self) -> float:
        """The mean over all signs; 0 for nothing."""
        return sum(self.sure) / len(self.sure) if self.sure else 0.0


class Reader:
    """Loads each model when it is first needed; one thread, one line at a time.

    Args:
        threads: of onnxruntime, for each model.
    """

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._session: onnxruntime.InferenceSession | None = None
        self._signs: tuple[str, ...] = ()
        self._finder: RapidOCR | None = None

    def read(self, crops: Sequence[Gray]) -> list[Reading]:
        """What each line says. A crop holds one line, dark on bright, upright.

        Raises:
            ReaderUnavailable: ``reader_missing`` or ``reader_tampered``.
        """
        session = self._recogniser()
        return [self._read(session, crop) for crop in crops]

    def find(self, gray: Gray) -> list[Box]:
        """Where lines of text stand on a page, top to bottom, left to right.

        Raises:
            ReaderUnavailable: ``reader_missing`` or ``reader_tampered``.
        """
        shrink = min(1.0, _FINDER_SIDE / max(gray.shape))
        small = cv2.resize(gray, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        found = self._lines()(cv2.merge([small] * 3), use_det=True, use_cls=False, use_rec=False)
        boxes: list[Box] = []
        corners_of_all = getattr(found, "boxes", None)  # another class where nothing was found
        for corners in corners_of_all if corners_of_all is not None else ():
            left, top = (float(v) / shrink for v in np.min(corners, axis=0))
            right, bottom = (float(v) / shrink for v in np.max(corners, axis=0))
            boxes.append((round(left), round(top), round(right - left), round(bottom - top)))
        return sorted(boxes, key=lambda box: (box[1] + box[3] // 2, box[0]))

    def _recogniser(self) -> onnxruntime.InferenceSession:
        with self._lock:
            if self._session is None:
                import onnxruntime

                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = options.inter_op_num_threads = self._threads
                options.log_severity_level = 4
                # An arena keeps the memory of the widest line ever read.
                options.enable_cpu_mem_arena = False
                self._session = onnxruntime.InferenceSession(
                    str(_checked(*_RECOGNISER)), options, providers=["CPUExecutionProvider"]
                )
                named = self._session.get_modelmeta().custom_metadata_map["character"]
                self._signs = ("", *named.splitlines(), " ")
            return self._session

    def _read(self, session: onnxruntime.InferenceSession, crop: Gray) -> Reading:
        height, width = crop.shape
        wide = min(_WIDEST, max(_NARROWEST, round(_HIGH * width / max(1, height))))
        line = cv2.resize(crop, (wide, _HIGH), interpolation=cv2.INTER_LINEAR)
        plane = line.astype(np.float32) / 127.5 - 1.0
        scores: NDArray[np.float32] = session.run(
            None, {"x": np.ascontiguousarray(np.broadcast_to(plane, (1, 3, *plane.shape)))}
        )[0][0]
        best = scores.argmax(axis=1)
        text, at, sure = [], [], []
        start = 0
        # Connectionist temporal classification: runs of one sign are one sign, class 0 is none.
        for step in range(1, len(best) + 1):
            if step < len(best) and best[step] == best[start]:
                continue
            sign = self._signs[best[start]] if best[start] < len(self._signs) else ""
            if sign.strip():
                text.append(sign)
                at.append((start + step) / 2 / len(best))
                sure.append(float(scores[start:step, best[start]].max()))
            start = step
        return Reading("".join(text), tuple(at), tuple(sure))

    def _lines(self) -> RapidOCR:
        with self._lock:
            if self._finder is None:
                finder, recogniser = _checked(*_FINDER), _checked(*_RECOGNISER)
                from rapidocr import RapidOCR

                self._finder = RapidOCR(
                    params={
                        "Global.log_level": "error",
                        "Global.use_cls": False,
                        "EngineConfig.onnxruntime.intra_op_num_threads": self._threads,
                        "EngineConfig.onnxruntime.inter_op_num_threads": self._threads,
                        "Det.model_path": str(finder),
                        "Rec.model_path": str(recogniser),
                        "Rec.rec_batch_num": 1,
                    }
                )
            return self._finder


@lru_cache(maxsize=4)
def _checked(name: str, digest: str) -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / name
        if not path.is_file():
            continue
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise ReaderUnavailable(
                "reader_tampered",
                f"文字识别模型文件与登记的不一致，已停止使用，请重新安装软件包 {_PACKAGE}。",
                f"The model {path.name} is not the pinned one and is not used: "
                f"install the package {_PACKAGE} again.",
            )
        return path
    raise ReaderUnavailable(
        "reader_missing",
        f"缺少文字识别模型，请安装软件包 {_PACKAGE}。",
        f"The text model {Path(name).name} is missing: install the package {_PACKAGE}.",
    )
