"""The AsyncAPI document: whole, consistent in itself, and the schemas are those of the types."""

import json
import re
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import asyncapi, envelope, labels, limits, samples, topics
from gateway.protocol import messages as m
from tests.unit.gateway.protocol.strategies import message

DOCUMENT: dict[str, Any] = json.loads(json.dumps(asyncapi.document()))
UPS: list[type[m.Wire]] = [*m.EVENTS, m.Heartbeat]
EVERY: list[type[m.Wire]] = [*UPS, m.Piece, m.State, *m.DOWNS]


def _resolve(ref: str) -> Any:
    assert ref.startswith("#/")
    found: Any = DOCUMENT
    for part in ref[2:].split("/"):
        found = found[part]
    return found


def _refs(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [ref for value in node.values() for ref in _refs(value)]
    return [ref for value in node for ref in _refs(value)] if isinstance(node, list) else []


def test_it_is_asyncapi_3_and_has_only_its_objects() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    own = {key for key in DOCUMENT if not key.startswith("x-")}
    assert own == {
        *("asyncapi", "info", "defaultContentType", "servers", "channels", "operations"),
        "components",
    }
    assert {"title", "version", "license", "description"} <= DOCUMENT["info"].keys()
    keys = [*DOCUMENT["channels"], *DOCUMENT["operations"], *DOCUMENT["servers"]]
    for kind in DOCUMENT["components"].values():
        keys += kind
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", key) for key in keys)


def test_every_reference_leads_somewhere() -> None:
    refs = _refs(DOCUMENT)
    assert len(refs) > 100
    for ref in refs:
        assert _resolve(ref)


def test_channels_are_the_topics() -> None:
    addresses = {name: channel["address"] for name, channel in DOCUMENT["channels"].items()}
    assert addresses == {
        "up": topics.up("{device}", "{type}"),
        "pieces": topics.up("{device}", "piece"),
        "state": topics.state("{device}"),
        "down": topics.down("{device}", "{type}"),
    }
    for channel in DOCUMENT["channels"].values():
        used = set(re.findall(r"\{(\w+)\}", channel["address"]))
        assert set(channel["parameters"]) == used
        if "type" in used:
            assert channel["parameters"]["type"]["enum"] == list(channel["messages"])


def test_each_message_has_exactly_one_operation_with_its_bindings() -> None:
    operated = []
    for name, operation in DOCUMENT["operations"].items():
        channel = _resolve(operation["channel"]["$ref"])
        (ref,) = (one["$ref"] for one in operation["messages"])
        assert ref.startswith(operation["channel"]["$ref"] + "/messages/")
        message_name = ref.rsplit("/", 1)[1]
        operated.append(message_name)
        down = operation["channel"]["$ref"].endswith("down")
        assert operation["action"] == ("receive" if down else "send")
        assert name.startswith(operation["action"])
        assert message_name in channel["messages"]
        assert operation["bindings"]["mqtt"] == {
            "qos": 1,
            "retain": message_name == "state",
            "bindingVersion": "0.2.0",
        }
        for reply in operation.get("reply", {}).get("messages", []):
            assert reply["$ref"].startswith("#/channels/down/messages/")
    assert sorted(operated) == sorted(labels.owner(kind) for kind in EVERY)


def test_what_waits_for_an_answer_says_so() -> None:
    replies = {
        name: {ref["$ref"].rsplit("/", 1)[1] for ref in operation["reply"]["messages"]}
        for name, operation in DOCUMENT["operations"].items()
        if "reply" in operation
    }
    assert replies["sendUnlockRequest"] == {"grant", "refusal", "receipt"}
    assert replies["sendFaceCaptured"] == {"proceed", "refusal", "receipt"}
    assert replies["sendStamped"] == {"receipt"}
    assert replies["sendHeartbeat"] == {"time"}
    assert replies["sendPiece"] == {"pieces_held"}
    assert "sendState" not in replies


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_each_message_is_described(kind: type[m.Wire]) -> None:
    described = DOCUMENT["components"]["messages"][labels.owner(kind)]
    unsigned = kind in (m.Piece, m.State)
    assert described["contentType"] == (
        "application/cbor" if unsigned else 'application/cose; cose-type="cose-sign1"'
    )
    assert described["title"] == labels.TYPES[labels.owner(kind)]
    assert described["summary"]
    assert described["x-max-bytes"] in (limits.MAX_EVENT_BYTES, limits.MAX_PIECE_BYTES)
    signer = described.get("x-signed-by")
    if kind in m.DOWNS:
        assert signer == ("receipt key" if kind is m.Receipt else "grant key")
    else:
        assert signer == (None if unsigned else "sleeve")
    schema = DOCUMENT["components"]["schemas"][kind.__name__]
    for name, shape in schema["properties"].items():
        assert shape["description"], name
        assert shape["x-zh"], name


def test_it_states_every_size_and_quota() -> None:
    stated = {name: one["value"] for name, one in DOCUMENT["x-limits"].items()}
    public = {name: getattr(limits, name) for name in dir(limits) if name.isupper()}
    assert stated == public
    assert all(one["description"] for one in DOCUMENT["x-limits"].values())


def _validator(kind: type[m.Wire]) -> Any:
    payload = DOCUMENT["components"]["messages"][labels.owner(kind)]["payload"]
    return jsonschema_rs.Draft7Validator(payload | {"components": DOCUMENT["components"]})


def _as_json(value: Any) -> Any:
    # One character a byte, so that the lengths of the schema count bytes.
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    return [_as_json(item) for item in value] if isinstance(value, list | tuple) else value


def _payload(body: m.Wire) -> Any:
    if isinstance(body, m.Piece | m.State):
        return _as_json(envelope.plain(body))
    payload: dict[str, Any] = {"v": 1, "device": samples.DEVICE, "time": samples.NOW}
    payload |= {"type": labels.owner(type(body)), "body": envelope.plain(body)}
    if isinstance(body, m.Event):
        payload |= {"counter": 1, "prev": bytes(32)}
    if isinstance(body, m.Event | m.Heartbeat):
        payload |= {"boot": 1}
    return _as_json(payload)


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_the_schema_takes_what_the_type_takes(kind: type[m.Wire]) -> None:
    validator = _validator(kind)

    @given(message(kind))
    def check(body: m.Wire) -> None:
        errors = [error.message for error in validator.iter_errors(_payload(body))]
        assert not errors

    check()


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_the_schema_refuses_what_the_type_refuses(kind: type[m.Wire]) -> None:
    validator = _validator(kind)

    @given(message(kind), st.data())
    def check(body: m.Wire, data: st.DataObject) -> None:
        payload = _payload(body)
        inner = payload if kind in (m.Piece, m.State) else payload["body"]
        required = DOCUMENT["components"]["schemas"][kind.__name__]["required"]
        if not required:
            return
        name = data.draw(st.sampled_from(required))
        if data.draw(st.booleans()):
            del inner[name]
        else:
            inner[name] = None
        assert not validator.is_valid(payload)

    check()


def test_the_yaml_is_the_document() -> None:
    assert yaml.safe_load(asyncapi.text()) == DOCUMENT
    assert asyncapi.text() == asyncapi.text()
