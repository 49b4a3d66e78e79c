"""The eyes' bench: what is kept of a long run, and what its last line says."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.paper_cases.runs import Result
from zhiyin.bench import bounds, eyes, eyes_faces, eyes_imprints, eyes_paper
from zhiyin.bench.eyes_imprints import Pair


def figures() -> dict[str, Any]:
    return {
        "faces": {"face_tar_at_1e3": bounds.rate(99, 100)},
        "paper": {
            "altered_found": bounds.rate(50, 50),
            "genuine_accepted": bounds.rate(29, 30),
            "wrong_page_found": bounds.rate(0, 0),
        },
        "imprints": {
            "imprints_right": bounds.rate(10, 10),
            "identity_wrong": 1,
            "identity_wrong_of": bounds.rate(1, 40),
        },
        "presses": {"cpu_s_per_press": bounds.mean([2.0, 2.2])},
        "pool": {},
    }


def test_the_last_line_has_each_figure_with_its_n_and_bounds() -> None:
    told = eyes.last_line(figures())
    names = (
        "face_tar_at_1e3",
        "altered_found",
        "genuine_accepted",
        "wrong_page_found",
        "imprints_right",
        "identity_wrong",
        "cpu_s_per_press",
    )
    assert list(told) == [f"{name}{more}" for name in names for more in ("", "_n", "_low", "_high")]
    assert (told["genuine_accepted"], told["genuine_accepted_n"]) == (0.96667, 30)
    assert told["genuine_accepted_low"] < 0.9 < 0.99 < told["genuine_accepted_high"]
    assert (told["identity_wrong"], told["identity_wrong_n"]) == (1, 40)
    assert (told["cpu_s_per_press"], told["cpu_s_per_press_n"]) == (2.1, 2)
    assert told["wrong_page_found"] is None
    json.dumps(told, allow_nan=False)


def test_a_run_goes_on_from_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def part(size: eyes.Size, kept: eyes.Kept) -> dict[str, Any]:
        for number in range(len(kept.of("paper")), size.papers):
            if len(made) == 3:
                raise KeyboardInterrupt
            made.append(f"case {number}")
            kept.add("paper", {"case": number})
        return {"cases": kept.of("paper")}

    monkeypatch.setattr(eyes, "FULL", eyes.Size(1, 1, 1, 1, 5, 1, 1, 1, 0))
    monkeypatch.setitem(eyes._MEASURES, "paper", part)
    monkeypatch.setattr(eyes, "version", lambda: "abc")
    keep, result = tmp_path / "kept.jsonl", tmp_path / "result.json"
    with pytest.raises(KeyboardInterrupt):
        eyes.run(keep=keep, only="paper")
    made.clear()
    monkeypatch.setattr(eyes, "version", lambda: "def")
    found = eyes.run(keep=keep, only="paper", result=result)
    assert made == ["case 3", "case 4"]
    assert found == {"cases": [{"case": number} for number in range(5)]}
    assert json.loads(result.read_bytes())["versions"] == {"paper": {"abc": 3, "def": 2}}


def test_a_quick_run_keeps_nothing_and_goes_on_from_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def part(size: eyes.Size, kept: eyes.Kept) -> dict[str, Any]:
        assert size is eyes.QUICK
        assert kept.of("faces") == []
        kept.add("faces", {})
        return {}

    monkeypatch.setitem(eyes._MEASURES, "faces", part)
    keep = tmp_path / "kept.jsonl"
    eyes.Kept(keep, "abc").add("faces", {"from": "a full run"})
    before = keep.read_bytes()
    assert eyes.run(quick=True, keep=keep, only="faces") == {}
    assert keep.read_bytes() == before


def result(seed: int, wanted: str, finding: str, level: str = "mild", **more: Any) -> Result:
    right = {"genuine": "same", "altered": "altered", "blank": "blank"}[wanted] == finding
    return Result(
        seed, wanted, "", level, "receipt", "", finding, (), right, 1.0 + seed / 10, {}, **more
    )


def test_hard_photographs_are_told_apart_and_take_again_is_not_right() -> None:
    told = eyes_paper.figures(
        [
            result(0, "genuine", "same"),
            result(1, "genuine", "retake"),
            result(2, "altered", "altered"),
            result(3, "blank", "blank"),
            result(4, "altered", "same", "hard"),
            result(5, "altered", "retake", "hard"),
            result(6, "genuine", "retake", "hard"),
        ]
    )
    assert told["genuine_accepted"] == bounds.rate(1, 2)
    assert told["altered_found"] == bounds.rate(1, 1)
    assert told["wrong_page_found"] == bounds.rate(1, 1)
    assert (told["hard_altered_accepted"], told["hard_altered_n"]) == (1, 2)
    assert told["hard_genuine"] == {"retake": 1}
    assert [one["seed"] for one in told["missed"]] == [1]


def test_memory_is_told_of_each_worker_process_by_tenths_of_its_cases() -> None:
    told = eyes_paper.figures(
        [
            result(at, "genuine", "same", process=7 + at % 2, pss_mb=300 + at, pages=1 + at % 2)
            for at in range(40)
        ]
    )
    assert told["memory"] == [
        {"cases": 20, "pages": 40, "pss_mb": list(range(302, 340, 4))},
        {"cases": 20, "pages": 60, "pss_mb": list(range(303, 341, 4))},
    ]


def test_a_worker_with_few_cases_tells_its_memory_too() -> None:
    told = eyes_paper.figures([result(0, "genuine", "same", process=7, pss_mb=300, pages=1)])
    assert told["memory"] == [{"cases": 1, "pages": 2, "pss_mb": [300] * 10}]


def test_a_held_up_photograph_counts_at_each_try() -> None:
    told = eyes_faces.figures(
        [
            eyes_faces.Use(False, 0, ("same_person",), (0.3,), True),
            eyes_faces.Use(False, 1, ("no_turn", "same_person"), (0.0, 0.3), True),
            eyes_faces.Use(False, 2, ("no_turn", "no_turn", "no_turn"), (0.0,) * 3, False),
            eyes_faces.Use(True, 0, ("flat", "no_turn", "flat"), (0.0,) * 3, False),
            eyes_faces.Use(True, 1, ("flat", "same_person"), (0.0, 0.3), True),
        ]
    )
    assert told["held_up_refused"] == bounds.rate(4, 5)
    assert told["live_passed_synthesised"] == bounds.rate(1, 3)
    assert told["live_passed_in_three"] == bounds.rate(2, 3)
    # An alert for the photograph, and for the person who never turned; none for who turned late.
    assert told["held_up_accused"] == bounds.rate(2, 2)
    assert told["live_accused"] == bounds.rate(1, 3)
    assert told["why"]["held_up"] == {"flat": 3, "no_turn": 1, "same_person": 1}


def test_imprints_taken_for_another_of_the_village_are_the_wrong_ones() -> None:
    def pair(seed: int, own: list[tuple[int, int | None]], *strange: int | None) -> Pair:
        there = len(own) + len(strange)
        right = seed != 3
        return Pair(seed, "plain", "mild", there, there, (), right, tuple(own), tuple(strange), 0.4)

    told = eyes_imprints.figures(
        [pair(1, [(0, 0), (1, None)]), pair(2, [(0, 2)]), pair(3, [], None, 1)]
    )
    assert told["imprints_right"] == bounds.rate(2, 3)
    assert (told["identity_wrong"], told["identity_wrong_of"]) == (1, bounds.rate(1, 3))
    assert told["strangers_unknown"] == bounds.rate(1, 2)
    assert told["identity_right_or_unknown"] == bounds.rate(3, 5)
    assert [one["seed"] for one in told["missed"]] == [3]
    assert [(one["is"], one["taken_for"]) for one in told["confused"]] == [(0, 2), (None, 1)]
