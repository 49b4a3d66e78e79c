"""The invented town: nobody and nothing twice, wherever they are named."""

from __future__ import annotations

from zhiyin.demo import people

EVERY = range(1, len(people.VILLAGES) + 1)


def test_no_two_people_have_one_name() -> None:
    names = [people.name_of(village, place) for village in EVERY for place in range(5)]
    assert len(set(names)) == len(names)


def test_each_seal_has_a_sleeve_and_a_text_of_its_own() -> None:
    sleeves = {people.device_id(village, seal) for village in EVERY for seal in people.SEALS}
    texts = {people.seal_name(village, seal) for village in EVERY for seal in people.SEALS}
    assert len(sleeves) == len(texts) == 3 * len(people.VILLAGES) == 78


def test_a_community_has_a_residents_committee() -> None:
    of = {
        name: people.seal_name(number, "committee")
        for number, name in enumerate(people.VILLAGES, 1)
    }
    assert of["桥南社区"] == "义渡镇桥南居民委员会"
    assert of["柳塘村"] == "义渡镇柳塘村民委员会"
