"""The catalogue: what ships with the product can be lived with, and what is wrong is refused."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from backend.domain.amounts import from_figures
from backend.domain.catalogue import read
from backend.domain.errors import DomainError
from backend.domain.matter import Matter, SealKind, check, from_plain, to_plain
from backend.domain.organisation import Level
from backend.services.matters import default_catalogue
from gateway.protocol.limits import MAX_BURST, MAX_STAMPS

PATH = "/330109/"

# 民发〔2020〕20号, first list: the twenty that a village may not issue.
TWENTY = {
    "亲属关系证明",
    "居民身份信息证明",
    "户口登记项目内容变更申请证明",
    "居民养犬证明",
    "无犯罪记录证明",
    "社区戒毒、社区康复人员情况（表现）证明",
    "人员失踪证明",
    "婚姻状况证明",
    "出生证明",
    "健在证明",
    "死亡证明",
    "疾病状况证明",
    "残疾状况证明",
    "婚育状况证明",
    "居民就业状况证明",
    "居民个人档案证明",
    "居民财产证明",
    "遗产继承权证明",
    "市场主体住所（经营场所）证明",
    "证件遗失证明",
}


@pytest.fixture(scope="module")
def matters() -> tuple[Matter, ...]:
    return read(default_catalogue(), org_id="330109", org_path=PATH)


def named(matters: tuple[Matter, ...], code: str) -> Matter:
    return next(one for one in matters if one.id == f"330109.{code}")


def test_there_are_enough_everyday_matters_in_every_category(matters: tuple[Matter, ...]) -> None:
    allowed = [one for one in matters if one.forbidden is None]
    assert len(allowed) >= 25
    assert {kind for one in allowed for kind in one.seals} == set(SealKind)


def test_the_twenty_forbidden_certificates_say_why_and_where_to_go(
    matters: tuple[Matter, ...],
) -> None:
    forbidden = {one.name: one.forbidden for one in matters if one.forbidden is not None}
    assert set(forbidden) == TWENTY
    for rule in forbidden.values():
        assert len(rule.reason) >= 10
        assert len(rule.instead) >= 10
        assert rule.words


def test_no_allowed_matter_is_betrayed_by_a_forbidden_word(matters: tuple[Matter, ...]) -> None:
    words = [word for one in matters if one.forbidden for word in one.forbidden.words]
    names = [one.name for one in matters if one.forbidden is None]
    assert not [(name, word) for name in names for word in words if word in name]


def test_loans_land_and_guarantees_need_a_resolution_and_the_town(
    matters: tuple[Matter, ...],
) -> None:
    for code in ("loan", "guarantee", "land-contract", "construction", "external-contract"):
        matter = named(matters, code)
        assert matter.resolution_for(None)
        assert Level.TOWN in {step.level for step in matter.chain}


def test_a_larger_amount_takes_the_heavier_chain(matters: tuple[Matter, ...]) -> None:
    purchase = named(matters, "small-purchase")
    small, medium, large = (from_figures(one) for one in ("19999.99", "2万", "50万"))
    assert [len(purchase.chain_for(one)) for one in (None, small, medium, large)] == [1, 1, 2, 3]
    assert not purchase.resolution_for(small)
    assert purchase.resolution_for(medium)


def test_every_matter_survives_the_store(matters: tuple[Matter, ...]) -> None:
    for one in matters:
        row = {"id": one.id, "version": one.version, "org_path": one.org_path}
        assert from_plain(to_plain(one), **row, name=one.name, category=one.category) == one


def test_no_matter_asks_more_than_the_device_contract_can_say(matters: tuple[Matter, ...]) -> None:
    for one in matters:
        assert one.limits.copies * one.limits.stamps_per_copy <= MAX_STAMPS
        assert one.frames <= MAX_BURST


@pytest.mark.parametrize(
    "change",
    [
        {"name": " "},
        {"category": ""},
        {"seals": ()},
        {"chain": ()},
        {"window_ms": 0},
        {"frames": 9},
        {"pin_allowed": False, "check": "pin"},
        {"limits": {"copies": 500, "stamps_per_copy": 2}},
        {"limits": {"copies": 1, "stamps_per_copy": 0}},
        {"chain": [{"role": "custodian", "level": "village", "name": "x", "limit_ms": 1}]},
        {"chain": [{"role": "approver", "level": "village", "name": "x", "limit_ms": 0}]},
        {"thresholds": [{"from_fen": 0, "chain": []}]},
        {"offline": {"allowed": True, "window_ms": 0}},
        {"seals": ["wax"]},
        {"chain": "everybody"},
    ],
)
def test_a_matter_that_cannot_work_is_refused(
    matters: tuple[Matter, ...], change: Mapping[str, Any]
) -> None:
    good = named(matters, "residence")
    names = {"name": good.name, "category": good.category}
    spec = {**to_plain(good), **{key: value for key, value in change.items() if key not in names}}
    names |= {key: value for key, value in change.items() if key in names}
    with pytest.raises(DomainError, match="bad_matter"):
        from_plain(spec, id=good.id, version=1, org_path=PATH, **names)


def test_a_good_matter_passes(matters: tuple[Matter, ...]) -> None:
    good = named(matters, "residence")
    assert check(replace(good, name="别的名字")).name == "别的名字"


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"chains": {}, "matters": {"类": [{"code": "a", "name": "甲", "chain": "none"}]}},
        {"chains": {}, "matters": {"类": [{"code": "a", "name": "甲", "forbiden": {}}]}},
        {"chains": [], "matters": {}},
    ],
)
def test_a_malformed_catalogue_is_refused_with_its_place(source: Mapping[str, Any]) -> None:
    with pytest.raises(DomainError, match="bad_catalogue"):
        read(source, org_id="1", org_path="/1/")


def test_two_matters_of_one_code_are_refused() -> None:
    entry = {"code": "a", "name": "甲", "forbidden": {"reason": "不行", "instead": "别处"}}
    with pytest.raises(DomainError, match="share the id"):
        read({"chains": {}, "matters": {"类": [entry, entry]}}, org_id="1", org_path="/1/")
