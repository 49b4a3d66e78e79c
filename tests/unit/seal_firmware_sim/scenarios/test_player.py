"""Every kind of action, played on loopback sleeves against lawful servers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from PIL import Image, ImageChops

from gateway.protocol import messages as m
from gateway.protocol.cose import Ed25519Signer
from seal_firmware_sim.hardware.cameras import Paper, typeset
from seal_firmware_sim.hardware.pages import SIGN_HERE, DocumentKind
from seal_firmware_sim.hardware.ports import Challenge
from seal_firmware_sim.hub import Hub
from seal_firmware_sim.inputs import Stage as PageStage
from seal_firmware_sim.scenarios import format as fmt
from seal_firmware_sim.scenarios import paper_scripts
from seal_firmware_sim.scenarios.player import Player
from seal_firmware_sim.scenarios.scenes import Progress, Stage
from seal_firmware_sim.scenarios.stage import ANSWER_MS, Actor, Request, Wire, assemble
from seal_firmware_sim.sleeve import Sleeve
from seal_firmware_sim.transport import LoopbackNetwork
from tests.unit.seal_firmware_sim.model import Clock, ModelServer, make_grant, pin_check
from tests.unit.seal_firmware_sim.test_terminal import make_credentials

SEALS = ("committee", "party", "cooperative")
MATTER: Mapping[str, Any] = {"stamps": 2}


class TinyCamera:
    """Pictures of a few bytes, for both cameras."""

    def burst(self, frames: int, challenge: Challenge) -> tuple[bytes, ...]:
        return tuple(b"\xff\xd8face%d" % nth for nth in range(frames))

    def photograph(self, stage: PageStage, press: int) -> bytes:
        return b"\xff\xd8page" + stage.encode() + bytes([press])


@dataclass
class Office:
    """The office side: one step of approval, the grant goes to the applicant's sleeve."""

    servers: Mapping[tuple[int, str], ModelServer]
    network: LoopbackNetwork
    clock: Clock
    steps: int = 1
    applied: list[Request] = field(default_factory=list)
    approvals: list[str] = field(default_factory=list)
    refused_at_the_door: int = 0
    open_door: bool = False
    pin_allowed: bool = True

    def apply(self, request: Request, *, own: bool = False) -> str:
        self.applied.append(request)
        return f"a-{len(self.applied)}"

    def approved(self, application: str) -> bool:
        return self.approvals.count(application) >= self.steps

    def approve(self, application: str) -> None:
        self.approvals.append(application)
        if not self.approved(application):
            return
        request = self.applied[int(application[2:]) - 1]
        grant = make_grant(
            self.grant(application),
            stamps=request.stamps,
            not_before=self.clock.now - 1_000,
            not_after=self.clock.now + 4 * 3_600_000,
            offline=True,
            pin=pin_check(),
            pin_allowed=self.pin_allowed,
            max_clock_age=8 * 3_600_000,
        )
        server = self.servers[request.village, request.seal]
        server.jobs[self.job(application)] = server.jobs[grant.grant] = grant
        self.network.send(server.device, "grant", server.seal(grant))

    def approve_own(self, application: str) -> bool:
        self.refused_at_the_door += not self.open_door
        return not self.open_door

    def job(self, application: str) -> str:
        return f"{100_000 + int(application[2:])}"

    def grant(self, application: str) -> str:
        return f"grant-{application}"

    def face(self, village: int) -> int:
        return village

    def pins(self, village: int) -> tuple[str, str, str]:
        return "246810", "p-wang", "1357"

    def seal_text(self, village: int, seal: str) -> str:
        return f"{village}村{seal}"


