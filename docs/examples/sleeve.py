"""The smallest sleeve: one use on line, by Ed25519. Needs cbor2, cryptography ≥ 48 and paho-mqtt.

    python sleeve.py HOST DEVICE PASSWORD SERVER_KEYS.json SECRET.key JOB_CODE PHOTO.jpg

SERVER_KEYS.json holds grant, receipt and picture key as hex. A real sleeve keeps what is marked
FLASH through power cuts, has real cameras, keypad and motor, and checks what protocol.md asks.
"""

import hashlib
import json
import os
import sys
import time
from pathlib import Path

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from paho.mqtt import client as mqtt

HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def encode(value):
    return cbor2.dumps(value, canonical=True)


def sha256(data):
    return hashlib.sha256(data).digest()


class Sleeve:
    def __init__(self, device, secret, server, publish, photo):
        self.device, self.server, self.publish, self.photo = device, server, publish, photo
        self.key = Ed25519PrivateKey.from_private_bytes(secret)
        self.kid = sha256(self.key.public_key().public_bytes_raw())[:8]
        self.boot, self.counter, self.tip = 1, 0, bytes(32)  # FLASH
        self.journal, self.pieces, self.burnt = {}, {}, set()  # FLASH
        self.nonce = self.request = self.use = self.checking = None

    # ── up ──

    def event(self, kind, **body):
        self.counter += 1
        payload = {"v": 1, "device": self.device, "boot": self.boot, "counter": self.counter}
        payload |= {"prev": self.tip, "time": time.time_ns() // 1_000_000, "type": kind}
        payload = encode(payload | {"body": body})
        protected = encode({1: -8, 4: self.kid})
        signature = self.key.sign(encode(["Signature1", protected, b"", payload]))
        raw = b"\xd2" + encode([protected, {}, payload, signature])
        self.tip = sha256(raw)
        self.journal[self.counter] = (f"seal/v1/{self.device}/up/{kind}", raw)  # before it is sent
        self.publish(*self.journal[self.counter])
        return self.counter

    def resend(self):
        """Every 5 s, plus up to 2 s drawn at random: what no receipt covers goes out again."""
        for topic, raw in list(self.journal.values()):
            self.publish(topic, raw)
        for commit, pieces in list(self.pieces.items()):  # after the events, never before
            self.upload(commit, [(0, len(pieces) - 1)])

    def picture(self, picture):
        """Seal a picture; its pieces go out once the event that names it has gone."""
        salt = os.urandom(32)
        commit = sha256(salt + picture)
        info = b"zhiyin picture v1\0" + self.device.encode() + b"\0" + commit
        key = X25519PublicKey.from_public_bytes(self.server["picture"])
        sealed = HPKE.encrypt(salt + picture, key, info=info)
        self.pieces[commit] = [sealed[at : at + 16384] for at in range(0, len(sealed), 16384)]
        return {"commit": commit, "size": len(sealed), "pieces": len(self.pieces[commit])}

    def upload(self, commit, missing):
        for first, last in missing:
            for index in range(first, last + 1):
                piece = {"commit": commit, "index": index, "data": self.pieces[commit][index]}
                self.publish(f"seal/v1/{self.device}/up/piece", encode(piece))

    # ── down ──

    def receive(self, topic, raw):
        kind = topic.rsplit("/", 1)[1]
        protected, _, payload, signature = cbor2.loads(raw[1:])
        key = self.server["receipt" if kind == "receipt" else "grant"]
        if raw[:1] != b"\xd2" or cbor2.loads(protected) != {1: -8, 4: sha256(key)[:8]}:
            raise ValueError("not signed by the key for this kind of message")
        signed = encode(["Signature1", protected, b"", payload])
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
        message = cbor2.loads(payload)
        if (message["v"], message["device"], message["type"]) != (1, self.device, kind):
            raise ValueError("not meant for this sleeve")
        getattr(self, "on_" + kind, lambda body, now: None)(message["body"], message["time"])

    def unlock(self, job):
        self.nonce = os.urandom(16)
        self.request = self.event("unlock_request", nonce=self.nonce, job=job)

    def on_grant(self, grant, now):
        fresh = (grant.get("request"), grant.get("nonce")) == (self.request, self.nonce)
        good = grant["not_before"] <= now <= grant["not_after"]
        if fresh and good and grant["grant"] not in self.burnt:
            self.burnt.add(grant["grant"])  # before anything moves
            self.use, self.grant = self.request, grant
            self.event("grant_burnt", grant=grant["grant"], use=self.use)
            self.event("count_entered", use=self.use, count=1)
            face = self.picture(self.photo)
            turn = grant.get("challenge", "none")
            body = {"use": self.use, "attempt": 1, "pictures": [face], "challenge": turn}
            self.checking = self.event("face_captured", **body)
            self.upload(face["commit"], [(0, face["pieces"] - 1)])

    def on_proceed(self, body, now):
        if (body["answers"], body["use"]) != (self.checking, self.use):
            return
        use, self.use = self.use, None  # one press, then the use is over
        pages = []
        for stage in ("before", "after"):
            pages.append(self.picture(self.photo))
            self.event("page_captured", use=use, stage=stage, press=1, picture=pages[-1])
            if stage == "before":  # here the motor drops the seal
                self.event("stamped", use=use, press=1, total=1, contact_ms=500)
        self.event("use_finished", use=use, presses=1, reason="done")
        for page in pages:
            self.upload(page["commit"], [(0, page["pieces"] - 1)])

    def on_refusal(self, body, now):
        print(body["reason"], body["text"])

    def on_receipt(self, body, now):
        held = [(1, body["through"]), *body.get("ranges", [])]
        for counter in list(self.journal):
            if any(first <= counter <= last for first, last in held):
                del self.journal[counter]

    def on_pieces_held(self, body, now):
        if body["complete"] or body.get("failure"):
            self.pieces.pop(body["commit"], None)
        elif body["commit"] in self.pieces:
            self.upload(body["commit"], body.get("missing", []))


def main(host, device, password, keys, secret, job, photo):
    server = {name: bytes.fromhex(key) for name, key in json.loads(Path(keys).read_text()).items()}
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, device, clean_session=False)
    sleeve = Sleeve(
        device,
        Path(secret).read_bytes(),
        server,
        lambda topic, raw: client.publish(topic, raw, qos=1),
        Path(photo).read_bytes(),
    )
    state = f"seal/v1/{device}/state"

    def connected(*_):
        client.subscribe(f"seal/v1/{device}/down/+", qos=1)
        client.publish(state, encode({"online": True, "boot": sleeve.boot}), qos=1, retain=True)
        sleeve.resend()

    client.username_pw_set(device, password)
    client.tls_set()
    client.will_set(state, encode({"online": False, "boot": sleeve.boot}), qos=1, retain=True)
    client.on_connect = connected
    client.on_message = lambda _client, _data, message: sleeve.receive(
        message.topic, message.payload
    )
    sleeve.event("boot", firmware="0.1", hardware="example", reason="power_on")
    sleeve.unlock(job)
    client.connect(host, 8883)
    client.loop_start()
    while sleeve.journal or sleeve.pieces:
        time.sleep(5 + int.from_bytes(os.urandom(2)) / 32768)
        sleeve.resend()


if __name__ == "__main__":
    main(*sys.argv[1:])
