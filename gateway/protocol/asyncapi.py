"""The AsyncAPI 3.0 document of the device contract, made from the message types.

It describes the **sleeve**: what it sends and what it receives. ``docs/asyncapi.yaml`` is this
document; a test finds any drift.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import yaml

from gateway.protocol import constants, labels, schema, topics
from gateway.protocol.limits import MAX_EVENT_BYTES, MAX_PIECE_BYTES, VERSION
from gateway.protocol.messages import (
    DOWNS,
    EVENTS,
    Down,
    Event,
    FaceCaptured,
    Grant,
    Heartbeat,
    PageCaptured,
    Piece,
    PiecesHeld,
    PinEntered,
    Proceed,
    Receipt,
    Refusal,
    State,
    Time,
    UnlockRequest,
    Wire,
)

COSE: Final = 'application/cose; cose-type="cose-sign1"'
CBOR: Final = "application/cbor"

_ANSWERS: Final[dict[type[Wire], tuple[type[Wire], ...]]] = {
    UnlockRequest: (Grant, Refusal),
    FaceCaptured: (Proceed, Refusal),
    PinEntered: (Proceed, Refusal),
    PageCaptured: (Proceed, Refusal),
    Heartbeat: (Time,),
    Piece: (PiecesHeld,),
}
_CORRELATION: Final[dict[type[Wire], str]] = {
    UnlockRequest: "counter",
    FaceCaptured: "counter",
    PinEntered: "counter",
    PageCaptured: "counter",
    Grant: "body/request",
    Proceed: "body/answers",
    Refusal: "body/answers",
    Heartbeat: "body/nonce",
    Time: "body/nonce",
    Piece: "commit",
    PiecesHeld: "body/commit",
}
_DESCRIPTION: Final = """\
What a sleeve (电子套筒) and the server say to each other over MQTT 3.1.1 or 5, always QoS 1.

