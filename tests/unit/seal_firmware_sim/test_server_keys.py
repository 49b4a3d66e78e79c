"""The server's keys change under a sleeve: on line, through power cuts, against replays."""

from __future__ import annotations

import random

import pytest

from gateway.protocol import cose, envelope, pictures
from gateway.protocol import messages as m
from gateway.protocol.errors import ProtocolError
from gateway.protocol.samples import server_key
from seal_firmware_sim.hardware.flash import MemoryFlash
from tests.unit.seal_firmware_sim.conftest import Hands
from tests.unit.seal_firmware_sim.model import (
    GRANT_KEY,
    PICTURE_SECRET,
    RECEIPT_KEY,
    START,
    ModelServer,
    make_bench,
    pump,
)

HOUR = 3_600_000
NEXT = cose.Ed25519Signer(b"G" * 32)
NEXT_RECEIPT = cose.Ed25519Signer(b"R" * 32)
THIRD = cose.Ed25519Signer(b"H" * 32)
OTHER_PICTURE = bytes(range(1, 33))


def keys(
    serial: int,
    *grant: m.ServerKey,
    receipt: list[m.ServerKey] | None = None,
    picture: bytes = OTHER_PICTURE,
) -> m.Keys:
    return m.Keys(
        serial=serial,
        grant=list(grant),
        receipt=receipt or [server_key(RECEIPT_KEY), server_key(NEXT_RECEIPT)],
        picture=picture,
    )


def second(until: int = START + HOUR) -> m.Keys:
    return keys(2, server_key(GRANT_KEY, until), server_key(NEXT))


def say(hands: Hands, body: m.Down, signer: cose.Signer) -> None:
    raw = envelope.seal_down(body, signer, device=hands.server.device, time=hands.bench.clock())
    hands.raw(body.type, raw)


def lock_by(hands: Hands, signer: cose.Signer, order: int) -> bool:
    """Whether an order signed by ``signer`` is carried out."""
    say(hands, m.Lock(order=order, locked=False), signer)
    firmware = hands.bench.sleeve.firmware
    assert firmware is not None
    return firmware.core.memory.lock.order == order


def serial(hands: Hands) -> int:
    firmware = hands.bench.sleeve.firmware
    assert firmware is not None
    return firmware.core.trust.serial


def test_new_keys_are_believed_beside_the_old_ones_and_confirmed(hands: Hands) -> None:
    assert not lock_by(hands, NEXT, 1)
    say(hands, second(), GRANT_KEY)
    assert hands.last(m.KeysApplied) == m.KeysApplied(serial=2)
    assert lock_by(hands, NEXT, 1)
    assert lock_by(hands, GRANT_KEY, 2)
    hands.reboot()
    assert lock_by(hands, NEXT, 3)
    assert serial(hands) == 2


def test_an_old_key_ends_with_its_time_even_when_the_sleeve_has_just_started(hands: Hands) -> None:
    say(hands, second(until=START + HOUR), GRANT_KEY)
    hands.pass_time(HOUR - 60_000)
    assert lock_by(hands, GRANT_KEY, 1)
    # Those who answer it from now on have the new keys.
    hands.pass_time(1)
    for _ in range(3):
        hands.pass_time(60_000)
    assert not lock_by(hands, GRANT_KEY, 2)
    assert lock_by(hands, NEXT, 2)
    hands.link(False)
    hands.reboot()  # no trusted time now; what flash knows of it still counts
    hands.link(True)
    assert not lock_by(hands, GRANT_KEY, 3)


def test_an_old_list_is_not_gone_back_to(hands: Hands) -> None:
    say(hands, second(), GRANT_KEY)
    say(hands, keys(3, server_key(NEXT)), NEXT)
    for old in (second(), keys(1, server_key(GRANT_KEY)), keys(3, server_key(THIRD))):
        say(hands, old, NEXT)
    hands.reboot()
    say(hands, second(), NEXT)
    assert serial(hands) == 3
    assert not lock_by(hands, GRANT_KEY, 1)
    assert not lock_by(hands, THIRD, 1)
    assert [one.serial for one in hands.server.bodies(m.KeysApplied)] == [2, 3]  # type: ignore[attr-defined]  # of that type


@pytest.mark.parametrize("signer", [RECEIPT_KEY, NEXT, THIRD])
def test_a_list_that_no_believed_grant_key_signed_is_refused(
    hands: Hands, signer: cose.Signer
) -> None:
    say(hands, second(), signer)
    assert serial(hands) == 0
    assert hands.server.bodies(m.KeysApplied) == []


def test_a_list_that_would_leave_nobody_to_believe_cannot_be_said() -> None:
    with pytest.raises(ProtocolError, match="no end"):
        envelope.convert(
            envelope.plain(second())
            | {"grant": [{"alg": -8, "public": GRANT_KEY.public.raw, "until": START}]},
            m.Keys,
        )
    with pytest.raises(ProtocolError):
        envelope.convert(envelope.plain(second()) | {"receipt": []}, m.Keys)


def test_receipts_by_the_new_key_free_the_journal(hands: Hands) -> None:
    say(hands, second(), GRANT_KEY)
    hands.server.quiet.add("receipt")
    say(hands, m.Lock(order=1, locked=False), NEXT)
    firmware = hands.bench.sleeve.firmware
    assert firmware is not None
    assert firmware.core.memory.events
    say(hands, hands.server.receipt(), NEXT_RECEIPT)
    assert not firmware.core.memory.events


def test_pictures_are_encrypted_to_the_new_key(hands: Hands) -> None:
    say(hands, second(), GRANT_KEY)
    firmware = hands.bench.sleeve.firmware
    assert firmware is not None
    sealed = firmware.core.seal_pictures([b"a face"])
    assert sealed is not None
    with pytest.raises(ProtocolError):
        pictures.open_sealed(
            sealed[0].ciphertext,
            sealed[0].ref,
            device=hands.server.device,
            secret=PICTURE_SECRET,
        )


def test_promise_2_a_cut_behind_any_effect_leaves_the_old_list_or_the_new_one() -> None:
    seen = set()
    for cut in range(12):
        bench = make_bench(seed=cut)
        server = ModelServer(bench.clock)
        bench.sleeve.power_on()
        pump(bench, server)
        hands = Hands(bench, server)
        bench.sleeve.cut_after = cut
        say(hands, second(), GRANT_KEY)
        assert isinstance(bench.flash, MemoryFlash)
        if not bench.sleeve.powered:
            bench.flash.cut(random.Random(cut))
        bench.sleeve.cut_after = None
        bench.sleeve.power_on()
        pump(bench, server)
        seen.add(serial(hands))
        told = [one.serial for one in server.bodies(m.KeysApplied)]  # type: ignore[attr-defined]  # of that type
        assert told == ([2] if serial(hands) == 2 else [])
        say(hands, second(), GRANT_KEY)  # as the server does until it is confirmed
        assert serial(hands) == 2
        assert lock_by(hands, NEXT, 1)
        assert server.forks == 0
    assert seen == {0, 2}


def test_a_compacted_journal_keeps_the_list(hands: Hands) -> None:
    say(hands, second(), GRANT_KEY)
    firmware = hands.bench.sleeve.firmware
    assert firmware is not None
    hands.bench.flash.replace(firmware.core.journal.compacted())
    hands.reboot()
    assert serial(hands) == 2
    assert lock_by(hands, NEXT, 1)
