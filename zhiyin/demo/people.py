"""Invented villages and people of the demo town. Any likeness is chance."""

from __future__ import annotations

from typing import Final

DISTRICT: Final = ("339901", "湖山区")
TOWN: Final = ("339901101", "义渡镇")

VILLAGES: Final = [
    "柳塘村",
    "石桥村",
    "望湖村",
    "东篱村",
    "南坞村",
    "云溪村",
    "竹径村",
    "梅岭村",
    "荷塘村",
    "樟树下村",
    "桑园村",
    "茶亭村",
    "沙埠村",
    "渔浦村",
    "丁家弄村",
    "五里亭村",
    "双溪口村",
    "青石村",
    "白鹭湾村",
    "稻香村",
    "枫林村",
    "杏花村",
    "葛坞村",
    "莲花漾社区",
    "桥南社区",
    "老街社区",
]

_SURNAMES: Final = "陈沈王周吴徐孙许傅金楼方倪俞田韩朱谢施高何汪潘钟陆来"
_GIVEN: Final = [
    "建国",
    "秀英",
    "志明",
    "丽华",
    "国平",
    "海燕",
    "伟强",
    "小芳",
    "永祥",
    "春梅",
    "家兴",
    "玉兰",
    "文军",
    "雪琴",
    "立新",
    "美珍",
    "宏达",
    "月娥",
    "树林",
    "彩霞",
    "长根",
    "水娟",
    "金泉",
    "亚萍",
    "卫东",
    "素芬",
]

ROLES: Final = ("approver", "custodian", "operator", "witness")


def name_of(village: int, place: int) -> str:
    """The name of the person in ``place`` (0 …) of village ``village`` (1 …); no two alike."""
    surname = _SURNAMES[(village * 5 + place * 7) % len(_SURNAMES)]
    given = _GIVEN[(village + place * 9) % len(_GIVEN)]
    return surname + given


def village_code(number: int) -> str:
    """Code of village ``number`` (1 …), in the form of the statistics bureau's."""
    return f"{TOWN[0]}{200 + number}"


def device_id(village: int, seal: str) -> str:
    """The sleeve of a village's seal."""
    return f"YD{village:02}-{ {'party': 'D', 'committee': 'W', 'cooperative': 'J'}[seal] }"


SEALS: Final = {
    "party": "党组织委员会",
    "committee": "村民委员会",
    "cooperative": "股份经济合作社",
}


def seal_name(village: int, seal: str) -> str:
    """What stands around the star."""
    place = VILLAGES[village - 1]
    if seal == "party":
        return f"中共{TOWN[1]}{place}支部委员会"
    if seal == "committee":
        kind = "居民委员会" if place.endswith("社区") else "村民委员会"
        return f"{TOWN[1]}{place.removesuffix('村').removesuffix('社区')}{kind}"
    return f"{TOWN[1]}{place}股份经济合作社"
