"""Imprints: what a press left on the paper, and whose seal it was. Start at ``judge``."""

from backend.vision.imprints.enrolment import Enrolled, enrol
from backend.vision.imprints.identity import Identity, RingReader, identify
from backend.vision.imprints.judge import Asked, judge
from backend.vision.imprints.pairs import Difference, Imprint, difference, find
from backend.vision.imprints.settings import ImprintSettings
from backend.vision.imprints.template import ENGINE, ImprintError, ImprintTemplate

__all__ = [
    "ENGINE",
    "Asked",
    "Difference",
    "Enrolled",
    "Identity",
    "Imprint",
    "ImprintError",
    "ImprintSettings",
    "ImprintTemplate",
    "RingReader",
    "difference",
    "enrol",
    "find",
    "identify",
    "judge",
]
