"""A sleeve's real connection: paho, its callbacks handed to the one thread that runs sleeves."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from gateway.protocol import topics
from seal_firmware_sim.credentials import MqttAddress
from seal_firmware_sim.transport import Endpoint, PieceToken

KEEPALIVE_S: Final = 30

Post = Callable[[Callable[[], None]], None]
"""Runs a call in the sleeves' thread, soon and in order."""


class MqttTransport:
    """One sleeve on a broker. ``post`` brings what the network thread hears to the sleeve's."""

    def __init__(self, address: MqttAddress, device: str, post: Post) -> None:
        self._address = address
        self._device = device
        self._post = post
        self._client: mqtt.Client | None = None
        self._tokens: dict[int, PieceToken] = {}

    def open(self, endpoint: Endpoint, will: tuple[str, bytes]) -> None:
        """Connect in the background, with the last will; stays connected until :meth:`drop`."""
        self.drop()
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=self._device, protocol=mqtt.MQTTv311
        )
        address = self._address
        if address.username is not None:
            client.username_pw_set(address.username, address.password)
        if address.ca_file is not None:
            client.tls_set(ca_certs=address.ca_file, tls_version=ssl.PROTOCOL_TLS_CLIENT)
        client.will_set(will[0], will[1], qos=1, retain=True)
        client.max_queued_messages_set(0)
        client.reconnect_delay_set(min_delay=1, max_delay=30)
        client.on_socket_open = _no_delay
        self._client = client
        self._listen(client, endpoint)
        client.connect_async(address.host, address.port, keepalive=KEEPALIVE_S)
        client.loop_start()

    def _listen(self, client: mqtt.Client, endpoint: Endpoint) -> None:
        def tell(what: Callable[[], None]) -> None:
            # What an earlier connection still says is no longer news.
            self._post(lambda: what() if self._client is client else None)

        def on_connect(_c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
            if not reason.is_failure:
                client.subscribe(topics.down_filter(self._device), qos=1)

        def on_publish(_c: Any, _u: Any, mid: int, _r: Any, _p: Any) -> None:
            def done() -> None:
                token = self._tokens.pop(mid, None)
                if token is not None:
                    endpoint.piece_delivered(token)

            tell(done)

        client.on_connect = on_connect
        client.on_subscribe = lambda *_: tell(endpoint.connected)
        client.on_disconnect = lambda *_: tell(endpoint.disconnected)
        client.on_publish = on_publish
        client.on_message = lambda _c, _u, message: tell(
            lambda: endpoint.received(message.topic, bytes(message.payload))
        )

    def drop(self) -> None:
        """Be gone without a word, so that the broker tells by the last will."""
        client, self._client = self._client, None
        self._tokens.clear()
        if client is None:
            return
        sock = client.socket()
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):  # it may be gone already
                sock.shutdown(socket.SHUT_RDWR)
        client.loop_stop()

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
        client = self._client
        if client is None or not client.is_connected():
            return
        info = client.publish(topic, payload, qos=qos, retain=retain)
        if token is not None:
            self._tokens[info.mid] = token


def _no_delay(_client: mqtt.Client, _userdata: Any, sock: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