class Town:
    """One village with three sleeves, a scenario, and a clock that moves when all are idle."""

    def __init__(self, *actions: fmt.Action, before: Mapping[int, Progress] | None = None) -> None:
        self.scenario = fmt.Scenario(
            name="一天",
            date="2026-10-12",
            start="08:00",
            end="11:00",
            seed=5,
            villages=1,
            actions=list(actions),
            expect=fmt.Expected(uses=0, alerts={}),
        )
        self.clock = Clock(self.scenario.time("08:00"))
        self.hub = Hub(clock=self.clock)
        self.network = LoopbackNetwork()
        self.servers: dict[tuple[int, str], ModelServer] = {}
        self.actors: dict[tuple[int, str], Actor] = {}
        for nth, seal in enumerate(SEALS):
            self._add(seal, nth)
        self.office = Office(self.servers, self.network, self.clock)
        self.said: list[str] = []
        self.laid: list[tuple[Paper, Image.Image | None, str]] = []
        """What was put under a sleeve: the approved paper, the sheet instead, the seal's name."""
        self.player = Player(
            self.scenario,
            Stage(self.office, self.actors, 7),
            now=self.clock,
            before=before,
            tell=self.said.append,
        )

    def _changed(self, sleeve: Sleeve) -> None:
        self.player.changed(sleeve)

    def _lay(self, paper: Paper, sheet: Image.Image | None, seal_text: str) -> None:
        self.laid.append((paper, sheet, seal_text))

    def _add(self, seal: str, nth: int) -> None:
        device, secret = f"sleeve-{nth}", bytes([nth + 1]) * 32
        actor = assemble(
            make_credentials(device=device, private_key=secret.hex()),
            1,
            seal,
            self.hub,
            dice=random.Random(nth),
            secrets=random.Random(nth),
            on_change=self._changed,
        )
        actor.wire = actor.sleeve.transport = Wire(self.network.transport(device), self.clock)
        actor.sleeve.hardware.face_camera = TinyCamera()
        actor.sleeve.hardware.page_camera = TinyCamera()
        setattr(actor.page, "lay", self._lay)  # noqa: B010  # most need no fonts here
        self.actors[1, seal] = actor
        key = Ed25519Signer(secret).public
        self.servers[1, seal] = ModelServer(self.clock, device=device, key=key)

    def pump(self) -> bool:
        busy = self.network.pump()
        while (sent := self.network.take()) is not None:
            busy = True
            server = next(s for s in self.servers.values() if s.device == sent.device)
            for type_, payload in server.handle(sent):
                self.network.send(sent.device, type_, payload)
        return busy

    def play(self) -> None:
        for actor in self.actors.values():
            actor.sleeve.power_on()
        end = self.scenario.time("11:00")
        for _ in range(20_000):
            self.hub.poll(0)
            if self.pump():
                continue
            if not self.player.idle:
                self.player.run_due()
                if self.pump() or self.player.idle:
                    continue
                self._wait_for_the_link()
                continue
            times = [at for at in (self.player.next_at(), self.hub.next_at()) if at is not None]
            if self.player.done and self.clock.now >= end:
                return
            self.clock.now = max(self.clock.now + 1, min([*times, end]))
            self.player.run_due()
        raise AssertionError("the day does not end")

    def _wait_for_the_link(self) -> None:
        # The waiting for the network goes by its own clock, which here is the same.
        dues = (actor.sleeve.due().link for actor in self.actors.values())
        at = min((due for due in dues if due is not None), default=None)
        asks = any(actor.wire.asks for actor in self.actors.values())
        assert at is not None or asks, "somebody is not idle, and nothing moves"
        self.clock.now = max(self.clock.now + 1, at or self.clock.now + ANSWER_MS)

    def types(self, seal: str = "committee") -> list[str]:
        return self.servers[1, seal].types()

    def bodies(self, kind: type[m.Event], seal: str = "committee") -> list[Any]:
        return self.servers[1, seal].bodies(kind)


def played(*actions: fmt.Action, faces_ok: bool = True) -> Town:
    town = Town(*actions)
    for server in town.servers.values():
        server.faces_ok = faces_ok
    town.play()
    assert town.player.given_up == []
    assert all(actor.idle for actor in town.actors.values())
    return town


def test_an_honest_use() -> None:
    town = played(fmt.Use(at="08:10", village=1, **MATTER))
    assert town.types().count("stamped") == 2
    assert town.bodies(m.UseFinished)[-1].reason == "done"
    assert [r.stamps for r in town.office.applied] == [2]


def test_a_use_with_several_steps_of_approval() -> None:
    town = Town(fmt.Use(at="08:10", village=1))
    town.office.steps = 3
    town.play()
    assert len(town.office.approvals) == 3
    assert town.types().count("stamped") == 1


def test_a_use_by_pin_and_witness() -> None:
    town = played(fmt.Use(at="08:10", village=1, pin=True))
    assert "pin_entered" in town.types()
    assert "face_captured" not in town.types()
    assert town.types().count("stamped") == 1


def test_whose_face_is_refused_twice_types_a_pin_with_a_witness() -> None:
    town = played(fmt.Use(at="08:10", village=1), faces_ok=False)
    assert town.types().count("face_captured") == 2
    assert town.types().count("pin_entered") == 1
    assert town.types().count("stamped") == 1


