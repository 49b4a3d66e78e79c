"""A small, lawful server and a sleeve on its bench, for tests of the firmware.

The server keeps what a real one keeps (events in order, what is parked, grants, pictures) and
nothing else, so that a test can ask it what really happened.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
from cryptography.hazmat.primitives.asymmetric import x25519

from gateway.protocol import cose, envelope, pictures, topics
from gateway.protocol import messages as m
from seal_firmware_sim.hardware.flash import MemoryFlash
from seal_firmware_sim.hardware.mechanism import SimMechanism, SimSwitches
from seal_firmware_sim.hardware.ports import CameraFailure, Challenge, Hardware
from seal_firmware_sim.hardware.senses import MotionSensor, SimBattery, SimClock, SimReceiver
from seal_firmware_sim.identity import Identity
from seal_firmware_sim.inputs import Stage
from seal_firmware_sim.sleeve import Sleeve
from seal_firmware_sim.transport import LoopbackNetwork, Sent

START = 1_750_000_000_000
HOME = m.Position(lat=30.09, lon=120.24, accuracy=5.0)
DEVICE = "YQ01-W"
GRANT_KEY = cose.Ed25519Signer(b"g" * 32)
RECEIPT_KEY = cose.Ed25519Signer(b"r" * 32)
PICTURE_SECRET = x25519.X25519PrivateKey.from_private_bytes(b"p" * 32)
PICTURE_KEY = PICTURE_SECRET.public_key().public_bytes_raw()
ROUNDS = 10_000


class Clock:
    """Time that a test moves."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


class FakeCamera:
    """Both cameras: tiny pictures, no two alike, or none."""

    def __init__(self, size: int = 40) -> None:
        self.size = size
        self.broken = ""
        self.taken = 0

    def _one(self) -> bytes:
        if self.broken:
            raise CameraFailure(self.broken)
        self.taken += 1
        return b"\xff\xd8" + self.taken.to_bytes(4, "big") + bytes(self.size)

    def burst(self, frames: int, challenge: Challenge) -> tuple[bytes, ...]:
        return tuple(self._one() for _ in range(frames))

    def photograph(self, stage: Stage, press: int) -> bytes:
        return self._one()


@dataclass
class Bench:
    """A sleeve with simulated parts on a loopback network, and its dice."""

    clock: Clock
    network: LoopbackNetwork
    sleeve: Sleeve
    mechanism: SimMechanism
    switches: SimSwitches
    flash: MemoryFlash
    camera: FakeCamera
    rtc: SimClock
    battery: SimBattery
    receiver: SimReceiver
    motion: MotionSensor
    shown: list[str]


def make_identity(device: str = DEVICE, signer: cose.Signer | None = None) -> Identity:
    return Identity(
        device=device,
        signer=signer or cose.Ed25519Signer(b"d" * 32),
        grant_keys={GRANT_KEY.public.kid: GRANT_KEY.public},
        receipt_keys={RECEIPT_KEY.public.kid: RECEIPT_KEY.public},
        picture_key=PICTURE_KEY,
    )


def make_bench(
    *,
    identity: Identity | None = None,
    clock: Clock | None = None,
    network: LoopbackNetwork | None = None,
    seed: int = 1,
    sleeve_type: type[Sleeve] = Sleeve,
    on_effect: Callable[[Sleeve, object], None] | None = None,
) -> Bench:
    identity = identity or make_identity()
    clock = clock or Clock()
    network = network or LoopbackNetwork()
    mechanism, switches, flash = SimMechanism(), SimSwitches(), MemoryFlash()
    camera, rtc, battery = FakeCamera(), SimClock(clock), SimBattery()
    receiver = SimReceiver(HOME)
    motion = MotionSensor(receiver)
    hardware = Hardware(
        mechanism=mechanism,
        flash=flash,
        face_camera=camera,
        page_camera=camera,
        clock=rtc,
        receiver=receiver,
        battery=battery,
        switches=switches,
        sources=(motion,),
    )
    shown: list[str] = []

    def watch(sleeve: Sleeve, effect: object) -> None:
        if sleeve.display and (not shown or shown[-1] != sleeve.display):
            shown.append(sleeve.display)
        if on_effect is not None:
            on_effect(sleeve, effect)

    sleeve = sleeve_type(
        identity,
        hardware,
        network.transport(identity.device),
        clock=clock,
        entropy=random.Random(seed).randbytes,
        on_effect=watch,
    )
    return Bench(
        clock,
        network,
        sleeve,
        mechanism,
        switches,
        flash,
        camera,
        rtc,
        battery,
        receiver,
        motion,
        shown,
    )


