"""What a paper says of itself: title, money, dates, parties, what is still open, where to sign.

Proposals for the register and warnings for the approver; a person corrects them. Forms of words
that villages use are matched, nothing is guessed: what is not recognised is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from backend.domain.amounts import from_capital, from_figures
from backend.domain.errors import DomainError
from backend.domain.eyes import Box as Share
from backend.vision.pages.reader import Box
from backend.vision.pages.reference import DOTS_PER_MM, Line, ReferencePage
from backend.vision.pages.sight import shares

FIGURES, CAPITAL = "figures", "capital"
SIGNATURE, SEAL, DATE = "signature", "seal", "date"

_SIGN_MM = (58, 13)
_SEAL_MM = 46
_BESIDE_MM = 25


@dataclass(frozen=True, slots=True)
class Amount:
    """Money on the page: ``form`` is ``figures`` or ``capital`` (大写), ``fen`` its value."""

    text: str
    fen: int
    form: str
    line: int


@dataclass(frozen=True, slots=True)
class Discord:
    """An amount in capitals beside one in figures that says something else."""

    capital: Amount
    figures: Amount


@dataclass(frozen=True, slots=True)
class Blank:
    """Something still to be filled in; ``label`` is what stands before it."""

    label: str
    line: int
    box: Share


@dataclass(frozen=True, slots=True)
class Place:
    """A proposed zone: ``kind`` is ``signature``, ``seal`` or ``date``."""

    kind: str
    label: str
    box: Share


@dataclass(frozen=True, slots=True)
class PageFacts:
    """All that was recognised on one page.

    Attributes:
        title: the highest line of the upper half; "" where none stands out.
        parties: role and name, in order of appearance.
        names: people named after a label such as 户主 or 经办人.
        blanks: to be warned about before anybody approves (C6).
    """

    title: str
    amounts: tuple[Amount, ...]
    discords: tuple[Discord, ...]
    dates: tuple[date, ...]
    parties: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    blanks: tuple[Blank, ...]
    places: tuple[Place, ...]


def extract(page: ReferencePage) -> PageFacts:
    """The facts of one approved page."""
    return extract_lines(page.lines, page.size)


def extract_lines(lines: Sequence[Line], size: tuple[int, int]) -> PageFacts:
    """The facts of lines in reading order on a page of ``size`` pixels."""
    # Words run on over lines; where each sign came from is kept.
    text, home = "", []
    for number, line in enumerate(lines):
        text += line.text
        home += [number] * len(line.text)
    plain = text.translate(_PLAIN)
    amounts = _amounts(plain, home)
    return PageFacts(
        title=_title(lines, size),
        amounts=tuple(amount for amount, _, _ in amounts),
        discords=_discords(amounts),
        dates=_dates(plain),
        parties=_pairs(_PARTY, lines),
        names=tuple(dict.fromkeys(name for _, name in _pairs(_PERSON, lines))),
        blanks=tuple(_blanks(lines, size)),
        places=tuple(_places(lines, size)),
    )


_PLAIN = str.maketrans("０１２３４５６７８９，．：（）￥＿", "0123456789,.:()¥_")

_CAPITALS = "零〇壹贰叁肆伍陆柒捌玖拾佰仟万亿萬億貳叄陸圆元角分整正"
_CAPITAL = re.compile(rf"(?=[{_CAPITALS}]*[壹贰叁肆伍陆柒捌玖貳叄陸拾])[{_CAPITALS}]{{2,}}")
_FIGURE = re.compile(
    r"¥\s*(?P<a>\d[\d,]*(?:\.\d{1,2})?(?:[万亿]元?)?)"
    r"|(?P<b>\d[\d,]*(?:\.\d{1,2})?[万亿]?元)"
)
_BETWEEN = 8


def _amounts(text: str, home: Sequence[int]) -> list[tuple[Amount, int, int]]:
    places = [
        (match.group(), CAPITAL, match.start())
        for match in _CAPITAL.finditer(text)
        if "元" in match.group() or "圆" in match.group()
    ]
    places += [
        ((match.group("a") or match.group("b")).rstrip(","), FIGURES, match.start())
        for match in _FIGURE.finditer(text)
    ]
    found = []
    for words, form, at in sorted(places, key=lambda place: place[2]):
        fen = _value(words, form)
        if fen is not None:
            found.append((Amount(words, fen, form, home[at]), at, at + len(words)))
    return found


def _value(words: str, form: str) -> int | None:
    try:
        return from_capital(words) if form == CAPITAL else from_figures(words)
    except DomainError:
        return None


def _discords(amounts: Sequence[tuple[Amount, int, int]]) -> tuple[Discord, ...]:
    """Neighbours, as in 伍万元整（￥50,000.00), must agree."""
    found = []
    for (one, _, end), (other, start, _) in pairwise(amounts):
        if start - end > _BETWEEN or one.form == other.form or one.fen == other.fen:
            continue
        capital, figures = (one, other) if one.form == CAPITAL else (other, one)
        found.append(Discord(capital, figures))
    return tuple(found)


_DATE = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日|(\d{4})[-./](\d{1,2})[-./](\d{1,2})")
_HAN_DATE = re.compile(
    r"([〇○零一二三四五六七八九]{4})年([一二三四五六七八九十]{1,2})月([一二三四五六七八九十]{1,3})日"
)
_HAN = {sign: value for value, sign in enumerate("〇一二三四五六七八九")} | {"○": 0, "零": 0}


def _dates(text: str) -> tuple[date, ...]:
    found: dict[date, None] = {}
    for match in _DATE.finditer(text):
        year, month, day = (int(part) for part in match.groups() if part is not None)
        _add_date(found, year, month, day)
    for match in _HAN_DATE.finditer(text):
        year = int("".join(str(_HAN[sign]) for sign in match.group(1)))
        _add_date(found, year, _tens(match.group(2)), _tens(match.group(3)))
    return tuple(found)


def _tens(words: str) -> int:
    head, ten, tail = words.partition("十")
    if not ten:
        return _HAN[words] if len(words) == 1 else 0
    return (_HAN.get(head, 0) if head else 1) * 10 + (_HAN.get(tail, 0) if tail else 0)


def _add_date(found: dict[date, None], year: int, month: int, day: int) -> None:
    try:
        found[date(year, month, day)] = None
    except ValueError:
        return


_ROLES = (
    "甲方|乙方|丙方|丁方|出租方|承租方|出租人|承租人|发包方|承包方|发包人|承包人|委托方|受托方|"
    "转让方|受让方|出让方|买方|卖方|供方|需方|出借人|贷款人|抵押人|抵押权人|担保方|担保人|保证人"
)
_PARTY = re.compile(rf"(?P<label>{_ROLES})(?:\([^)]{{0,6}}\))?:\s*(?P<name>[^\s,。;:()_]{{2,40}})")
_LABELS = (
    "姓名|户主|申请户主|申请人|借款人|经办人|承办人|法定代表人|负责人|联系人|交款人|收款人|见证人|"
    "户主姓名|代表人|当事人"
)
_PERSON = re.compile(rf"(?P<label>{_LABELS}):?\s*(?P<name>[一-鿿·]{{2,4}})(?![一-鿿])")


def _pairs(pattern: re.Pattern[str], lines: Sequence[Line]) -> tuple[tuple[str, str], ...]:
    found: dict[tuple[str, str], None] = {}
    for line in lines:
        for match in pattern.finditer(line.text.translate(_PLAIN)):
            found[(match.group("label"), match.group("name"))] = None
    return tuple(found)


def _title(lines: Sequence[Line], size: tuple[int, int]) -> str:
    upper = [line for line in lines if line.box[1] < size[1] / 2 and len(line.text) >= 2]
    if not upper:
        return ""
    tallest = max(upper, key=lambda line: line.box[3])
    usual = sorted(line.box[3] for line in lines)[len(lines) // 2]
    return tallest.text if tallest.box[3] >= 1.15 * usual else ""


_RULED = re.compile(r"([^\s_,。;]{0,12}?)(?:\([^)]*\))?:?_{3,}")
_OPEN = re.compile(r"^(?P<label>[^,。;:_]{1,10}):$")
_OPEN_DATE = re.compile(r"(?<!\d)年月日|年_*月_*日")
_SALUTATION = re.compile(
    r"(单位|政府|委员会|银行|支行|公司|先生|女士|同志|领导|如下|以下|下列|款项|各位|发放)$"
)
_SIGN = re.compile(r"签字|签名|签章|签署|按手印|捺印|手印")
_STAMP = re.compile(r"盖章|公章|加盖")
_SENTENCE = re.compile(r"[,。;]|之日|生效")


def _blanks(lines: Sequence[Line], size: tuple[int, int]) -> list[Blank]:
    found: list[Blank] = []
    for number, line in enumerate(lines):
        text = line.text.translate(_PLAIN)
        if _SIGN.search(text) or _STAMP.search(text):
            continue
        for match in _RULED.finditer(text):
            found.append(Blank(match.group(1), number, shares(line.box, size)))
        open_label = _OPEN.match(text)
        if (
            open_label
            and not _SALUTATION.search(open_label.group("label"))
            and not _followed(line, lines)
        ):
            beside = _right_of(line.box, _SIGN_MM)
            found.append(Blank(open_label.group("label"), number, shares(beside, size)))
        if _OPEN_DATE.search(text):
            found.append(Blank("日期", number, shares(line.box, size)))
    return found


def _followed(line: Line, lines: Sequence[Line]) -> bool:
    """Whether something stands close behind a label, on its row."""
    left, top, wide, high = line.box
    return any(
        other is not line
        and abs(other.box[1] + other.box[3] / 2 - top - high / 2) < high / 2
        and 0 <= other.box[0] - left - wide < _BESIDE_MM * DOTS_PER_MM
        for other in lines
    )


def _places(lines: Sequence[Line], size: tuple[int, int]) -> list[Place]:
    found: list[Place] = []
    for line in lines:
        text = line.text.translate(_PLAIN)
        label = text.partition("_")[0].rstrip(":")
        if _OPEN_DATE.search(text):
            found.append(Place(DATE, label, shares(line.box, size)))
        if _SENTENCE.search(text):
            continue
        if _SIGN.search(text):
            found.append(Place(SIGNATURE, label, shares(_sign_area(line), size)))
        if _STAMP.search(text):
            found.append(Place(SEAL, label, shares(_seal_area(line.box), size)))
    return found


def _sign_area(line: Line) -> Box:
    """From the label's end; a ruled line behind the label is part of the place."""
    left, top, wide, high = line.box
    text = line.text.translate(_PLAIN)
    ruled = text.find("_")
    if ruled < 0:
        # Hands start right at the colon, or on it.
        colon = high if text.endswith(":") else 0
        return _right_of((left, top, wide - colon, high), _SIGN_MM)
    start = left + round(wide * ruled / max(1, len(line.text)))
    area = _right_of((start, top, 0, high), _SIGN_MM)
    return (area[0], area[1], max(area[2], left + wide - start), area[3])


def _right_of(box: Box, millimetres: tuple[int, int]) -> Box:
    left, top, wide, high = box
    width, height = (round(side * DOTS_PER_MM) for side in millimetres)
    return (left + wide, top + (high - height) // 2, width, max(height, high))


def _seal_area(box: Box) -> Box:
    left, top, wide, high = box
    side = round(_SEAL_MM * DOTS_PER_MM)
    middle = left + wide - min(wide, round(80 * DOTS_PER_MM)) // 2
    return (middle - side // 2, top + high // 2 - side // 2, side, side)
