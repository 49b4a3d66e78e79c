"""One sleeve: firmware, hardware and transport put together. Carries out effects, in order."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import assert_never

from gateway.protocol import envelope, topics
from gateway.protocol.limits import MAX_PIECE_DATA
from gateway.protocol.messages import Piece
from seal_firmware_sim import effects as fx
from seal_firmware_sim import inputs
from seal_firmware_sim.firmware import BootFacts, BootReason, Due, Firmware
from seal_firmware_sim.hardware.flash import MemoryFlash
from seal_firmware_sim.hardware.ports import CameraFailure, FlashFailure, Hardware, Source
from seal_firmware_sim.identity import Entropy, Identity
from seal_firmware_sim.inputs import Input, Moment
from seal_firmware_sim.lifeline import Pending
from seal_firmware_sim.session import Phase
from seal_firmware_sim.transport import PieceToken, Transport

Clock = Callable[[], int]
"""Gives ms since the epoch."""

HALTED = "存储故障，套筒已停机：请断电后重新启动，仍不行请联系维护人员"
OFF = ""


class PowerCut(Exception):
    """The simulated supply failed between two effects."""


class Sleeve:
    """A sleeve that a person, a scenario or a test works at.

    ``clock`` is the true time that also drives timers; ``link_clock`` times the waiting for the
    network and defaults to ``clock`` (give wall-clock ms where scenario time runs faster than the
    network). ``entropy`` is all its randomness. ``on_effect`` sees each effect after it was carried
    out, ``on_change`` is called after each input.

    Single-threaded: all calls must come from one thread.
    """

    def __init__(
        self,
        identity: Identity,
        hardware: Hardware,
        transport: Transport,
        *,
        clock: Clock,
        entropy: Entropy,
        link_clock: Clock | None = None,
        on_effect: Callable[[Sleeve, fx.Effect], None] | None = None,
        on_change: Callable[[Sleeve], None] | None = None,
    ) -> None:
        self.identity = identity
        self.hardware = hardware
        self.transport = transport
        self.display = OFF
        self.tone: fx.Tone = "info"
        self.reachable = True
        """Whether the sleeve may use the network; see :meth:`set_link`."""
        self.cut_after: int | None = None
        """Cut the power when this many more effects were carried out."""
        self._clock = clock
        self._link_clock = link_clock or clock
        self._entropy = entropy
        self._on_effect = on_effect
        self._on_change = on_change
        self._firmware: Firmware | None = None
        self._mono = 0
        self._link = 0
        self._queue: deque[Input] = deque()
        self._busy = False

    # ── power ────────────────────────────────────────────────────────────────────────────────────

    @property
    def powered(self) -> bool:
        """Whether the firmware runs."""
        return self._firmware is not None

    def power_on(self, reason: BootReason = "power_on") -> None:
        """Start the firmware from flash and begin to connect. Nothing if it runs."""
        if self._firmware is not None:
            return
        hardware = self.hardware
        try:
            facts = BootFacts(
                reason,
                hardware.mechanism.total,
                hardware.mechanism.closed,
                hardware.switches.open_now(),
                hardware.flash.pictures(),
            )
            image = hardware.flash.read()
        except FlashFailure:
            self._show(HALTED, "alarm")
            return
        self._firmware, first = self._boot(image, facts)
        self._perform(first)
        self._sense()
        self._connect()

    def _boot(self, image: bytes, facts: BootFacts) -> tuple[Firmware, list[fx.Effect]]:
        return Firmware.boot(self.identity, image, self._entropy, facts, self._now())

    def power_off(self) -> None:
        """The power is cut, at whatever point. Unflushed writes are lost or torn."""
        if self._firmware is None:
            return
        self._firmware = None
        self._queue.clear()
        self.cut_after = None
        self.hardware.mechanism.power_lost()
        if isinstance(self.hardware.flash, MemoryFlash):
            dice = random.Random(self._entropy(8))
            self.hardware.flash.cut(dice)
        self.transport.drop()
        self._show(OFF, "info")
        self._changed()

    # ── what happens to it ───────────────────────────────────────────────────────────────────────

    def do(self, happened: Input) -> None:
        """An operator's action or a hardware report, after what the parts had to report before.
        Nothing without power."""
        if self._firmware is None:
            return
        for source in self._sources():
            self._queue.extend(source.poll(self._now().mono))
        self._queue.append(happened)
        self._drain()

    def tick(self) -> None:
        """Time passed: take in what the parts report and fire the timers that are due."""
        self.do(inputs.Tick())

    def set_link(self, *, reachable: bool) -> None:
        """Cut the network off, or let the sleeve connect again."""
        if reachable == self.reachable:
            return
        self.reachable = reachable
        if reachable:
            self._connect()
            self._changed()
        else:
            self.transport.drop()
            self.do(inputs.Disconnected())

    def connected(self) -> None:
        """From the transport."""
        self._sense()
        self.do(inputs.Connected())

    def disconnected(self) -> None:
        """From the transport."""
        self.do(inputs.Disconnected())

    def received(self, topic: str, payload: bytes) -> None:
        """From the transport."""
        self.do(inputs.Received(topic, payload))

    def piece_delivered(self, token: PieceToken) -> None:
        """From the transport."""
        self.do(inputs.PieceDelivered(*token))

    # ── what others may ask ──────────────────────────────────────────────────────────────────────

    @property
    def device(self) -> str:
        """The sleeve's id."""
        return self.identity.device

    @property
    def firmware(self) -> Firmware | None:
        """The firmware while it runs."""
        return self._firmware

    @property
    def phase(self) -> Phase:
        """What the sleeve waits for; idle without power."""
        return Phase.IDLE if self._firmware is None else self._firmware.phase

    @property
    def online(self) -> bool:
        """Whether the firmware has a connection."""
        return self._firmware is not None and self._firmware.core.connected

    def pending(self) -> Pending:
        """What is not done yet; nothing without power."""
        if self._firmware is None:
            return Pending(0, 0, awaiting=False, in_use=False)
        return self._firmware.pending()

    def idle(self) -> bool:
        """Whether only time, a person or the hardware can make anything happen.

        That is: everything is receipted, every picture complete and no answer awaited; or there is
        no network on purpose, so that nothing of this can change.
        """
        if self._firmware is None or not self.reachable:
            return True
        pending = self._firmware.pending()
        done = not (pending.events or pending.pictures or pending.awaiting)
        return self._firmware.core.connected and done

    def due(self) -> Due:
        """When :meth:`tick` must be called at the latest: in ``clock`` and ``link_clock`` ms."""
        if self._firmware is None:
            return Due(None, None)
        due = self._firmware.due()
        reports = [at for source in self._sources() if (at := source.next_at()) is not None]
        return Due(
            min((at for at in (due.mono, *reports) if at is not None), default=None), due.link
        )

    def next_timer(self) -> int | None:
        """When (``clock`` ms) something happens by itself at the earliest."""
        return self.due().mono

    # ── inside ───────────────────────────────────────────────────────────────────────────────────

    def _connect(self) -> None:
        if self._firmware is not None and self.reachable:
            self.transport.open(self, self._firmware.will())

    def _sources(self) -> tuple[Source, ...]:
        return (self.hardware.mechanism, self.hardware.switches, *self.hardware.sources)

    def _now(self) -> Moment:
        # A clock that was set back must not stop the timers.
        self._mono = max(self._mono, self._clock())
        self._link = max(self._link, self._link_clock())
        return Moment(self._mono, self.hardware.clock.read(), self._link)

    def _sense(self) -> None:
        parts = self.hardware
        self.do(
            inputs.Sensed(
                parts.battery.percent(), parts.battery.temperature(), parts.receiver.fix()
            )
        )

    def _drain(self) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            while self._queue and self._firmware is not None:
                self._perform(self._firmware.step(self._queue.popleft(), self._now()))
            self._queue.clear()
        finally:
            self._busy = False
        self._changed()

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change(self)

    def _perform(self, wanted: list[fx.Effect]) -> None:
        try:
            for effect in wanted:
                if self.cut_after is not None:
                    if self.cut_after <= 0:
                        raise PowerCut
                    self.cut_after -= 1
                self._carry_out(effect)
                if self._on_effect is not None:
                    self._on_effect(self, effect)
        except PowerCut:
            self.power_off()
        except FlashFailure:
            # Memory is ahead of flash now. Nothing of the step was done; starting anew from flash
            # is the only honest state.
            self.power_off()
            self._show(HALTED, "alarm")

    def _carry_out(self, effect: fx.Effect) -> None:
        parts = self.hardware
        match effect:
            case fx.PutPicture(commit, data):
                parts.flash.put_picture(commit, data)
            case fx.AppendFlash(data):
                parts.flash.append(data)
            case fx.FlushFlash():
                parts.flash.flush()
            case fx.ReplaceFlash(data):
                parts.flash.replace(data)
            case fx.DropPicture(commit):
                parts.flash.drop_picture(commit)
            case fx.Publish(topic, payload, qos, retain):
                self.transport.publish(topic, payload, qos=qos, retain=retain)
            case fx.PublishPiece(commit, index):
                self._send_piece(commit, index)
            case fx.Actuate(command):
                parts.mechanism.actuate(command, self._mono)
            case fx.TakeFaces():
                self._queue.append(self._faces(effect))
            case fx.TakePage():
                self._queue.append(self._page(effect))
            case fx.SetClock(time):
                parts.clock.set(time)
            case fx.Show(text, tone):
                self._show(text, tone)
            case _:
                assert_never(effect)

    def _send_piece(self, commit: bytes, index: int) -> None:
        data = self.hardware.flash.read_picture(commit)
        part = data[index * MAX_PIECE_DATA : (index + 1) * MAX_PIECE_DATA]
        payload = envelope.encode_piece(Piece(commit=commit, index=index, data=part))
        topic = topics.up(self.device, topics.PIECE)
        self.transport.publish(topic, payload, qos=1, retain=False, token=(commit, index))

    def _faces(self, wanted: fx.TakeFaces) -> Input:
        parts = self.hardware
        try:
            taken = parts.face_camera.burst(wanted.frames, wanted.challenge)
        except CameraFailure as error:
            return inputs.FacesTaken(wanted.use, wanted.attempt, (), str(error))
        matched = None
        if wanted.match and parts.matcher is not None:
            matched = parts.matcher.match(taken, wanted.match)
        return inputs.FacesTaken(wanted.use, wanted.attempt, taken, "", matched)

    def _page(self, wanted: fx.TakePage) -> Input:
        try:
            taken = self.hardware.page_camera.photograph(wanted.stage, wanted.press)
        except CameraFailure as error:
            return inputs.PageTaken(wanted.use, wanted.press, wanted.stage, None, str(error))
        return inputs.PageTaken(wanted.use, wanted.press, wanted.stage, taken)

    def _show(self, text: str, tone: fx.Tone) -> None:
        self.display, self.tone = text, tone
