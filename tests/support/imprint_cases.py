"""Pairs of pictures, before and after one press, with the truth about what the press left.

Nothing here is shared with the simulator's drawing: faces of seals and pages are set by typst in
other fonts, ink is density through Beer's law on porous rubber, and the camera has a pose, a lens
that bends, a colour cast and shot noise. So a figure reported on these pairs was not tuned on the
pictures that it is measured on; seeds below ``REPORTED_FROM`` are for tuning.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import typst
from numpy.typing import NDArray

from backend.vision.decode import Picture

REPORTED_FROM = 4_000_000
"""Seeds from here on are only ever reported on; those of 1, 2 and 3 million were, and count as
tuning since their misses were looked at."""
_VILLAGES_FROM = ((REPORTED_FROM, 130_000), (3_000_000, 90_000), (1_000_000, 50_000), (0, 0))
"""Seeds from there on have villages of their own."""

PX_PER_MM = 7.0
PAGE_MM = (210.0, 297.0)
FACE_PX = 588
"""Side of a drawn face: 42 mm at 14 pixels a millimetre."""

_OWN_FONT = Path("backend/web/static/vendor/fonts/NotoSerifSC-Regular.ttf")
_SEAL_FONTS = ("Noto Serif CJK SC", "AR PL KaitiM GB", "LXGW WenKai", "Noto Sans CJK SC")
_PAGE_FONTS = ("AR PL SungtiL GB", "WenQuanYi Zen Hei", "LXGW WenKai", "Droid Sans Fallback")

KINDS = (
    "plain",
    "turned",
    "faint",
    "dry",
    "wet",
    "edge",
    "ghost",
    "again",
    "beside_old",
    "over_old",
    "over_text",
    "red_head",
    "thumb",
    "signed",
    "double",
    "two_seals",
    "three",
    "none",
    "none_old",
    "none_signed",
    "none_thumb",
    "other_own",
    "foreign",
    "seam",
    "fan",
)
"""Every kind of case; ``expected`` of each is set where it is made."""


@dataclass(frozen=True, slots=True)
class Design:
    """A seal's face: the organisation's name around, an emblem in the middle."""

    name: str
    font: str
    emblem: str = "star"
    letter: float = 5.0
    ring: float = 1.2
    sweep: float = 262.0
    diameter: float = 42.0


@dataclass(frozen=True, slots=True)
class Truth:
    """What is on the paper: the seal's number in its village (None: not of it), and the middle."""

    seal: int | None
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Case:
    """One pair. ``village`` are the seals enrolled there; ``new`` is what the press left."""

    kind: str
    level: str
    village: tuple[Design, ...]
    before: Picture
    after: Picture
    new: tuple[Truth, ...]


@dataclass(slots=True)
class _Sheet:
    """Reflectance of a page, 0..1, blue-green-red, to press on."""

    light: NDArray[np.float32]
    lines: list[tuple[float, float]] = field(default_factory=list)

    def copy(self) -> _Sheet:
        return _Sheet(self.light.copy(), self.lines)


_SURNAMES = "罗丁许韩钱施汪倪姚田华楼湘金朱柴高葛沈富民新联东西南北上下山河"
_SECOND = "幕村家坞里塘桥坂头湾浦岭畈河山坝墩埠溪洞庄园井坑店"


def village(seed: int) -> tuple[Design, ...]:
    """The three seals of an invented village: committee, cooperative, Party branch."""
    dice = random.Random(f"village-{seed}")
    town = dice.choice(("义桥镇", "河上镇", "楼塔镇", "戴村镇", "所前镇"))
    district = dice.choice(("湖山区", "萧江区", "云水市"))
    font = dice.choice(_fonts(_SEAL_FONTS))
    names = _names(district, town, _place(dice))
    return tuple(
        Design(
            name,
            font,
            emblem,
            letter=dice.uniform(4.6, 5.6),
            ring=dice.uniform(1.0, 1.4),
            sweep=dice.uniform(245, 275),
        )
        for name, emblem in zip(names, ("star", "star", "party"), strict=True)
    )


