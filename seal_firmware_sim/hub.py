"""Many sleeves on a real broker in one thread: a connection each, one selector for all.

A thread a sleeve would end at a few hundred; here one thread runs thousands. Only opening a
connection may block (name look-up, TCP, TLS), so a few helpers do that and hand the socket over.
"""

from __future__ import annotations

import heapq
import random
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from gateway.protocol import topics
from seal_firmware_sim.credentials import MqttAddress
from seal_firmware_sim.sleeve import Sleeve
from seal_firmware_sim.timers import Timers
from seal_firmware_sim.transport import Endpoint, PieceToken

KEEPALIVE_S: Final = 60
CONNECT_TIMEOUT_S: Final = 10.0
RETRY_FIRST_S: Final = 1.0
RETRY_MOST_S: Final = 30.0
"""After a lost or refused connection; doubled each time, and jittered by half, so that a town does
not come back in one second."""

IN_FLIGHT: Final = 100
_HOUSEKEEPING_S: Final = 1.0


def wall_clock() -> int:
    """Now, in ms since the epoch."""
    return time.time_ns() // 1_000_000


class Hub:
    """Runs connections and timers. All but :meth:`call` belong to one thread: whoever polls.

    ``clock`` and ``link_clock`` are those that the sleeves are given, in ms. Where ``clock`` is one
    that is moved by hand (a scenario's), the network's waiting goes by ``link_clock`` all the same.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], int] = wall_clock,
        link_clock: Callable[[], int] | None = None,
        dice: random.Random | None = None,
        helpers: int = 8,
    ) -> None:
        self.clock = clock
        self.link_clock = link_clock or clock
        self.dice = dice or random.Random()
        self._selector = selectors.DefaultSelector()
        self._helpers = ThreadPoolExecutor(helpers, thread_name_prefix="connect")
        self._calls: deque[Callable[[], None]] = deque()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_out.setblocking(False)
        self._wake_in.setblocking(False)
        self._selector.register(self._wake_out, selectors.EVENT_READ, None)
        self._links: set[HubTransport] = set()
        self._touched: set[HubTransport] = set()
        self._retries: list[tuple[float, int, HubTransport]] = []
        self._changed: set[Sleeve] = set()
        self._own = Timers(self.clock)
        self._network = Timers(self.link_clock)
        self._number = 0
        self._kept_at = 0.0
        self._closed = False

    def transport(
        self, address: MqttAddress, device: str, *, persistent: bool = True
    ) -> HubTransport:
        """A transport for ``device``. ``persistent``: the broker keeps what the server says while
        the sleeve is away (a load test leaves no such sessions behind)."""
        return HubTransport(self, address, device, persistent=persistent)

    def changed(self, sleeve: Sleeve) -> None:
        """Something happened to ``sleeve``: its timers are looked at again. Give this to the
        sleeve as ``on_change``."""
        self._changed.add(sleeve)

    def call(self, what: Callable[[], None]) -> None:
        """Run ``what`` in the polling thread, soon. From any thread."""
        self._calls.append(what)
        self.wake()

    def wake(self) -> None:
        """Make a poll that waits return. From any thread."""
        try:
            self._wake_in.send(b"\0")
        except OSError:
            return  # full: it wakes anyway; or closed: nobody sleeps

    def next_at(self) -> int | None:
        """When (``clock`` ms) a sleeve's own timer is due at the earliest; None: nowhere is one."""
        self._rearm()
        return self._own.next_at()

    def poll(self, timeout_s: float) -> None:
        """One round: what the network brought, which timers are due; waits up to ``timeout_s``."""
        for key, mask in self._selector.select(self._wait(timeout_s)):
            link: HubTransport | None = key.data
            if link is None:
                _empty(self._wake_out)
            else:
                link.ready(mask)
                self._touched.add(link)
        while self._calls:
            self._calls.popleft()()
        self._fire()
        self._keep_house()
        while self._touched:
            self._touched.pop().settle()

    def run(self, stop: threading.Event) -> None:
        """Poll until ``stop`` is set (then :meth:`wake` it)."""
        while not stop.is_set():
            self.poll(1.0)

    def close(self) -> None:
        """Drop every connection."""
        self._closed = True
        for link in list(self._links):
            link.drop()
        self._helpers.shutdown(wait=True, cancel_futures=True)
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    # ── for the transports ───────────────────────────────────────────────────────────────────────

    def touch(self, link: HubTransport) -> None:
        """``link`` has something to write."""
        self._touched.add(link)

    def connect(self, link: HubTransport, client: mqtt.Client, address: MqttAddress) -> None:
        """Open ``client``'s connection beside, then tell ``link``."""
        self._links.add(link)

        def done(future: Future[Any]) -> None:
            if not future.cancelled():
                error = future.exception()
                self.call(lambda: link.opened(client, error))

        if not self._closed:
            job = self._helpers.submit(client.connect, address.host, address.port, KEEPALIVE_S)
            job.add_done_callback(done)

    def retry(self, link: HubTransport, after_s: float) -> None:
        """Let ``link`` connect again later."""
        self._number += 1
        at = time.monotonic() + after_s * (1 + self.dice.random() / 2)
        heapq.heappush(self._retries, (at, self._number, link))

    def listen(self, link: HubTransport, sock: Any, mask: int) -> None:
        """Watch ``sock`` for ``mask``; 0 to stop."""
        try:
            key = self._selector.get_key(sock)
        except (KeyError, ValueError):
            if mask:
                self._selector.register(sock, mask, link)
            return
        if not mask:
            self._selector.unregister(sock)
        elif key.events != mask:
            self._selector.modify(sock, mask, link)

    def forget(self, link: HubTransport) -> None:
        """``link`` is no longer wanted."""
        self._links.discard(link)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────

    def _wait(self, timeout_s: float) -> float:
        if self._calls or self._touched:
            return 0.0
        self._rearm()
        wait = min(timeout_s, _HOUSEKEEPING_S, self._own.left_s(), self._network.left_s())
        if self._retries:
            wait = min(wait, self._retries[0][0] - time.monotonic())
        return max(0.0, wait)

    def _rearm(self) -> None:
        while self._changed:
            sleeve = self._changed.pop()
            due = sleeve.due()
            self._own.arm(sleeve, due.mono)
            self._network.arm(sleeve, due.link)

    def _fire(self) -> None:
        self._rearm()
        for timers in (self._own, self._network):
            while (sleeve := timers.pop()) is not None:
                sleeve.tick()
                self._changed.add(sleeve)

    def _keep_house(self) -> None:
        now = time.monotonic()
        while self._retries and self._retries[0][0] <= now:
            heapq.heappop(self._retries)[2].connect()
        if now - self._kept_at >= _HOUSEKEEPING_S:
            self._kept_at = now
            for link in list(self._links):
                link.keep_alive()


