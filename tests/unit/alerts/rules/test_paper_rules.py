"""Rules about what the eyes saw: C3 to C9 and C21."""

from dataclasses import replace

import pytest

from alerts import messages
from alerts.rules.finding import Severity
from backend.domain.eyes import ImprintFinding, PageFinding
from backend.domain.record import Record
from tests.support.rules_bench import SLEEVE, USE, Bench, other


def seen(kind: str, finding: str, *reasons: str, press: int = 1, marks: int = 0) -> Record:
    """A record of the eyes."""
    return other(
        f"{kind}.checked",
        device=SLEEVE,
        use_id=USE,
        data={
            "use": USE,
            "press": press,
            "finding": finding,
            "reasons": list(reasons),
            "marks": [{"kind": "changed", "page": 0, "box": [0.1, 0.1, 0.1, 0.1]}] * marks,
        },
    )


@pytest.mark.parametrize(
    ("kind", "finding", "code", "severity"),
    [
        ("page", PageFinding.ALTERED, "C5", Severity.CRITICAL),
        ("page", PageFinding.ANOTHER, "C3", Severity.CRITICAL),
        ("page", PageFinding.EXTRA, "C3", Severity.MAJOR),
        ("page", PageFinding.BLANK, "C6", Severity.CRITICAL),
        ("page", PageFinding.REUSED, "C7", Severity.MAJOR),
        ("imprint", ImprintFinding.PAGE_CHANGED, "C4", Severity.CRITICAL),
        ("imprint", ImprintFinding.OTHER_SEAL, "C8", Severity.CRITICAL),
        ("imprint", ImprintFinding.UNKNOWN_SEAL, "C8", Severity.CRITICAL),
        ("imprint", ImprintFinding.SEVERAL, "C9", Severity.MAJOR),
        ("imprint", ImprintFinding.MISPLACED, "C9", Severity.MINOR),
        ("imprint", ImprintFinding.NONE, "C21", Severity.MAJOR),
    ],
)
def test_what_is_wrong_is_found_once_and_has_words(
    kind: str, finding: str, code: str, severity: Severity
) -> None:
    bench = Bench()
    bench.feed(seen(kind, finding, marks=2))
    assert bench.codes == [code]
    assert bench.one(code).severity is severity
    for language in messages.LOCALES:
        assert bench.one(code).data["cause"] in messages.catalogue(language)["words"]["cause"]


@pytest.mark.parametrize(
    ("kind", "finding", "reasons"),
    [
        ("page", PageFinding.SAME, ()),
        ("page", PageFinding.NO_REFERENCE, ()),
        ("page", PageFinding.IMPOSSIBLE, ("picture_on_its_way",)),
        ("page", PageFinding.IMPOSSIBLE, ("queue_full",)),
        ("imprint", ImprintFinding.RIGHT, ("seam",)),
        ("imprint", ImprintFinding.NO_TEMPLATE, ()),
        ("imprint", ImprintFinding.IMPOSSIBLE, ("no_before",)),
    ],
)
def test_what_is_right_or_told_of_elsewhere_is_no_alert(
    kind: str, finding: str, reasons: tuple[str, ...]
) -> None:
    bench = Bench()
    bench.feed(seen(kind, finding, *reasons))
    assert bench.codes == []


@pytest.mark.parametrize(
    ("finding", "reason", "cause"),
    [
        ("retake", "dark", "too_dark"),
        ("retake", "covered", "camera_covered"),
        ("retake", "blurred", "blurred"),
        ("retake", "glare", "page_unreadable"),
        ("impossible", "worker_failed", "not_judged"),
    ],
)
def test_what_nobody_could_judge_is_said(finding: str, reason: str, cause: str) -> None:
    bench = Bench()
    bench.feed(seen("page", finding, reason))
    assert bench.one("C12").data["cause"] == cause


def test_the_same_matter_at_the_next_press_is_no_second_alert() -> None:
    bench = Bench()
    bench.feed(seen("page", "altered", marks=1), seen("page", "altered", press=2, marks=1))
    assert bench.codes == ["C5"]
    bench.feed(seen("imprint", "other_seal"))
    assert bench.codes == ["C5", "C8"]


def test_whose_imprint_it_was_goes_with_the_alert() -> None:
    bench = Bench()
    record = seen("imprint", "other_seal")
    bench.feed(replace(record, data={**record.data, "seals": [None, record.seal, "S2"]}))
    assert bench.one("C8").data["left"] == "S2"
    unknown = Bench()
    record = seen("imprint", "unknown_seal")
    unknown.feed(replace(record, data={**record.data, "seals": [None]}))
    assert "left" not in unknown.one("C8").data