def test_where_no_pin_is_allowed_the_face_is_shown_a_third_time() -> None:
    town = Town(fmt.Use(at="08:10", village=1))
    town.office.pin_allowed = False
    for server in town.servers.values():
        server.faces_ok = False
    town.play()
    assert town.types().count("face_captured") == 3
    assert "pin_entered" not in town.types()
    assert town.bodies(m.UseFinished)[-1].reason == "refused"


def test_a_use_without_a_network() -> None:
    town = played(fmt.Use(at="08:10", village=1, offline=True, back_after=50))
    assert town.bodies(m.GrantBurnt)[-1].offline
    assert town.bodies(m.PinEntered)[-1].checked is True
    assert town.types().count("stamped") == 1


def differing(paper: Paper, sheet: Image.Image | None) -> tuple[int, int, int, int]:
    """Where the sheet differs from a clean print of the paper."""
    assert sheet is not None
    box = ImageChops.difference(typeset(paper).image, sheet).getbbox()
    assert box is not None
    return box


def test_a_use_whose_paper_is_signed_by_hand() -> None:
    town = played(
        fmt.Use(at="08:10", village=1, paper=DocumentKind.RELIEF_APPLICATION, signed=True)
    )
    [(paper, sheet, seal)] = town.laid
    asked = [line for line in typeset(paper).placed if SIGN_HERE in line.text]
    _, top, _, bottom = differing(paper, sheet)
    assert asked[0].top - asked[0].size < top
    assert bottom < asked[-1].top + 2 * asked[-1].size
    assert seal == ""
    assert town.types().count("stamped") == 1


def test_two_uses_of_one_sleeve_wait_for_each_other() -> None:
    town = played(*(fmt.Use(at="08:10", village=1, **MATTER) for _ in range(3)))
    assert town.types().count("stamped") == 6
    assert [b.reason for b in town.bodies(m.UseFinished)] == ["done"] * 3


def test_c1_a_forced_stamp_belongs_to_nobody() -> None:
    town = played(fmt.ForcedStamp(at="08:10", village=1))
    assert [b.use for b in town.bodies(m.Stamped)] == [0]
    assert "motion_unexpected" in town.types()


def test_c2_one_stamp_more_than_approved() -> None:
    town = played(fmt.OverCount(at="08:10", village=1, **MATTER))
    assert [b.press for b in town.bodies(m.Stamped)] == [1, 2, 3]
    assert len({b.use for b in town.bodies(m.Stamped)}) == 1


def test_c3_another_paper() -> None:
    town = played(fmt.SwappedPage(at="08:10", village=1))
    [(paper, sheet, _)] = town.laid
    left, top, right, bottom = differing(paper, sheet)
    assert (right - left) * (bottom - top) > 0.2 * 1240 * 1754, "all of it differs"
    assert town.office.applied[0].eyes


def test_c5_another_amount_on_the_approved_paper() -> None:
    contract = DocumentKind.EXTERNAL_CONTRACT
    town = played(
        fmt.AlteredAmount(at="08:10", village=1, paper=contract, amount=50_000, to=500_000)
    )
    [(paper, sheet, _)] = town.laid
    [line] = [one for one in typeset(paper).placed if "伍万元整（￥50,000.00）" in one.text]
    left, top, right, bottom = differing(paper, sheet)
    assert line.top <= top
    assert bottom <= line.top + 1.6 * line.size
    assert line.left + line.size < left
    assert right < 1240 - line.left
    assert town.office.applied[0].amount == paper.amount == 50_000, "what was approved"


def test_c5_an_amount_that_is_nowhere_on_the_paper_is_told() -> None:
    resolution = DocumentKind.HOUSE_BUILDING
    town = Town(fmt.AlteredAmount(at="08:10", village=1, paper=resolution, amount=1, to=2))
    setattr(town.office, "apply", lambda _request: "a-1")  # noqa: B010  # nothing to hand in
    town.office.approvals.append("a-1")
    page = replace(typeset(Paper(resolution, 0, "")), placed=())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper_scripts, "typeset", lambda _paper: page)
        town.play()
    assert town.player.given_up == ["1:AlteredAmount 08:10: 壹元整 does not stand within a line"]


def test_c6_an_empty_sheet() -> None:
    town = played(fmt.BlankSheet(at="08:10", village=1))
    [(_, sheet, _)] = town.laid
    assert sheet is not None
    assert sheet.getcolors() == [(1240 * 1754, sheet.getpixel((0, 0)))]


def test_c8_another_seal_in_the_sleeve() -> None:
    town = played(fmt.OtherImprint(at="08:10", village=1, seal="party"))
    [(paper, sheet, seal)] = town.laid
    assert (paper.seal_text, sheet, seal) == ("1村party", None, "1村cooperative")
    assert town.types("party").count("stamped") == 1


