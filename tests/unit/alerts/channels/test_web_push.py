"""Web push: what arrives opens on the receiver's side, is signed by us, and goes nowhere else."""

import base64
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from alerts.channels.base import ConfigError, Dead, Delivered, Message, Retry, Severity
from alerts.channels.http import Runtime, open_client
from alerts.channels.push_crypto import TOKEN_S, decode, encode, encrypt, private_key, public_bytes
from alerts.channels.registry import CHANNELS
from alerts.channels.web_push import PushDevice, WebPush
from backend.store import push
from tests.support.world import World

NOW = 1_790_000_000_000
SECRET = encode(bytes(range(1, 33)))
ENDPOINT = "https://fcm.googleapis.com/fcm/send/abc"


def hmac_256(key: bytes, data: bytes) -> bytes:
    made = hmac.HMAC(key, hashes.SHA256())
    made.update(data)
    return made.finalize()


@dataclass
class Phone:
    """A browser: opens what RFC 8291 §3.4 says, step by step and not with our own code."""

    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    auth: bytes = bytes(range(16))

    def device(self, endpoint: str = ENDPOINT) -> PushDevice:
        return PushDevice(endpoint, encode(public_bytes(self.key)), encode(self.auth))

    def open(self, body: bytes) -> bytes:
        salt, size, length = body[:16], *struct.unpack("!IB", body[16:21])
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        prk_key = hmac_256(self.auth, self.key.exchange(ec.ECDH(), point))
        info = b"WebPush: info\0" + public_bytes(self.key) + sender
        prk = hmac_256(salt, hmac_256(prk_key, info + b"\x01"))
        key = hmac_256(prk, b"Content-Encoding: aes128gcm\0\x01")[:16]
        nonce = hmac_256(prk, b"Content-Encoding: nonce\0\x01")[:12]
        plain = AESGCM(key).decrypt(nonce, sealed, None)
        assert plain.endswith(b"\x02")
        return plain[:-1]


@dataclass
class Shelf:
    """Where browsers are kept."""

    kept: list[PushDevice]

    def of(self, _person_id: str) -> list[PushDevice]:
        return list(self.kept)

    def drop(self, _person_id: str, endpoint: str) -> None:
        self.kept = [one for one in self.kept if one.endpoint != endpoint]


def channel(shelf: Shelf | None, answers: dict[str, int], asked: list[httpx.Request]) -> WebPush:
    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(answers.get(str(request.url), 201))

    runtime = Runtime(
        open_client(transport=httpx.MockTransport(answer)), lambda: NOW, devices=shelf
    )
    made = CHANNELS["web_push"](
        {"private_key": SECRET, "subject": "mailto:yunwei@example.cn"}, runtime
    )
    assert isinstance(made, WebPush)
    return made


def message(text: str = "等您审批：居住情况说明") -> Message:
    return Message(
        text,
        ("柳塘村 村民委员会章", "请尽快处理"),
        Severity.CRITICAL,
        "person-1",
        "delivery-1",
        link="https://yin.example.cn/applications/1",
    )


def test_the_receiver_reads_what_was_sent() -> None:
    phone, asked = Phone(), list[httpx.Request]()
    assert channel(Shelf([phone.device()]), {}, asked).send(message()) == Delivered()
    (request,) = asked
    told = json.loads(phone.open(request.content))
    assert told["title"].endswith("等您审批：居住情况说明")
    assert "柳塘村" in told["body"]
    assert told["address"] == "https://yin.example.cn/applications/1"
    assert told["tag"] == "delivery-1"
    assert request.headers["content-encoding"] == "aes128gcm"
    assert request.headers["urgency"] == "high"
    assert int(request.headers["ttl"]) > 0
    with pytest.raises(InvalidTag):
        Phone().open(request.content)


