"""The usage log is searched alike on SQLite and on PostgreSQL, indexed or not yet."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Select, delete, select, update

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError
from backend.services.eyes_memory import EyesMemory, ReadPage
from backend.services.retention import FORGOTTEN
from backend.store import search, search_index
from backend.store.pictures import PictureStore
from backend.store.register import RegisterFilter
from backend.store.search_index import SearchIndex
from backend.store.tables import (
    alert,
    application,
    reference_page,
    seal_use,
    search_block,
    search_doc,
    search_tail,
)
from backend.vision.workers import wire
from tests.support.office import DAY, Office
from tests.support.world import FAR_VILLAGE, OTHER_VILLAGE, TOWN, VILLAGE, World


@pytest.fixture
def office(world: World) -> Office:
    return Office.open(world)


@pytest.fixture
def index(world: World) -> SearchIndex:
    return SearchIndex(world.db, world.clock)


@pytest.fixture(params=["fresh", "tail", "blocks"])
def settle(
    request: pytest.FixtureRequest, index: SearchIndex, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], None]:
    """Brings what was recorded into each layer of the index in turn."""

    def run() -> None:
        if request.param == "blocks":
            monkeypatch.setattr(search_index, "TAIL", 1)
        if request.param != "fresh":
            index.run()

    return run


def use(office: Office, title: str, *, pressed: int = 1, **columns: Any) -> str:
    office.world.clock.advance(61_001)
    form = office.form("statistics", title=title)
    made = office.approved(form)
    return office.used(made, pressed=pressed, first_seq=office.world.clock(), **columns)


def found(office: Office, actor: Actor, **wanted: Any) -> list[str]:
    return [one.id for one in office.register.list(actor, RegisterFilter(**wanted)).items]


def test_a_word_of_two_characters_is_found_inside_a_longer_one(
    office: Office, settle: Callable[[], None]
) -> None:
    loan = use(office, "农户小额贷款担保书")
    land = use(office, "土地承包合同")
    settle()
    assert found(office, office.supervisor, text="贷款") == [loan]
    assert found(office, office.supervisor, text="额贷") == [loan]
    assert found(office, office.supervisor, text="承包合同") == [land]
    assert found(office, office.supervisor, text="款贷") == []
    assert found(office, office.supervisor, text="贷款 合同") == []
    assert found(office, office.supervisor, text="柳塘") == [land, loan]


def test_a_longer_word_must_stand_in_one_piece(office: Office, settle: Callable[[], None]) -> None:
    whole = use(office, "关于王小明的统计")
    use(office, "王小红和李小明的统计")
    settle()
    assert found(office, office.supervisor, text="王小明") == [whole]


def test_a_use_is_found_by_its_number_as_soon_as_it_has_one(
    office: Office, settle: Callable[[], None]
) -> None:
    use_id = use(office, "统计")
    settle()
    office.sweeps.number_uses()
    line = office.register.get(office.supervisor, use_id)
    for number in (line.number, line.application_number, "00001"):
        assert found(office, office.supervisor, text=number) == [use_id]
    settle()
    assert found(office, office.supervisor, text=line.number) == [use_id]


def test_one_character_is_too_short_and_says_so(office: Office) -> None:
    with pytest.raises(DomainError, match="search_too_short"):
        found(office, office.supervisor, text="贷")


PAPER = "甲方：柳塘村股份经济合作\n社\n乙方：宏达建设\n第一条 道路硬化，造价 38000 元"


def read(office: Office, use_id: str, *pages: str) -> None:
    """The eyes have read the papers of the use's application."""
    line = office.register.get(office.supervisor, use_id)
    query: Select[Any] = select(application.c.id.label("application_id"), application.c.org_path)
    with office.world.db.read() as conn:
        of = conn.execute(query.where(application.c.id == line.application_id)).one()
    made = [wire.MadePage(b"", words, {}, []) for words in pages]
    with office.world.db.write() as conn:
        EyesMemory(office.world.context, PictureStore(office.world.ring)).remember_pages(
            conn, of, [ReadPage("paper", at, one) for at, one in enumerate(made)], 1
        )


def test_the_words_of_the_approved_pages_are_found(
    office: Office, settle: Callable[[], None]
) -> None:
    road = use(office, "工程协议")
    settle()
    read(office, road, PAPER, "第二页 养护")
    use(office, "别的文件")
    settle()
    for word in ("硬化", "38000", "道路硬化", "合作社", "养护"):
        assert found(office, office.supervisor, text=word) == [road], word
    assert found(office, office.supervisor, text="硬化 养护 工程") == [road]
    for word in ("化造", "价养"):
        assert found(office, office.supervisor, text=word) == [], word
    read(office, road, "第一条 换了内容")
    settle()
    assert found(office, office.supervisor, text="换了") == [road]


