"""Stage 1: bytes to messages. What breaks the contract is set aside with the reason."""

from __future__ import annotations

from gateway.batch import Batch, RefusedMessage
from gateway.inbox import Inbound
from gateway.protocol import envelope, topics
from gateway.protocol.errors import ProtocolError, Reason


def decode(batch: Batch) -> None:
    """Read every message of the batch by its topic; never raises for what a sleeve sent."""
    for inbound in batch.inbound:
        device: str | None = None
        try:
            topic = topics.parse(inbound.topic)
            device = topic.device
            _read(batch, inbound, topic)
        except ProtocolError as error:
            batch.refused.append(RefusedMessage(inbound, error, device))


def _read(batch: Batch, inbound: Inbound, topic: topics.Topic) -> None:
    if topic.direction == "state":
        # An empty payload is how MQTT deletes a retained message: nothing is said.
        if inbound.payload:
            batch.states[topic.device] = envelope.decode_state(inbound.payload)
        return
    if topic.direction != "up":
        raise ProtocolError(Reason.BAD_TOPIC, inbound.topic[:120])
    if topic.type == topics.PIECE:
        batch.pieces.append((topic.device, envelope.decode_piece(inbound.payload)))
        return
    message = envelope.open_event(inbound.payload)
    if message.device != topic.device:
        raise ProtocolError(Reason.WRONG_DEVICE, f"{message.device} on {topic.device}'s topic")
    if message.body.type != topic.type:
        raise ProtocolError(Reason.BAD_TOPIC, f"{message.body.type} on topic {topic.type}")
    batch.messages.append((inbound, message))
