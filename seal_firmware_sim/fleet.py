"""Thousands of sleeves at once: each with its own connection and key, in as few processes as the
descriptors allow."""

from __future__ import annotations

import multiprocessing
import random
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

from seal_firmware_sim.credentials import Credentials
from seal_firmware_sim.device import Device, assemble
from seal_firmware_sim.hardware.cameras import OrlFaceCamera
from seal_firmware_sim.hub import Hub
from seal_firmware_sim.load import StillCamera, Tally, Worker

MOST_IN_A_PROCESS: Final = 10_000
"""Sleeves that one process runs at most, if its descriptors suffice."""

_SPARE_DESCRIPTORS: Final = 256
_SETTLE_S: Final = 30.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a fleet does: ``rate`` uses a second over all sleeves for ``seconds``, after all have
    connected, ``connects`` of them a second (0: as fast as they can). ``until_spent``: no longer
    than there are jobs that the sleeves came with. ``picture_bytes`` is the size
    of pictures without faces. ``seed`` makes it repeatable but for the network."""

    seconds: float = 10.0
    rate: float = 10.0
    connects: float = 500.0
    picture_bytes: int = 20_000
    seed: int = 1
    connect_within: float = 120.0
    until_spent: bool = False


@dataclass(slots=True)
class Outcome:
    """What came of a fleet, or of one process's part of it."""

    tally: Tally
    sleeves: int = 0
    connected: int = 0
    missing_receipts: int = 0
    missing_pictures: int = 0
    seconds: float = 0.0

    def report(self, processes: int) -> dict[str, Any]:
        """For people and programs: counts, and percentiles in ms."""
        tally = self.tally
        return {
            "sleeves": self.sleeves,
            "connected": self.connected,
            "processes": processes,
            "seconds": round(self.seconds, 1),
            "uses_done": tally.done,
            "uses_refused": tally.refused,
            "stamps": tally.stamps,
            "missing_receipts": self.missing_receipts,
            "missing_pictures": self.missing_pictures,
            "connect_ms": percentiles(tally.connect),
            "unlock_ms": percentiles(tally.unlock),
            "use_ms": percentiles(tally.use),
            "receipt_ms": percentiles(tally.receipt),
        }


def percentiles(values: Sequence[int]) -> dict[str, int | None]:
    """p50, p99 and the largest of ``values``."""
    if not values:
        return {"p50": None, "p99": None, "max": None}
    ordered = sorted(values)
    last = len(ordered) - 1
    return {
        "p50": ordered[round(last * 0.5)],
        "p99": ordered[round(last * 0.99)],
        "max": ordered[-1],
    }