def test_c7_the_same_grant_twice() -> None:
    town = played(fmt.ReusedGrant(at="08:10", village=1))
    burnt = town.bodies(m.GrantBurnt)
    assert len(burnt) == 2
    assert burnt[0].grant == burnt[1].grant
    assert burnt[0].use != burnt[1].use
    assert [b.use for b in town.bodies(m.Stamped)] == [b.use for b in burnt]
    assert [b.use for b in town.bodies(m.UseFinished)] == [b.use for b in burnt]


def test_c8_the_wrong_sleeve() -> None:
    town = played(fmt.WrongSleeve(at="08:10", village=1))
    assert "unlock_request" in town.types("cooperative")
    assert "grant_burnt" not in town.types("cooperative")
    assert town.types().count("stamped") == 1


@pytest.mark.parametrize(
    "action",
    [
        fmt.WrongFace(at="08:10", village=1, face=39),
        fmt.CoveredCamera(at="08:10", village=1),
    ],
    ids=["c10 another face", "c12 a covered camera"],
)
def test_nobody_recognised_nothing_stamped(action: fmt.Action) -> None:
    town = played(action, faces_ok=False)
    assert town.types().count("face_captured") == 3
    assert "stamped" not in town.types()
    assert town.bodies(m.UseFinished)[-1].reason == "refused"


def test_c13_the_seal_taken_out() -> None:
    town = played(fmt.SealOut(at="08:10", village=1, seal="party"))
    assert [b.open for b in town.bodies(m.Tamper, "party")] == [True, False]


def test_c15_the_motor_moved_without_a_job() -> None:
    town = played(fmt.MotorNudge(at="08:10", village=1))
    assert town.bodies(m.MotionUnexpected) == [m.MotionUnexpected(part="motor")]


def test_c16_carried_away_and_back() -> None:
    town = played(fmt.CarriedAway(at="08:10", village=1, metres=5_000))
    moved = town.bodies(m.Moved)
    assert [b.moving for b in moved] == [True, False, False]
    assert moved[0].position.lat - moved[-1].position.lat == pytest.approx(5_000 / 111_320)


def test_c18_silent_for_a_while() -> None:
    town = played(fmt.Silent(at="08:10", village=1, minutes=90))
    assert town.servers[1, "committee"].states == [
        m.State(online=True, boot=1),
        m.State(online=False, boot=1),
        m.State(online=True, boot=1),
    ]


def test_c20_the_clock_set_back() -> None:
    town = played(fmt.ClockBack(at="08:10", village=1, minutes=90))
    sets = town.bodies(m.ClockSet)
    assert [(b.signed, round((b.after - b.before) / 60_000)) for b in sets] == [
        (False, -90),
        (True, 90),
    ]


def test_c22_a_seal_that_comes_back_late() -> None:
    town = played(fmt.Jam(at="08:10", village=1))
    assert [(b.code, b.cleared) for b in town.bodies(m.Fault)] == [
        ("not_closed", False),
        ("not_closed", True),
    ]
    assert town.types().count("stamped") == 1


def test_c23_an_event_withheld_is_a_gap_until_it_comes() -> None:
    town = Town(fmt.Withheld(at="08:10", village=1, minutes=60))
    server = town.servers[1, "committee"]
    parked: list[int] = []
    handle = server.handle

    def watch(sent: Any) -> Any:
        answers = handle(sent)
        parked.append(len(server.parked))
        return answers

    server.handle = watch  # type: ignore[method-assign]  # to look on
    town.play()
    assert max(parked) >= 1
    assert parked[-1] == 0
    assert [b.open for b in town.bodies(m.Tamper)] == [True, False]


def test_c24_a_second_history() -> None:
    town = played(fmt.ClonedKey(at="08:10", village=1))
    assert town.servers[1, "committee"].forks >= 1


def test_c26_refused_at_the_door_and_approved_by_somebody_else() -> None:
    town = played(fmt.SelfApproval(at="08:10", village=1))
    assert town.office.refused_at_the_door == 1
    assert len(town.office.applied) == 1
    assert town.types().count("stamped") == 1


def test_c26_an_open_door_is_told() -> None:
    town = Town(fmt.SelfApproval(at="08:10", village=1))
    town.office.open_door = True
    town.play()
    assert "1:SelfApproval 08:10" in town.player.given_up[0]
    assert "own application" in town.player.given_up[0]
    assert "stamped" not in town.types()


