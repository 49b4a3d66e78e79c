"""Sizes and quotas of the device contract. Both sides enforce them; AsyncAPI states them."""

from __future__ import annotations

from typing import Final

VERSION: Final = 1
"""``v`` of every signed payload."""

MAX_EVENT_BYTES: Final = 4096
"""Largest signed envelope, up or down, in bytes."""

MAX_PIECE_DATA: Final = 16_384
"""Largest picture piece payload, in bytes; the whole MQTT message stays under 17 KiB, below the
20 KiB that a small broker takes by default."""

MAX_PIECE_BYTES: Final = MAX_PIECE_DATA + 256
"""Largest piece as an MQTT payload, in bytes."""

MAX_PICTURE_BYTES: Final = 2 * 1024 * 1024
"""Largest encrypted picture, in bytes."""

MAX_PIECES: Final = MAX_PICTURE_BYTES // MAX_PIECE_DATA
"""Most pieces of one picture."""

MAX_BURST: Final = 8
"""Frames in one face burst."""

MAX_STAMPS: Final = 999
"""Most stamps of one grant."""

MAX_RANGES: Final = 64
"""Most ranges in one receipt or one ``pieces_held``; the server names the lowest ones first."""

MAX_SERVER_KEYS: Final = 8
"""Most keys of one kind in a ``keys`` message; a sleeve needs room for so many."""

MAX_NESTING: Final = 12
"""Deepest nesting of maps and arrays in any payload."""

MAX_INT: Final = 2**53
"""Largest integer of any field, exact in every language and below what databases can hold."""

MAX_TIME_MS: Final = 253_402_214_400_000
"""Latest time of any field: 9999-12-31T00:00:00Z, which calendars can show in any zone."""

PIECES_UNDER_WAY: Final = 8
"""Most pieces sent and not yet acknowledged by the broker, so that no event queues behind more."""

RESEND_AFTER_MS: Final = 5_000
"""A sleeve sends again what no receipt covers after this long, plus jitter."""

RESEND_JITTER_MS: Final = 2_000
"""Upper end of the evenly drawn jitter, in ms, that is added each time."""

RESEND_MOST_MS: Final = 40_000
"""A sleeve may double the wait with each try up to this, so that it does not bury a busy server."""

HEARTBEAT_MS: Final = 60_000
"""Time between heartbeats unless ``config`` says otherwise."""

SILENT_AFTER_MS: Final = 5 * HEARTBEAT_MS
"""A sleeve from which nothing came for this long counts as silent."""

JOURNAL_QUOTA_BYTES: Final = 4 * 1024 * 1024
"""Flash kept for events that no receipt covers. When it is full the sleeve refuses to unlock."""

PICTURE_QUOTA_BYTES: Final = 64 * 1024 * 1024
"""Flash kept for pictures not yet stored by the server. When it is full the sleeve refuses to
unlock; it never drops a picture that an event has named."""
