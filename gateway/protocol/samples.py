"""One message of each type with every field filled, and the bare minimum of each.

Test vectors are made of these. All keys here are public knowledge: never use them.
"""

from __future__ import annotations

import hashlib
from typing import Final

from gateway.protocol import messages as m
from gateway.protocol.cose import Ed25519Signer, Es256Signer

DEVICE: Final = "SIM-0001"
OTHER_DEVICE: Final = "SIM-0002"
NOW: Final = 1_790_000_000_000
MINUTE: Final = 60_000


def pseudo(label: str, size: int = 32) -> bytes:
    """Bytes that look random and are the same each time, up to 32."""
    return hashlib.sha256(b"zhiyin vector " + label.encode()).digest()[:size]


SLEEVE_ED25519: Final = Ed25519Signer(pseudo("sleeve ed25519"))
SLEEVE_ES256: Final = Es256Signer(pseudo("sleeve es256"))
SLEEVE_NEXT: Final = Es256Signer(pseudo("sleeve after rotation"))
STRANGER: Final = Ed25519Signer(pseudo("stranger"))
GRANT_KEY: Final = Ed25519Signer(pseudo("server grant key"))
RECEIPT_KEY: Final = Ed25519Signer(pseudo("server receipt key"))
NEXT_GRANT_KEY: Final = Ed25519Signer(pseudo("server grant key after rotation"))
NEXT_RECEIPT_KEY: Final = Ed25519Signer(pseudo("server receipt key after rotation"))
PICTURE_SECRET: Final = pseudo("server picture key")


def server_key(signer: Ed25519Signer, until: int | None = None) -> m.ServerKey:
    """A key of the server as a list names it."""
    return m.ServerKey(alg=signer.public.alg, public=signer.public.raw, until=until)


_AT: Final = m.Position(lat=30.1234567, lon=120.25, accuracy=8.0)
_YARD: Final = m.Place(lat=30.1234, lon=120.25, radius=150.0)
_GRANT: Final = "01a0b0c0-0000-7000-8000-000000000001"
_FACE: Final = m.PictureRef(commit=pseudo("face"), size=48_231, pieces=3)
_PAGE: Final = m.PictureRef(commit=pseudo("page"), size=301_004, pieces=19)

EVENTS: Final[tuple[m.Event, ...]] = (
    m.Boot(firmware="1.4.2", hardware="ZY-3 rev B", reason="power_on", lost=1),
    m.ClockSet(before=NOW - 9_000, after=NOW, signed=True),
    m.ConfigApplied(revision=7),
    m.UnlockRequest(nonce=pseudo("unlock", 16), grant=_GRANT, job="20260401", position=_AT),
    m.GrantBurnt(grant=_GRANT, use=4, offline=True, clock_age=61_000),
    m.CountEntered(use=4, count=2),
    m.FaceCaptured(use=4, attempt=1, pictures=[_FACE, _PAGE], challenge="left", matched=False),
    m.PinEntered(use=4, attempt=1, witness="p-7c41", sealed=pseudo("pins"), checked=True),
    m.PageCaptured(use=4, stage="before", press=1, picture=_PAGE, failure="部分遮挡"),
    m.Stamped(use=4, press=1, total=1_207, contact_ms=640, contacts=2, position=_AT),
    m.UseFinished(use=4, presses=1, reason="early", note="少盖一枚"),
    m.AttemptRefused(reason="grant_used", use=4, grant=_GRANT),
    m.Tamper(switch="case", open=True),
    m.MotionUnexpected(part="limit_switch"),
    m.Moved(position=_AT, moving=False),
    m.Fault(code="not_closed", cleared=True, detail="8.2 s"),
    m.GrantStored(grant=_GRANT),
    m.GrantDropped(grant=_GRANT, reason="revoked"),
    m.KeysApplied(serial=2),
    m.LockChanged(order=3, locked=True),
    m.KeyRotated(alg=-7, public=SLEEVE_NEXT.public.raw),
)
"""Every event type once, every field other than its default, in the order of their chain."""

