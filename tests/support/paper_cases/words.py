"""What the invented papers say: the simulator's eight kinds and three more, two of them tables."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from seal_firmware_sim.hardware.village_texts import (
    DocumentKind,
    capital_yuan,
    invented_fields,
    words_of,
)

OWN_KINDS = ("subsidy_table", "receipt", "long_lease")
KINDS: tuple[str, ...] = (*(str(kind) for kind in DocumentKind), *OWN_KINDS)


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper in words, page by page within ``paragraphs`` (a form feed starts a new page).

    Attributes:
        rows: a table after the first paragraph; empty for none.
        signers: labels, each followed by room for a signature.
    """

    kind: str
    title: str
    number: str
    paragraphs: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    signers: tuple[str, ...]
    signed_by: str
    dated: str

    def with_paragraph(self, at: int, text: str) -> Paper:
        """The same paper with one paragraph in other words."""
        paragraphs = [*self.paragraphs]
        paragraphs[at] = text
        return replace(self, paragraphs=tuple(paragraphs))


def paper(kind: str, seed: int) -> Paper:
    """The paper of ``kind`` that ``seed`` invents.

    Raises:
        ValueError: for an unknown kind.
    """
    fields = invented_fields(seed)
    if kind in OWN_KINDS:
        return _OWN[kind](fields, random.Random(f"own-{kind}-{seed}"))
    words = words_of(DocumentKind(kind), fields)
    return Paper(
        kind=kind,
        title=words.title,
        number=words.number,
        paragraphs=words.paragraphs,
        rows=(),
        signers=tuple(f"{signer.partition('：')[0]}（签字）：" for signer in words.signers),
        signed_by=words.signed_by,
        dated=words.dated,
    )


def _subsidies(f: Mapping[str, str], rng: random.Random) -> Paper:
    people = [invented_fields(rng.randrange(10**6))["person"] for _ in range(rng.randint(6, 11))]
    rows = [("序号", "户主", "面积（亩）", "补贴（元）", "备注")]
    total = 0
    for at, person in enumerate(people, start=1):
        money = rng.randint(12, 960) * 5
        total += money
        rows.append((str(at), person, f"{rng.randint(5, 90) / 10:.1f}", f"{money:,}.00", "已公示"))
    rows.append(("合计", "", "", f"{total:,}.00", ""))
    return Paper(
        kind="subsidy_table",
        title="种粮补贴发放明细表",
        number=f"单位：{f['village']}　　　　编号：{f['number']}",
        paragraphs=(
            f"经村民代表会议审议并张榜公示七天无异议，{f['village']}本季种粮补贴按下表发放：",
            f"合计人民币{capital_yuan(total)}（￥{total:,}.00），由村社通过银行代发，不得代领。",
        ),
        rows=tuple(rows),
        signers=("制表人（签字）：", "村监会主任（签字）："),
        signed_by=f"萧山区义桥镇{f['village']}股份经济合作社",
        dated=f["date"],
    )


def _receipt(f: Mapping[str, str], rng: random.Random) -> Paper:
    money = int(f["amount"])
    rows = (
        ("交款人", f["person"], "交款日期", f["date"]),
        ("交款事由", f"{f['plot']}土地承包款", "收款方式", rng.choice(("转账", "现金", "代扣"))),
        ("金额（大写）", f"人民币{capital_yuan(money)}", "金额（小写）", f"￥{money:,}.00"),
        ("开户行", f["bank"], "经办人", f["director"]),
    )
    return Paper(
        kind="receipt",
        title="村集体资金收款凭据",
        number=f"No. {rng.randint(10**6, 10**7 - 1)}",
        paragraphs=(
            f"今收到{f['person']}交来下列款项：",
            "本凭据一式三联，第一联存根，第二联交款人，第三联记账。涂改无效。",
        ),
        rows=rows,
        signers=("收款人（签字）：", "复核人（签字）："),
        signed_by=f"萧山区义桥镇{f['village']}股份经济合作社",
        dated=f["date"],
    )


def _long_lease(f: Mapping[str, str], rng: random.Random) -> Paper:
    area = f["square_metres"]
    phone = f"138{rng.randint(10**7, 10**8 - 1)}"
    money, deposit = int(f["amount"]), rng.randint(2, 30) * 1000
    return Paper(
        kind="long_lease",
        title="房屋租赁合同",
        number=f"合同编号：ZL-{f['number']}",
        paragraphs=(
            f"出租方（甲方）：萧山区义桥镇{f['village']}股份经济合作社",
            f"承租方（乙方）：{f['firm']}",
            f"第一条　甲方将坐落于{f['village']}{f['plot']}的房屋{area}平方米租给乙方。",
            f"第二条　租期{f['years']}年，自{f['date']}起，期满自然终止，续租另行协商。",
            f"第三条　年租金人民币{capital_yuan(money)}（￥{money:,}.00），按年支付，先付后用。",
            f"第四条　押金人民币{capital_yuan(deposit)}（￥{deposit:,}.00），期满无违约的退还。",
            "第五条　水、电、物业等费用由乙方承担，按表计量，每季度结清一次。",
            "第六条　乙方应当合理使用房屋，非经甲方书面同意不得转租、分租或改变用途。",
            "\f第七条　甲方应当保证房屋权属清楚，并负责主体结构的维修。",
            "第八条　乙方逾期支付租金超过三十日的，甲方有权解除合同并要求赔偿损失。",
            "第九条　遇国家征收、政策调整等原因致合同无法履行的，双方互不承担违约责任。",
            f"第十条　乙方联系人{f['person']}，电话{phone}，变更须书面通知。",
            "第十一条　争议由双方协商解决，协商不成的，向房屋所在地人民法院起诉。",
            "第十二条　本合同一式四份，双方各执两份，自签字盖章之日起生效。",
        ),
        rows=(),
        signers=("甲方代表（签字）：", "乙方代表（签字）："),
        signed_by=f"萧山区义桥镇{f['village']}股份经济合作社",
        dated=f["date"],
    )


_OWN = {"subsidy_table": _subsidies, "receipt": _receipt, "long_lease": _long_lease}