def _place(dice: random.Random) -> str:
    return dice.choice(_SURNAMES) + dice.choice(_SECOND)


def _names(district: str, town: str, place: str) -> tuple[str, str, str]:
    return (
        f"{district}{town}{place}村民委员会",
        f"{district}{town}{place}村经济合作社",
        f"中共{town}{place}村支部委员会",
    )


def stranger(dice: random.Random, own: tuple[Design, ...]) -> Design:
    """A seal that nobody enrolled: a neighbour village's, or a company's."""
    while True:
        if dice.random() < 0.5:
            # The hardest: the next village of the same town, whose seal only differs in its name.
            like = dice.randrange(3)
            names = _names(own[0].name[:3], own[0].name[3:6], _place(dice))
            other = replace(own[like], name=names[like])
        else:
            head = "".join(dice.sample("宏伟达信利民丰源通汇嘉恒泰盛", 3))
            other = Design(
                f"杭州{head}{dice.choice(('建设', '贸易', '劳务'))}有限公司",
                dice.choice(_fonts(_SEAL_FONTS)),
                "star",
                diameter=dice.choice((38.0, 40.0, 42.0)),
            )
        if other.name not in {seal.name for seal in own}:
            return other


def enrolment(design: Design, seed: int, n: int = 3) -> list[Picture]:
    """``n`` clean imprints, each photographed on white paper: what commissioning takes."""
    dice = random.Random(f"enrol-{design.name}-{seed}")
    pictures = []
    for _ in range(n):
        sheet = _blank()
        _press(sheet, design, 105, 148, dice.uniform(-8, 8), dice, "plain")
        photo = _photograph(sheet, dice, "mild")
        height, width = photo.shape[:2]
        half = int(0.24 * width)
        pictures.append(
            np.ascontiguousarray(
                photo[
                    height // 2 - half : height // 2 + half, width // 2 - half : width // 2 + half
                ]
            )
        )
    return pictures