BARE_EVENTS: Final[tuple[m.Event, ...]] = (
    m.Boot(firmware="1.4.2", hardware="ZY-3 rev B", reason="watchdog"),
    m.UnlockRequest(nonce=pseudo("unlock", 16), job="481516"),
    m.GrantBurnt(grant=_GRANT, use=2),
    m.CountEntered(use=2, count=1),
    m.FaceCaptured(use=2, attempt=1, pictures=[_FACE]),
    m.PinEntered(use=2, attempt=1, witness="p-7c41", sealed=pseudo("pins")),
    m.PageCaptured(use=2, stage="before", press=1),
    m.Stamped(use=2, press=1, total=1_208, contact_ms=500),
    m.PageCaptured(use=2, stage="after", press=1, picture=_PAGE),
    m.UseFinished(use=2, presses=1, reason="done"),
    m.AttemptRefused(reason="no_grant"),
    m.Moved(),
    m.Fault(code="jam"),
)
"""The same, with optional fields left out: an ordinary use on line."""

HEARTBEATS: Final[tuple[m.Heartbeat, ...]] = (
    m.Heartbeat(
        through=20,
        battery=83,
        temperature=21.5,
        firmware="1.4.2",
        clock_trusted=True,
        locked=False,
        pending_events=3,
        pending_pictures=2,
        flash_free=50_331_648,
        position=_AT,
        nonce=pseudo("heartbeat", 16),
    ),
    m.Heartbeat(through=0, battery=0, temperature=-10.0, firmware="1.4.2", clock_trusted=False),
)

DOWNS: Final[tuple[m.Down, ...]] = (
    m.Grant(
        grant=_GRANT,
        operator="p-19ae",
        stamps=3,
        not_before=NOW - MINUTE,
        not_after=NOW + 30 * MINUTE,
        title="居住情况说明（示例）",
        alternates=["p-20bf", "p-31c0"],
        request=4,
        nonce=pseudo("unlock", 16),
        place=_YARD,
        check="face_in_sleeve",
        pin_allowed=False,
        challenge="right",
        frames=5,
        offline=True,
        max_clock_age=24 * 60 * MINUTE,
        pin=m.PinCheck(
            salt=pseudo("pin salt", 16),
            rounds=100_000,
            digest=hashlib.pbkdf2_hmac("sha256", b"135790", pseudo("pin salt", 16), 100_000),
        ),
        wait_for_page=True,
    ),
    m.Proceed(answers=7, use=4, press=1),
    m.Refusal(answers=7, reason="face_blurred", text="画面模糊，请站稳后重拍", retry=True),
    m.Receipt(through=9, tip=pseudo("tip"), time=NOW, ranges=[(12, 14), (16, 16)]),
    m.PiecesHeld(commit=pseudo("face"), complete=False, missing=[(1, 2)], failure="not_a_picture"),
    m.Revoke(grant=_GRANT),
    m.Time(time=NOW, nonce=pseudo("heartbeat", 16)),
    m.Lock(order=3, locked=True, text="请联系镇街管理员"),
    m.Config(
        revision=7,
        heartbeat_ms=30_000,
        use_timeout_ms=120_000,
        close_timeout_ms=5_000,
        face_attempts=2,
        fence=_YARD,
    ),
    m.Keys(
        serial=2,
        grant=[server_key(GRANT_KEY, NOW + 60 * MINUTE), server_key(NEXT_GRANT_KEY)],
        receipt=[server_key(RECEIPT_KEY, NOW + 60 * MINUTE), server_key(NEXT_RECEIPT_KEY)],
        picture=pseudo("server picture key after rotation"),
    ),
)
"""Every down type once, every field other than its default."""

BARE_DOWNS: Final[tuple[m.Down, ...]] = (
    m.Grant(
        grant=_GRANT,
        operator="p-19ae",
        stamps=1,
        not_before=NOW,
        not_after=NOW + 5 * MINUTE,
        title="居住情况说明（示例）",
    ),
    m.Proceed(answers=7, use=4),
    m.Refusal(answers=4, reason="no_grant", text="没有可用的授权"),
    m.Receipt(through=0, tip=bytes(32), time=NOW),
    m.PiecesHeld(commit=pseudo("face"), complete=True),
    m.Lock(order=4, locked=False),
    m.Config(revision=8),
    m.Keys(
        serial=1,
        grant=[server_key(GRANT_KEY)],
        receipt=[server_key(RECEIPT_KEY)],
        picture=pseudo("server picture key"),
    ),
)
"""The same, with optional fields left out."""


def signer(down: m.Down) -> Ed25519Signer:
    """The server's key for a message: receipts have one of their own."""
    return RECEIPT_KEY if isinstance(down, m.Receipt) else GRANT_KEY
