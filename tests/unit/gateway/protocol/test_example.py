"""The worked example does what docs/protocol.md asks, up to the bytes on the network."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.protocol import chain, envelope, pictures, samples, topics
from gateway.protocol import messages as m
from gateway.protocol.cose import Ed25519Signer
from gateway.protocol.limits import MAX_PIECE_DATA

EXAMPLE = Path(__file__).parents[4] / "docs" / "examples" / "sleeve.py"
SECRET = samples.pseudo("example sleeve")
SIGNER = Ed25519Signer(SECRET)
PICTURE_KEY = X25519PrivateKey.from_private_bytes(samples.PICTURE_SECRET)
PHOTO = bytes(MAX_PIECE_DATA + 100)


class Bench:
    """Stands for broker and server: keeps what the sleeve sends, and answers when told to."""

    def __init__(self) -> None:
        spec = importlib.util.spec_from_file_location("example_sleeve", EXAMPLE)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.sent: list[tuple[str, bytes]] = []
        server = {
            "grant": samples.GRANT_KEY.public.raw,
            "receipt": samples.RECEIPT_KEY.public.raw,
            "picture": PICTURE_KEY.public_key().public_bytes_raw(),
        }
        self.sleeve: Any = module.Sleeve(samples.DEVICE, SECRET, server, self._publish, PHOTO)

    def _publish(self, topic: str, raw: bytes) -> None:
        self.sent.append((topic, raw))

    def say(self, body: m.Down, signer: Ed25519Signer | None = None) -> None:
        raw = envelope.seal_down(
            body, signer or samples.signer(body), device=samples.DEVICE, time=samples.NOW
        )
        self.sleeve.receive(topics.down(samples.DEVICE, body.type), raw)

    @property
    def events(self) -> list[envelope.Message]:
        found = []
        for topic, raw in self.sent:
            if not topic.endswith("/piece"):
                message = envelope.open_event(raw)
                envelope.check_topic(message, topics.parse(topic))
                found.append(message)
        return found

    @property
    def pieces(self) -> list[m.Piece]:
        return [envelope.decode_piece(raw) for topic, raw in self.sent if topic.endswith("/piece")]

    def grant(self, **changes: Any) -> m.Grant:
        (request,) = (one for one in self.events if isinstance(one.body, m.UnlockRequest))
        assert isinstance(request.body, m.UnlockRequest)
        terms: dict[str, Any] = {
            "grant": "g-1",
            "operator": "p-1",
            "stamps": 1,
            "not_before": samples.NOW - 1,
            "not_after": samples.NOW + 1,
            "title": "示例",
            "request": request.counter,
            "nonce": request.body.nonce,
        }
        return m.Grant(**(terms | changes))


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.sleeve.event("boot", firmware="0.1", hardware="example", reason="power_on")
    bench.sleeve.unlock("123456")
    return bench


def _whole_use(bench: Bench) -> None:
    bench.say(bench.grant())
    bench.say(m.Proceed(answers=bench.sleeve.checking, use=2))


def test_a_whole_use_is_one_valid_chain_in_the_right_order(bench: Bench) -> None:
    _whole_use(bench)
    found = chain.check(bench.events, SIGNER.public)
    assert (found.through, found.gaps) == (9, ())
    assert [message.body.type for message in bench.events] == [
        *("boot", "unlock_request", "grant_burnt", "count_entered", "face_captured"),
        *("page_captured", "stamped", "page_captured", "use_finished"),
    ]
    assert {getattr(one.body, "use", 2) for one in bench.events} == {2}


def test_its_pictures_open_as_the_events_named_them(bench: Bench) -> None:
    _whole_use(bench)
    refs = [ref for one in bench.events for ref in getattr(one.body, "pictures", [])]
    refs += [one.body.picture for one in bench.events if isinstance(one.body, m.PageCaptured)]
    assert len(refs) == 3
    for ref in refs:
        parts = [piece for piece in bench.pieces if piece.commit == ref.commit]
        assert [piece.index for piece in parts] == list(range(ref.pieces)) == [0, 1]
        upload = b"".join(piece.data for piece in parts)
        found = pictures.open_sealed(upload, ref, device=samples.DEVICE, secret=PICTURE_KEY)
        assert found[1] == PHOTO


def test_promise_1_nothing_moves_on_a_grant_that_is_not_good(bench: Bench) -> None:
    for bad in (
        bench.grant(nonce=bytes(16)),
        bench.grant(request=1),
        bench.grant(not_after=samples.NOW - 1),
        bench.grant(not_before=samples.NOW + 1),
    ):
        bench.say(bad)
    assert len(bench.events) == 2
    bench.say(bench.grant())
    bench.say(m.Proceed(answers=1, use=2))
    assert not any(isinstance(one.body, m.Stamped) for one in bench.events)
    bench.say(m.Proceed(answers=bench.sleeve.checking, use=2))
    bench.say(m.Proceed(answers=bench.sleeve.checking, use=2))
    bench.say(bench.grant())
    assert sum(isinstance(one.body, m.Stamped) for one in bench.events) == 1
    assert sum(isinstance(one.body, m.GrantBurnt) for one in bench.events) == 1


def test_promise_1_it_believes_only_the_server(bench: Bench) -> None:
    for signer in (samples.STRANGER, samples.RECEIPT_KEY):
        with pytest.raises(ValueError, match="not signed by the key"):
            bench.say(bench.grant(), signer)
    with pytest.raises(ValueError, match="not signed by the key"):
        bench.say(m.Receipt(through=2, tip=bytes(32), time=1), samples.GRANT_KEY)
    raw = envelope.seal_down(
        bench.grant(), samples.GRANT_KEY, device=samples.OTHER_DEVICE, time=samples.NOW
    )
    with pytest.raises(ValueError, match="not meant for this sleeve"):
        bench.sleeve.receive(topics.down(samples.DEVICE, "grant"), raw)
    assert len(bench.events) == 2


def test_promise_2_it_sends_the_same_bytes_until_a_receipt_covers_them(bench: Bench) -> None:
    first = list(bench.sent)
    bench.sent.clear()
    bench.sleeve.resend()
    assert bench.sent == first
    bench.say(m.Receipt(through=1, tip=bench.events[0].hash, time=samples.NOW))
    bench.sent.clear()
    bench.sleeve.resend()
    assert [message.counter for message in bench.events] == [2]
    bench.say(m.Receipt(through=0, tip=bytes(32), time=samples.NOW, ranges=[(2, 2)]))
    assert bench.sleeve.journal == {}


def test_an_upload_goes_on_where_the_server_says(bench: Bench) -> None:
    bench.say(bench.grant())
    (commit,) = bench.sleeve.pieces
    bench.sent.clear()
    bench.say(m.PiecesHeld(commit=commit, complete=False, missing=[(1, 1)]))
    assert [piece.index for piece in bench.pieces] == [1]
    bench.sent.clear()
    bench.sleeve.resend()
    assert [piece.index for piece in bench.pieces] == [0, 1]
    assert bench.sent[-1][0].endswith("/piece")  # events first
    bench.say(m.PiecesHeld(commit=commit, complete=True))
    assert bench.sleeve.pieces == {}
