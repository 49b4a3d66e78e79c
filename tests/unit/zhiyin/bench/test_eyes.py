"""The eyes' bench: what is kept of a long run, and what its last line says."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.paper_cases.runs import Result
from zhiyin.bench import bounds, eyes, eyes_paper


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

    monkeypatch.setattr(eyes, "FULL", eyes.Size(1, 1, 1, 5, 1, 1, 1, 1, 0))
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


def test_pieces_of_a_run_are_put_together() -> None:
    one = {
        "right": bounds.rate(9, 10),
        "by_kind": {"plain": bounds.rate(4, 5)},
        "wrong": 1,
        "cpu": 0.2,
        "missed": [{"seed": 1}],
    }
    other = {
        "right": bounds.rate(10, 10),
        "by_kind": {"plain": bounds.rate(5, 5), "edge": bounds.rate(1, 1)},
        "wrong": 0,
        "cpu": 0.4,
        "missed": [],
    }
    assert bounds.together([one, other]) == {
        "right": bounds.rate(19, 20),
        "by_kind": {"plain": bounds.rate(9, 10), "edge": bounds.rate(1, 1)},
        "wrong": 1,
        "cpu": pytest.approx(0.3),
        "missed": [{"seed": 1}],
    }


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


def test_memory_is_told_of_each_worker_process() -> None:
    told = eyes_paper.figures(
        [result(at, "genuine", "same", process=1 + at // 20, peak_mb=300 + at) for at in range(30)]
    )
    assert told["memory"] == [
        {"cases": 20, "early_mb": 302, "peak_mb": 319},
        {"cases": 10, "early_mb": 321, "peak_mb": 329},
    ]