Up and down messages are COSE_Sign1 (RFC 9052, tag 18, alg and kid in the protected header, ES256
or EdDSA) over deterministic CBOR (RFC 8949 §4.2); the payload schemas show the CBOR inside. Byte
strings are written as `string` with `format: binary`, their lengths count bytes. A field whose
default applies is left out; unknown fields are ignored. `x-zh` is the Chinese name, `x-unit` the
unit. Sizes and quotas are under `x-limits`. Flows and rules: protocol.md; test vectors: vectors/.
"""


def document() -> dict[str, Any]:
    """The whole document as plain values."""
    ups: list[type[Wire]] = [*EVENTS, Heartbeat]
    downs: list[type[Wire]] = list(DOWNS)
    every: list[type[Wire]] = [*ups, Piece, State, *downs]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "智印套筒接口 Zhiyin device contract",
            "version": f"{VERSION}.0.0",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "x-limits": {
            one.name: {"value": one.value, "unit": one.unit, "description": one.text}
            for one in constants.limits()
        },
        "defaultContentType": COSE,
        "servers": {"broker": _server()},
        "channels": {
            "up": _channel(
                topics.up("{device}", "{type}"), "Signed messages of a sleeve. 上行", ups
            ),
            "pieces": _channel(
                topics.up("{device}", Piece.type), "Pieces of encrypted pictures. 图片分片", [Piece]
            ),
            "state": _channel(
                topics.state("{device}"), "Retained state and last will. 在线状态", [State]
            ),
            "down": _channel(
                topics.down("{device}", "{type}"), "Signed messages of the server. 下行", downs
            ),
        },
        "operations": {
            **{_operation_id("send", kind): _operation("send", "up", kind) for kind in ups},
            _operation_id("send", Piece): _operation("send", "pieces", Piece),
            _operation_id("send", State): _operation("send", "state", State),
            **{
                _operation_id("receive", kind): _operation("receive", "down", kind)
                for kind in downs
            },
        },
        "components": {
            "messages": {labels.owner(kind): _message(kind) for kind in every},
            "schemas": _schemas(every),
            "securitySchemes": {
                "certificate": {
                    "type": "X509",
                    "description": "TLS client certificate; common name = sleeve's number.",
                },
                "password": {
                    "type": "userPassword",
                    "description": "User name = the sleeve's number; password issued at enrolment.",
                },
            },
        },
    }


def text() -> str:
    """The document as YAML, as it is published."""
    dumped = yaml.dump(document(), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100)
    return (
        "# Made from gateway/protocol: change the types, then `zhiyin contract --write`.\n" + dumped
    )


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as such, not as one quoted string."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        return self.represent_scalar(
            "tag:yaml.org,2002:str", data, style="|" if "\n" in data else None
        )


_Dumper.add_representer(str, _Dumper.represent_str)


def _server() -> dict[str, Any]:
    return {
        "host": "{host}:{port}",
        "protocol": "secure-mqtt",
        "protocolVersion": "3.1.1",
        "description": "The installation's broker, over TLS. MQTT 5 is as good.",
        "variables": {
            "host": {"description": "Name of the installation's broker."},
            "port": {"default": "8883"},
        },
        "security": [
            {"$ref": "#/components/securitySchemes/certificate"},
            {"$ref": "#/components/securitySchemes/password"},
        ],
        "bindings": {
            "mqtt": {
                "clientId": "{device}",
                "cleanSession": False,
                "keepAlive": 60,
                "lastWill": {
                    "topic": topics.state("{device}"),
                    "qos": 1,
                    "message": "CBOR of state with online = false",
                    "retain": True,
                },
                "bindingVersion": "0.2.0",
            }
        },
    }


def _channel(address: str, description: str, kinds: list[type[Wire]]) -> dict[str, Any]:
    names = [labels.owner(kind) for kind in kinds]
    parameters: dict[str, Any] = {"device": {"description": labels.ENVELOPE["device"].en}}
    if "{type}" in address:
        parameters["type"] = {"description": labels.ENVELOPE["type"].en, "enum": names}
    return {
        "address": address,
        "description": description,
        "parameters": parameters,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }


def _operation_id(action: str, kind: type[Wire]) -> str:
    return action + kind.__name__


def _operation(action: str, channel: str, kind: type[Wire]) -> dict[str, Any]:
    name = labels.owner(kind)
    operation: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "title": f"{labels.TYPES[name]} {name}",
        "summary": _summary(kind),
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"}],
        "bindings": {"mqtt": {"qos": 1, "retain": kind is State, "bindingVersion": "0.2.0"}},
    }
    answers = _ANSWERS.get(kind, ())
    if issubclass(kind, Event):
        answers += (Receipt,)
    if answers:
        operation["reply"] = {
            "channel": {"$ref": "#/channels/down"},
            "messages": [
                {"$ref": f"#/channels/down/messages/{labels.owner(one)}"} for one in answers
            ],
        }
    return operation


def _message(kind: type[Wire]) -> dict[str, Any]:
    name = labels.owner(kind)
    unsigned = kind in (Piece, State)
    message: dict[str, Any] = {
        "name": name,
        "title": labels.TYPES[name],
        "summary": _summary(kind),
        "description": schema.text(kind),
        "contentType": CBOR if unsigned else COSE,
        "x-max-bytes": MAX_PIECE_BYTES if kind is Piece else MAX_EVENT_BYTES,
        "payload": {"$ref": schema.REF + kind.__name__} if unsigned else _signed(kind),
    }
    if issubclass(kind, Down):
        message["x-signed-by"] = "receipt key" if kind is Receipt else "grant key"
    elif not unsigned:
        message["x-signed-by"] = "sleeve"
    if kind in _CORRELATION:
        message["correlationId"] = {"location": f"$message.payload#/{_CORRELATION[kind]}"}
    return message


def _signed(kind: type[Wire]) -> dict[str, Any]:
    if kind is Heartbeat:
        head = "HeartbeatEnvelope"
    else:
        head = "EventEnvelope" if issubclass(kind, Event) else "DownEnvelope"
    return {
        "allOf": [
            {"$ref": schema.REF + head},
            {
                "type": "object",
                "properties": {
                    "type": {"const": labels.owner(kind)},
                    "body": {"$ref": schema.REF + kind.__name__},
                },
            },
        ]
    }


def _schemas(kinds: list[type[Wire]]) -> dict[str, Any]:
    bodies: dict[str, type[msgspec.Struct]] = {}
    for kind in kinds:
        bodies |= {kind.__name__: kind} | schema.parts(kind)
    return {
        "EventEnvelope": schema.envelope("boot", "counter", "prev"),
        "HeartbeatEnvelope": schema.envelope("boot"),
        "DownEnvelope": schema.envelope(),
        **{name: schema.struct(kind) for name, kind in bodies.items()},
    }


def _summary(kind: type[Wire]) -> str:
    return schema.text(kind).split("\n\n")[0].split(". ")[0].rstrip(".") + "."
