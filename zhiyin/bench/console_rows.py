"""A district's years of uses, made at once: the database counts, so that ten million take minutes.

Everything about use ``n`` follows from ``n`` by whole-number arithmetic that SQL and NumPy do
alike: 585 villages in 22 towns, three seals each, four uses an application, three years.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, insert, text

from backend.store.db import Database
from backend.store.tables import (
    alert,
    application,
    application_step,
    organisation,
    person,
    role,
    seal,
    seal_use,
    search_doc,
)

VILLAGES: Final = 585
TOWNS: Final = 22
DISTRICT: Final = "/330109/"
SPAN_MS: Final = 3 * 365 * 86_400_000
EACH: Final = 4
"""Uses of one application."""

SURNAMES: Final = "王李张刘陈杨黄赵周吴徐孙朱马胡郭林何高梁郑罗宋谢唐韩曹许邓萧冯曾程蔡彭潘袁于董余"
GIVEN: Final = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰建国文斌志红春梅海波云飞龙永健世广义"
    "兴良仁波宁贵福生元全胜学祥才发武新利清彬富顺信子昌成康星光天达安岩中茂进林有坚和彪博诚先"
)
COMMON: Final = "贷款"
RARE: Final = "鲸落"
ABSENT: Final = "极昼"
SUBJECTS: Final = (
    *("农户小额贷款担保", "土地承包经营权流转", "村集体厂房租赁", "道路硬化工程", "自来水管网改造"),
    *("宅基地建房", "临时救助", "高龄补贴", "子女入学", "户口迁移", "残疾人帮扶", "老年食堂采购"),
    *("垃圾分类运维", "山林防火", "鱼塘发包", "文化礼堂修缮", "医疗互助", "征兵政审", "公益性岗位"),
    *("惠农贷款申请", "水利设施维修", "监控设备采购", "集体资产处置", "专业合作社扶持", "农田保险"),
)
KINDS: Final = ("证明", "合同", "申请表", "情况说明", "承诺书", "协议", "审核意见", "报告")
PURPOSES: Final = ("办理银行手续", "上报镇政府备案", "提交县级部门审批", "签订合同", "村务公开存档")
COMPANIES: Final = (
    "建设工程有限公司",
    "农业开发有限公司",
    "信用合作社",
    "物业服务中心",
    "水产养殖场",
)
ALERT_CODES: Final = ("C10", "C2", "C17", "C28")
ALERT_EVERY: Final = 53
RARE_EVERY: Final = 50_000
PEOPLE: Final = 8
"""In each village: one approves (0), three stamp (1 to 3), four apply."""


def mix(of: Any, salt: int) -> Any:
    """Scatter: the same on whole numbers, arrays and (as :func:`_mix`) in SQL."""
    return ((of + salt * 7919) * 2_654_435_761) >> 11


def _mix(of: str, salt: int) -> str:
    return f"((({of}) + {salt * 7919}) * CAST(2654435761 AS BIGINT) >> 11)"


def titles() -> list[str]:
    """Every title there is; the last is the rare one."""
    return [f"{one}{kind}" for one in SUBJECTS for kind in KINDS] + [f"{RARE}保护捐赠协议"]


def village_id(village: Any) -> Any:
    """The number of village 0, 1, 2, …"""
    return (330_109_100 + village % TOWNS) * 1000 + 200 + village // TOWNS


def path_of(village: int) -> str:
    """Its path."""
    return f"{DISTRICT}{330_109_100 + village % TOWNS}/{village_id(village)}/"


def name_of(number: int) -> str:
    """A name of three characters."""
    few = len(GIVEN)
    first, second = mix(number, 5) % few, mix(number, 6) % few
    # A product of two is small more often than large: some names are common, most are not.
    third = mix(number, 7) % few * (mix(number, 8) % few) // few
    return SURNAMES[mix(number, 4) % len(SURNAMES)] + GIVEN[first * second // few] + GIVEN[third]


# ── what there is but once ───────────────────────────────────────────────────────────────────────


def people(conn: Connection, now: int) -> None:
    """Towns, villages, their people and seals, below a district that is there."""
    towns = range(330_109_100, 330_109_100 + TOWNS)
    nodes = [(str(one), "330109", f"{DISTRICT}{one}/", "镇", "town") for one in towns]
    nodes += [
        (str(village_id(one)), str(330_109_100 + one % TOWNS), path_of(one), "村", "village")
        for one in range(VILLAGES)
    ]
    _insert(
        conn,
        organisation,
        ("id", "parent_id", "path", "name", "level"),
        [
            (key, parent, path, name_of(int(key))[1:] + end, level)
            for key, parent, path, end, level in nodes
        ],
        settings={},
        created_at=now,
    )
    everybody = [
        (f"p{village_id(one)}-{place}", path_of(one), place, one * PEOPLE + place)
        for one in range(VILLAGES)
        for place in range(PEOPLE)
    ]
    _insert(
        conn,
        person,
        ("id", "org_path", "name"),
        [(key, path, name_of(number)) for key, path, _place, number in everybody],
        status="active",
        created_at=now,
        locale="zh_CN",
    )
    _insert(
        conn,
        role,
        ("id", "person_id", "org_id", "org_path", "role"),
        [
            (f"r-{key}", key, path.split("/")[-2], path, _ROLES[place])
            for key, path, place, _number in everybody
        ],
        starts_at=0,
    )
    _insert(
        conn,
        seal,
        ("id", "org_id", "org_path", "kind", "name"),
        [
            (f"s{village_id(one)}-{place}", str(village_id(one)), path_of(one), kind, name)
            for one in range(VILLAGES)
            for place, (kind, name) in enumerate(SEALS)
        ],
        status="active",
        created_at=now,
    )


_ROLES: Final = ("approver", "operator", "operator", "operator", *(["applicant"] * 4))
SEALS: Final = (("party", "党总支章"), ("committee", "村民委员会章"), ("cooperative", "经联社章"))


def _insert(
    conn: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    **common: Any,
) -> None:
    made = [dict(zip(columns, row, strict=True)) | common for row in rows]
    conn.execute(insert(table), made)


# ── what there are millions of ───────────────────────────────────────────────────────────────────


def fill(db: Database, rows: int, first_at: int, said: Callable[[str], None]) -> None:
    """``rows`` uses with their applications, approvals and alerts, from ``first_at`` (ms UTC)."""
    big = (application, application_step, seal_use, alert, search_doc)
    with db.write() as conn:
        for table in big:
            for index in table.indexes:
                index.drop(conn)
        conn.execute(text("CREATE TABLE bench_text (kind TEXT, i INTEGER, words TEXT)"))
        conn.execute(text("CREATE UNIQUE INDEX bench_text_at ON bench_text (kind, i)"))
        for kind, words in (
            ("title", titles()),
            ("purpose", PURPOSES),
            ("company", COMPANIES),
            ("matter", matters(conn)),
        ):
            conn.execute(
                text("INSERT INTO bench_text VALUES (:kind, :i, :words)"),
                [{"kind": kind, "i": i, "words": one} for i, one in enumerate(words)],
            )
        values = {"matters": len(matters(conn)), "titles": len(titles()) - 1}
    values |= {"first": first_at, "step": SPAN_MS // rows, "rows": rows}
    for name, statement, count in (
        ("applications", _APPLICATIONS, rows // EACH),
        ("approvals", _STEPS, rows // EACH),
        ("uses", _USES, rows),
        ("alerts", _ALERTS, rows),
        ("places", _DOCS, rows),
    ):
        said(f"{name} …")
        for start in range(0, count, _PORTION):
            end = min(start + _PORTION, count)
            with db.write() as conn:
                series = _SERIES_SQLITE if db.is_sqlite else _SERIES_POSTGRES
                conn.execute(
                    text(statement.format(series=series.format(low=start, high=end - 1), **values))
                )
    said("indexes …")
    with db.write() as conn:
        conn.execute(text("DROP TABLE bench_text"))
        for table in big:
            for index in table.indexes:
                index.create(conn)


def matters(conn: Connection) -> list[str]:
    """What applications are about."""
    rows = conn.execute(text("SELECT id FROM matter WHERE NOT forbidden ORDER BY id"))
    return list(rows.scalars())


_PORTION: Final = 1_000_000
_SERIES_SQLITE: Final = (
    "(WITH RECURSIVE s(n) AS (SELECT {low} UNION ALL SELECT n + 1 FROM s WHERE n < {high})"
    " SELECT n FROM s) AS s"
)
_SERIES_POSTGRES: Final = "generate_series({low}::bigint, {high}::bigint) AS s(n)"


def _village(of: str) -> str:
    return f"({_mix(of, 1)} % {VILLAGES})"


def _village_id(of: str) -> str:
    village = _village(of)
    return f"((330109100 + {village} % {TOWNS}) * 1000 + 200 + {village} / {TOWNS})"


def _path(of: str) -> str:
    return (
        f"('/330109/' || (330109100 + {_village(of)} % {TOWNS}) || '/' || {_village_id(of)} || '/')"
    )


def _seal(of: str) -> str:
    return f"({_mix(of, 2)} % 3)"


def _picked(kind: str, at: str) -> str:
    return f"(SELECT words FROM bench_text WHERE kind = '{kind}' AND i = {at})"


def _letter(letters: str, at: str) -> str:
    return f"substr('{letters}', 1 + CAST({at} AS INTEGER), 1)"


def _given(of: str, one: int, other: int) -> str:
    few = len(GIVEN)
    return _letter(GIVEN, f"(({_mix(of, one)} % {few}) * ({_mix(of, other)} % {few}) / {few})")


_NAME: Final = (
    f"({_letter(SURNAMES, _mix('n', 4) + f' % {len(SURNAMES)}')}"
    f" || {_given('n', 5, 6)} || {_given('n', 7, 8)})"
)
_TITLE: Final = (
    f"CASE WHEN n % {RARE_EVERY} = 17 THEN {{titles}} ELSE {_mix('n', 9)} % {{titles}} END"
)
_AT: Final = "({first} + n * {step})"
_A: Final = f"(n / {EACH})"
"""The application of use ``n``."""

_APPLICATIONS: Final = f"""
INSERT INTO application (id, number, org_path, matter_id, matter_version, seal_id, applicant_id,
  operator_id, alternates, status, kind, title, purpose, beneficiary, counterparty, copies, stamps,
  details, step, created_at, submitted_at, decided_at, version)
