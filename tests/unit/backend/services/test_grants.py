"""Grants: issued by an approval only, seen by those concerned, revoked and expired for good."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from backend.domain import use as at_the_sleeve
from backend.domain.actor import Role
from backend.domain.errors import DomainError
from backend.services.grants import GrantFilter
from backend.services.issuing import draw_job
from backend.services.passwords import make_pin
from backend.store import uses
from backend.store.people import pin_digest
from backend.store.tables import device, downlink, person, use_grant
from gateway.protocol.envelope import open_down
from gateway.protocol.messages import Grant, Revoke
from tests.support.office import DAY, HOUR, Office
from tests.support.world import OTHER_VILLAGE, World


@pytest.fixture
def office(sqlite_url: str, tmp_path: Path) -> Iterator[Office]:
    world = World.create(sqlite_url, tmp_path)
    yield Office.open(world)
    world.close()


def said(office: Office, *, still: bool = True) -> list[Any]:
    """What waits to be said to sleeves, opened as the sleeve would."""
    key = office.world.ring.grant.public
    with office.world.db.read() as conn:
        query = select(downlink).order_by(downlink.c.id)
        if still:
            query = query.where(downlink.c.confirmed_at.is_(None))
        rows = conn.execute(query).all()
    keys = {key.kid: key}
    return [
        open_down(row.payload, device=row.device_id, keys=keys, receipt_keys={}) for row in rows
    ]


def ask(office: Office, job: str) -> at_the_sleeve.Refused | None:
    """What the gateway would answer to this job code at the committee's sleeve, right now."""
    sleeve = office.sleeves["committee"]
    with office.world.db.read() as conn:
        found, named = uses.load_grants(conn, [], [(sleeve, job)])
    grant = found.get(named.get((sleeve, job), ""))
    state = at_the_sleeve.Sleeve(
        sleeve, "", office.seals["committee"], locked=False, total=0, open_use=None
    )
    return at_the_sleeve.unlock(state, grant, office.world.clock(), (30.05, 120.2))


def test_promise_1_without_an_approval_there_is_no_grant(office: Office) -> None:
    made = office.submitted()
    office.applications.reject(office.approver, made.row.id, made.row.version, "材料不实")
    office.submitted()
    office.draft()
    with office.world.db.read() as conn:
        assert conn.execute(select(use_grant)).all() == []
    assert office.world.records("grant.issued") == []


def test_promise_1_each_grant_is_recorded_expires_and_is_for_one_sleeve(office: Office) -> None:
    made = office.approved()
    (grant,) = made.grants
    (record,) = office.world.records("grant.issued")
    assert (record.grant_id, record.device) == (grant.id, office.sleeves["committee"])
    assert record.data["not_after"] == grant.not_after == grant.not_before + 2 * DAY
    assert record.data["operator"] == office.operator.person_id
    assert grant.job is not None
    assert ask(office, grant.job) is None
    refused = ask(office, "000000")
    assert refused is not None
    assert refused.code == "unknown_grant"


def test_promise_1_after_its_time_a_grant_unlocks_nothing(office: Office) -> None:
    made = office.approved()
    office.world.clock.advance(2 * DAY + 1)
    before_the_sweep = ask(office, made.grants[0].job or "")
    assert office.sweeps.expire_grants() == 1
    assert office.sweeps.expire_grants() == 0
    after = ask(office, made.grants[0].job or "")
    assert before_the_sweep is not None
    assert after is not None
    assert before_the_sweep.code == after.code == "expired"
    shown = office.reader.get(office.applicant, made.row.id)
    assert (shown.row.status, shown.grants[0].state) == ("expired", "expired")
    assert [one.kind for one in office.world.records()[-2:]] == [
        "grant.expired",
        "application.expired",
    ]


def test_promise_1_a_revoked_grant_unlocks_nothing_and_its_application_is_void(
    office: Office,
) -> None:
    made = office.approved()
    gone = office.grants.revoke(office.supervisor, made.grants[0].id, "发现材料造假")
    assert (gone.state, gone.ended_reason) == ("revoked", "发现材料造假")
    refused = ask(office, made.grants[0].job or "")
    assert refused is not None
    assert refused.code == "revoked"
    assert office.reader.get(office.applicant, made.row.id).row.status == "voided"
    assert [one.kind for one in office.world.records()[-2:]] == [
        "application.voided",
        "grant.revoked",
    ]
    with pytest.raises(DomainError, match="wrong_status"):
        office.grants.revoke(office.supervisor, made.grants[0].id, "再次撤销")


def test_the_matters_off_line_policy_pushes_a_signed_copy_ahead(office: Office) -> None:
    with office.world.db.write() as conn:
        pin = make_pin("730415", b"s" * 16)
        conn.execute(
            person.update()
            .where(person.c.id == office.operator.person_id)
            .values(pin_salt=pin.salt, pin_rounds=pin.rounds, pin_digest=pin.digest)
        )
    made = office.approved(office.form(copies=2))
    (pushed,) = said(office)
    assert isinstance(pushed, Grant)
    assert pushed.grant == made.grants[0].id
    assert pushed.offline
    assert pushed.stamps == 2
    assert pushed.not_after == pushed.not_before + 12 * HOUR < made.grants[0].not_after
    assert pushed.max_clock_age == 24 * HOUR
    assert pushed.place is not None
    assert pushed.place.radius == 150.0
    assert pushed.challenge in ("left", "right")
    assert pushed.pin is not None
    assert pushed.pin.digest == pin_digest("730415", pin)
    assert made.grants[0].offline


