"""Money: fen as integers, figures with two places, the capital numerals of contracts (大写).

Capital numerals follow 《支付结算办法》附件一 (银发〔1997〕393号): 整 after yuan or jiao, 零 where
the figures leave a gap; 人民币 is printed in front by whoever fills the form.
"""

from __future__ import annotations

import re
from typing import Final

from backend.domain.errors import DomainError

MAX_FEN: Final = 10**15 - 1
"""Just under ten trillion yuan: what fits below 万亿 without a second 亿."""

_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_UNITS: Final = ("", "拾", "佰", "仟")
_SECTIONS: Final = ("", "万", "亿", "万")
_FIGURES: Final = re.compile(r"^(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d{1,2}))?(万|亿)?元?$")
_SCALE: Final = {"": 1, "万": 10_000, "亿": 100_000_000}

# How people also write them: traditional, simplified, and the everyday numerals.
_READ_DIGITS: Final[dict[str, int]] = {
    **{sign: value for value, sign in enumerate(_DIGITS)},
    **{sign: value for value, sign in enumerate("〇一二三四五六七八九")},
    "貳": 2,
    "叄": 3,
    "陸": 6,
    "两": 2,
}
_READ_UNITS: Final = {"拾": 10, "十": 10, "佰": 100, "百": 100, "仟": 1000, "千": 1000}


def to_figures(fen: int) -> str:
    """``5000000`` fen → ``50,000.00`` (yuan).

    Raises:
        DomainError: ``bad_amount`` when out of range.
    """
    _check(fen)
    return f"{fen // 100:,}.{fen % 100:02d}"


def from_figures(text: str) -> int:
    """Yuan as a person writes them → fen: ``50,000.00``, ``￥50000``, ``5万元``, ``1.5亿``.

    Raises:
        DomainError: ``bad_amount`` when it cannot be read or is no whole number of fen.
    """
    cleaned = text.strip().replace("，", ",").replace(" ", "").lstrip("￥¥")
    match = _FIGURES.match(cleaned)
    if match is None:
        raise _bad(text)
    whole, part, scale = match.group(1).replace(",", ""), match.group(2) or "", match.group(3) or ""
    fen = int(whole + part.ljust(2, "0")) * _SCALE[scale]
    _check(fen)
    return fen


def to_capital(fen: int) -> str:
    """``5000000`` fen → ``伍万元整``.

    Raises:
        DomainError: ``bad_amount`` when out of range.
    """
    _check(fen)
    yuan, jiao, rest = fen // 100, fen // 10 % 10, fen % 10
    words = _integer(yuan) + "元" if yuan else ""
    if not jiao and not rest:
        return (words or "零元") + "整"
    if jiao:
        words += ("零" if yuan and yuan % 10 == 0 else "") + _DIGITS[jiao] + "角"
    elif yuan:
        words += "零"
    return words + (_DIGITS[rest] + "分" if rest else "整")


def from_capital(text: str) -> int:
    """``人民币伍万元整`` → ``5000000`` fen.

    Raises:
        DomainError: ``bad_amount`` when it cannot be read.
    """
    cleaned = text.strip().removeprefix("人民币").lstrip("：: ").replace("圆", "元")
    cleaned = cleaned.replace("萬", "万").replace("億", "亿")
    for ending in ("整", "正"):
        cleaned = cleaned.removesuffix(ending)
    yuan_words, separator, rest = cleaned.partition("元")
    if not separator:
        yuan_words, rest = "", cleaned
    fen = _read_integer(yuan_words, text) * 100 + _read_rest(rest, text)
    if not yuan_words and not rest:
        raise _bad(text)
    _check(fen)
    return fen


def _integer(value: int) -> str:
    sections: list[int] = []
    while value:
        value, section = divmod(value, 10_000)
        sections.append(section)
    words = ""
    for position in range(len(sections) - 1, -1, -1):
        section = sections[position]
        if section == 0:
            # 亿 must still be said when only its own section is empty under 万亿.
            if position == 2 and words:
                words += "亿"
            continue
        if words and section < 1000:
            words += "零"
        words += _section(section) + _SECTIONS[position]
    return words


def _section(value: int) -> str:
    words, gap = "", False
    for power in (3, 2, 1, 0):
        digit = value // 10**power % 10
        if digit == 0:
            gap = bool(words)
            continue
        words += ("零" if gap else "") + _DIGITS[digit] + _UNITS[power]
        gap = False
    return words


def _read_integer(words: str, original: str) -> int:
    if not words:
        return 0
    for name, scale in (("亿", 100_000_000), ("万", 10_000)):
        head, found, tail = words.rpartition(name)
        if found:
            if not head:
                raise _bad(original)
            return _read_integer(head, original) * scale + _read_integer(tail, original)
    total, digit = 0, -1
    for sign in words:
        if sign in _READ_DIGITS:
            if digit > 0:
                raise _bad(original)
            digit = _READ_DIGITS[sign]
        elif sign in _READ_UNITS:
            # 十五: the one in front of ten is left out.
            total += (1 if digit <= 0 else digit) * _READ_UNITS[sign]
            digit = -1
        else:
            raise _bad(original)
    return total + max(digit, 0)


def _read_rest(words: str, original: str) -> int:
    match = re.fullmatch(r"零?(?:(.)角)?零?(?:(.)分)?", words)
    if match is None:
        raise _bad(original)
    fen = 0
    for sign, worth in zip(match.groups(), (10, 1), strict=True):
        if sign is None:
            continue
        if sign not in _READ_DIGITS:
            raise _bad(original)
        fen += _READ_DIGITS[sign] * worth
    return fen


def _check(fen: int) -> None:
    if not 0 <= fen <= MAX_FEN:
        raise _bad(str(fen))


def _bad(text: str) -> DomainError:
    return DomainError(
        "bad_amount",
        f"看不懂金额“{text[:40]}”，请写成“50000.00”或“伍万元整”",
        f"cannot read the amount {text[:40]!r}; write 50000.00 or 伍万元整",
    )