def capacity() -> int:
    """How many sleeves one process can connect; raises its soft limit as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = MOST_IN_A_PROCESS + _SPARE_DESCRIPTORS
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(1, min(MOST_IN_A_PROCESS, hard - _SPARE_DESCRIPTORS))


def run(fleet: Sequence[Credentials], plan: Plan, say: Say) -> Outcome:
    """Run ``fleet`` in this process: connect, work, wait for the last receipt and picture.

    Raises:
        CredentialsError: when a sleeve's key is none.
    """
    dice = random.Random(plan.seed)
    hub = Hub(dice=random.Random(dice.random()))
    try:
        return _Run(hub, fleet, plan, say, dice).run()
    finally:
        hub.close()


class _Run:
    def __init__(
        self, hub: Hub, fleet: Sequence[Credentials], plan: Plan, say: Say, dice: random.Random
    ) -> None:
        self._hub = hub
        self._plan = plan
        self._say = say
        self._dice = dice
        self._outcome = Outcome(Tally(), len(fleet))
        self._spent = False
        picture = dice.randbytes(plan.picture_bytes)
        self._devices: list[tuple[Device, Worker]] = [
            self._device(credentials, picture) for credentials in fleet
        ]

    def _device(self, credentials: Credentials, picture: bytes) -> tuple[Device, Worker]:
        dice = random.Random(f"{self._plan.seed}-{credentials.device}")
        faces = OrlFaceCamera(dice) if any(j.face is not None for j in credentials.jobs) else None
        camera = StillCamera(picture, faces)
        worker = Worker(
            credentials,
            camera,
            self._outcome.tally,
            clock=self._hub.clock,
            later=self._hub.call,
        )
        device = assemble(
            credentials,
            self._hub,
            face_camera=camera,
            page_camera=camera,
            dice=dice,
            persistent=False,
            on_change=worker.changed,
        )
        return device, worker

    def run(self) -> Outcome:
        started = time.monotonic()
        self._connect()
        self._work()
        self._wait(lambda: not any(self._open(device) for device, _ in self._devices), _SETTLE_S)
        outcome = self._outcome
        for device, _ in self._devices:
            pending = device.sleeve.pending()
            outcome.missing_receipts += pending.events
            outcome.missing_pictures += pending.pictures
        outcome.seconds = time.monotonic() - started
        return outcome

    def _connect(self) -> None:
        plan = self._plan
        began = time.monotonic()
        for number, (device, worker) in enumerate(self._devices, 1):
            worker.power_on(device.sleeve)
            due = began + number / plan.connects if plan.connects else 0.0
            while time.monotonic() < due:
                self._hub.poll(max(0.0, due - time.monotonic()))
            if not number % 64:
                self._hub.poll(0.0)
        self._wait(lambda: self._online() == len(self._devices), plan.connect_within)
        self._outcome.connected = self._online()
        self._say(f"已连接 {self._outcome.connected}/{len(self._devices)} 台套筒")

    def _work(self) -> None:
        plan, began = self._plan, time.monotonic()
        if plan.rate <= 0:
            self._wait(lambda: False, plan.seconds)
            return
        following, told = began, began
        while (now := time.monotonic()) < began + plan.seconds and not (
            plan.until_spent and self._spent
        ):
            while following <= now:
                self._begin_one()
                following += 1 / plan.rate
            if now - told >= 5.0:
                told = now
                self._say(_so_far(self._outcome.tally))
            self._hub.poll(max(0.0, min(following, began + plan.seconds) - time.monotonic()))

    def _begin_one(self) -> None:
        for _ in range(20):
            _, worker = self._dice.choice(self._devices)
            if worker.free:
                worker.begin()
                return
        self._spent = all(worker.spent for _, worker in self._devices)

    def _open(self, device: Device) -> bool:
        pending = device.sleeve.pending()
        return bool(pending.events or pending.pictures or pending.in_use)

    def _online(self) -> int:
        return sum(device.sleeve.online for device, _ in self._devices)

    def _wait(self, done: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        looked = 0.0
        while (now := time.monotonic()) < deadline:
            if now - looked > 0.05:
                if done():
                    return
                looked = time.monotonic()
            self._hub.poll(0.05)


# ── several processes ────────────────────────────────────────────────────────────────────────────


def run_spread(
    fleet: Sequence[Credentials], plan: Plan, say: Say, *, processes: int | None = None
) -> tuple[Outcome, int]:
    """Run ``fleet`` in as many processes as its descriptors need, or in ``processes``; returns
    what came of all of them and how many there were.

    Raises:
        RuntimeError: when a process ended without a result.
        CredentialsError: when a sleeve's key is none.
    """
    room = capacity()
    wanted = max(processes or 1, -(-len(fleet) // room))
    if wanted == 1:
        return run(fleet, plan, say), 1
    parts = [list(fleet[number::wanted]) for number in range(wanted)]
    context = multiprocessing.get_context("spawn")
    running = []
    for number, part in enumerate(parts):
        share = len(part) / len(fleet)
        own = Plan(
            seconds=plan.seconds,
            rate=plan.rate * share,
            connects=plan.connects * share,
            picture_bytes=plan.picture_bytes,
            seed=plan.seed + number,
            connect_within=plan.connect_within,
            until_spent=plan.until_spent,
        )
        receive, send = context.Pipe(duplex=False)
        process = context.Process(target=_part, args=(part, own, send), daemon=True)
        process.start()
        send.close()
        running.append((process, receive))
    whole = Outcome(Tally())
    for process, receive in running:
        try:
            outcome: Outcome = receive.recv()
        except EOFError as error:
            raise RuntimeError("一个子进程没有给出结果就结束了") from error
        process.join()
        whole.tally.add(outcome.tally)
        whole.sleeves += outcome.sleeves
        whole.connected += outcome.connected
        whole.missing_receipts += outcome.missing_receipts
        whole.missing_pictures += outcome.missing_pictures
        whole.seconds = max(whole.seconds, outcome.seconds)
        say(f"合计{_so_far(whole.tally)}")
    return whole, wanted


def _so_far(tally: Tally) -> str:
    return f"已完成用印 {tally.done} 次，被拒绝 {tally.refused} 次"


def _part(fleet: Sequence[Credentials], plan: Plan, send: Connection) -> None:
    capacity()
    send.send(run(fleet, plan, lambda _line: None))
    send.close()