def test_without_a_key_or_a_policy_nothing_is_pushed(sqlite_url: str, tmp_path: Path) -> None:
    world = World.create(sqlite_url, tmp_path)
    unsigned = Office.open(world, signed=False)
    made = unsigned.approved()
    assert said(unsigned) == []
    assert not made.grants[0].offline
    assert world.records("grant.issued")[0].data["offline"] is False
    world.close()


def test_a_matter_without_off_line_policy_pushes_nothing(office: Office) -> None:
    assert not office.approved(office.form("statistics")).grants[0].offline
    assert said(office) == []


def test_revoking_what_lies_in_a_sleeve_tells_it_and_stops_the_copy(office: Office) -> None:
    made = office.approved()
    office.applications.void(office.approver, made.row.id, made.row.version, "内容有误")
    (order,) = said(office)
    assert isinstance(order, Revoke)
    assert order.grant == made.grants[0].id
    assert len(said(office, still=False)) == 2
    # A sleeve that never held it would never confirm: in the end it is not said any more.
    office.world.clock.advance(2 * DAY + 2 * HOUR)
    assert office.sweeps.drop_overtaken_downlinks() == 1
    assert said(office) == []


def test_job_codes_are_unique_on_a_sleeve_for_ever(office: Office) -> None:
    seen = {office.approved(office.form("statistics")).grants[0].job for _ in range(5)}
    assert len(seen) == 5


def test_a_job_code_that_was_taken_is_not_drawn_again(office: Office) -> None:
    first = office.approved(office.form("statistics"))

    def always_the_same(size: int) -> bytes:
        return bytes(size)

    # The first draws all give 000000; once it is taken, a longer code has to be found.
    context = replace(office.world.context, random=always_the_same)
    with office.world.db.write() as conn:
        conn.execute(use_grant.update().values(job="000000"))
    with office.world.db.read() as conn:
        assert draw_job(conn, context, office.sleeves["committee"]) == "0000000"
        assert draw_job(conn, context, office.sleeves["party"]) == "000000"
    assert first.grants[0].state == "issued"


def test_where_the_sleeve_lives_is_where_it_may_stamp(office: Office) -> None:
    office.approved(office.form("statistics"))
    with office.world.db.write() as conn:
        conn.execute(device.update().values(home_lat=None, home_lon=None))
    office.approved(office.form("statistics"))
    with office.world.db.read() as conn:
        places = [(row.lat, row.radius_m) for row in conn.execute(select(use_grant))]
    assert sorted(places, key=str) == [(30.05, 150.0), (None, None)]


def test_a_seal_moved_to_another_sleeve_takes_its_new_grants_along(office: Office) -> None:
    with office.world.db.write() as conn:
        conn.execute(
            device.update()
            .where(device.c.id == office.sleeves["committee"])
            .values(seal_id=None, status="revoked")
        )
        conn.execute(
            device.update()
            .where(device.c.id == office.sleeves["party"])
            .values(seal_id=office.seals["committee"])
        )
    assert office.approved().grants[0].device_id == office.sleeves["party"]


def test_a_sleeve_lost_before_the_last_approval_stops_it(office: Office) -> None:
    made = office.submitted()
    with office.world.db.write() as conn:
        conn.execute(device.update().values(status="revoked"))
    with pytest.raises(DomainError, match="seal_without_sleeve"):
        office.applications.approve(office.approver, made.row.id, made.row.version)
    assert office.reader.get(office.applicant, made.row.id).row.status == "submitted"


def test_the_job_code_is_for_those_concerned(office: Office) -> None:
    grant = office.approved().grants[0]
    for knows in (office.applicant, office.operator, office.custodian):
        assert office.grants.get(knows, grant.id).job == grant.job
    for sees in (office.approver, office.supervisor, office.town):
        assert office.grants.get(sees, grant.id).job is None
        assert office.grants.list(sees).items[0].job is None


def test_promise_6_grants_of_another_branch_do_not_exist(office: Office) -> None:
    grant = office.approved().grants[0]
    for kind in Role:
        other = office.world.actor(kind, OTHER_VILLAGE)
        assert not office.grants.list(other).items
        with pytest.raises(DomainError, match="not_found"):
            office.grants.get(other, grant.id)
        with pytest.raises(DomainError, match="not_found"):
            office.grants.revoke(other, grant.id, "撤销")


def test_who_may_not_revoke(office: Office) -> None:
    grant = office.approved().grants[0]
    for by in (office.operator, office.custodian):
        with pytest.raises(DomainError, match="denied"):
            office.grants.revoke(by, grant.id, "撤销")


def test_lists_of_grants(office: Office) -> None:
    first = office.approved()
    office.world.clock.advance(1000)
    second = office.approved(office.form("statistics"))
    office.applications.void(office.approver, first.row.id, first.row.version, "内容有误")

    def found(**wanted: Any) -> list[str]:
        return [
            one.application_id
            for one in office.grants.list(office.operator, GrantFilter(**wanted)).items
        ]

    assert found() == [second.row.id, first.row.id]
    assert found(live=True) == found(state="issued") == [second.row.id]
    assert found(application_id=first.row.id) == [first.row.id]
    assert found(device_id="none") == []
    assert found(mine=True) == found()
    assert found(org_path=OTHER_VILLAGE) == []
    page = office.grants.list(office.operator, limit=1)
    assert page.next is not None
    rest = office.grants.list(office.operator, after=page.next, limit=1)
    assert [one.application_id for one in (*page.items, *rest.items)] == found()