SELECT 'a' || (10000000 + n), 'ZY-' || {_village_id("n")} || '-' || (20230000 + n / 1000) || '-'
  || (1000 + n % 1000), {_path("n")}, {_picked("matter", _mix("n", 3) + " % {matters}")}, 1,
  's' || {_village_id("n")} || '-' || {_seal("n")},
  'p' || {_village_id("n")} || '-' || (4 + {_mix("n", 10)} % 4),
  'p' || {_village_id("n")} || '-' || (1 + {_mix("n", 11)} % 3), '[]', 'closed', 'ordinary',
  {_picked("title", _TITLE)}, {_picked("purpose", _mix("n", 12) + f" % {len(PURPOSES)}")}, {_NAME},
  {_picked("company", _mix("n", 13) + f" % {len(COMPANIES)}")}, 2, {EACH}, '{{{{}}}}', 1,
  {{first}} + n * {EACH} * {{step}}, {{first}}, {{first}}, 3
FROM {{series}}"""

_STEPS: Final = f"""
INSERT INTO application_step (application_id, position, role, org_path, name, decided_by, decision,
  signature_info)
SELECT 'a' || (10000000 + n), 0, 'approver', {_path("n")}, '审批',
  'p' || {_village_id("n")} || '-0', 'approved', '{{{{}}}}'
