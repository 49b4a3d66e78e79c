"""Topics: what each direction is called, and that nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import topics
from gateway.protocol.errors import ProtocolError, Reason
from tests.unit.gateway.protocol.strategies import outcome

_DEVICES = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_-]{2,31}\Z")
_TYPES = st.from_regex(r"\A[a-z][a-z_]{1,31}\Z")


@given(_DEVICES, _TYPES)
def test_a_made_topic_is_parsed_back(device: str, type_: str) -> None:
    assert topics.parse(topics.up(device, type_)) == topics.Topic(device, "up", type_)
    assert topics.parse(topics.down(device, type_)) == topics.Topic(device, "down", type_)
    assert topics.parse(topics.state(device)) == topics.Topic(device, "state", "")
    assert topics.is_device_id(device)


@given(
    st.text() | st.lists(st.text(max_size=8) | st.sampled_from(["seal", "v1", "up"])).map("/".join)
)
def test_any_text_is_a_topic_or_refused(text: str) -> None:
    topic = outcome(topics.parse, text)
    if topic is not Reason.BAD_TOPIC:
        made = {"up": topics.up, "down": topics.down}.get(topic.direction)
        assert text == (made(topic.device, topic.type) if made else topics.state(topic.device))


@pytest.mark.parametrize(
    "text",
    [
        "seal/v1/SIM-1/up/boot\n",
        "seal/v1/SIM-1\n/up/boot",
        "seal/v1/SIM-1/up/",
        "seal/v1/SIM-1/up",
        "seal/v1/SIM-1/up/boot/more",
        "seal/v1/SIM-1/sideways/boot",
        "seal/v1/+/up/boot",
        "seal/v1/SIM-1/up/#",
        "seal/v2/SIM-1/up/boot",
        "seal/v1/印/up/boot",
        "seal/v1/-IM-1/up/boot",
        "",
    ],
)
def test_other_topics_are_refused(text: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        topics.parse(text)
    assert caught.value.reason is Reason.BAD_TOPIC
    assert "\n" not in str(caught.value)


def test_a_device_id_has_no_line_feed_at_its_end() -> None:
    assert not topics.is_device_id("SIM-1\n")


def test_what_is_subscribed_to_fits_what_is_published() -> None:
    assert topics.UP_FILTER == "seal/v1/+/up/+"
    assert topics.STATE_FILTER == "seal/v1/+/state"
    assert topics.down_filter("SIM-1") == "seal/v1/SIM-1/down/+"