def test_promise_6_only_those_who_may_see_an_application_find_uses_by_its_papers(
    office: Office, settle: Callable[[], None]
) -> None:
    stamper = office.world.actor(Role.OPERATOR, OTHER_VILLAGE)
    road = use(office, "工程协议", stamped_by=stamper.person_id)
    read(office, road, PAPER)
    settle()
    assert found(office, stamper, text="工程") == [road]
    for word in ("硬化", "道路硬化", "工程 硬化"):
        assert found(office, stamper, text=word) == [], word
        assert found(office, office.applicant, text=word) == [road], word
        assert found(office, office.operator, text=word) == [road], word
        assert found(office, office.town, text=word) == [road], word
        assert found(office, office.world.actor(Role.APPROVER, FAR_VILLAGE), text=word) == []


def test_what_was_forgotten_is_found_no_more_although_the_blocks_still_have_it(
    office: Office, index: SearchIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_index, "TAIL", 1)
    road = use(office, "道路协议")
    read(office, road, PAPER)
    index.run()
    with office.world.db.write() as conn:
        conn.execute(update(application).values(title=FORGOTTEN))
        conn.execute(delete(reference_page))
        search.read_again(conn, [road])
    for word in ("硬化", "协议", "道路"):
        assert found(office, office.supervisor, text=word) == [], word
    assert found(office, office.supervisor, text="柳塘") == [road]


def test_long_papers_leave_the_tail_early_and_count_only_in_part(
    office: Office, index: SearchIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_index, "TAIL_CHARS", 5_000)
    road = use(office, "工程协议")
    index.run()
    long = "\n\n".join(f"条款{chr(0x4E00 + at)}{chr(0x5E00 + at)}" for at in range(2_000))
    read(office, road, long + "末尾")
    index.run()
    with office.world.db.read() as conn:
        assert conn.execute(search_tail.select()).all() == []
    assert found(office, office.supervisor, text="条款一") == [road]
    assert found(office, office.supervisor, text="末尾") == []


def test_promise_6_another_branch_finds_nothing(office: Office, settle: Callable[[], None]) -> None:
    loan = use(office, "农户小额贷款担保书")
    settle()
    for kind in Role:
        for path in (OTHER_VILLAGE, FAR_VILLAGE):
            other = office.world.actor(kind, path)
            for wanted in ({"text": "贷款"}, {"org_path": VILLAGE}, {"org_path": TOWN}, {}):
                assert found(office, other, **wanted) == []
    assert found(office, office.town, text="贷款") == [loan]
    assert found(office, office.operator, text="贷款") == [loan]


def test_promise_6_whoever_was_taken_for_the_stamper_sees_no_longer_what_is_not_theirs(
    office: Office, index: SearchIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_index, "TAIL", 1)
    other = office.world.actor(Role.OPERATOR, OTHER_VILLAGE)
    use_id = use(office, "统计", stamped_by=other.person_id)
    index.run()
    assert found(office, other) == [use_id]
    with office.world.db.write() as conn:
        conn.execute(update(seal_use).where(seal_use.c.id == use_id).values(stamped_by=None))
    assert found(office, other) == []


def test_states_people_alerts_and_periods_narrow_the_log(
    office: Office, settle: Callable[[], None]
) -> None:
    first = use(office, "一号文件", finish_reason="early", offline=True)
    office.world.clock.advance(DAY)
    second = use(office, "二号文件", person_check="mismatch")
    refused = use(office, "三号文件", pressed=0, state="refused", finish_reason=None)
    with office.world.db.write() as conn:
        conn.execute(alert.insert(), _alert(office, "C10", second))
        conn.execute(alert.insert(), _alert(office, "C2", first, stage="false_alarm"))
    office.register.review(office.supervisor, first, "已看")
    settle()

    def by(**wanted: Any) -> list[str]:
        return found(office, office.supervisor, unstamped=True, **wanted)

    line = office.register.get(office.supervisor, second)
    assert by() == [refused, second, first]
    assert found(office, office.supervisor) == [second, first]
    assert by(state="early") == by(state="offline") == [first]
    assert by(state="refused") == by(state="unstamped") == [refused]
    assert by(state="mismatch") == [second]
    assert by(alerted=True) == by(alert_code="C10") == [second]
    assert by(alert_code="C2") == []
    assert by(reviewed=True) == [first]
    assert by(unreviewed=True) == [refused, second]
    assert by(person_id=office.approver.person_id) == [refused, second, first]
    assert by(seal_id=line.seal.id, matter_id="330109.statistics", text="二号") == [second]
    midnight = line.used_at - (line.used_at + 8 * 3_600_000) % DAY
    assert by(from_at=midnight) == [refused, second]
    assert by(until_at=midnight) == [first]
    assert by(from_at=line.used_at, until_at=line.used_at + 1) == [second]