def test_c28_stays_in_the_office() -> None:
    town = played(fmt.Overdue(at="08:20", village=1))
    assert len(town.office.applied) == 1
    assert town.office.approvals == []
    assert town.types() == ["boot"]


def test_c32_a_use_left_open() -> None:
    town = played(fmt.Abandoned(at="08:10", village=1))
    assert town.types()[-1] == "grant_burnt"
    assert not town.actors[1, "committee"].sleeve.powered


def test_c32_approved_and_nobody_came() -> None:
    town = played(fmt.Unused(at="08:10", village=1, within=60))
    assert [request.within for request in town.office.applied] == [60]
    assert town.office.approvals == ["a-1"]
    assert {"unlock_request", "grant_burnt"}.isdisjoint(town.types())


def test_what_has_ended_or_was_at_the_sleeve_does_not_begin_twice() -> None:
    before = {
        0: Progress(done=True),
        1: Progress("a-1", at_sleeve=True),
        2: Progress(),  # a script that needs no paper, and was interrupted
    }
    town = Town(
        fmt.MotorNudge(at="08:10", village=1),
        fmt.Use(at="08:10", village=1),
        fmt.SealOut(at="08:10", village=1),
        fmt.MotorNudge(at="08:20", village=1),
        before=before,
    )
    town.play()
    assert town.types() == ["boot", "motion_unexpected"]
    assert set(town.player.progress) == {0, 1, 2, 3}


def test_what_was_interrupted_in_the_office_goes_on_with_the_same_application() -> None:
    town = Town(fmt.Use(at="08:10", village=1), before={0: Progress("a-1")})
    town.office.applied.append(
        Request(1, "committee", "residence", "居住情况说明", "入学", 1, Paper("certificate", 7, ""))
    )
    town.play()
    assert len(town.office.applied) == 1
    assert town.office.approvals == ["a-1"]
    assert town.types().count("stamped") == 1
    assert town.player.progress[0] == Progress("a-1", at_sleeve=True, done=True)


def test_what_was_interrupted_on_the_way_to_the_sleeve_is_not_approved_again() -> None:
    town = Town(fmt.Use(at="08:10", village=1), before={0: Progress("a-1")})
    town.office.applied.append(
        Request(1, "committee", "residence", "居住情况说明", "入学", 1, Paper("certificate", 7, ""))
    )
    town.office.approve("a-1")
    town.play()
    assert town.office.approvals == ["a-1"]
    assert town.types().count("stamped") == 1


def test_a_script_that_waits_in_vain_gives_up_and_says_so() -> None:
    town = Town(fmt.ClonedKey(at="08:10", village=1))
    town.servers[1, "committee"].quiet.add("receipt")
    actor = town.actors[1, "committee"]
    actor.sleeve.power_on()
    while town.clock.now < town.scenario.time("08:40"):
        town.pump()
        town.clock.now += 30_000
        town.player.run_due()
    assert town.player.given_up == ["1:ClonedKey 08:10: waited in vain"]
    assert town.said == ["gave up: 1:ClonedKey 08:10: waited in vain"]


def test_a_script_that_fails_is_told_and_the_others_go_on() -> None:
    town = Town(
        fmt.Use(at="08:10", village=1),
        fmt.MotorNudge(at="08:20", village=1, seal="party"),
    )

    def refuse(_request: Request, *, own: bool = False) -> str:
        raise ValueError("没有这个事项")

    setattr(town.office, "apply", refuse)  # noqa: B010  # what no office of ours would say
    town.play()
    assert town.player.given_up == ["1:Use 08:10: 没有这个事项"]
    assert town.types("party")[-1] == "motion_unexpected"


def test_a_heartbeat_under_way_is_waited_for_but_not_for_ever() -> None:
    town = Town()
    actor = town.actors[1, "committee"]
    server = town.servers[1, "committee"]
    idle: list[bool] = []

    def look() -> None:
        while town.pump():
            pass
        assert actor.sleeve.idle(), "all events are receipted"
        idle.append(town.player.idle)

    server.quiet.add("time")
    actor.sleeve.power_on()
    look()
    town.clock.now += ANSWER_MS
    look()
    server.quiet.clear()
    due = town.hub.next_at()
    assert due is not None
    town.clock.now = due
    town.hub.poll(0)
    idle.append(town.player.idle)
    look()
    assert idle == [False, True, False, True]


def test_every_kind_of_action_has_a_script() -> None:
    from typing import get_args

    from seal_firmware_sim.scenarios import scripts

    assert set(get_args(fmt.Action)) == set(scripts._SCRIPTS)