def case(kind: str, seed: int, level: str | None = None) -> Case:
    """One pair of ``kind`` drawn from ``seed``; the same arguments give the same pictures.

    Raises:
        ValueError: for a kind that is not in ``KINDS``.
    """
    if kind not in KINDS:
        raise ValueError(f"no kind {kind!r}")
    dice = random.Random(f"case-{kind}-{seed}")
    level = level or dice.choice(("mild", "mild", "medium"))
    villages = next(first for low, first in _VILLAGES_FROM if seed >= low)
    seals = village(seed % 17 + villages)
    approved = dice.randrange(3)
    sheet = _page(dice, head=kind == "red_head")
    x, y = dice.uniform(45, 165), dice.uniform(60, 240)
    turn = dice.uniform(-25, 25) if kind != "turned" else dice.uniform(-180, 180)
    new: list[Truth] = []

    def stamp(which: int | Design, at: tuple[float, float], ink: str, angle: float) -> None:
        design = seals[which] if isinstance(which, int) else which
        _press(sheet, design, at[0], at[1], angle, dice, ink)

    if kind in ("beside_old", "none_old"):
        stamp(dice.randrange(3), _beside(x, y, dice, 46, 80), "plain", dice.uniform(-25, 25))
    if kind == "over_old":
        old = _beside(x, y, dice, 12, 34)
        stamp((approved + 1) % 3, old, dice.choice(("plain", "dry")), dice.uniform(-25, 25))
    if kind == "again":
        stamp(approved, (x + dice.uniform(-1, 1), y + dice.uniform(-1, 1)), "plain", -turn)
    if kind == "fan":
        _fan(sheet)
    before = _photograph(sheet, dice, level)
    if kind in ("plain", "turned", "over_text", "red_head", "beside_old", "over_old", "again"):
        stamp(approved, (x, y), "plain", turn)
        new.append(Truth(approved, x, y))
    elif kind in ("faint", "dry", "wet"):
        stamp(approved, (x, y), kind, turn)
        new.append(Truth(approved, x, y))
    elif kind == "ghost":
        stamp(approved, (x, y), "plain", turn)
        shift = dice.uniform(0, math.tau)
        at = (x + 0.7 * math.cos(shift), y + 0.7 * math.sin(shift))
        stamp(approved, at, "faint", turn + dice.uniform(-1, 1))
        new.append(Truth(approved, x, y))
    elif kind in ("edge", "seam"):
        x, y = _over_edge(dice, 2.0 if kind == "edge" else 9.0)
        stamp(approved, (x, y), "plain", turn)
        new.append(Truth(approved, x, y))
    elif kind == "fan":
        x = dice.uniform(188, 202)
        stamp(approved, (x, y), "plain", turn)
        new.append(Truth(approved, x, y))
    elif kind in ("double", "three"):
        for nth in range(2 if kind == "double" else 3):
            place = (x, y) if nth == 0 else _beside(x, y, dice, 5, 40)
            if nth == 2:
                place = (210 - x, 297 - y)
            stamp(approved, place, "plain", turn + dice.uniform(-4, 4))
            new.append(Truth(approved, *place))
    elif kind == "two_seals":
        stamp(approved, (x, y), "plain", turn)
        place = _beside(x, y, dice, 14, 60)
        stamp((approved + 1) % 3, place, "plain", dice.uniform(-25, 25))
        new += [Truth(approved, x, y), Truth((approved + 1) % 3, *place)]
    elif kind == "thumb":
        stamp(approved, (x, y), "plain", turn)
        _thumb(sheet, 210 - x, 297 - y, dice)
        new.append(Truth(approved, x, y))
    elif kind == "signed":
        stamp(approved, (x, y), "plain", turn)
        _sign(sheet, dice.uniform(40, 150), dice.uniform(60, 250), dice)
        new.append(Truth(approved, x, y))
    elif kind == "none_signed":
        _sign(sheet, dice.uniform(40, 150), dice.uniform(60, 250), dice)
    elif kind == "none_thumb":
        _thumb(sheet, x, y, dice)
    elif kind == "other_own":
        stamp((approved + 1) % 3, (x, y), "plain", turn)
        new.append(Truth((approved + 1) % 3, x, y))
    elif kind == "foreign":
        stamp(stranger(dice, seals), (x, y), "plain", turn)
        new.append(Truth(None, x, y))
    after = _photograph(sheet, dice, level)
    return Case(kind, level, seals, before, after, tuple(new))


@lru_cache(maxsize=12)
def drawn(kind: str, seed: int, level: str | None = None) -> Case:
    """``case``, kept: what tests look at more than once."""
    return case(kind, seed, level)


def cases(n: int, first_seed: int) -> Iterator[Case]:
    """``n`` pairs, the kinds in turn."""
    for at in range(n):
        yield case(KINDS[at % len(KINDS)], first_seed + at)


# --- paper -----------------------------------------------------------------------------------


def _blank() -> _Sheet:
    width, height = (round(side * PX_PER_MM) for side in PAGE_MM)
    return _Sheet(np.full((height, width, 3), (0.93, 0.955, 0.96), np.float32))


def _page(dice: random.Random, head: bool) -> _Sheet:
    kind, font = dice.randrange(6), dice.choice(_fonts(_PAGE_FONTS))
    page = _typeset(kind, font, head)
    tone = np.array((dice.uniform(0.86, 0.95), dice.uniform(0.92, 0.96), 0.96), np.float32)
    return _Sheet((page.astype(np.float32) / 255 * tone).astype(np.float32))


