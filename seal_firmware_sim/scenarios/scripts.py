"""How each action is played: a script yields how long to wait, or what for."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Final

from gateway.protocol import cose, envelope, topics
from gateway.protocol.messages import Fault, GrantBurnt, Position, Stamped, Tamper, UseFinished
from seal_firmware_sim import inputs
from seal_firmware_sim.hardware import sheets
from seal_firmware_sim.hardware.cameras import typeset
from seal_firmware_sim.scenarios import format as fmt
from seal_firmware_sim.scenarios import paper_scripts
from seal_firmware_sim.scenarios.scenes import MINUTE, SECOND, Scene, Turn, in_turn
from seal_firmware_sim.scenarios.stage import Actor, Script
from seal_firmware_sim.scenarios.steps import approved, at_sleeve, away, phase, unlock
from seal_firmware_sim.session import Phase

_METRES_PER_DEGREE: Final = 111_320


def script(scene: Scene) -> Script:
    """The script of the scene's action."""
    return _SCRIPTS[type(scene.action)](scene)


# ── honest ───────────────────────────────────────────────────────────────────────────────────────


def _use(scene: Scene) -> Script:
    action, actor = scene.action, scene.actor
    if scene.progress.until is None:
        yield from approved(scene)
        if action.offline:
            grant = scene.world.grant(scene.application)
            yield lambda: actor.holds(grant) and actor.idle
            actor.sleeve.set_link(reachable=False)
        sheet = None
        if action.signed:
            dice = random.Random(f"{scene.stage.seed}-{scene.number}")
            sheet = sheets.signed(typeset(scene.request().paper), dice)
        yield from at_sleeve(scene, view=action.first_view, pin=action.pin, sheet=sheet)
    if action.offline:
        yield from away(scene, action.back_after)


# ── cheating ─────────────────────────────────────────────────────────────────────────────────────


def _forced_stamp(scene: Scene) -> Script:
    actor = scene.actor
    actor.device.mechanism.force(actor.now())
    actor.sleeve.tick()
    yield 5 * SECOND


def _over_count(scene: Scene) -> Script:
    yield from approved(scene)
    yield from at_sleeve(scene)
    actor = scene.actor
    actor.stamp_secretly(actor.firmware.session.last_done, scene.action.stamps + 1)
    yield 5 * SECOND


def _reused_grant(scene: Scene) -> Script:
    yield from approved(scene)
    yield from at_sleeve(scene)
    yield 3 * MINUTE
    actor = scene.actor
    use = actor.firmware.core.memory.counter + 1
    actor.inject(GrantBurnt(grant=scene.world.grant(scene.application), use=use))
    yield 20 * SECOND
    actor.stamp_secretly(use, 1)
    yield 4 * SECOND
    actor.inject(UseFinished(use=use, presses=1, reason="done"))
    yield 4 * SECOND


def _wrong_sleeve(scene: Scene) -> Script:
    yield from approved(scene)
    other = scene.stage.actors[scene.action.village, scene.action.other].sleeve
    other.do(inputs.RequestUnlock(grant=scene.world.grant(scene.application)))
    yield lambda: phase(other) is not Phase.REQUESTED
    yield 2 * MINUTE
    # Refused there, the paper is then stamped where it belongs.
    yield from at_sleeve(scene)


def _wrong_face(scene: Scene) -> Script:
    yield from approved(scene)
    yield from at_sleeve(scene, who=scene.action.face)


def _held_up_photo(scene: Scene) -> Script:
    yield from approved(scene)
    yield from at_sleeve(scene, view="photograph", lasting=True)


def _covered_camera(scene: Scene) -> Script:
    yield from approved(scene)
    yield from at_sleeve(scene, view="covered", lasting=True)


def _seal_out(scene: Scene) -> Script:
    actor, ms = scene.actor, scene.action.minutes * MINUTE
    yield from in_turn(
        scene,
        Turn(ms, lambda: _switch(actor, "seal", is_open=True)),
        Turn(ms, lambda: _switch(actor, "seal", is_open=False)),
    )


def _switch(actor: Actor, switch: inputs.Switch, *, is_open: bool) -> None:
    actor.device.switches.set(switch, is_open=is_open)
    actor.sleeve.tick()


def _motor_nudge(scene: Scene) -> Script:
    actor = scene.actor
    actor.device.mechanism.nudge("motor", actor.now())
    actor.sleeve.tick()
    yield 5 * SECOND