class HubTransport:
    """One sleeve's connection in a :class:`Hub`."""

    def __init__(self, hub: Hub, address: MqttAddress, device: str, *, persistent: bool) -> None:
        self._hub = hub
        self._persistent = persistent
        self._address = address
        self._device = device
        self._endpoint: Endpoint | None = None
        self._will: tuple[str, bytes] | None = None
        self._client: mqtt.Client | None = None
        self._opening = False
        self._tokens: dict[int, PieceToken] = {}
        self._up = False
        self._retry_s = RETRY_FIRST_S
        self.refused = ""
        """Why the broker last refused, in its words; empty when it did not."""

    # ── as a transport ───────────────────────────────────────────────────────────────────────────

    def open(self, endpoint: Endpoint, will: tuple[str, bytes]) -> None:
        """Connect, and again whenever the connection is lost, until :meth:`drop`."""
        self.drop()
        self._endpoint, self._will = endpoint, will
        self._retry_s = RETRY_FIRST_S
        self.connect()

    def drop(self) -> None:
        """Be gone without a word."""
        client, self._client, self._endpoint = self._client, None, None
        self._up = False
        self._tokens.clear()
        self._hub.forget(self)
        if client is not None:
            self._abandon(client)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int,
        retain: bool,
        token: PieceToken | None = None,
    ) -> None:
        """Send; without a connection it is lost, and the sleeve sends again."""
        if self._client is None or not self._up:
            return
        info = self._client.publish(topic, payload, qos=qos, retain=retain)
        if token is not None:
            self._tokens[info.mid] = token
        self._hub.touch(self)

    # ── for the hub ──────────────────────────────────────────────────────────────────────────────

    def connect(self) -> None:
        """Begin to connect, unless that is under way or no longer wanted."""
        if self._endpoint is None or self._client is not None or self._will is None:
            return
        self._client, self._opening = self._make(), True
        self._hub.connect(self, self._client, self._address)

    def opened(self, client: mqtt.Client, error: BaseException | None) -> None:
        """A helper opened the socket, or could not."""
        if client is not self._client:
            self._abandon(client)  # dropped meanwhile
            return
        self._opening = False
        if error is not None or client.socket() is None:
            self._lost()
            return
        # Not before: until here the client belonged to the helper's thread.
        client.on_socket_close = lambda _c, _u, sock: self._hub.listen(self, sock, 0)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        self._hub.touch(self)

    def ready(self, mask: int) -> None:
        """The socket can be read or written."""
        client = self._client
        if client is None:
            return
        if mask & selectors.EVENT_READ:
            client.loop_read()
            # TLS may hold whole records that the selector does not see.
            while self._client is client and _pending(client.socket()):
                client.loop_read()
        if mask & selectors.EVENT_WRITE and self._client is client:
            client.loop_write()

    def settle(self) -> None:
        """Write what waits, and watch the socket for what is wanted now."""
        client = self._client
        if client is None or self._opening:
            return
        if client.want_write():
            client.loop_write()
        sock = client.socket()
        if client is self._client and sock is not None:
            write = selectors.EVENT_WRITE if client.want_write() else 0
            self._hub.listen(self, sock, selectors.EVENT_READ | write)

    def keep_alive(self) -> None:
        """Once a second: pings, and noticing that nobody answers them."""
        if self._client is not None and not self._opening:
            self._client.loop_misc()
            self._hub.touch(self)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────

    def _make(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._device,
            protocol=mqtt.MQTTv311,
            clean_session=not self._persistent,
            reconnect_on_failure=False,
        )
        address = self._address
        if address.username is not None:
            client.username_pw_set(address.username, address.password)
        if address.ca_file is not None:
            client.tls_set(ca_certs=address.ca_file, tls_version=ssl.PROTOCOL_TLS_CLIENT)
        if self._will is not None:
            client.will_set(self._will[0], self._will[1], qos=1, retain=True)
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(IN_FLIGHT)
        client.on_socket_open = no_delay
        return client

    def _on_connect(
        self, client: mqtt.Client, _user: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            self.refused = str(reason)
            return
        self.refused = ""
        client.subscribe(topics.down_filter(self._device), qos=1)

    def _on_subscribe(self, client: mqtt.Client, *_details: Any) -> None:
        if self._endpoint is not None and client is self._client:
            self._up = True
            self._retry_s = RETRY_FIRST_S
            self._endpoint.connected()

    def _on_disconnect(self, client: mqtt.Client, *_details: Any) -> None:
        if client is self._client:
            self._lost()

    def _on_message(self, client: mqtt.Client, _user: Any, message: mqtt.MQTTMessage) -> None:
        if self._endpoint is not None and client is self._client:
            self._endpoint.received(message.topic, bytes(message.payload))

    def _on_publish(self, client: mqtt.Client, _user: Any, mid: int, *_details: Any) -> None:
        token = self._tokens.pop(mid, None)
        if token is not None and self._endpoint is not None and client is self._client:
            self._endpoint.piece_delivered(token)

    def _lost(self) -> None:
        client, self._client = self._client, None
        was_up, self._up = self._up, False
        self._tokens.clear()
        if client is not None:
            self._abandon(client)
        if self._endpoint is None:
            return
        self._hub.retry(self, self._retry_s)
        self._retry_s = min(self._retry_s * 2, RETRY_MOST_S)
        if was_up:
            self._endpoint.disconnected()

    def _abandon(self, client: mqtt.Client) -> None:
        # The last too: a client that is collected late would ask a selector that is closed by then.
        for name in (
            *("on_connect", "on_subscribe", "on_disconnect", "on_message", "on_publish"),
            "on_socket_close",
        ):
            setattr(client, name, None)
        sock = client.socket()
        if sock is not None:
            self._hub.listen(self, sock, 0)
            sock.close()


def no_delay(_client: mqtt.Client, _user: Any, sock: Any) -> None:
    """For ``on_socket_open``: Nagle's algorithm would cost 40 ms an answer."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _pending(sock: Any) -> int:
    return int(sock.pending()) if isinstance(sock, ssl.SSLSocket) else 0


def _empty(sock: socket.socket) -> None:
    try:
        while sock.recv(4096):
            pass
    except BlockingIOError:
        return