def pin_check(pin: str = "246810") -> m.PinCheck:
    salt = b"s" * 16
    digest = hashlib.pbkdf2_hmac("sha256", pin.encode(), salt, ROUNDS)
    return m.PinCheck(salt=salt, rounds=ROUNDS, digest=digest)


@dataclass
class Upload:
    """A picture on its way."""

    ref: m.PictureRef
    pieces: dict[int, bytes] = field(default_factory=dict)

    @property
    def missing(self) -> list[tuple[int, int]]:
        gone = [index for index in range(self.ref.pieces) if index not in self.pieces]
        ranges: list[tuple[int, int]] = []
        for index in gone:
            if ranges and ranges[-1][1] == index - 1:
                ranges[-1] = (ranges[-1][0], index)
            else:
                ranges.append((index, index))
        return ranges


class ModelServer:
    """Accepts, parks, answers and receipts, for one sleeve.

    ``jobs`` maps job codes to the grants they yield. ``faces_ok`` and ``pages_ok`` decide what is
    answered. ``quiet`` names message types that get no answer.
    """

    def __init__(
        self, clock: Clock, *, device: str = DEVICE, key: cose.PublicKey | None = None
    ) -> None:
        self.clock = clock
        self.device = device
        self.key = key or cose.Ed25519Signer(b"d" * 32).public
        self.keys = {self.key.kid: self.key}
        self.jobs: dict[str, m.Grant] = {}
        self.spent: set[str] = set()
        self.events: list[envelope.Message] = []
        self.parked: dict[int, envelope.Message] = {}
        self.heartbeats: list[m.Heartbeat] = []
        self.states: list[m.State] = []
        self.uploads: dict[bytes, Upload] = {}
        self.pictures: dict[bytes, bytes] = {}
        self.raw: dict[int, bytes] = {}
        self.forks = 0
        self.faces_ok = True
        self.pages_ok = True
        self.retry = True
        self.quiet: set[str] = set()
        self.waiting: list[tuple[m.Down, tuple[bytes, ...]]] = []

    # what the sleeve said

    def bodies(self, kind: type[m.Event]) -> list[m.Event]:
        return [event.body for event in self.events if isinstance(event.body, kind)]

    def types(self) -> list[str]:
        return [event.body.type for event in self.events]

    @property
    def through(self) -> int:
        return self.events[-1].counter if self.events else 0

    @property
    def tip(self) -> bytes:
        return self.events[-1].hash if self.events else envelope.GENESIS

    # handling

    def handle(self, sent: Sent) -> list[tuple[str, bytes]]:
        """What the server answers, as (type, signed bytes)."""
        topic = topics.parse(sent.topic)
        if topic.direction == "state":
            self.states.append(envelope.decode_state(sent.payload))
            return []
        if topic.type == topics.PIECE:
            return self._piece(envelope.decode_piece(sent.payload))
        message = envelope.open_event(sent.payload)
        message.signed.verify(self.keys[message.signed.kid])
        assert message.body.type == topic.type
        if isinstance(message.body, m.Heartbeat):
            self.heartbeats.append(message.body)
            if message.body.nonce is None or "time" in self.quiet:
                return []
            return self._say([m.Time(time=self.clock(), nonce=message.body.nonce)])
        return self._event(message)

    def _event(self, message: envelope.Message) -> list[tuple[str, bytes]]:
        known = self.raw.setdefault(message.counter, message.raw)
        if known != message.raw:
            self.forks += 1
            return []
        if message.counter > self.through:
            self.parked[message.counter] = message
        answers: list[m.Down] = []
        while (following := self.parked.pop(self.through + 1, None)) is not None:
            assert following.prev == self.tip, "chain broken"
            self.events.append(following)
            answers += self._accept(following)
        if "receipt" not in self.quiet:
            answers.append(self.receipt())
        return self._say(answers)

    def receipt(self) -> m.Receipt:
        counters = sorted(self.parked)
        return m.Receipt(
            through=self.through,
            tip=self.tip,
            time=self.clock(),
            ranges=[(counter, counter) for counter in counters][:64],
        )

    def _accept(self, message: envelope.Message) -> list[m.Down]:
        body, counter = message.body, message.counter
        if isinstance(body, m.KeyRotated):
            self.key = cose.PublicKey(body.alg, body.public)
            self.keys[self.key.kid] = self.key
        if isinstance(body, m.FaceCaptured | m.PageCaptured):
            refs = body.pictures if isinstance(body, m.FaceCaptured) else [body.picture]
            for ref in refs:
                if ref is not None:
                    self.uploads.setdefault(ref.commit, Upload(ref))
        if body.type in self.quiet:
            return []
        if isinstance(body, m.UnlockRequest):
            return [self._unlock(body, counter)]
        if isinstance(body, m.FaceCaptured) and body.matched is None:
            good: m.Down = m.Proceed(answers=counter, use=body.use)
            bad: m.Down = self._no(counter, "face_mismatch", "不是授权的用章人")
            needed = tuple(ref.commit for ref in body.pictures)
            self.waiting.append((good if self.faces_ok else bad, needed))
            return self._ready()
        if isinstance(body, m.PinEntered) and body.checked is None:
            pins = pictures.open_pins(
                body.sealed, device=self.device, use=body.use, secret=PICTURE_SECRET
            )
            good = m.Proceed(answers=counter, use=body.use)
            return [good if pins == ("246810", "1357") else self._no(counter, "pin", "口令不对")]
        return []

    def _unlock(self, body: m.UnlockRequest, counter: int) -> m.Down:
        grant = self.jobs.get(body.job or body.grant or "")
        if grant is None:
            return self._no(counter, "unknown_grant", "没有这份用印授权，请核对任务码")
        if grant.grant in self.spent:
            return self._no(counter, "used", "这份授权已经用过，不能再次使用")
        self.spent.add(grant.grant)
        return msgspec.structs.replace(grant, request=counter, nonce=body.nonce)

    def _no(self, counter: int, reason: str, text: str) -> m.Refusal:
        return m.Refusal(answers=counter, reason=reason, text=text, retry=self.retry)

    def _ready(self) -> list[m.Down]:
        done = [entry for entry in self.waiting if self.pictures.keys() >= set(entry[1])]
        self.waiting = [entry for entry in self.waiting if entry not in done]
        return [answer for answer, _ in done]

    def _piece(self, piece: m.Piece) -> list[tuple[str, bytes]]:
        upload = self.uploads.get(piece.commit)
        if upload is None or "pieces_held" in self.quiet:
            return []
        upload.pieces[piece.index] = piece.data
        if upload.missing:
            if piece.index == upload.ref.pieces - 1:
                return self._say(
                    [m.PiecesHeld(commit=piece.commit, complete=False, missing=upload.missing)]
                )
            return []
        whole = b"".join(upload.pieces[index] for index in range(upload.ref.pieces))
        _, clear = pictures.open_sealed(
            whole, upload.ref, device=self.device, secret=PICTURE_SECRET
        )
        self.pictures[piece.commit] = clear
        return self._say([m.PiecesHeld(commit=piece.commit, complete=True), *self._ready()])

    def _say(self, answers: Sequence[m.Down]) -> list[tuple[str, bytes]]:
        return [(answer.type, self.seal(answer)) for answer in answers]

    def seal(self, body: m.Down) -> bytes:
        signer = RECEIPT_KEY if isinstance(body, m.Receipt) else GRANT_KEY
        return envelope.seal_down(body, signer, device=self.device, time=self.clock())


