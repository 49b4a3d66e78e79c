"""How a sleeve reaches the server: the port, and an in-process network for simulations."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from gateway.protocol import topics

PieceToken = tuple[bytes, int]
"""Commitment and index of a picture piece."""


class Endpoint(Protocol):
    """What a transport tells the sleeve. Never from within a call of the sleeve's."""

    def connected(self) -> None:
        """The connection stands and the subscription is confirmed."""
        ...

    def disconnected(self) -> None:
        """The connection is gone."""
        ...

    def received(self, topic: str, payload: bytes) -> None:
        """A message for the sleeve."""
        ...

    def piece_delivered(self, token: PieceToken) -> None:
        """The broker took a piece over."""
        ...


class Transport(Protocol):
    """A connection that comes and goes. It retries by itself between `open` and `drop`."""

    def open(self, endpoint: Endpoint, will: tuple[str, bytes]) -> None:
        """Start connecting, with the last will's topic and payload."""
        ...

    def drop(self) -> None:
        """Be gone without a word, as when the power or the network is; the broker tells by will."""
        ...

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int,
        retain: bool,
        token: PieceToken | None = None,
    ) -> None:
        """Send; what cannot be sent is lost, for the sleeve sends again. ``token`` is reported
        when the broker has the message."""
        ...


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that a sleeve published."""

    device: str
    topic: str
    payload: bytes
    retain: bool


class LoopbackNetwork:
    """Sleeves and a server in one process, without a broker: everything in order, nothing lost.

    The server reads :meth:`take` and answers by :meth:`send`; :meth:`pump` delivers what waits for
    the sleeves. Tests make it lose, repeat and reorder by doing so between the two.
    """

    def __init__(self) -> None:
        self.reachable = True
        self._up: deque[Sent] = deque()
        self._down: deque[tuple[str, str, bytes]] = deque()
        self._acks: deque[tuple[str, PieceToken]] = deque()
        self._transports: dict[str, LoopbackTransport] = {}

    def transport(self, device: str) -> LoopbackTransport:
        """The transport of ``device``."""
        made = self._transports[device] = LoopbackTransport(self, device)
        return made

    def take(self) -> Sent | None:
        """The next message for the server."""
        return self._up.popleft() if self._up else None

    def send(self, device: str, type_: str, payload: bytes) -> None:
        """A message of the server to ``device``."""
        self._down.append((device, topics.down(device, type_), payload))

    def put(self, sent: Sent, token: PieceToken | None) -> None:
        """A message of a sleeve."""
        self._up.append(sent)
        if token is not None:
            self._acks.append((sent.device, token))

    def pump(self) -> bool:
        """Connect who waits and deliver what there is; whether anything happened."""
        busy = False
        for transport in self._transports.values():
            busy |= transport.settle(self.reachable)
        while self._acks or self._down:
            busy = True
            if self._acks:
                device, token = self._acks.popleft()
                self._transports[device].acknowledge(token)
            else:
                device, topic, payload = self._down.popleft()
                if device in self._transports:
                    self._transports[device].deliver(topic, payload)
        return busy

    @property
    def idle(self) -> bool:
        """Whether nothing is under way in either direction."""
        return not (self._up or self._down or self._acks)


class LoopbackTransport:
    """One sleeve's end of a :class:`LoopbackNetwork`."""

    def __init__(self, network: LoopbackNetwork, device: str) -> None:
        self._network = network
        self._device = device
        self._endpoint: Endpoint | None = None
        self._will: tuple[str, bytes] | None = None
        self._up = False

    def open(self, endpoint: Endpoint, will: tuple[str, bytes]) -> None:
        """Connect at the next pump."""
        self._endpoint, self._will = endpoint, will

    def drop(self) -> None:
        """Be gone; the will is published in the sleeve's place."""
        if self._up and self._will is not None:
            self._network.put(Sent(self._device, *self._will, True), None)
        self._endpoint, self._up = None, False

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int,
        retain: bool,
        token: PieceToken | None = None,
    ) -> None:
        """Send."""
        if self._up:
            self._network.put(Sent(self._device, topic, payload, retain), token)

    def settle(self, reachable: bool) -> bool:
        """Follow the network: come up or go down; whether that changed anything."""
        endpoint = self._endpoint
        if endpoint is None or self._up == reachable:
            return False
        self._up = reachable
        if reachable:
            endpoint.connected()
        else:
            if self._will is not None:
                self._network.put(Sent(self._device, *self._will, True), None)
            endpoint.disconnected()
        return True

    def deliver(self, topic: str, payload: bytes) -> None:
        """A message for the sleeve; lost when it is not connected."""
        if self._endpoint is not None and self._up:
            self._endpoint.received(topic, payload)

    def acknowledge(self, token: PieceToken) -> None:
        """A piece arrived."""
        if self._endpoint is not None and self._up:
            self._endpoint.piece_delivered(token)
