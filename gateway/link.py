"""The gateway's connection to the broker: paho with manual acknowledgement.

MQTT 3.1.1 alone, or MQTT 5 with a shared subscription when several gateways share the work. Shared
sessions expire at once: what a dead gateway had not acknowledged is sent again by the sleeves
themselves, which keep every event until a receipt covers it.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.inbox import Inbound
from gateway.protocol.topics import STATE_FILTER, UP_FILTER

log = structlog.get_logger(__name__)

QOS: Final = 1
IN_FLIGHT: Final = 2000
KEEPALIVE_S: Final = 30
RESUBSCRIBE_S: Final = 5.0
"""How long after the broker refused our subscription it is asked again."""

MAX_QUEUED: Final = 50_000
"""Messages for sleeves that wait while the broker is away; beyond that they are dropped, for
everything said to a sleeve is said again when it asks."""


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """How to reach the broker. ``shared_group`` chooses MQTT 5 and a shared subscription."""

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    shared_group: str | None = None


class Link:
    """Delivers messages to ``deliver`` (called in the network thread; must not block).

    ``lost`` is called when the connection is gone: what was not acknowledged will come again.
    """

    def __init__(
        self,
        settings: LinkSettings,
        deliver: Callable[[Inbound], None],
        lost: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._deliver = deliver
        self._lost = lost
        self._connected = threading.Event()
        self._publishing = threading.Lock()
        self._acknowledging = threading.Lock()
        self._again: threading.Timer | None = None
        self._session = 0
        self._refusal: str | None = None
        self._client = self._make()

    def _make(self) -> mqtt.Client:
        settings = self._settings
        shared = settings.shared_group is not None
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            protocol=mqtt.MQTTv5 if shared else mqtt.MQTTv311,
            clean_session=None if shared else False,
            manual_ack=True,
        )
        if settings.username is not None:
            client.username_pw_set(settings.username, settings.password)
        if settings.ca_file is not None:
            client.tls_set(
                ca_certs=str(settings.ca_file),
                certfile=str(settings.cert_file) if settings.cert_file else None,
                keyfile=str(settings.key_file) if settings.key_file else None,
                tls_version=ssl.PROTOCOL_TLS_CLIENT,
            )
        client.max_inflight_messages_set(IN_FLIGHT)
        client.max_queued_messages_set(MAX_QUEUED)
        client.reconnect_delay_set(min_delay=1, max_delay=30)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        client.on_socket_open = no_delay
        return client

    def start(self) -> None:
        """Connect in the background and stay connected."""
        settings = self._settings
        properties = None
        if settings.shared_group is not None:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # untyped in paho
            properties.SessionExpiryInterval = 0
            properties.ReceiveMaximum = IN_FLIGHT
        self._client.connect_async(
            settings.host, settings.port, keepalive=KEEPALIVE_S, properties=properties
        )
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect; the broker keeps what was not acknowledged."""
        if self._again is not None:
            self._again.cancel()
        self._client.disconnect()
        self._client.loop_stop()

    def wait_connected(self, timeout: float) -> bool:
        """Whether the subscription stood within ``timeout`` seconds."""
        return self._connected.wait(timeout)

    @property
    def connected(self) -> bool:
        """Whether the broker accepted us and our subscription."""
        return self._connected.is_set()

    @property
    def refusal(self) -> str | None:
        """Why the broker refused us last, if it did."""
        return self._refusal

    def publish(self, topic: str, payload: bytes) -> None:
        """Send to a sleeve, QoS 1. Never called from a callback of the client."""
        # paho can deadlock when several threads publish at once (its issue 354).
        with self._publishing:
            self._client.publish(topic, payload, qos=QOS)

    def acknowledge(self, messages: Sequence[Inbound]) -> None:
        """PUBACK: the broker may forget these. Those of an older connection come again anyway."""
        # Under the lock no new connection can begin: on it the same number means another message.
        with self._acknowledging:
            for message in messages:
                session, mid = divmod(message.token, 1 << 16)
                if mid and session == self._session:
                    self._client.ack(mid, QOS)

    def _new_session(self) -> None:
        with self._acknowledging:
            self._session += 1

    def _subscribe(self) -> None:
        group = self._settings.shared_group
        prefix = f"$share/{group}/" if group else ""
        self._client.subscribe([(prefix + UP_FILTER, QOS), (prefix + STATE_FILTER, QOS)])

    def _on_connect(
        self, client: mqtt.Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            self._refusal = str(reason)
            log.error("broker.refused", reason=str(reason))
            return
        log.info("broker.connected", session=self._session)
        self._subscribe()

    def _on_subscribe(
        self, _client: mqtt.Client, _userdata: Any, _mid: int, reasons: Any, _properties: Any
    ) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            # Without it we are deaf, which must show; its ACL may yet be mended.
            self._refusal = f"subscription refused: {refused[0]}"
            log.error("broker.subscription_refused", reasons=refused)
            self._again = threading.Timer(RESUBSCRIBE_S, self._subscribe)
            self._again.daemon = True
            self._again.start()
            return
        self._refusal = None
        self._connected.set()

    def _on_disconnect(
        self, _client: mqtt.Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        self._connected.clear()
        self._new_session()
        log.warning("broker.disconnected", reason=str(reason))
        self._lost()

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: Any) -> None:
        token = (self._session << 16) | (message.mid if message.qos else 0)
        try:
            topic = message.topic
        except UnicodeDecodeError:  # a broker should refuse it; set aside like any bad topic
            topic = "?"
        self._deliver(Inbound(topic, message.payload, token))


def no_delay(_client: mqtt.Client, _userdata: Any, sock: Any) -> None:
    """Callback ``on_socket_open`` of a paho client: small answers leave at once."""
    # Nagle costs 40 ms on each small answer; a TLS socket passes the option on.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
