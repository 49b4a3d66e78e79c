"""The words of invented village documents: what a page says, before it is typeset.

Villages, people, firms, banks and amounts are invented; only the town and the district exist. The
forms follow what such papers usually say; they are no templates to copy for real use.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

_SURNAMES = "沈来韩俞高华金孔田瞿汤傅裘倪谢丁施楼"
_GIVEN = (
    "国良",
    "水根",
    "亚芬",
    "建明",
    "桂花",
    "伟强",
    "志祥",
    "小红",
    "阿毛",
    "文娟",
    "柏林",
    "永泉",
)
_VILLAGES = (
    "青禾村",
    "柳岸村",
    "望湖塘村",
    "竹溪桥村",
    "前坞里村",
    "东篱村",
    "石埠头村",
    "稻香浦村",
)
_PLOTS = ("大圩畈", "后塘湾", "长埂头", "三角荡", "庙前畈")
_FIRMS = ("宏禾建设有限公司", "清源农业科技有限公司", "同舟物流有限公司", "新岸市政工程有限公司")
_BANKS = ("义桥支行", "戴村支行", "临浦支行")
_DIGITS = "零壹贰叁肆伍陆柒捌玖"


class DocumentKind(StrEnum):
    """The eight papers that the simulated villages stamp."""

    LAND_CONTRACT = "land_contract"
    LOAN_GUARANTEE = "loan_guarantee"
    CERTIFICATE = "certificate"
    EXTERNAL_CONTRACT = "external_contract"
    RELIEF_APPLICATION = "relief_application"
    PROJECT_CONTRACT = "project_contract"
    HOUSE_BUILDING = "house_building"
    MEETING_RESOLUTION = "meeting_resolution"


TITLES: Mapping[DocumentKind, str] = {
    DocumentKind.LAND_CONTRACT: "农村土地承包合同",
    DocumentKind.LOAN_GUARANTEE: "借款担保书",
    DocumentKind.CERTIFICATE: "自产农产品证明",
    DocumentKind.EXTERNAL_CONTRACT: "对外经营合同",
    DocumentKind.RELIEF_APPLICATION: "临时救助申请书",
    DocumentKind.PROJECT_CONTRACT: "村级工程项目合同",
    DocumentKind.HOUSE_BUILDING: "农村村民建房审批表",
    DocumentKind.MEETING_RESOLUTION: "村民代表会议决议",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """A page in words: ``signers`` stand at the bottom left, ``signed_by`` where the seal goes."""

    title: str
    number: str
    paragraphs: tuple[str, ...]
    signers: tuple[str, ...]
    signed_by: str
    dated: str


def invented_fields(seed: int) -> dict[str, str]:
    """All fields a page may need, drawn from ``seed``: names, village, amount, plot, dates."""
    rng = random.Random(f"village-document-{seed}")
    people = rng.sample([s + g for s in _SURNAMES for g in _GIVEN], 4)
    day = date(2026, 1, 5) + timedelta(days=rng.randrange(300))
    years = rng.choice((3, 5, 10, 20, 30))
    amount = rng.choice((1, 2, 3, 5, 8, 12, 26, 48)) * rng.choice((1_000, 5_000, 10_000))
    return {
        "village": rng.choice(_VILLAGES),
        "person": people[0],
        "other_person": people[1],
        "director": people[2],
        "witness": people[3],
        "firm": "杭州" + rng.choice(_FIRMS),
        "bank": "临岸村镇银行" + rng.choice(_BANKS),
        "plot": rng.choice(_PLOTS),
        "mu": f"{rng.randint(8, 460) / 10:.1f}",
        "square_metres": str(rng.randint(80, 125)),
        "years": str(years),
        "amount": str(amount),
        "crop": rng.choice(("水稻", "杨梅", "茶叶", "青梅", "萝卜")),
        "attending": str(rng.randint(32, 58)),
        "number": f"{day.year}-{rng.randint(1, 999):03d}",
        "date": f"{day.year}年{day.month}月{day.day}日",
    }


def words_of(kind: DocumentKind, fields: Mapping[str, str]) -> Wording:
    """The page's words with ``fields`` filled in.

    Raises:
        KeyError: for a field that the kind needs and ``fields`` lacks.
        ValueError: when ``amount`` is no whole number of yuan below a trillion.
    """
    f = dict(fields)
    f["committee"] = f"萧山区义桥镇{f['village']}村民委员会"
    f["cooperative"] = f"萧山区义桥镇{f['village']}股份经济合作社"
    f["money"] = f"人民币{capital_yuan(int(f['amount']))}（￥{int(f['amount']):,}.00）"
    signers, signed_by, paragraphs = _FORMS[kind](f)
    return Wording(
        title=TITLES[kind],
        number=f"编号：义{f['village'][:1]}〔{f['number']}〕号",
        paragraphs=tuple(paragraphs),
        signers=tuple(signers),
        signed_by=signed_by,
        dated=f["date"],
    )


def capital_yuan(yuan: int) -> str:
    """Whole yuan in capital numerals, as contracts write amounts: 50000 → 伍万元整.

    Raises:
        ValueError: below 0 or from a trillion (10¹²) up.
    """
    if not 0 <= yuan < 10**12:
        raise ValueError("an amount is between 0 and a trillion yuan")
    if yuan == 0:
        return "零元整"
    words = ""
    for scale, name in ((10**8, "亿"), (10**4, "万"), (1, "")):
        section = yuan // scale % 10_000
        if section == 0:
            continue
        if words and section < 1000:
            words += "零"
        words += _capital_section(section) + name
    return words + "元整"


def _capital_section(section: int) -> str:
    words = ""
    gap = False
    for scale, unit in ((1000, "仟"), (100, "佰"), (10, "拾"), (1, "")):
        digit = section // scale % 10
        if digit:
            words += ("零" if gap else "") + _DIGITS[digit] + unit
            gap = False
        else:
            gap = bool(words)
    return words


_Form = tuple[list[str], str, list[str]]


def _land(f: Mapping[str, str]) -> _Form:
    return (
        [f"发包方代表：{f['director']}", f"承包方：{f['person']}"],
        f["cooperative"],
        [
            f"发包方：{f['cooperative']}（以下简称甲方）",
            f"承包方：{f['person']}（以下简称乙方）",
            "根据有关法律规定，经村民代表会议讨论同意，甲乙双方就土地承包事项订立本合同，共同遵守。",
            (
                f"一、甲方将坐落于本村{f['plot']}的耕地{f['mu']}亩发包给乙方，用于种植{f['crop']}，"
                "四至以附图为准。"
            ),
            f"二、承包期限{f['years']}年，自{f['date']}起计算。",
            f"三、承包款总额为{f['money']}，乙方于合同签订之日起十五日内一次付清。",
            "四、乙方不得改变土地的农业用途，不得擅自转包；确需流转的，须书面报甲方备案。",
            "五、一方违约的，应赔偿对方因此受到的损失。因不可抗力不能履行的，双方另行协商。",
            "六、本合同一式三份，甲乙双方各执一份，报镇农业农村办备案一份，自盖章之日起生效。",
        ],
    )


def _loan(f: Mapping[str, str]) -> _Form:
    return (
        [f"担保方代表：{f['director']}", f"借款人：{f['person']}", f"见证人：{f['witness']}"],
        f["committee"],
        [
            f"致：{f['bank']}",
            (
                f"本村村民{f['person']}因发展{f['crop']}种植需要，向贵行申请借款{f['money']}，"
                f"借款期限{f['years']}年。"
            ),
            "经村民代表会议讨论通过，本村同意在村集体收益范围内为上述借款提供担保，并说明如下：",
            "一、担保范围为借款本金及利息，不含罚息与其他费用。",
            "二、担保期间自借款合同生效之日起，至借款到期后六个月止。",
            "三、借款用途变更的，应事先征得担保方书面同意，否则担保责任解除。",
            "四、本担保书须附村民代表会议决议，并经镇人民政府审核后方可使用。",
            "本担保书一式三份，银行、借款人、担保方各执一份。",
        ],
    )


def _certificate(f: Mapping[str, str]) -> _Form:
    return (
        [f"经办人：{f['director']}"],
        f["committee"],
        [
            "有关单位：",
            (
                f"兹有本村农户{f['person']}，在本村{f['plot']}自行种植{f['crop']}{f['mu']}亩，"
                f"预计本季销售额{f['money']}。"
            ),
            "经村干部实地查看，上述农产品系该户自产自销，情况属实。",
            f"本证明自{f['date']}起三十日内有效，仅供销售自产农产品时使用，涂改、复印无效。",
            "特此证明。",
        ],
    )


def _external(f: Mapping[str, str]) -> _Form:
    return (
        [f"甲方代表：{f['director']}", f"乙方代表：{f['other_person']}"],
        f["cooperative"],
        [
            f"甲方：{f['cooperative']}",
            f"乙方：{f['firm']}",
            "甲乙双方本着平等自愿、互利共赢的原则，经协商一致，订立本合同。",
            (
                f"一、甲方将村集体所有的{f['plot']}仓库共{f['square_metres']}平方米出租给乙方使用，"
                f"租期{f['years']}年。"
            ),
            f"二、年租金为{f['money']}，每年一月十日前支付，逾期每日按千分之一计收违约金。",
            "三、乙方不得存放易燃易爆物品，不得改变房屋结构，消防与安全生产由乙方负责。",
            "四、租赁期满，乙方应恢复原状并交还甲方；同等条件下乙方享有优先承租权。",
            "五、因履行本合同发生的争议，双方协商解决；协商不成的，向房屋所在地人民法院起诉。",
            "六、本合同须附村民代表会议决议，经镇人民政府审核，自双方盖章之日起生效。",
        ],
    )


def _relief(f: Mapping[str, str]) -> _Form:
    return (
        [f"申请人：{f['person']}", f"入户调查人：{f['witness']}"],
        f["committee"],
        [
            "义桥镇人民政府：",
            (
                f"本人{f['person']}，系{f['village']}村民，家中四口人，以种植{f['crop']}为主要收入。"
                "今年因家人患病住院，自付医疗费用较高，生活一时困难。"
            ),
            f"现申请临时救助{f['money']}，用于支付医疗费用和基本生活开支。",
            "本人承诺所填情况真实，愿意接受入户调查和张榜公示；如有隐瞒，愿退回救助款。",
            "村民委员会意见：经入户调查并在村务公开栏公示七天，无异议，同意上报。",
        ],
    )


def _project(f: Mapping[str, str]) -> _Form:
    return (
        [f"发包人代表：{f['director']}", f"承包人代表：{f['other_person']}"],
        f["cooperative"],
        [
            f"发包人：{f['cooperative']}",
            f"承包人：{f['firm']}",
            f"一、工程名称：{f['village']}{f['plot']}机耕路硬化工程。工程内容以图纸和清单为准。",
            f"二、合同价款：{f['money']}，采用固定总价，除设计变更外不作调整。",
            f"三、工期：自{f['date']}起九十日历天。延误一天，承包人支付合同价款千分之一的违约金。",
            (
                "四、付款：完成一半付百分之四十，验收合格付至百分之八十，审计后付至百分之九十七，"
                "余款为质量保证金，两年后付清。"
            ),
            "五、承包人不得转包和违法分包，施工安全由承包人负责，应当为工人办理工伤保险。",
            "六、本工程经村民代表会议表决通过并公开招标，结果已公示，合同报镇招投标中心备案。",
        ],
    )


def _house(f: Mapping[str, str]) -> _Form:
    return (
        [f"申请户主：{f['person']}", f"经办人：{f['director']}"],
        f["committee"],
        [
            f"申请户主：{f['person']}　　　家庭人口：四人　　　所在村：{f['village']}",
            f"申请事项：在本村{f['plot']}原址拆建住房，占地{f['square_metres']}平方米，三层。",
            "申请理由：原有房屋建造多年，墙体开裂，经鉴定不宜继续居住，需要拆除重建。",
            f"四邻意见：东邻{f['other_person']}、西邻{f['witness']}已现场指界，对建房无异议。",
            f"建房预算：{f['money']}，资金由本户自行筹措。",
            f"村民代表会议意见：{f['date']}会议讨论同意，张榜公示十五天无异议。",
            "村民委员会意见：符合一户一宅规定，同意上报镇人民政府审批。",
        ],
    )


def _resolution(f: Mapping[str, str]) -> _Form:
    return (
        [f"主持人：{f['director']}", f"记录人：{f['witness']}", f"监票人：{f['other_person']}"],
        f["committee"],
        [
            (
                f"{f['date']}，{f['village']}在村文化礼堂召开村民代表会议，应到代表六十人，"
                f"实到{f['attending']}人，符合法定人数。会议由{f['director']}主持。"
            ),
            f"会议听取了关于{f['plot']}集体资产使用的说明，代表们进行了讨论，形成决议如下：",
            f"一、同意与{f['firm']}就{f['plot']}仓库租赁事项签订合同，金额为{f['money']}。",
            f"二、租赁期限为{f['years']}年，所得收入纳入村集体收益，专项用于村内道路养护。",
            "三、合同签订前由村务监督委员会审核，签订后在村务公开栏公布全文。",
            f"表决结果：同意{f['attending']}票，反对零票，弃权零票，决议通过。",
        ],
    )


_FORMS: Mapping[DocumentKind, Callable[[Mapping[str, str]], _Form]] = {
    DocumentKind.LAND_CONTRACT: _land,
    DocumentKind.LOAN_GUARANTEE: _loan,
    DocumentKind.CERTIFICATE: _certificate,
    DocumentKind.EXTERNAL_CONTRACT: _external,
    DocumentKind.RELIEF_APPLICATION: _relief,
    DocumentKind.PROJECT_CONTRACT: _project,
    DocumentKind.HOUSE_BUILDING: _house,
    DocumentKind.MEETING_RESOLUTION: _resolution,
}
