"""How each action is played: a script yields how long to wait, or what for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.protocol import cose, envelope, topics
from gateway.protocol.messages import Fault, GrantBurnt, Position, Stamped, Tamper
from seal_firmware_sim import inputs
from seal_firmware_sim.hardware.cameras import Paper, View
from seal_firmware_sim.scenarios import format as fmt
from seal_firmware_sim.scenarios.stage import Actor, Request, Script, World
from seal_firmware_sim.session import Phase
from seal_firmware_sim.sleeve import Sleeve

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
_METRES_PER_DEGREE: Final = 111_320


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything a script may use. ``actors`` by (village, seal)."""

    world: World
    actors: Mapping[tuple[int, str], Actor]
    paper_seed: Callable[[], int]

    def actor(self, action: Any) -> Actor:
        """The sleeve that an action names."""
        return self.actors[action.village, action.seal]

    def request(self, action: Any) -> Request:
        """The application that an action starts with."""
        text = self.world.seal_text(action.village, action.seal)
        return Request(
            village=action.village,
            seal=action.seal,
            matter=action.matter,
            title=action.title,
            purpose=action.purpose,
            stamps=action.stamps,
            paper=Paper(action.paper, self.paper_seed(), text),
            amount=action.amount,
            counterparty=action.counterparty,
        )


def _phase(sleeve: Sleeve) -> Phase:
    # Asked anew each time: it changes while a script waits.
    return sleeve.phase


def script(stage: Stage, action: fmt.Action) -> Script:
    """The script of ``action``."""
    return _SCRIPTS[type(action)](stage, action)


# ── honest ───────────────────────────────────────────────────────────────────────────────────────


def _use(stage: Stage, action: fmt.Use) -> Script:
    actor = stage.actor(action)
    request = stage.request(action)
    application = yield from _approved(stage, action, request)
    if action.offline:
        # The grant was pushed ahead; give it time to arrive before the network goes.
        yield lambda: actor.idle
        actor.sleeve.set_link(reachable=False)
    yield from _at_sleeve(
        stage, actor, application, request, first_view=action.first_view, pin=action.pin
    )
    if action.offline:
        yield action.back_after * MINUTE
        actor.sleeve.set_link(reachable=True)


def _approved(stage: Stage, action: Any, request: Request) -> Any:
    application = stage.world.apply(request)
    done = False
    while not done:
        yield action.decide_after * MINUTE + 20 * SECOND
        done = stage.world.approve(application)
    yield action.walk * MINUTE
    return application


def _at_sleeve(
    stage: Stage,
    actor: Actor,
    application: str,
    request: Request,
    *,
    first_view: View = "clear",
    who: int | None = None,
    pin: bool = False,
    presses: int | None = None,
) -> Any:
    """Unlock, count, face or PIN, presses; leaves as soon as the sleeve is idle again."""
    while actor.busy:
        yield 20 * SECOND
    actor.busy = True
    try:
        sleeve = actor.sleeve
        actor.face.who = stage.world.face(actor.village) if who is None else who
        actor.face.view = first_view
        actor.page.lay(request.paper)
        offline = not sleeve.reachable
        wanted = (
            inputs.RequestUnlock(grant=stage.world.grant(application))
            if offline
            else inputs.RequestUnlock(job=stage.world.job(application))
        )
        sleeve.do(wanted)
        yield lambda: _phase(sleeve) is not Phase.REQUESTED
        actor.seen.append(sleeve.display)
        if _phase(sleeve) is not Phase.COUNT:
            return False
        yield 6 * SECOND
        sleeve.do(inputs.EnterCount(request.stamps))
        yield 5 * SECOND
        if offline or pin:
            operator_pin, witness, witness_pin = stage.world.pins(actor.village)
        for attempt in range(3):
            if _phase(sleeve) is not Phase.IDENTIFY:
                break
            if pin:
                sleeve.do(inputs.EnterPin(operator_pin, witness, witness_pin))
            else:
                sleeve.do(inputs.PresentFace())
            yield lambda: _phase(sleeve) not in (Phase.CAPTURING, Phase.CHECKING)
            if offline and _phase(sleeve) is Phase.IDENTIFY:
                yield 3 * SECOND
                sleeve.do(inputs.EnterPin(operator_pin, witness, witness_pin))
            actor.seen.append(sleeve.display)
            if _phase(sleeve) is Phase.IDENTIFY:
                yield (8 + attempt) * SECOND
                if who is None and first_view != "broken":
                    actor.face.view = "clear" if first_view != "covered" else first_view
        for _ in range(request.stamps if presses is None else presses):
            if _phase(sleeve) is not Phase.READY:
                break
            yield 4 * SECOND
            sleeve.do(inputs.Press())
            yield 700
            sleeve.do(inputs.Release())
            yield lambda: _phase(sleeve) in (Phase.READY, Phase.IDLE)
        actor.seen.append(sleeve.display)
        return True
    finally:
        actor.busy = False
        actor.face.view = "clear"


