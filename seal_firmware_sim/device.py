"""One simulated sleeve on a broker, with its parts in reach."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from seal_firmware_sim.credentials import Credentials
from seal_firmware_sim.effects import Effect
from seal_firmware_sim.hardware.flash import MemoryFlash
from seal_firmware_sim.hardware.mechanism import SimMechanism, SimSwitches
from seal_firmware_sim.hardware.ports import FaceCamera, Flash, Hardware, PageCamera
from seal_firmware_sim.hardware.senses import MotionSensor, SimBattery, SimClock, SimReceiver
from seal_firmware_sim.hub import Hub
from seal_firmware_sim.sleeve import Sleeve


@dataclass(frozen=True, slots=True)
class Device:
    """A sleeve and those of its parts that somebody may lay hands on."""

    credentials: Credentials
    sleeve: Sleeve
    mechanism: SimMechanism
    switches: SimSwitches
    clock: SimClock
    motion: MotionSensor
    battery: SimBattery


def assemble(
    credentials: Credentials,
    hub: Hub,
    *,
    face_camera: FaceCamera,
    page_camera: PageCamera,
    dice: random.Random,
    flash: Flash | None = None,
    persistent: bool = True,
    on_change: Callable[[Sleeve], None] | None = None,
    on_effect: Callable[[Sleeve, Effect], None] | None = None,
) -> Device:
    """A sleeve of ``credentials`` on ``hub``; it has no power yet.

    ``dice`` is all its randomness (a ``random.SystemRandom`` where keys must be secret). Without
    ``flash`` it forgets everything when the program ends.

    Raises:
        CredentialsError: when a key is none.
    """
    receiver = SimReceiver(credentials.position())
    mechanism, switches = SimMechanism(credentials.start.total), SimSwitches()
    clock, motion, battery = SimClock(hub.clock), MotionSensor(receiver), SimBattery()

    def changed(sleeve: Sleeve) -> None:
        hub.changed(sleeve)
        if on_change is not None:
            on_change(sleeve)

    sleeve = Sleeve(
        credentials.identity(),
        Hardware(
            mechanism=mechanism,
            flash=flash or MemoryFlash(),
            face_camera=face_camera,
            page_camera=page_camera,
            clock=clock,
            receiver=receiver,
            battery=battery,
            switches=switches,
            sources=(motion,),
        ),
        hub.transport(credentials.mqtt, credentials.device, persistent=persistent),
        clock=hub.clock,
        link_clock=hub.link_clock,
        entropy=dice.randbytes,
        on_change=changed,
        on_effect=on_effect,
    )
    return Device(credentials, sleeve, mechanism, switches, clock, motion, battery)
