"""The flash journal: what is written is read back, and no cut at any byte deceives it."""

from __future__ import annotations

import random
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import cbor
from seal_firmware_sim import journal as journal_module
from seal_firmware_sim import state
from seal_firmware_sim.hardware.flash import MemoryFlash
from seal_firmware_sim.journal import Journal
from seal_firmware_sim.state import Entry, Memory

names = st.sampled_from(["a", "b", "c"])
commits = st.sampled_from([bytes([n]) * 32 for n in range(4)])
small = st.integers(0, 1_000)


def written(entries: list[list[Entry]]) -> tuple[Journal, bytes]:
    """A journal of one frame per list, and its bytes."""
    journal, image = Journal(), b""
    for frame in entries:
        for entry in frame:
            journal.note(entry)
        image += journal.frame()
    return journal, image


def story(frames: int) -> list[list[Entry]]:
    """Frames of two events each, which burn a grant and end a use on the way."""
    told: list[list[Entry]] = []
    for nth in range(frames):
        first = 2 * nth + 1
        told.append(
            [
                state.EventEntry(first, b"event %d" % first * 3),
                state.BurnEntry(f"g{nth}", 10_000 + nth),
                state.EventEntry(first + 1, b"event %d" % (first + 1)),
            ]
        )
    return told


entries = st.one_of(
    st.builds(state.BootEntry, small),
    st.builds(state.BurnEntry, names, st.integers(1, 1_000)),
    st.builds(state.UseEntry, small, names, small, small),
    st.builds(state.EndEntry),
    st.builds(state.DropEntry, small),
    st.builds(state.GrantEntry, names, st.binary(max_size=9)),
    st.builds(state.ForgetEntry, names),
    st.builds(state.LockEntry, small, st.booleans(), st.text(max_size=5)),
    st.builds(state.ConfigEntry, small, st.just({"revision": 3, "fence": None})),
    st.builds(state.TimeEntry, small),
    st.builds(state.KeyEntry, st.just(-8), st.binary(min_size=32, max_size=32), small),
    st.builds(state.PictureDoneEntry, commits),
    st.builds(state.SwitchEntry, names, st.booleans()),
    st.builds(state.FaultEntry, names, st.booleans()),
)


@given(
    st.lists(entries, max_size=30),
    st.integers(0, 12),
    st.integers(0, 12),
    st.sets(st.integers(0, 3), max_size=4),
)
def test_reading_back_and_compacting_change_nothing(
    others: list[Entry], events: int, through: int, pictures: set[int]
) -> None:
    frames: list[list[Entry]] = [
        [state.EventEntry(nth + 1, b"e%d" % nth) for nth in range(events)],
        [state.PictureEntry(bytes([n]) * 32, n + 7, 1, n + 1) for n in sorted(pictures)],
        others,
        [
            state.ReceiptEntry(
                min(through, events), [(through + 2, through + 3)] if events > through + 3 else []
            )
        ],
    ]
    journal, image = written(frames)
    again = Journal(image)
    assert (again.memory, again.lost, again.damaged) == (journal.memory, 0, False)
    assert Journal(again.compacted()).memory == journal.memory


def test_promise_2_a_cut_at_any_byte_keeps_every_whole_frame() -> None:
    frames = story(4)
    _, image = written(frames)
    ends = [0]
    for nth in range(1, 5):
        ends.append(len(written(frames[:nth])[1]))
    for cut in range(len(image) + 1):
        journal = Journal(image[:cut])
        whole = sum(end <= cut for end in ends) - 1
        assert journal.memory == written(frames[:whole])[0].memory
        assert journal.damaged == (cut not in ends)
        assert journal.lost == (cut not in ends)


def test_a_torn_end_is_rewritten_before_anything_follows() -> None:
    frames = story(3)
    _, image = written(frames)
    journal = Journal(image[:-3])
    assert journal.damaged
    journal.note(state.EventEntry(5, b"a new one"))
    image = journal.compacted()
    journal.note(state.EventEntry(6, b"and one more"))
    again = Journal(image + journal.frame())
    assert again.lost == 0
    assert list(again.memory.events) == [1, 2, 3, 4, 5, 6]


def test_damage_in_the_middle_loses_that_frame_only_and_is_counted() -> None:
    frames = story(5)
    lengths = [len(written(frames[:nth])[1]) for nth in range(6)]
    _, image = written(frames)
    for at in range(lengths[1], lengths[3], 3):
        broken = bytearray(image)
        broken[at] ^= 0x55
        journal = Journal(bytes(broken))
        assert journal.damaged
        assert journal.lost == 1
        lost = {3, 4} if at < lengths[2] else {5, 6}
        assert set(journal.memory.events) == set(range(1, 11)) - lost
        assert journal.memory.counter == 10


def test_a_lost_beginning_is_counted() -> None:
    _, image = written(story(3))
    journal = Journal(b"\x00" * 10 + image[10:])
    assert journal.lost == 1
    assert list(journal.memory.events) == [3, 4, 5, 6]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_an_error(noise: bytes) -> None:
    journal = Journal(noise)
    assert journal.memory == Memory()
    assert journal.damaged == bool(noise)


def test_a_sound_frame_of_a_later_firmware_is_skipped_and_told_of() -> None:
    body = cbor.encode([["teleport", 1]])
    head = struct.pack(">2sIQ", b"ZJ", len(body), 1)
    strange = head + body + struct.pack(">I", zlib.crc32(head + body))
    journal = Journal(strange)
    assert (journal.memory, journal.lost) == (Memory(), 1)


def test_compaction_is_wanted_when_most_is_of_no_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "COMPACT_ABOVE_BYTES", 500)
    journal, _ = written(story(20))
    assert journal.size > 500
    journal.note(state.ReceiptEntry(40, []))
    journal.frame()
    assert journal.wants_compaction
    assert len(journal.compacted(trusted_now=20_000)) < 300
    assert not journal.wants_compaction


def test_used_grants_are_forgotten_only_when_their_time_is_certainly_over() -> None:
    journal, _ = written(story(3))
    kept = Journal(journal.compacted(trusted_now=10_000)).memory.burnt
    assert list(kept) == ["g1", "g2"]
    assert list(Journal(journal.compacted()).memory.burnt) == ["g0", "g1", "g2"]


def test_events_stay_until_the_prefix_covers_them() -> None:
    journal, _ = written(story(3))
    memory = journal.memory
    journal.note(state.ReceiptEntry(2, [(5, 6)]))
    assert list(memory.events) == [3, 4, 5, 6]
    assert list(memory.pending()) == [3, 4]
    assert memory.event_bytes == sum(map(len, memory.events.values()))
    journal.note(state.ReceiptEntry(6, []))
    assert (memory.events, memory.held, memory.event_bytes, memory.through) == ({}, set(), 0, 6)


def test_a_cut_in_memory_flash_is_a_prefix_with_a_torn_end() -> None:
    seen = set()
    for seed in range(60):
        flash = MemoryFlash()
        flash.append(b"durable")
        flash.put_picture(b"1" * 32, b"kept")
        flash.flush()
        flash.append(b"torn")
        flash.put_picture(b"2" * 32, b"maybe")
        flash.cut(random.Random(seed))
        image = flash.read()
        assert image.startswith(b"durable")
        assert len(image) <= len(b"durabletorn")
        assert flash.read_picture(b"1" * 32) == b"kept"
        seen.add((image, b"2" * 32 in flash.pictures()))
    assert len(seen) > 6
