"""Where an applicant says that something will still be written after the approval: signatures,
dates, blanks. What is written there is no alteration; everything else is.

They stand in an application's details as ``zones``: for each uploaded paper, by its picture, rows
of sheet (from 0), left, top, width and height in thousandths of the uploaded page. What is approved
and signed includes them, and the approver sees them on the page. Where the applicant went through
what the program proposes (``zones_settled``), these rows alone count; elsewhere the places that the
program finds count beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.domain.errors import DomainError
from backend.domain.eyes import Box

DETAIL: Final = "zones"
SETTLED: Final = "zones_settled"
MOST: Final = 60
"""On one paper; a contract of thirty pages may be signed and dated on each."""

SHARE: Final = 0.3
"""Of a sheet may be marked: a page that may change everywhere was not approved."""

_WHOLE: Final = 1_000
_LEAST: Final = 5
_SHEETS: Final = 200

Row = tuple[int, int, int, int, int]


def check(given: object) -> list[Row]:
    """The rows, if they can be marked on a paper.

    Raises:
        DomainError: ``bad_zones``.
    """
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) > MOST:
        raise _bad(f"一份文件最多标{MOST}处", f"at most {MOST} places on a paper")
    rows = [_row(one) for one in given]
    for sheet in {row[0] for row in rows}:
        area = sum(row[3] * row[4] for row in rows if row[0] == sheet)
        if area > SHARE * _WHOLE * _WHOLE:
            raise _bad(
                "标得太大了：一页最多标三成，请只标要填写的地方",
                "too much is marked: at most three tenths of a page",
            )
    return rows


def put(
    details: Mapping[str, Any], picture: str, rows: Sequence[Row], *, settled: bool = False
) -> dict[str, Any]:
    """``details`` with the zones of one paper; none takes them away. ``settled``: the applicant saw
    the program's proposals and took or left each."""
    zones = {name: one for name, one in plain(details).items() if name != picture}
    if rows:
        zones[picture] = [list(row) for row in rows]
    through = settled_papers(details) | ({picture} if settled else set())
    others = {name: value for name, value in details.items() if name not in (DETAIL, SETTLED)}
    return others | _said(zones, through)


def approved(details: Mapping[str, Any]) -> dict[str, Any]:
    """All that the details say of zones, as it is approved and signed."""
    return _said(plain(details), settled_papers(details))


def settled_papers(details: Mapping[str, Any]) -> set[str]:
    """Papers, by their pictures, whose proposals the applicant went through."""
    given = details.get(SETTLED)
    if not isinstance(given, Sequence) or isinstance(given, str):
        return set()
    return {one for one in given if isinstance(one, str)}


def rows_of(places: Sequence[tuple[int, Box]]) -> list[Row]:
    """Places that were found (sheet and box) as rows that can be marked, in their order."""
    return [_fitted(sheet, box) for sheet, box in places]


def _fitted(sheet: int, box: Box) -> Row:
    left, top, wide, high = (round(value * _WHOLE) for value in box)
    width, height = (min(_WHOLE, max(_LEAST, side)) for side in (wide, high))
    x = min(max(0, left), _WHOLE - width)
    y = min(max(0, top), _WHOLE - height)
    return sheet, x, y, width, height


def _said(zones: Mapping[str, Any], through: set[str]) -> dict[str, Any]:
    marks = {DETAIL: dict(zones)} if zones else {}
    return marks | ({SETTLED: sorted(through)} if through else {})


def plain(details: Mapping[str, Any]) -> dict[str, list[list[int]]]:
    """Every paper's rows as they are approved; what is none is left out."""
    given = details.get(DETAIL)
    if not isinstance(given, Mapping):
        return {}
    found: dict[str, list[list[int]]] = {}
    for picture, rows in given.items():
        try:
            checked = check(rows)
        except DomainError:
            continue
        if checked:
            found[str(picture)] = [list(row) for row in checked]
    return found


def boxes(details: Mapping[str, Any], picture: str) -> list[tuple[int, Box]]:
    """One paper's zones: sheet and box."""
    return [
        (row[0], (row[1] / _WHOLE, row[2] / _WHOLE, row[3] / _WHOLE, row[4] / _WHOLE))
        for row in plain(details).get(picture, [])
    ]


def _row(given: object) -> Row:
    if (
        isinstance(given, Sequence)
        and len(given) == 5
        and all(isinstance(one, int) and not isinstance(one, bool) for one in given)
    ):
        sheet, left, top, width, height = given
        inside = left >= 0 and top >= 0 and left + width <= _WHOLE and top + height <= _WHOLE
        if 0 <= sheet < _SHEETS and inside and min(width, height) >= _LEAST:
            return sheet, left, top, width, height
    raise _bad("标出的地方不在纸上，请重新标", "a marked place is not on the page")


def _bad(zh: str, en: str) -> DomainError:
    return DomainError("bad_zones", zh, en)