def make_grant(name: str = "g-1", **changes: object) -> m.Grant:
    values: dict[str, object] = {
        "grant": name,
        "operator": "p-zhang",
        "stamps": 2,
        "not_before": START - 60_000,
        "not_after": START + 3_600_000,
        "title": "收入证明",
        "frames": 2,
    }
    return m.Grant(**{**values, **changes})  # type: ignore[arg-type]  # tests name real fields


def pump(bench: Bench, server: ModelServer, rounds: int = 200) -> None:
    """Let everything under way arrive, with time standing still."""
    for _ in range(rounds):
        busy = bench.network.pump()
        while (sent := bench.network.take()) is not None:
            busy = True
            for type_, payload in server.handle(sent):
                bench.network.send(sent.device, type_, payload)
        if not busy:
            return
    raise AssertionError("the network does not come to rest")


def pass_time(bench: Bench, server: ModelServer, ms: int) -> None:
    """Let ``ms`` pass, firing every timer on its way at its own time."""
    end = bench.clock.now + ms
    while True:
        due = bench.sleeve.due()
        at = min((t for t in (due.mono, due.link) if t is not None), default=end)
        bench.clock.now = max(bench.clock.now, min(at, end))
        bench.sleeve.tick()
        pump(bench, server)
        if at >= end:
            bench.clock.now = end
            return