# ── cheating ─────────────────────────────────────────────────────────────────────────────────────


def _forced_stamp(stage: Stage, action: fmt.ForcedStamp) -> Script:
    actor = stage.actor(action)
    actor.mechanism.force(actor.now())
    actor.sleeve.tick()
    yield 5 * SECOND


def _over_count(stage: Stage, action: fmt.OverCount) -> Script:
    actor, request = stage.actor(action), stage.request(action)
    application = yield from _approved(stage, action, request)
    sleeve = actor.sleeve
    yield from _at_sleeve(stage, actor, application, request)
    firmware = sleeve.firmware
    if firmware is None:
        return
    actor.mechanism.total += 1
    last = firmware.session.last_done
    actor.inject(
        Stamped(
            use=last,
            press=request.stamps + 1,
            total=actor.mechanism.total,
            contact_ms=430,
            position=actor.home,
        )
    )
    yield 5 * SECOND


def _reused_grant(stage: Stage, action: fmt.ReusedGrant) -> Script:
    actor, request = stage.actor(action), stage.request(action)
    application = yield from _approved(stage, action, request)
    yield from _at_sleeve(stage, actor, application, request)
    yield 3 * MINUTE
    firmware = actor.sleeve.firmware
    if firmware is None:
        return
    use = firmware.core.memory.counter + 1
    actor.inject(GrantBurnt(grant=stage.world.grant(application), use=use))
    yield 4 * SECOND


def _wrong_sleeve(stage: Stage, action: fmt.WrongSleeve) -> Script:
    request = stage.request(action)
    application = yield from _approved(stage, action, request)
    other = stage.actors[action.village, action.other].sleeve
    other.do(inputs.RequestUnlock(grant=stage.world.grant(application)))
    yield lambda: _phase(other) is not Phase.REQUESTED
    yield 2 * MINUTE
    # Refused there, the paper is then stamped where it belongs.
    yield from _at_sleeve(stage, stage.actor(action), application, request)


def _wrong_face(stage: Stage, action: fmt.WrongFace) -> Script:
    request = stage.request(action)
    application = yield from _approved(stage, action, request)
    yield from _at_sleeve(stage, stage.actor(action), application, request, who=action.face)


def _covered_camera(stage: Stage, action: fmt.CoveredCamera) -> Script:
    request = stage.request(action)
    application = yield from _approved(stage, action, request)
    yield from _at_sleeve(stage, stage.actor(action), application, request, first_view="covered")


def _seal_out(stage: Stage, action: fmt.SealOut) -> Script:
    actor = stage.actor(action)
    for is_open in (True, False):
        actor.switches.set("seal", is_open=is_open)
        actor.sleeve.tick()
        yield action.minutes * MINUTE


def _motor_nudge(stage: Stage, action: fmt.MotorNudge) -> Script:
    actor = stage.actor(action)
    actor.mechanism.nudge("motor", actor.now())
    actor.sleeve.tick()
    yield 5 * SECOND


def _carried_away(stage: Stage, action: fmt.CarriedAway) -> Script:
    actor = stage.actor(action)
    if actor.home is None:
        return
    north = action.metres / _METRES_PER_DEGREE
    away = Position(lat=actor.home.lat + north, lon=actor.home.lon, accuracy=8.0)
    for place, moving in ((away, True), (away, False), (actor.home, False)):
        actor.motion.carry(place, moving=moving)
        actor.sleeve.tick()
        yield action.minutes * MINUTE // 2


