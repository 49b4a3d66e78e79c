"""What the eyes saw: C3, C4, C5, C6, C8, C9 and C21, and C7 for a sheet that was stamped before.

A verdict is about pictures. What it calls altered may be a crease, so each alert shows both places
side by side and asks a person to look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from alerts.rules.context import Context
from alerts.rules.finding import Finding, Severity, found, plain
from backend.domain.eyes import RETAKE_REASONS, ImprintFinding, PageFinding
from backend.domain.record import Record

Look = Callable[[Record, Context], Iterator[Finding]]

_PAGES: Final = {
    PageFinding.ALTERED: ("C5", Severity.CRITICAL, "page_altered"),
    PageFinding.ANOTHER: ("C3", Severity.CRITICAL, "page_another"),
    PageFinding.EXTRA: ("C3", Severity.MAJOR, "page_extra"),
    PageFinding.BLANK: ("C6", Severity.CRITICAL, "page_blank"),
    PageFinding.REUSED: ("C7", Severity.MAJOR, "reused_page"),
}
_IMPRINTS: Final = {
    ImprintFinding.PAGE_CHANGED: ("C4", Severity.CRITICAL, "page_swapped"),
    ImprintFinding.OTHER_SEAL: ("C8", Severity.CRITICAL, "other_seal"),
    ImprintFinding.UNKNOWN_SEAL: ("C8", Severity.CRITICAL, "unknown_seal"),
    ImprintFinding.SEVERAL: ("C9", Severity.MAJOR, "several_imprints"),
    ImprintFinding.MISPLACED: ("C9", Severity.MINOR, "misplaced_imprint"),
    ImprintFinding.NONE: ("C21", Severity.MAJOR, "no_imprint"),
}
_CODES_OF_PAGES: Final = sorted({code for code, _, _ in _PAGES.values()})
_CODES_OF_IMPRINTS: Final = sorted({code for code, _, _ in _IMPRINTS.values()})
_UNSEEN: Final = {"dark": "too_dark", "covered": "camera_covered"}


def _page(code: str) -> Look:
    def look(record: Record, _context: Context) -> Iterator[Finding]:
        known = _PAGES.get(PageFinding(record.data["finding"]))
        if known is not None and known[0] == code:
            marks = len(record.data.get("marks", ()))
            yield _of_press(record, known, "page", count=marks)

    return look


def _imprint(code: str) -> Look:
    def look(record: Record, _context: Context) -> Iterator[Finding]:
        known = _IMPRINTS.get(ImprintFinding(record.data["finding"]))
        if known is not None and known[0] == code:
            others = [one for one in record.data.get("seals", ()) if one not in (None, record.seal)]
            left = {"left": others[0]} if code == "C8" and others else {}
            yield _of_press(record, known, "imprint", **left)

    return look


def _of_press(
    record: Record, known: tuple[str, Severity, str], what: str, **more: object
) -> Finding:
    code, severity, cause = known
    press = record.data.get("press")
    dedupe = f"{record.use_id}:{what}"
    return found(code, dedupe, severity, record, cause=cause, press=press, **more)


def _unseen(record: Record, _context: Context) -> Iterator[Finding]:
    """A picture that nobody could judge; one that is missing or broken is told of elsewhere."""
    said = record.data
    reasons = [str(code) for code in said.get("reasons", ())]
    if said["finding"] == PageFinding.RETAKE.value:
        first = next((code for code in reasons if code in RETAKE_REASONS), "unreadable")
        cause = _UNSEEN.get(first, "blurred" if first == "blurred" else "page_unreadable")
        yield found("C12", f"{record.use_id}:page", Severity.MINOR, record, cause=cause)
    elif said["finding"] == PageFinding.IMPOSSIBLE.value and "worker_failed" in reasons:
        yield found("C12", f"{record.use_id}:page", Severity.MINOR, record, cause="not_judged")


RULES: Final = (
    *(plain(f"page_{code}", code, ("page.checked",), _page(code)) for code in _CODES_OF_PAGES),
    *(
        plain(f"imprint_{code}", code, ("imprint.checked",), _imprint(code))
        for code in _CODES_OF_IMPRINTS
    ),
    plain("paper_unseen", "C12", ("page.checked", "imprint.checked"), _unseen),
)