def test_the_push_service_can_tell_that_it_is_us() -> None:
    asked = list[httpx.Request]()
    made = channel(Shelf([Phone().device()]), {}, asked)
    made.send(message())
    scheme, _, rest = asked[0].headers["authorization"].partition(" ")
    fields = dict(one.strip().split("=", 1) for one in rest.split(","))
    assert scheme == "vapid"
    assert fields["k"] == made.public_key
    head, claims, signature = fields["t"].split(".")
    raw = decode(signature)
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(fields["k"]))
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    assert json.loads(decode(head)) == {"typ": "JWT", "alg": "ES256"}
    assert json.loads(decode(claims)) == {
        "aud": "https://fcm.googleapis.com",
        "exp": NOW // 1000 + TOKEN_S,
        "sub": "mailto:yunwei@example.cn",
    }
    assert TOKEN_S < 24 * 3600


def test_a_browser_that_is_gone_is_forgotten_and_the_others_still_get_it() -> None:
    gone, there = f"{ENDPOINT}-old", f"{ENDPOINT}-new"
    shelf = Shelf([Phone().device(gone), Phone().device(there)])
    made = channel(shelf, {gone: 410}, [])
    assert made.send(message()) == Delivered()
    assert [one.endpoint for one in shelf.kept] == [there]
    last = Shelf([Phone().device(gone)])
    outcome = channel(last, {gone: 404}, []).send(message())
    assert isinstance(outcome, Dead)
    assert outcome.code == "push:gone"
    assert last.kept == []


def test_what_may_pass_is_tried_again_and_nobody_listening_is_said() -> None:
    busy = channel(Shelf([Phone().device()]), {ENDPOINT: 503}, []).send(message())
    assert isinstance(busy, Retry)
    for shelf in (Shelf([]), None):
        nobody = channel(shelf, {}, []).send(message())
        assert isinstance(nobody, Dead)
        assert nobody.code == "push:none"


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/x",
        "https://127.0.0.1/x",
        "https://fcm.googleapis.com.example.cn/x",
        "https://fcm.googleapis.com:8443/x",
        "https://me@fcm.googleapis.com/x",
        "https://push.apple.com.cn/x",
        "https://[::1/x",
    ],
)
def test_only_push_services_of_the_settings_are_called(endpoint: str) -> None:
    asked = list[httpx.Request]()
    shelf = Shelf([Phone().device(endpoint)])
    assert isinstance(channel(shelf, {}, asked).send(message()), Dead)
    assert asked == []
    assert shelf.kept == []
    assert channel(None, {}, []).takes("https://web.push.apple.com/QGuXYZ")


def test_settings_that_cannot_work_say_so() -> None:
    runtime = Runtime(
        open_client(transport=httpx.MockTransport(lambda _: httpx.Response(201))), lambda: NOW
    )
    for key, subject in ((encode(b"short"), "mailto:a@b.cn"), (SECRET, "yunwei")):
        with pytest.raises(ConfigError):
            CHANNELS["web_push"]({"private_key": key, "subject": subject}, runtime)


def test_what_is_too_long_or_no_key_is_refused() -> None:
    sender = private_key(SECRET)
    point = public_bytes(Phone().key)
    with pytest.raises(ValueError, match="long"):
        encrypt(bytes(4000), point, bytes(16), sender=sender, salt=bytes(16))
    with pytest.raises(ValueError, match="point"):
        encrypt(b"x", bytes(65), bytes(16), sender=sender, salt=bytes(16))
    assert base64.urlsafe_b64encode(b"\xff\xfe") == b"__4="
    assert decode(encode(b"\xff\xfe")) == b"\xff\xfe"


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    made = World.create(sqlite_url, tmp_path)
    yield made
    made.close()


def test_a_person_keeps_a_few_browsers_each_once(world: World) -> None:
    def device(number: int) -> dict[str, str]:
        return {"endpoint": f"{ENDPOINT}{number}", "p256dh": "p", "auth": "a"}

    with world.db.write() as conn:
        for number in [*range(push.MOST + 2), 5]:
            push.add(conn, "person-1", device(number), NOW)
        push.drop(conn, "person-1", f"{ENDPOINT}4", NOW)
        kept = [one["endpoint"][len(ENDPOINT) :] for one in push.devices(conn, "person-1")]
        assert kept == ["2", "3", "6", "7", "8", "9", "5"]
        assert push.devices(conn, "person-2") == []
