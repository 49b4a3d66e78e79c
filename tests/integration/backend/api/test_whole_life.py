"""Every station in the life of an application, a batch, a permit and an emergency: reached over
HTTP, with a sleeve that signs on a gateway over the same database."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from alerts.service import Alerts
from backend.domain.actor import Role
from backend.domain.permit import SLACK_MS
from backend.ledger.records import check_records
from gateway.protocol.messages import Position, Revoke
from tests.support.alerts_world import SETTINGS, HandChannel
from tests.support.api import Api
from tests.support.office import DAY, HOUR, Office, png
from tests.support.open_sleeve import OpenSleeve
from tests.support.world import DISTRICT, TOWN, World

URL = "/api/v1/applications"


@dataclass
class Village:
    """Everybody, signed in, and the committee's sleeve."""

    office: Office
    sleeve: OpenSleeve
    applicant: httpx.Client
    approver: httpx.Client
    town: httpx.Client
    supervisor: httpx.Client
    operator: httpx.Client

    def body(self, matter: str) -> dict[str, Any]:
        """What the form holds."""
        return {
            "matter_id": f"330109.{matter}",
            "seal_id": self.office.seals["committee"],
            "operator_id": self.office.operator.person_id,
            "title": "居住情况说明",
            "purpose": "子女入学",
            "beneficiary": "村民甲",
        }

    def apply(self, matter: str = "residence", **more: Any) -> str:
        """A draft with its papers; its id."""
        body = self.body(matter) | more
        key: str = ok(self.applicant.post(URL, json=body), 201)["row"]["id"]
        wanted = ok(self.applicant.get(f"/api/v1/matters/{body['matter_id']}"))["attachments"]
        papers = [("page", "正文"), *(("attachment", name) for name in wanted)]
        for seed, (kind, name) in enumerate(papers if "extends_id" not in more else ()):
            sent = self.applicant.post(
                f"{URL}/{key}/documents",
                data={"kind": kind, "name": name},
                files={"file": ("page.png", png(seed), "image/png")},
            )
            ok(sent, 201)
        return key

    def at(self, key: str) -> Any:
        """It, as its applicant sees it."""
        return ok(self.applicant.get(f"{URL}/{key}"))

    def status(self, key: str) -> str:
        """Where it stands."""
        return str(self.at(key)["row"]["status"])

    def give(self, by: httpx.Client, key: str, what: str, status: int = 200, **more: Any) -> Any:
        """A decision about the version that is there."""
        version = {} if what in ("explain", "review") else self.at(key)["row"]
        seen = {"version": version["version"]} if version else {}
        return ok(by.post(f"{URL}/{key}/{what}", json=seen | more), status)

    def approved(self, matter: str = "residence", **more: Any) -> tuple[str, str]:
        """Handed in and approved by whoever its chain names: its id and its job code."""
        key = self.apply(matter, **more)
        self.give(self.applicant, key, "submit")
        self.give(self.approver, key, "approve")
        if self.status(key) == "submitted":
            self.give(self.town, key, "approve")
        (grant,) = self.at(key)["grants"]
        return key, str(grant["job"])

    def told(self, key: str) -> list[str]:
        """Kinds of the records about it."""
        return [one.kind for one in self.office.world.records() if one.application == key]


