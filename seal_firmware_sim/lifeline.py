"""That the sleeve is alive: its retained state, its last will, its heartbeats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.protocol import envelope, topics
from gateway.protocol.messages import Heartbeat, State
from seal_firmware_sim.core import Core
from seal_firmware_sim.effects import Publish
from seal_firmware_sim.session import Phase, Session
from seal_firmware_sim.timekeeping import Timekeeper

NEW_KEY_MS: Final = 5_000
"""How long a heartbeat is put off while no receipt covers the change of the key that signs it."""


@dataclass(frozen=True, slots=True)
class Pending:
    """What is not done yet. ``events`` and ``pictures`` wait for the server; ``awaiting``: an
    answer of the server is awaited; ``in_use``: a use is open or being asked for."""

    events: int
    pictures: int
    awaiting: bool
    in_use: bool


class Lifeline:
    """Heartbeats while connected; each asks the server for its time."""

    def __init__(self, core: Core, time: Timekeeper, session: Session) -> None:
        self._core = core
        self._time = time
        self._session = session
        self.due: int | None = None
        """When (mono) the next heartbeat goes out."""

    def state(self, *, online: bool) -> tuple[str, bytes]:
        """Topic and payload of the retained state."""
        state = State(online=online, boot=self._core.memory.boot)
        return topics.state(self._core.device), envelope.encode_state(state)

    def connected(self, pending: Pending) -> None:
        """Say so, and ask for the time at once."""
        topic, payload = self.state(online=True)
        self._core.act(Publish(topic, payload, retain=True))
        self.beat(pending)

    def disconnected(self) -> None:
        """Nobody hears a heartbeat now."""
        self.due = None

    def beat(self, pending: Pending) -> None:
        """Send a heartbeat and set the time for the next one."""
        core = self._core
        key = core.memory.key
        if key is not None and key.counter > core.memory.through:
            # The server may not know the new key yet, and would take the heartbeat for a forgery.
            self.due = core.moment.mono + NEW_KEY_MS
            return
        body = Heartbeat(
            through=core.memory.counter,
            battery=min(max(core.sensed.battery, 0), 100),
            temperature=min(max(core.sensed.temperature, -60.0), 120.0),
            firmware=core.identity.firmware,
            clock_trusted=self._time.trusted,
            locked=self._session.phase is not Phase.PRESSING,
            pending_events=pending.events,
            pending_pictures=pending.pictures,
            flash_free=max(0, core.picture_room),
            position=core.position,
            nonce=self._time.nonce(),
        )
        raw = envelope.seal_event(
            body, core.signer, device=core.device, boot=core.memory.boot, time=core.wall
        )
        core.act(Publish(topics.up(core.device, topics.HEARTBEAT), raw, qos=0))
        self.due = core.moment.mono + self._session.config.heartbeat_ms
