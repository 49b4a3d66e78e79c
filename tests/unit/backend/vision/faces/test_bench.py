"""The bench measures a check that works, and one that is cheap enough."""

from __future__ import annotations

import pytest

from backend.vision.faces.bench import bench_face_check


def test_a_face_check_stays_far_below_its_budget() -> None:
    figures = bench_face_check(5)
    assert figures["matched"] == figures["frames"] == 5
    # The budget is 60 ms on the reference machine; three times that only fails if work doubled.
    assert 0 < figures["face_cpu_ms"] < 180


def test_no_frames_are_no_measurement() -> None:
    with pytest.raises(ValueError, match="no frames"):
        bench_face_check(0)