def _carried_away(scene: Scene) -> Script:
    action, actor = scene.action, scene.actor
    if actor.home is None:
        raise RuntimeError(f"{actor.sleeve.device} has no home to be carried from")
    north = action.metres / _METRES_PER_DEGREE
    away = Position(lat=actor.home.lat + north, lon=actor.home.lon, accuracy=8.0)

    def carry(place: Position, *, moving: bool) -> None:
        actor.device.motion.carry(place, moving=moving)
        actor.sleeve.tick()

    half, home = action.minutes * MINUTE // 2, actor.home
    yield from in_turn(
        scene,
        Turn(half, lambda: carry(away, moving=True)),
        Turn(half, lambda: carry(away, moving=False)),
        Turn(half, lambda: carry(home, moving=False)),
    )


def _silent(scene: Scene) -> Script:
    yield from away(scene, scene.action.minutes)


def _clock_back(scene: Scene) -> Script:
    actor, sleeve = scene.actor, scene.actor.sleeve

    def cut_off() -> None:
        sleeve.set_link(reachable=False)

    def turn_back() -> None:
        actor.device.clock.shift(-scene.action.minutes * MINUTE)

    def try_button() -> None:
        turn_back()
        actor.inject(Fault(code="sensor", detail="self test"))

    def still_back() -> None:
        cut_off()
        turn_back()

    yield from in_turn(
        scene,
        # Something that carries the right time goes before, so that going back is seen.
        Turn(2 * MINUTE, lambda: actor.inject(Tamper(switch="case", open=False)), _nothing),
        Turn(MINUTE, cut_off),
        Turn(MINUTE, try_button, still_back),
    )
    sleeve.set_link(reachable=True)


def _nothing() -> None:
    """For a condition that is over at once."""


def _jam(scene: Scene) -> Script:
    yield from approved(scene)
    scene.actor.device.mechanism.habits.stuck_ms = 40 * SECOND
    yield from at_sleeve(scene)


def _withheld(scene: Scene) -> Script:
    actor, progress = scene.actor, scene.progress

    def withhold() -> None:
        actor.wire.withhold(progress.withheld)

    def case(*, is_open: bool) -> None:
        withhold()
        _switch(actor, "case", is_open=is_open)

    if progress.until is None:
        progress.withheld = actor.firmware.core.memory.counter + 1
    yield from in_turn(
        scene,
        Turn(40 * SECOND, lambda: case(is_open=True)),
        Turn(40 * SECOND, lambda: case(is_open=False)),
        Turn(scene.action.minutes * MINUTE, _nothing, withhold),
    )
    actor.wire.let_go()
    actor.sleeve.tick()
    yield lambda: actor.idle


def _cloned_key(scene: Scene) -> Script:
    actor = scene.actor
    actor.inject(Fault(code="sensor", detail="self test"))
    yield lambda: actor.idle
    core = actor.firmware.core
    body = Stamped(use=0, press=0, total=actor.device.mechanism.total, contact_ms=500)
    signer: cose.Signer = core.signer
    forged = envelope.seal_event(
        body,
        signer,
        device=actor.sleeve.device,
        boot=core.memory.boot,
        time=actor.device.clock.read(),
        counter=core.memory.counter,
        prev=bytes(31) + b"\x01",
    )
    actor.wire.publish(topics.up(actor.sleeve.device, body.type), forged, qos=1, retain=False)
    yield 5 * SECOND


def _self_approval(scene: Scene) -> Script:
    world = scene.world
    if scene.progress.application is None:
        scene.progress.application = world.apply(scene.request(), own=True)
        if not world.approve_own(scene.application):
            raise RuntimeError("the door let somebody approve their own application")
    # Somebody else decides; then it is a use like any other.
    yield from approved(scene)
    yield from at_sleeve(scene)


def _overdue(scene: Scene) -> Script:
    if scene.progress.application is None:
        scene.progress.application = scene.world.apply(scene.request())
    yield SECOND


def _abandoned(scene: Scene) -> Script:
    yield from approved(scene)
    actor = scene.actor
    yield from unlock(scene)
    yield 4 * SECOND
    yield lambda: actor.idle
    actor.sleeve.power_off()
    yield SECOND


def _unused(scene: Scene) -> Script:
    yield from approved(scene)


_SCRIPTS: Final[Mapping[type, Callable[[Scene], Script]]] = {
    fmt.Use: _use,
    fmt.AlteredAmount: paper_scripts.altered_amount,
    fmt.SwappedPage: paper_scripts.swapped_page,
    fmt.BlankSheet: paper_scripts.blank_sheet,
    fmt.OtherImprint: paper_scripts.other_imprint,
    fmt.ForcedStamp: _forced_stamp,
    fmt.OverCount: _over_count,
    fmt.ReusedGrant: _reused_grant,
    fmt.WrongSleeve: _wrong_sleeve,
    fmt.WrongFace: _wrong_face,
    fmt.HeldUpPhoto: _held_up_photo,
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
    fmt.Unused: _unused,
}