@lru_cache(maxsize=24)
def _typeset(kind: int, font: str, head: bool) -> Picture:
    dice = random.Random(f"page-{kind}")
    words = (
        "关于本村村民申请使用集体土地建房事项经村民代表会议讨论同意上报审批情况说明如下"
        "证明该户家庭成员无其他住房符合相关规定特此期限金额人民币元整承包合同双方约定"
    )
    paragraphs = [
        "".join(dice.choice(words) for _ in range(dice.randint(30, 130)))
        for _ in range(dice.randint(3, 7))
    ]
    source = f"""
#let data = json(bytes(sys.inputs.data))
#set page(width: 210mm, height: 297mm, margin: (x: 27mm, y: 32mm), fill: white)
#set text(font: "{font}", size: {dice.choice((12, 14, 16))}pt, lang: "zh")
#set par(first-line-indent: 2em, leading: 1em, justify: true)
#if data.head [#align(center, text(fill: rgb("d0101c"), size: 30pt)[湖山区人民政府文件])
  #line(length: 100%, stroke: 1.6pt + rgb("d0101c"))]
#align(center, text(size: 20pt)[{dice.choice(("证　明", "申请书", "承包合同", "情况说明"))}])
#for item in data.paragraphs [#par(item)]
#v(2em)
#align(right)[二〇二六年三月五日]
"""
    return _compiled(source, {"paragraphs": paragraphs, "head": head}, PX_PER_MM * 25.4)