def _silent(stage: Stage, action: fmt.Silent) -> Script:
    actor = stage.actor(action)
    actor.sleeve.set_link(reachable=False)
    yield action.minutes * MINUTE
    actor.sleeve.set_link(reachable=True)


def _clock_back(stage: Stage, action: fmt.ClockBack) -> Script:
    actor = stage.actor(action)
    # Something that carries the right time goes before, so that going back is seen.
    actor.inject(Tamper(switch="case", open=False))
    yield 2 * MINUTE
    actor.sleeve.set_link(reachable=False)
    yield MINUTE
    actor.clock.shift(-action.minutes * MINUTE)
    actor.inject(Fault(code="sensor", detail="self test"))
    yield MINUTE
    actor.sleeve.set_link(reachable=True)


def _jam(stage: Stage, action: fmt.Jam) -> Script:
    actor, request = stage.actor(action), stage.request(action)
    application = yield from _approved(stage, action, request)
    actor.mechanism.habits.stuck_ms = 40 * SECOND
    yield from _at_sleeve(stage, actor, application, request)


def _withheld(stage: Stage, action: fmt.Withheld) -> Script:
    actor = stage.actor(action)
    firmware = actor.sleeve.firmware
    if firmware is None:
        return
    actor.transport.withheld.add(firmware.core.memory.counter + 1)
    actor.switches.set("case", is_open=True)
    actor.sleeve.tick()
    yield 40 * SECOND
    actor.switches.set("case", is_open=False)
    actor.sleeve.tick()
    yield action.minutes * MINUTE
    actor.transport.withheld.clear()


def _cloned_key(stage: Stage, action: fmt.ClonedKey) -> Script:
    actor = stage.actor(action)
    actor.inject(Fault(code="sensor", detail="self test"))
    yield lambda: actor.idle
    firmware = actor.sleeve.firmware
    if firmware is None:
        return
    core = firmware.core
    body = Stamped(use=0, press=0, total=actor.mechanism.total, contact_ms=500)
    signer: cose.Signer = core.signer
    forged = envelope.seal_event(
        body,
        signer,
        device=actor.sleeve.device,
        boot=core.memory.boot,
        time=actor.clock.read(),
        counter=core.memory.counter,
        prev=bytes(31) + b"\x01",
    )
    actor.transport.publish(topics.up(actor.sleeve.device, body.type), forged, qos=1, retain=False)
    yield 5 * SECOND


def _self_approval(stage: Stage, action: fmt.SelfApproval) -> Script:
    stage.world.approve_own(stage.request(action))
    yield SECOND


def _overdue(stage: Stage, action: fmt.Overdue) -> Script:
    stage.world.apply(stage.request(action))
    yield SECOND


def _abandoned(stage: Stage, action: fmt.Abandoned) -> Script:
    actor, request = stage.actor(action), stage.request(action)
    application = yield from _approved(stage, action, request)
    sleeve = actor.sleeve
    sleeve.do(inputs.RequestUnlock(job=stage.world.job(application)))
    yield lambda: _phase(sleeve) is not Phase.REQUESTED
    yield 4 * SECOND
    yield lambda: actor.idle
    sleeve.power_off()
    yield SECOND


_SCRIPTS: Final[Mapping[type, Callable[[Stage, Any], Script]]] = {
    fmt.Use: _use,
    fmt.ForcedStamp: _forced_stamp,
    fmt.OverCount: _over_count,
    fmt.ReusedGrant: _reused_grant,
    fmt.WrongSleeve: _wrong_sleeve,
    fmt.WrongFace: _wrong_face,
    fmt.CoveredCamera: _covered_camera,
    fmt.SealOut: _seal_out,
    fmt.MotorNudge: _motor_nudge,
    fmt.CarriedAway: _carried_away,
    fmt.Silent: _silent,
    fmt.ClockBack: _clock_back,
    fmt.Jam: _jam,
    fmt.Withheld: _withheld,
    fmt.ClonedKey: _cloned_key,
    fmt.SelfApproval: _self_approval,
    fmt.Overdue: _overdue,
    fmt.Abandoned: _abandoned,
}
