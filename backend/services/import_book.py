"""What an import reads: three sheets with named columns, as rows of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from backend.domain.actor import ROLE_ZH
from backend.domain.matter import SEAL_KIND_ZH


@dataclass(frozen=True, slots=True)
class Head:
    """A column. ``choices`` are the words that it takes, with what each stands for."""

    key: str
    title: str
    required: bool = False
    choices: Mapping[str, str] | None = None


ROLES: Final = {zh: code.value for code, zh in ROLE_ZH.items()}
KINDS: Final = {zh: code.value for code, zh in SEAL_KIND_ZH.items()}

SHEETS: Final[Mapping[str, Sequence[Head]]] = {
    "单位": (
        Head("code", "单位代码", True),
        Head("name", "单位名称", True),
        Head("parent", "上级代码", True),
        Head("lat", "纬度"),
        Head("lon", "经度"),
        Head("fence", "围栏半径（米）"),
    ),
    "人员": (
        Head("org", "单位代码", True),
        Head("name", "姓名", True),
        Head("phone", "手机号"),
        Head("login", "登录名"),
        Head("role", "角色", False, ROLES),
        Head("title", "职务"),
        Head("ends", "任期到"),
    ),
    "印章": (
        Head("org", "单位代码", True),
        Head("kind", "印章种类", True, KINDS),
        Head("name", "印章名称", True),
        Head("custodian", "保管人"),
    ),
}
"""Sheet → its columns. The sheets are worked through in this order."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a sheet: its number there, and its cells by column key."""

    sheet: str
    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row (0: with the whole sheet)."""

    sheet: str
    number: int
    zh: str
    en: str


def read_lines(
    sheets: Mapping[str, Sequence[tuple[int, Sequence[str]]]],
) -> tuple[list[Line], list[Problem]]:
    """The rows of the sheets that we know, by their heads; other sheets are notes."""
    lines: list[Line] = []
    problems: list[Problem] = []
    known = [name for name in SHEETS if name in sheets]
    if not known:
        names = "、".join(SHEETS)
        return [], [
            Problem("", 0, f"没有名为{names}的工作表，请用模板填写", "no sheet of ours in it")
        ]
    for name in known:
        rows = list(sheets[name])
        if not rows:
            continue
        places, wrong = _places(name, rows[0][1])
        problems += wrong
        if wrong:
            continue
        for number, row in rows[1:]:
            cells = {key: row[at] if at < len(row) else "" for key, at in places.items()}
            if any(cells.values()):
                lines.append(Line(name, number, cells))
                problems += check_line(lines[-1])
    return lines, problems


def _places(sheet: str, heads: Sequence[str]) -> tuple[dict[str, int], list[Problem]]:
    wanted = {one.title: one for one in SHEETS[sheet]}
    places: dict[str, int] = {}
    problems = []
    for at, title in enumerate(heads):
        title = title.rstrip("*").strip()
        if title and title not in wanted:
            problems.append(
                Problem(sheet, 1, f"不认识的列“{title[:30]}”", f"unknown column {title[:30]!r}")
            )
        elif title:
            places[wanted[title].key] = at
    problems += [
        Problem(sheet, 1, f"缺少列“{one.title}”", f"column {one.title!r} is missing")
        for one in SHEETS[sheet]
        if one.required and one.key not in places
    ]
    return places, problems


def check_line(line: Line) -> list[Problem]:
    """What the row itself says wrong: a cell that must not be empty, a word that is none of the
    column's."""
    sheet, number, cells = line.sheet, line.number, line.cells
    if sheet not in SHEETS:
        return [Problem(sheet[:30], 0, "不认识的工作表", "unknown sheet")]
    problems = []
    for head in SHEETS[sheet]:
        value = cells.get(head.key, "")
        if head.required and not value:
            problems.append(
                Problem(sheet, number, f"“{head.title}”没有填", f"{head.title!r} is empty")
            )
        elif value and head.choices is not None and value not in head.choices:
            allowed = "、".join(head.choices)
            problems.append(
                Problem(
                    sheet,
                    number,
                    f"“{head.title}”只能填：{allowed}",
                    f"{head.title!r} is one of: {allowed}",
                )
            )
    return problems