def _compiled(source: str, data: object, ppi: float) -> Picture:
    raw = typst.compile(
        source.encode(),
        format="png",
        ppi=ppi,
        sys_inputs={"data": json.dumps(data)},
        font_paths=_library(),
    )
    pixels = cv2.imdecode(np.frombuffer(_bytes(raw), np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise RuntimeError("typst drew nothing")
    return pixels.astype(np.uint8)


def _bytes(raw: bytes | list[bytes] | None) -> bytes:
    page = raw[0] if isinstance(raw, list) else raw
    if page is None:
        raise RuntimeError("typst drew nothing")
    return page


@lru_cache(maxsize=1)
def _library() -> typst.Fonts:
    return typst.Fonts(font_paths=[str(_OWN_FONT.parent)])


@lru_cache(maxsize=1)
def _installed() -> frozenset[str]:
    return frozenset(_library().families())


def _fonts(wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Those of ``wanted`` that this machine has; our own one where it has none."""
    found = tuple(name for name in wanted if name in _installed())
    return found or ("Noto Serif SC",)


# --- ink -------------------------------------------------------------------------------------


@lru_cache(maxsize=48)
def _face(design: Design) -> NDArray[np.float32]:
    """The rubber: 1 where it carries ink."""
    half = design.diameter / 2
    count = len(design.name)
    step = design.sweep / (count - 1)
    room = 2 * math.pi * (half * 0.78) * step / 360
    size = min(design.letter, room * 0.98)
    emblem = {
        "star": (
            "#place(center + horizon, polygon(fill: black, ..range(10).map(i => "
            "{let r = if calc.even(i) {6.6mm} else {2.52mm}; let a = i * 36deg - 90deg; "
            "(r * calc.cos(a) + 7mm, r * calc.sin(a) + 7mm)})))"
        ),
        "party": (
            "#place(center + horizon, circle(radius: 4.6mm, stroke: 1.5mm + black))"
            "#place(center + horizon, "
            "rotate(-45deg, rect(width: 12mm, height: 1.7mm, fill: black)))"
            "#place(center + horizon, dx: -3.2mm, dy: -3.4mm, "
            "rotate(-45deg, rect(width: 6mm, height: 2.6mm, fill: black)))"
        ),
    }[design.emblem]
    source = f"""
#let data = json(bytes(sys.inputs.data))
#set page(width: {design.diameter}mm, height: {design.diameter}mm, margin: 0mm, fill: white)
#set text(font: "{design.font}", size: {size / 0.92}mm, weight: "bold", lang: "zh",
  top-edge: "bounds", bottom-edge: "bounds")
#place(center + horizon,
  circle(radius: {half - design.ring / 2}mm, stroke: {design.ring}mm + black))
{emblem}
#for (i, sign) in data.enumerate() {{
  let a = -{design.sweep / 2}deg + i * {step}deg
  place(center + horizon, dx: {half * 0.76}mm * calc.sin(a), dy: -{half * 0.76}mm * calc.cos(a),
    rotate(a, sign))
}}
"""
    drawn = _compiled(source, list(design.name), FACE_PX / design.diameter * 25.4)
    return np.asarray(1 - drawn[..., 1].astype(np.float32) / 255, np.float32)


def _press(
    sheet: _Sheet,
    design: Design,
    x: float,
    y: float,
    degrees: float,
    dice: random.Random,
    ink: str,
) -> None:
    """Press a seal with its middle at (x, y) mm; what lies beyond the sheet is lost."""
    face = _face(design)
    noise = np.random.default_rng(dice.getrandbits(60))
    side = round(design.diameter * 1.1 * PX_PER_MM)
    scale = design.diameter * PX_PER_MM / face.shape[0]
    matrix = cv2.getRotationMatrix2D(
        (face.shape[1] / 2 - 0.5, face.shape[0] / 2 - 0.5), -degrees, scale
    )
    shift = side / 2 - face.shape[0] / 2
    matrix[0, 2] += shift + (x * PX_PER_MM) % 1
    matrix[1, 2] += shift + (y * PX_PER_MM) % 1
    carried = cv2.warpAffine(face, matrix, (side, side), flags=cv2.INTER_AREA)
    laid = np.asarray(carried * _flow(side, dice, noise, ink), np.float32)
    spread = cv2.dilate(laid, np.ones((3, 3), np.uint8)) * 1.25 if ink == "wet" else laid
    density = cv2.GaussianBlur(spread, (0, 0), 1.3 if ink == "wet" else 0.6)
    left, top = int(x * PX_PER_MM) - side // 2, int(y * PX_PER_MM) - side // 2
    height, width = sheet.light.shape[:2]
    rows = slice(max(0, top), min(height, top + side))
    cols = slice(max(0, left), min(width, left + side))
    if rows.start >= rows.stop or cols.start >= cols.stop:
        return
    part = density[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]
    absorbed = np.array((1.55, 1.95, 0.13), np.float32)
    sheet.light[rows, cols] *= np.exp(-part[..., None] * absorbed).astype(np.float32)


def _flow(
    side: int, dice: random.Random, noise: np.random.Generator, ink: str
) -> NDArray[np.float32]:
    """Ink per area: a plane of pressure, clouds of two sizes, pores."""
    along = np.linspace(-1, 1, side, dtype=np.float32)
    lean = dice.uniform(0, math.tau)
    plane = along[None, :] * math.cos(lean) + along[:, None] * math.sin(lean)
    clouds = sum(
        (
            strength
            * cv2.resize(
                noise.standard_normal((cells, cells)).astype(np.float32),
                (side, side),
                interpolation=cv2.INTER_CUBIC,
            )
            for cells, strength in ((5, 0.08), (14, 0.07))
        ),
        np.zeros((side, side), np.float32),
    )
    grains = cv2.GaussianBlur(noise.standard_normal((side, side)).astype(np.float32), (0, 0), 1.1)
    pores = np.asarray(grains / grains.std(), np.float32)
    amount, uneven, holes = {
        "plain": (dice.uniform(0.75, 1.1), 0.12, -1.7),
        "wet": (1.2, 0.06, -3.0),
        "faint": (dice.uniform(0.16, 0.30), 0.20, -1.3),
        "dry": (dice.uniform(0.55, 0.85), 0.55, dice.uniform(-0.6, -0.1)),
    }[ink]
    flow = amount * (1 + uneven * plane + (1.6 if ink == "dry" else 1.0) * clouds)
    flow = np.where(pores < holes, flow * 0.12, flow)
    return np.clip(flow, 0, None).astype(np.float32)


def _thumb(sheet: _Sheet, x: float, y: float, dice: random.Random) -> None:
    """A red thumb print, as parties leave beside their names."""
    side = round(24 * PX_PER_MM)
    grid = np.mgrid[0:side, 0:side].astype(np.float32) / side - 0.5
    inside = (grid[1] / 0.33) ** 2 + (grid[0] / 0.47) ** 2 < 1
    ridges = np.sin(np.hypot(grid[0] * 1.2 + 0.1, grid[1]) * 170 + grid[1] * 9) > -0.3
    density = cv2.GaussianBlur((inside & ridges).astype(np.float32), (0, 0), 0.9)
    left = int(np.clip(x * PX_PER_MM, 0, sheet.light.shape[1] - side))
    top = int(np.clip(y * PX_PER_MM, 0, sheet.light.shape[0] - side))
    absorbed = np.array((1.3, 1.6, 0.15), np.float32) * dice.uniform(0.6, 1)
    part = sheet.light[top : top + side, left : left + side]
    part *= np.exp(-density[..., None] * absorbed)


def _sign(sheet: _Sheet, x: float, y: float, dice: random.Random) -> None:
    """A name by hand in black or blue."""
    colour = dice.choice(((0.10, 0.09, 0.09), (0.55, 0.22, 0.12)))
    mask = np.zeros(sheet.light.shape[:2], np.uint8)
    for sign in range(3):
        points = [(x + 11 * sign + dice.uniform(0, 10), y + dice.uniform(-5, 5)) for _ in range(7)]
        line = (np.array(points) * PX_PER_MM).round().astype(np.int32)
        cv2.polylines(mask, [line], False, 255, 4, cv2.LINE_AA)
    share = (mask.astype(np.float32) / 255)[..., None] * 0.9
    sheet.light = (sheet.light * (1 - share) + share * np.array(colour, np.float32)).astype(
        np.float32
    )


def _beside(
    x: float, y: float, dice: random.Random, nearest: float, furthest: float
) -> tuple[float, float]:
    """A place between ``nearest`` and ``furthest`` mm away, a whole imprint on the page."""
    while True:
        angle, far = dice.uniform(0, math.tau), dice.uniform(nearest, furthest)
        place = (x + far * math.cos(angle), y + far * math.sin(angle))
        if 24 < place[0] < 186 and 24 < place[1] < 273:
            return place


def _fan(sheet: _Sheet) -> None:
    """Four sheets, each showing a strip below the one above: how a 骑缝章 is pressed."""
    for strip in range(3):
        edge = round((190 + 6 * strip) * PX_PER_MM)
        sheet.light[:, edge : edge + 3] *= 0.62
        sheet.light[:, edge + 3 : edge + 14] *= np.linspace(0.85, 1, 11, dtype=np.float32)[
            None, :, None
        ]


def _over_edge(dice: random.Random, most: float) -> tuple[float, float]:
    """A middle so near to the sheet's edge that a part of the imprint is lost."""
    inside = dice.uniform(most, 17)
    along = dice.random()
    return (
        (inside, 40 + 217 * along),
        (210 - inside, 40 + 217 * along),
        (40 + 130 * along, 297 - inside),
    )[dice.randrange(3)]


