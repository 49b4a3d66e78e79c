"""Vectors for the change of the server's keys: what a sleeve makes of messages one after another.

Each vector begins with a sleeve that was commissioned with ``grant`` and ``receipt``. A step has
the least server time that the sleeve can be sure of (``least_now``), the message, the verdict, and
the serial that is in force afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.protocol import cbor, cose, envelope, samples
from gateway.protocol.cose import Signer
from gateway.protocol.limits import VERSION
from gateway.protocol.messages import Down, Keys, Receipt, Time

_LATER = samples.NOW + 61 * samples.MINUTE
"""The old keys are over."""

_SECOND = samples.DOWNS[-1]
_FIRST = samples.BARE_DOWNS[-1]

Step = dict[str, Any]


def build() -> list[dict[str, Any]]:
    """Every vector."""
    assert isinstance(_SECOND, Keys)  # the samples end with it
    time = Time(time=samples.NOW, nonce=samples.pseudo("heartbeat", 16))
    receipt = Receipt(through=0, tip=bytes(32), time=samples.NOW)
    old, new = samples.GRANT_KEY, samples.NEXT_GRANT_KEY
    old_receipt, new_receipt = samples.RECEIPT_KEY, samples.NEXT_RECEIPT_KEY
    told = _step(_SECOND, old, serial=2)
    third = Keys(
        serial=3,
        grant=[samples.server_key(new)],
        receipt=[samples.server_key(new_receipt)],
        picture=_SECOND.picture,
    )
    return [
        _vector(
            "old and new keys side by side",
            [
                _step(time, new, verdict="unknown_key"),
                _step(receipt, new_receipt, verdict="unknown_key"),
                told,
                _step(time, new, serial=2),
                _step(receipt, new_receipt, serial=2),
                _step(time, old, serial=2),
                _step(receipt, old_receipt, serial=2),
            ],
        ),
        _vector(
            "old keys end, by the sleeve's own least time",
            [
                told,
                _step(time, old, serial=2, least_now=_LATER, verdict="unknown_key"),
                _step(receipt, old_receipt, serial=2, least_now=_LATER, verdict="unknown_key"),
                _step(time, new, serial=2, least_now=_LATER),
            ],
        ),
        _vector(
            "an old list is not gone back to",
            [
                told,
                _step(_FIRST, new, serial=2),
                _step(_SECOND, new, serial=2),
                _step(time, new, serial=2),
            ],
        ),
        _vector(
            "a list that leaves the old keys out",
            [
                told,
                _step(third, new, serial=3),
                _step(time, old, serial=3, verdict="unknown_key"),
                _step(third, old, serial=3, verdict="unknown_key"),
            ],
        ),
        _vector(
            "off line through a whole rotation, told by the oldest key",
            [_step(third, old, serial=3), _step(time, new, serial=3)],
        ),
        _vector(
            "a list that would leave nobody to believe",
            [_unsayable(_SECOND, old, "grant"), _unsayable(_SECOND, old, "receipt")],
        ),
        _vector(
            "not signed by a grant key that is believed",
            [
                _step(_SECOND, samples.STRANGER, verdict="unknown_key"),
                _step(_SECOND, old_receipt, verdict="unknown_key"),
                _step(_SECOND, new, verdict="unknown_key"),
                _step(_SECOND, old, device=samples.OTHER_DEVICE, verdict="wrong_device"),
            ],
        ),
    ]


def _unsayable(keys: Keys, signer: Signer, name: str) -> Step:
    """The list with an end for its last key of ``name``, which our own side refuses to sign."""
    body = envelope.plain(keys)
    body[name] = [*body[name][:-1], {**body[name][-1], "until": _LATER}]
    head = {"v": VERSION, "device": samples.DEVICE, "time": samples.NOW, "type": keys.type}
    raw = cose.sign(cbor.encode({**head, "body": body}), signer)
    return {"least_now": samples.NOW, "raw": raw.hex(), "verdict": "bad_field", "serial": 0}


def _vector(name: str, steps: Sequence[Step]) -> dict[str, Any]:
    return {"name": name, "device": samples.DEVICE, "steps": list(steps), "verdict": "ok"}


def _step(
    body: Down,
    signer: Signer,
    *,
    serial: int = 0,
    least_now: int = samples.NOW,
    device: str = samples.DEVICE,
    verdict: str = "ok",
) -> Step:
    raw = envelope.seal_down(body, signer, device=device, time=samples.NOW)
    return {"least_now": least_now, "raw": raw.hex(), "verdict": verdict, "serial": serial}