def _alert(office: Office, code: str, use_id: str, stage: str = "new") -> dict[str, Any]:
    now = office.world.clock()
    return {
        "id": office.world.context.new_id(),
        "code": code,
        "dedupe": f"{code}:{use_id}",
        "org_path": VILLAGE,
        "severity": "major",
        "active": stage == "new",
        "stage": stage,
        "use_id": use_id,
        "seq": 0,
        "last_seq": 0,
        "data": {},
        "happened_at": now,
        "raised_at": now,
        "updated_at": now,
    }


def test_leaves_are_turned_in_both_directions_and_meet(
    office: Office, settle: Callable[[], None]
) -> None:
    made = [use(office, f"文件{number}") for number in range(7)]
    settle()
    newest = office.register.leaf(office.supervisor, limit=3)
    middle = office.register.leaf(office.supervisor, older_than=newest.older, limit=3)
    oldest = office.register.leaf(office.supervisor, older_than=middle.older, limit=3)
    back = office.register.leaf(office.supervisor, newer_than=oldest.newer, limit=3)
    assert newest.newer is None
    assert oldest.older is None
    assert [one.id for leaf in (newest, middle, oldest) for one in leaf.items] == made[::-1]
    assert back.items == middle.items
    first = office.register.leaf(office.supervisor, newer_than=middle.newer, limit=3)
    assert (first.items, first.newer) == (newest.items, None)


def test_a_change_is_seen_at_once_whatever_the_index_has_read(
    office: Office, settle: Callable[[], None]
) -> None:
    use_id = use(office, "统计")
    settle()
    assert found(office, office.supervisor, unreviewed=True) == [use_id]
    office.register.review(office.supervisor, use_id, "已看过原件")
    assert found(office, office.supervisor, unreviewed=True) == []
    assert found(office, office.supervisor, text="原件") == [use_id]
    settle()
    assert found(office, office.supervisor, unreviewed=True) == []


def test_catching_up_twice_and_anew_gives_the_same_index(
    office: Office, index: SearchIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        use(office, f"文件{number}号")
    monkeypatch.setattr(search_index, "TAIL", 3)
    assert index.run() >= 4
    assert index.run() == 0
    followed = blocks(office.world)
    assert index.rebuild() == 4
    assert blocks(office.world) == followed
    assert index.run() == 0


def blocks(world: World) -> dict[str, Any]:
    with world.db.read() as conn:
        assert conn.execute(search_tail.select()).all() == []
        return {
            "docs": sorted(tuple(row) for row in conn.execute(search_doc.select())),
            "blocks": {row.term: row.docs for row in conn.execute(search_block.select())},
        }


def test_while_the_index_is_made_anew_nobody_follows_and_the_log_says_so(
    office: Office, index: SearchIndex
) -> None:
    use(office, "统计")
    index.run()
    with office.world.db.write() as conn:
        index._set(conn, search.REBUILDING)
    use(office, "土地")
    assert index.run() == 0
    leaf = office.register.leaf(office.supervisor)
    assert leaf.behind
    index.rebuild()
    leaf = office.register.leaf(office.supervisor)
    assert not leaf.behind
    assert len(leaf.items) == 2


def test_a_use_that_is_not_there_is_no_cursor(office: Office) -> None:
    use(office, "统计")
    leaf = office.register.leaf(office.supervisor, limit=1)
    assert leaf.older is None
    for cursor in ("W10", "WyJub3doZXJlIl0"):
        with pytest.raises(DomainError, match="bad_cursor"):
            office.register.leaf(office.supervisor, older_than=cursor)


def test_an_administrator_of_everything_sees_no_uses_for_it(office: Office) -> None:
    use(office, "统计")
    admin = office.world.actor(Role.ADMIN, "/330109/")
    assert found(office, admin) == []
    assert found(office, replace(office.supervisor, roles=())) == []