# --- camera ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Camera:
    tip: float
    roll: float
    bend: float
    blur: float
    noise: float
    light: float
    jpeg: tuple[int, int]


_CAMERAS = {
    "mild": _Camera(2.0, 2.5, 0.004, 0.6, 1.6, 0.10, (80, 92)),
    "medium": _Camera(5.0, 6.0, 0.010, 1.3, 3.2, 0.25, (65, 82)),
    "hard": _Camera(8.0, 13.0, 0.016, 2.2, 6.0, 0.40, (50, 62)),
}


def _photograph(sheet: _Sheet, dice: random.Random, level: str) -> Picture:
    """The sheet on a desk, seen by a camera about 3 megapixels large."""
    camera = _CAMERAS[level]
    size = (1500, 2090)
    pose = _pose(sheet.light.shape[1], sheet.light.shape[0], size, camera, dice)
    source = _bent(size, pose, dice.uniform(-camera.bend, camera.bend))
    desk = np.array([dice.uniform(0.12, 0.45) for _ in range(3)], np.float32)
    photo = cv2.remap(
        sheet.light,
        source[..., 0],
        source[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=[float(channel) for channel in desk],
    )
    photo = photo * _light(size, camera, dice)[..., None]
    photo *= np.array([dice.uniform(0.93, 1.05), 1.0, dice.uniform(0.95, 1.05)], np.float32)
    photo = cv2.GaussianBlur(photo, (0, 0), camera.blur * dice.uniform(0.8, 1.15))
    noise = np.random.default_rng(dice.getrandbits(60))
    tile = noise.standard_normal((size[1] // 2, size[0] // 2, 3)).astype(np.float32)
    grain = np.tile(tile, (2, 2, 1))
    exposure = dice.uniform(215, 250)
    photo = photo * exposure + grain * camera.noise * np.sqrt(np.clip(photo, 0.1, 1))
    _, jpeg = cv2.imencode(
        ".jpg",
        np.clip(photo, 0, 255).astype(np.uint8),
        [cv2.IMWRITE_JPEG_QUALITY, dice.randint(*camera.jpeg)],
    )
    decoded = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    if decoded is None:
        raise RuntimeError("the picture did not come back")
    return decoded.astype(np.uint8)


def _pose(
    width: int, height: int, size: tuple[int, int], camera: _Camera, dice: random.Random
) -> NDArray[np.float64]:
    """Page pixels → picture pixels, for a pinhole camera over the page."""
    tip, pan, roll = (
        math.radians(dice.uniform(-limit, limit)) for limit in (camera.tip, camera.tip, camera.roll)
    )
    turn = (
        np.array(
            [[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]]
        )
        @ np.array(
            [[1, 0, 0], [0, math.cos(tip), -math.sin(tip)], [0, math.sin(tip), math.cos(tip)]]
        )
        @ np.array(
            [[math.cos(pan), 0, math.sin(pan)], [0, 1, 0], [-math.sin(pan), 0, math.cos(pan)]]
        )
    )
    far = dice.uniform(1.06, 1.10) * (1 + 0.35 * abs(math.sin(roll)))
    page = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 0]]) / width
    page[2] = (0, 0, 0)
    view = turn @ page
    view[2] += (0, 0, far * 1.5)
    focal = 1.5 * size[0]
    shift = [dice.uniform(-0.008, 0.008) * size[0] for _ in range(2)]
    lens = np.array(
        [[focal, 0, size[0] / 2 + shift[0]], [0, focal, size[1] / 2 + shift[1]], [0, 0, 1]]
    )
    return np.asarray(lens @ view, np.float64)


