from __future__ import annotations

import cv2
import pytest

from backend.vision.faces import FaceVerifier
from gateway.checks import Asked
from gateway.faces import VerifierMatcher
from tests.support.fake_faces import FakeEngine, picture, settings_for

DAY = 86_400_000


def jpeg(seed: int) -> bytes:
    return cv2.imencode(".jpg", picture(seed))[1].tobytes()


def matcher() -> tuple[VerifierMatcher, dict[str, list[bytes]]]:
    engine = FakeEngine()
    made = VerifierMatcher(lambda: FaceVerifier(engine, settings_for(engine)))
    return made, {"zhang": [engine.template().to_bytes()]}


@pytest.mark.parametrize(("side", "verdict"), [("none", "match"), ("left", "unusable")])
def test_c11_a_grants_head_turn_is_insisted_on(side: str, verdict: str) -> None:
    faces, templates = matcher()
    burst = [jpeg(1), jpeg(2), jpeg(3)]
    found = faces.match(burst, templates, {"zhang"}, Asked(side=side, frames=3))
    assert found.verdict == verdict
    if side == "left":
        assert found.reasons == ("no_turn",)
        assert "转头" in found.text
        assert found.turn == 0


def test_c11_an_earlier_capture_again_is_refused_at_every_level() -> None:
    faces, templates = matcher()
    first = faces.match([jpeg(1)], templates, {"zhang"}, Asked())
    assert first.verdict == "match"
    again = faces.match([jpeg(1)], templates, {"zhang"}, Asked(earlier=first.prints))
    assert (again.verdict, again.reasons) == ("unusable", ("replay",))


def test_sinking_scores_are_said_with_a_match() -> None:
    engine = FakeEngine([(picture(7), 0.47)])
    frame = cv2.imencode(".png", picture(7))[1].tobytes()
    faces = VerifierMatcher(lambda: FaceVerifier(engine, settings_for(engine)))
    history = [(at * DAY, 0.8 if at < 8 else 0.47) for at in range(12)]
    found = faces.match(
        [frame],
        {"zhang": [engine.template().to_bytes()]},
        {"zhang"},
        Asked(scores={"zhang": history}, now=13 * DAY),
    )
    assert (found.verdict, found.enrol_again) == ("match", True)