def ok(response: httpx.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


@pytest.fixture
def village(api: Api, world: World) -> Village:
    office = Office.open(world)
    applicant = api.signed_in(Role.APPLICANT)
    return Village(
        office,
        OpenSleeve(office),
        applicant,
        api.signed_in(Role.APPROVER),
        api.signed_in(Role.APPROVER, path=TOWN),
        api.signed_in(Role.SUPERVISOR),
        api.signed_in(Role.OPERATOR),
    )


def test_draft_submitted_each_step_approved_in_use_used_closed(village: Village) -> None:
    key = village.apply("unsafe-house", title="危房改造申请", copies=2)
    assert village.status(key) == "draft"
    made = village.give(village.applicant, key, "submit")
    assert (made["row"]["status"], bool(made["row"]["number"])) == ("submitted", True)
    village.approver.post(f"{URL}/{key}/open-pages")
    made = village.give(village.approver, key, "approve")
    assert (made["row"]["status"], made["steps"][0]["decision"]) == ("submitted", "approved")
    village.give(village.approver, key, "approve", 403)  # the second step is the town's
    village.give(village.town, key, "approve")
    assert village.status(key) == "approved"
    job = village.at(key)["grants"][0]["job"]
    use = village.sleeve.unlock(job)
    assert village.status(key) == "in_use"
    village.give(village.applicant, key, "close", 409)
    village.sleeve.stamp(use, 2)
    assert village.status(key) == "used"
    assert village.sleeve.refused(job) == "used"
    village.give(village.applicant, key, "close")
    assert village.status(key) == "closed"
    assert village.told(key) == [
        "application.submitted",
        "application.step_approved",
        "application.step_approved",
        "application.approved",
        "grant.issued",
        "event.unlock_request",
        "event.grant_burnt",
        "event.count_entered",
        "event.stamped",
        "event.stamped",
        "event.use_finished",
        "event.unlock_request",
        "application.closed",
    ]
    ended = [
        one.data["verdict"].get("ends")
        for one in village.sleeve.gateway.records()
        if one.kind == "event.use_finished"
    ]
    assert ended == ["used"]
    with village.office.world.db.read() as conn:
        assert not village.office.world.log.check(conn).findings
        assert not check_records(conn)


def test_rejected_with_a_reason(village: Village) -> None:
    key = village.apply()
    village.give(village.applicant, key, "submit")
    village.give(village.approver, key, "reject", 422, reason="否")
    village.give(village.approver, key, "reject", reason="材料不实")
    assert (village.status(key), village.at(key)["reason"]) == ("rejected", "材料不实")
    village.give(village.applicant, key, "withdraw", 409, reason="不办了")
    assert village.told(key)[-1] == "application.rejected"


def test_withdrawn_as_a_draft_and_while_it_waits(village: Village) -> None:
    draft, waiting = village.apply(), village.apply()
    village.give(village.applicant, waiting, "submit")
    for key in (draft, waiting):
        village.give(village.applicant, key, "withdraw", reason="不办了")
        assert village.status(key) == "withdrawn"
    assert village.told(waiting)[-1] == "application.withdrawn"
    assert village.told(draft) == []


def test_expired_before_approval_and_before_use(village: Village) -> None:
    waiting = village.apply()
    village.give(village.applicant, waiting, "submit")
    unused, job = village.approved()
    village.office.world.clock.advance(2 * DAY + 1)
    village.office.sweeps.run()
    assert (village.status(unused), village.status(waiting)) == ("expired", "submitted")
    assert village.sleeve.refused(job) == "expired"
    village.office.world.clock.advance(30 * DAY)
    village.office.sweeps.run()
    assert village.status(waiting) == "expired"
    assert village.told(unused)[-3:] == [
        "grant.expired",
        "application.expired",
        "event.unlock_request",
    ]


def test_finished_early_with_a_reason(village: Village) -> None:
    key, job = village.approved(copies=3)
    village.sleeve.stamp(village.sleeve.unlock(job), 1)
    assert village.status(key) == "finished_early"
    ended = village.sleeve.gateway.records("event.use_finished")[-1]
    assert (ended.application, ended.data["verdict"]["ends"]) == (key, "finished_early")
    early = village.give(village.applicant, key, "close", 409)
    assert early["code"] == "explain_first"
    village.give(village.applicant, key, "explain", reason="只需一份")
    village.give(village.applicant, key, "close")
    assert village.status(key) == "closed"
    assert village.told(key)[-2:] == ["application.explained", "application.closed"]


def test_more_stamps_by_a_second_approval(village: Village) -> None:
    key, job = village.approved()
    village.sleeve.stamp(village.sleeve.unlock(job), 1)
    more, again = village.approved(extends_id=key, copies=2, details={"more": "多要两份存档"})
    assert village.status(key) == "used"
    assert again != job
    use = village.sleeve.unlock(again)
    village.sleeve.stamp(use, 2)
    assert village.status(more) == "used"
    stamped = village.sleeve.gateway.records("event.stamped")
    assert [one.application for one in stamped] == [key, more, more]
    assert not any(one.data["verdict"]["over"] for one in stamped)


def test_voided_while_approved_and_while_in_use(village: Village) -> None:
    unused, job = village.approved()
    village.give(village.supervisor, unused, "void", reason="发现材料造假")
    assert village.status(unused) == "voided"
    assert village.sleeve.refused(job) == "revoked"
    running, job = village.approved(copies=2)
    use = village.sleeve.unlock(job)
    village.give(village.approver, running, "void", reason="盖错了文件")
    village.sleeve.stamp(use, 1)
    assert village.status(running) == "voided"
    assert village.at(running)["grants"][0]["state"] == "revoked"
    late = village.sleeve.gateway.records("event.stamped")[-1]
    assert late.data["verdict"]["grant"] == "revoked"
    village.sleeve.line.take(village.sleeve.sleeve.state(True))
    village.sleeve.line.work()
    said = village.sleeve.gateway.said(village.sleeve.line, village.sleeve.sleeve, Revoke)
    assert village.at(running)["grants"][0]["id"] in {one.grant for one in said}


def test_a_batch_of_one_matter_and_many_copies(api: Api, village: Village) -> None:
    where = "/api/v1/matters/330109.residence"
    admin = api.signed_in(Role.ADMIN, path=DISTRICT)
    found = ok(admin.get(where))
    spec = found["spec"] | {"limits": {"copies": 5, "stamps_per_copy": 3, "batch_copies": 100}}
    changed = {"name": found["name"], "category": found["category"], "spec": spec, "version": 1}
    ok(admin.put(where, json=changed))
    many = village.apply(copies=40)
    refused = village.give(village.applicant, many, "submit", 422)
    assert [one["field"] for one in refused["errors"]] == ["copies"]
    key, job = village.approved(copies=40, kind="batch", details={"list": ["甲", "乙"]})
    shown = village.at(key)
    assert (shown["row"]["kind"], shown["grants"][0]["stamps"]) == ("batch", 40)
    village.sleeve.stamp(village.sleeve.unlock(job), 40)
    assert village.status(key) == "used"


def test_an_off_site_permit_with_place_window_and_return(api: Api, village: Village) -> None:
    key, job = village.approved()
    operator = village.operator
    now = village.office.world.clock()
    there = {"lat": 30.2, "lon": 120.3}
    sent = {
        "device_id": village.office.sleeves["committee"],
        "application_id": key,
        "carrier_id": ok(operator.get("/api/v1/session"))["person_id"],
        "purpose": "上门办理",
        "place": "柳塘自然村",
        "from_at": now,
        "until_at": now + 2 * HOUR,
        "radius_m": 300,
    }
    permit = ok(village.applicant.post("/api/v1/permits", json=sent | there), 201)
    where = f"/api/v1/permits/{permit['id']}"
    assert operator.post(f"{where}/take-out").json()["code"] == "wrong_status"
    ok(village.approver.post(f"{where}/approve"))
    ok(operator.post(f"{where}/take-out"))
    # Its grant is good where the permit is, and at home no longer.
    assert village.sleeve.refused(job, Position(lat=30.05, lon=120.2)) == "outside_place"
    village.sleeve.stamp(village.sleeve.unlock(job, Position(**there)), 1)
    assert village.status(key) == "used"
    village.office.world.clock.advance(2 * HOUR + SLACK_MS + 1)
    village.office.sweeps.run()
    assert ok(village.approver.get(where))["state"] == "overdue"
    back = ok(operator.post(f"{where}/give-back"))
    assert (back["state"], back["returned_at"]) == ("returned", village.office.world.clock())
    told = [one for one in village.told(key) if one.startswith("permit.")]
    assert told == [
        "permit.wanted",
        "permit.approved",
        "permit.out",
        "permit.overdue",
        "permit.returned",
    ]


def test_an_emergency_takes_two_people_is_alerted_and_is_reviewed_afterwards(
    api: Api, village: Village
) -> None:
    office, context = village.office, village.office.world.context
    alerts = Alerts(context, {"hand": HandChannel()}, SETTINGS)
    both = api.signed_in(Role.APPLICANT, Role.APPROVER)
    sent = village.body("request-report") | {"reason": "夜间汛情"}
    made = ok(both.post(f"{URL}/emergencies", json=sent), 201)
    key, version = made["row"]["id"], {"version": made["row"]["version"]}
    assert (made["row"]["kind"], made["row"]["status"]) == ("emergency", "submitted")
    alone = both.post(f"{URL}/{key}/approve", json=version)
    assert (alone.status_code, alone.json()["code"]) == (403, "approver_is_applicant")
    assert not made["grants"]
    confirmed = ok(village.supervisor.post(f"{URL}/{key}/approve", json=version))
    assert confirmed["row"]["status"] == "approved"
    alerts.run_once()
    raised = [one for one in office.world.records("alert.raised") if one.application == key]
    assert "C19" in {one.data["code"] for one in raised}
    job = ok(both.get(f"{URL}/{key}"))["grants"][0]["job"]
    village.sleeve.stamp(village.sleeve.unlock(job), 1)
    after = {"version": ok(both.get(f"{URL}/{key}"))["row"]["version"]}
    early = both.post(f"{URL}/{key}/close", json=after)
    assert early.json()["code"] == "review_first"
    verdict = {"outcome": "proper", "note": "情况属实"}
    own = village.supervisor.post(f"{URL}/{key}/review", json=verdict)
    assert own.status_code == 403  # they confirmed it
    above = api.signed_in(Role.SUPERVISOR, path=TOWN)
    seen = ok(above.post(f"{URL}/{key}/review", json=verdict))
    assert seen["review_outcome"] == "proper"
    alerts.run_once()
    assert "C19" in {one.data["code"] for one in office.world.records("alert.cleared")}
    ok(both.post(f"{URL}/{key}/close", json={"version": seen["row"]["version"]}))
    assert [one for one in village.told(key) if one.startswith("emergency.")] == [
        "emergency.opened",
        "emergency.reviewed",
    ]