def _bent(size: tuple[int, int], pose: NDArray[np.float64], bend: float) -> NDArray[np.float32]:
    """For each picture pixel the page pixel it sees, through a lens that bends a little."""
    columns, rows = np.meshgrid(
        np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32)
    )
    u, v = (columns - size[0] / 2) / size[0], (rows - size[1] / 2) / size[0]
    stretch = 1 + bend * (u * u + v * v)
    x, y = u * stretch * size[0] + size[0] / 2, v * stretch * size[0] + size[1] / 2
    back = np.linalg.inv(pose).astype(np.float32)
    depth = back[2, 0] * x + back[2, 1] * y + back[2, 2]
    return np.dstack(
        [
            (back[0, 0] * x + back[0, 1] * y + back[0, 2]) / depth,
            (back[1, 0] * x + back[1, 1] * y + back[1, 2]) / depth,
        ]
    ).astype(np.float32)


def _light(size: tuple[int, int], camera: _Camera, dice: random.Random) -> NDArray[np.float32]:
    """A lamp to one side and darker corners, drawn small."""
    across, down = np.meshgrid(np.linspace(-1, 1, 30), np.linspace(-1, 1, 42))
    angle = dice.uniform(0, math.tau)
    lamp = 1 - camera.light * (0.5 + 0.5 * (across * math.cos(angle) + down * math.sin(angle)))
    corners = 1 - 0.5 * camera.light * (across**2 + down**2) / 2
    small = (lamp * corners).astype(np.float32)
    return cv2.resize(small, size, interpolation=cv2.INTER_LINEAR).astype(np.float32)
