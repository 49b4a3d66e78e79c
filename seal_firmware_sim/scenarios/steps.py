"""What every visit to a sleeve is made of: apply and be approved, unlock, be recognised, press."""

from __future__ import annotations

from typing import Final

from PIL import Image

from seal_firmware_sim import inputs
from seal_firmware_sim.hardware.cameras import View
from seal_firmware_sim.scenarios.scenes import MINUTE, SECOND, Part, Scene, Turn, in_turn
from seal_firmware_sim.scenarios.stage import Actor
from seal_firmware_sim.session import Phase
from seal_firmware_sim.sleeve import Sleeve

ATTEMPTS: Final = 3
"""How often somebody tries to be recognised."""


def phase(sleeve: Sleeve) -> Phase:
    # Asked anew each time: it changes while a script waits.
    return sleeve.phase


def away(scene: Scene, minutes: int) -> Part:
    """No network for so long."""
    sleeve = scene.actor.sleeve
    yield from in_turn(scene, Turn(minutes * MINUTE, lambda: sleeve.set_link(reachable=False)))
    sleeve.set_link(reachable=True)


def approved(scene: Scene) -> Part:
    """Apply, have every step approved, and walk to the sleeve."""
    if scene.progress.application is None:
        scene.progress.application = scene.world.apply(scene.request())
    while not scene.world.approved(scene.application):
        yield scene.action.decide_after * MINUTE + 20 * SECOND
        scene.world.approve(scene.application)
    yield scene.action.walk * MINUTE
    scene.progress.at_sleeve = True


def at_sleeve(
    scene: Scene,
    *,
    view: View = "clear",
    lasting: bool = False,
    who: int | None = None,
    pin: bool = False,
    sheet: Image.Image | None = None,
    seal_text: str = "",
) -> Part:
    """Unlock, count, face or PIN, presses; leaves as soon as the sleeve is idle again. ``view`` is
    the first one, unless it is ``lasting``; ``sheet`` is laid there instead of a clean print, and
    ``seal_text`` is what the seal says instead of what it should."""
    actor, request = scene.actor, scene.request()
    while actor.busy:
        yield 20 * SECOND
    actor.busy = True
    try:
        actor.face.who = scene.world.face(actor.village) if who is None else who
        actor.face.view = view
        actor.page.lay(request.paper, sheet, seal_text)
        yield from unlock(scene)
        if phase(actor.sleeve) is not Phase.COUNT:
            return
        yield 6 * SECOND
        actor.sleeve.do(inputs.EnterCount(request.stamps))
        yield 5 * SECOND
        yield from _identify(scene, pin=pin, lasting=lasting, knows=who is None)
        yield from _press(actor, request.stamps)
        actor.seen.append(actor.sleeve.display)
    finally:
        actor.busy = False
        actor.face.view = "clear"


def unlock(scene: Scene) -> Part:
    sleeve = scene.actor.sleeve
    if sleeve.reachable:
        sleeve.do(inputs.RequestUnlock(job=scene.world.job(scene.application)))
    else:
        sleeve.do(inputs.RequestUnlock(grant=scene.world.grant(scene.application)))
    yield lambda: phase(sleeve) is not Phase.REQUESTED
    scene.actor.seen.append(sleeve.display)


def _identify(scene: Scene, *, pin: bool, lasting: bool, knows: bool) -> Part:
    """Show the face, or type PINs: an honest person who ``knows`` them does so rather than show an
    awkward face a third time."""
    actor = scene.actor
    sleeve = actor.sleeve
    pins = inputs.EnterPin(*scene.world.pins(actor.village))
    for attempt in range(ATTEMPTS):
        if phase(sleeve) is not Phase.IDENTIFY:
            return
        instead = knows and not (pin or lasting) and attempt == ATTEMPTS - 1
        sleeve.do(pins if pin or instead else inputs.PresentFace())
        if instead and phase(sleeve) is Phase.IDENTIFY:  # they are not allowed here
            sleeve.do(inputs.PresentFace())
        yield lambda: phase(sleeve) not in (Phase.CAPTURING, Phase.CHECKING)
        if not sleeve.reachable and phase(sleeve) is Phase.IDENTIFY:
            yield 3 * SECOND
            sleeve.do(pins)
        actor.seen.append(sleeve.display)
        if phase(sleeve) is Phase.IDENTIFY:
            yield (8 + attempt) * SECOND
            if not lasting:
                actor.face.view = "clear"


def _press(actor: Actor, times: int) -> Part:
    sleeve = actor.sleeve
    for _ in range(times):
        if phase(sleeve) is not Phase.READY:
            return
        yield 4 * SECOND
        sleeve.do(inputs.Press())
        yield 700
        sleeve.do(inputs.Release())
        yield lambda: phase(sleeve) in (Phase.READY, Phase.IDLE)