FROM {{series}}"""

_USES: Final = f"""
INSERT INTO seal_use (id, org_path, device_id, seal_id, application_id, operator_id, stamped_by,
  state, person_check, score, granted, entered, pressed, offline, late, started_at, recorded_at,
  first_stamp_at, last_event_at, finished_at, finish_reason, first_seq, number, reviewed_at,
  reviewed_by)
SELECT 'ZY' || {_village_id(_A)} || {_seal(_A)} || ':' || n, {_path(_A)},
  'ZY' || {_village_id(_A)} || {_seal(_A)}, 's' || {_village_id(_A)} || '-' || {_seal(_A)},
  'a' || (10000000 + {_A}), 'p' || {_village_id(_A)} || '-' || (1 + {_mix(_A, 11)} % 3),
  'p' || {_village_id(_A)} || '-' || (1 + {_mix(_A, 11)} % 3), 'finished',
  CASE WHEN n % 211 = 0 THEN 'mismatch' ELSE 'match' END, 0.7, {EACH}, 1, 1, n % 89 = 0,
  n % 89 = 0, {_AT}, {_AT} + 900, {_AT} + 9000, {_AT} + 60000, {_AT} + 60000,
  CASE WHEN n % 97 = 0 THEN 'early' ELSE 'done' END, n,
  {_village_id(_A)} || '-2025-' || (10000 + {_A} / {VILLAGES} * {EACH} + n % {EACH}),
  CASE WHEN {_mix("n", 14)} % 10 < 6 THEN {_AT} + 86400000 END,
  CASE WHEN {_mix("n", 14)} % 10 < 6 THEN 'supervisor' END
FROM {{series}}"""

_ALERTS: Final = f"""
INSERT INTO alert (id, code, dedupe, org_path, severity, active, acknowledged, stage, use_id, seq,
  last_seq, count, late, data, happened_at, raised_at, updated_at, closed_at, escalation, version)
SELECT 'alert-' || (10000000 + n), CASE (n / {ALERT_EVERY}) % 4
  {" ".join(f"WHEN {at} THEN '{code}'" for at, code in enumerate(ALERT_CODES))} END,
  'bench-' || n, {_path(_A)}, 'major', n > {{rows}} - 100000, true,
  CASE WHEN n > {{rows}} - 100000 THEN 'new' ELSE 'closed' END,
  'ZY' || {_village_id(_A)} || {_seal(_A)} || ':' || n, n, n, 1, false, '{{{{}}}}', {_AT}, {_AT},
  {_AT}, CASE WHEN n > {{rows}} - 100000 THEN NULL ELSE {_AT} END, 0, 0
FROM {{series}} WHERE n % {ALERT_EVERY} = 0"""

_DOCS: Final = f"""
INSERT INTO search_doc (doc, use_id)
SELECT n, 'ZY' || {_village_id(_A)} || {_seal(_A)} || ':' || n FROM {{series}}"""
