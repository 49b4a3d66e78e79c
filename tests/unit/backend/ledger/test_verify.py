"""The verifier on honest exports, on dishonest ones, and on nonsense."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.domain.record import Record
from backend.ledger.checkpoint import WitnessPolicy
from backend.ledger.disclosure import Scope, SleeveKey
from backend.ledger.note import Ed25519Signer
from backend.ledger.verify import verify, verify_cli
from gateway.protocol import cose, envelope
from gateway.protocol.uplink import Tamper
from tests.support.ledger_world import MINUTE, START, LedgerWorld, Sleeve

_ES256 = cose.Es256Signer(bytes(31) + b"\x07")


def _honest(world: LedgerWorld) -> None:
    first, second = Sleeve("sleeve-1"), Sleeve("sleeve-2", _ES256)
    world.enrol(first)
    world.enrol(second)
    for _ in range(3):
        world.stamp(first, use_id="u1")
        world.stamp(second, use_id="u2")
        world.decide()
    world.checkpoint()


@pytest.mark.parametrize(
    "scope",
    [Scope.everything(), Scope.use("u1"), Scope.range(4, 6), Scope.organisation("/330109/")],
)
def test_an_honest_export_verifies(world: LedgerWorld, tmp_path: Path, scope: Scope) -> None:
    _honest(world)
    world.export(tmp_path / "e.zip", scope)
    report = world.verify(tmp_path / "e.zip")
    assert report.ok, report.lines("en")
    assert (report.size, report.witnessed) == (11, 11)
    assert report.complete is (scope.kind == "everything")
    assert report.scope["kind"] == scope.kind
    assert report.lines()[0] == "核验通过：未发现问题。"
    json.dumps(report.as_dict())


def test_everything_is_checked_to_the_end(world: LedgerWorld, tmp_path: Path) -> None:
    _honest(world)
    world.export(tmp_path / "e.zip")
    keys = [
        SleeveKey("sleeve-1", -8, Sleeve("sleeve-1").signer.public.raw),
        SleeveKey("sleeve-2", -7, _ES256.public.raw),
    ]
    report = world.verify(tmp_path / "e.zip", sleeve_keys=keys)
    assert report.findings == ()
    assert (report.disclosed, report.erased) == (11, 0)
    assert [(one.device, one.events, one.first, one.last) for one in report.sleeves] == [
        ("sleeve-1", 3, 1, 3),
        ("sleeve-2", 3, 1, 3),
    ]
    assert [list(one.introduced.values()) for one in report.sleeves] == [[0], [1]]


def test_an_empty_log_verifies(world: LedgerWorld, tmp_path: Path) -> None:
    world.checkpoint()
    world.export(tmp_path / "e.zip")
    report = world.verify(tmp_path / "e.zip")
    assert report.ok
    assert (report.size, report.witnessed) == (0, 0)


# ── who signed ────────────────────────────────────────────────────────────────────────────────────


def test_without_keys_the_warnings_are_loud(world: LedgerWorld, tmp_path: Path) -> None:
    _honest(world)
    world.export(tmp_path / "e.zip")
    report = verify_cli(tmp_path / "e.zip")
    assert report.ok
    assert report.witnessed == 0
    assert {"log_key_unknown", "no_witness", "sleeve_keys_unknown"} <= report.codes
    assert any(line.startswith("【提醒】没有提供日志公钥") for line in report.lines("zh"))


def test_keys_may_be_given_as_text(world: LedgerWorld, tmp_path: Path) -> None:
    _honest(world)
    world.export(tmp_path / "e.zip")
    witnesses = [one.key.text for one in world.witnesses]
    log_key = [world.signer.key.text]
    report = verify_cli(tmp_path / "e.zip", log_key=log_key, witness=witnesses)
    assert (report.ok, report.witnessed) == (True, 11)
    all_three = verify_cli(tmp_path / "e.zip", log_key=log_key, witness=witnesses, threshold=3)
    assert "not_witnessed" in all_three.codes
    assert not all_three.ok


def test_another_log_s_key_does_not_do(world: LedgerWorld, tmp_path: Path) -> None:
    _honest(world)
    world.export(tmp_path / "e.zip")
    stranger = Ed25519Signer(world.log.origin, bytes(32)).key
    report = world.verify(tmp_path / "e.zip", log_keys=[stranger])
    assert "checkpoint_unsigned" in report.codes
    assert not report.ok
    nobody = verify(tmp_path / "e.zip", log_keys=[stranger])
    assert "checkpoint_unsigned" in nobody.codes


def test_a_rotated_log_key_is_one_more_key(world: LedgerWorld, tmp_path: Path) -> None:
    _honest(world)
    old, world.signer = world.signer, Ed25519Signer(world.log.origin, bytes(32))
    world.decide()
    world.checkpoint()
    world.export(tmp_path / "e.zip")
    both = world.verify(tmp_path / "e.zip", log_keys=[old.key, world.signer.key])
    assert both.ok, both.lines("en")
    assert "checkpoint_unsigned" in world.verify(tmp_path / "e.zip").codes


def test_the_unwitnessed_window_is_stated(world: LedgerWorld, tmp_path: Path) -> None:
    _honest(world)
    world.decide(4)
    world.checkpoint(witnesses=1)
    world.export(tmp_path / "e.zip")
    report = world.verify(tmp_path / "e.zip")
    assert report.ok
    assert (report.witnessed, report.size) == (11, 15)
    assert report.as_dict()["unwitnessed"] == 4
    assert "unwitnessed_window" in report.codes
    assert any("最新 4 条尚未见证" in line for line in report.lines())


def test_a_policy_that_nobody_met_is_a_problem(world: LedgerWorld, tmp_path: Path) -> None:
    world.decide()
    world.checkpoint(witnesses=1)
    world.export(tmp_path / "e.zip")
    assert "not_witnessed" in world.verify(tmp_path / "e.zip").codes
    one = WitnessPolicy.of([witness.key for witness in world.witnesses], 1)
    assert world.verify(tmp_path / "e.zip", policy=one).witnessed == 1


# ── sleeves ───────────────────────────────────────────────────────────────────────────────────────


def _told(world: LedgerWorld, tmp_path: Path, *records: Record) -> frozenset[str]:
    """What the verifier says about a journal of these records, all of it witnessed."""
    for item in records:
        world.now += MINUTE
        with world.database.write() as conn:
            world.journal.append(conn, [item])
    world.checkpoint()
    world.export(tmp_path / "e.zip")
    report = world.verify(tmp_path / "e.zip")
    return frozenset(one.code for one in report.findings if one.level == "problem")


def _event(sleeve: Sleeve, **fields: Any) -> Record:
    return replace(sleeve.event("stamped", START), **fields)


def _gap(first: int, last: int) -> Record:
    return Record(
        "gap.closed", "/330109/", START, START, device="s", data={"first": first, "last": last}
    )


def test_a_missing_event_is_a_gap(world: LedgerWorld, tmp_path: Path) -> None:
    sleeve = Sleeve("s")
    world.enrol(sleeve)
    first, _, third = (_event(sleeve) for _ in range(3))
    assert _told(world, tmp_path, first, third) == {"counter_gap"}


def test_a_recorded_gap_explains_it(world: LedgerWorld, tmp_path: Path) -> None:
    sleeve = Sleeve("s")
    world.enrol(sleeve)
    events = [_event(sleeve) for _ in range(6)]
    assert _told(world, tmp_path, events[0], _gap(2, 3), events[3], events[5]) == {"counter_gap"}
    assert _told(world, tmp_path, _gap(5, 5)) == set()
    report = world.verify(tmp_path / "e.zip")
    assert [one.en for one in report.findings if one.code == "recorded_gap"] == [
        "Events 2 to 3 of sleeve s are recorded as lost.",
        "Events 5 to 5 of sleeve s are recorded as lost.",
    ]


def test_a_lost_event_may_turn_up_after_its_gap_was_closed(
    world: LedgerWorld, tmp_path: Path
) -> None:
    sleeve = Sleeve("s")
    world.enrol(sleeve)
    e = [_event(sleeve) for _ in range(5)]
    assert _told(world, tmp_path, e[0], _gap(2, 4), e[4], e[2], e[1], e[3]) == set()
    assert "late_event" in world.verify(tmp_path / "e.zip").codes


@pytest.mark.parametrize("order", [(0, 2, 1, 3), (1, 0, 2, 3), (3, 2, 1, 0)])
def test_events_out_of_order_are_reported(
    world: LedgerWorld, tmp_path: Path, order: tuple[int, ...]
) -> None:
    sleeve = Sleeve("s")
    world.enrol(sleeve)
    events = [_event(sleeve) for _ in range(4)]
    assert _told(world, tmp_path, *(events[place] for place in order)) == {"reordered"}


def test_a_fork_is_reported(world: LedgerWorld, tmp_path: Path) -> None:
    """A cloned key: two events with one counter (C24)."""
    sleeve, clone = Sleeve("s"), Sleeve("s")
    world.enrol(sleeve)
    first, _ = _event(sleeve), _event(clone)
    second, other = _event(sleeve), replace(clone.event("jammed", START), counter=None)
    assert _told(world, tmp_path, first, second, other) == {"counter_repeated", "evidence_differs"}


def test_an_event_of_another_chain_does_not_follow(world: LedgerWorld, tmp_path: Path) -> None:
    sleeve, other = Sleeve("s"), Sleeve("s")
    world.enrol(sleeve)
    first = _event(sleeve)
    other.sign("moved", START)
    assert _told(world, tmp_path, first, _event(other)) == {"chain_broken"}


def test_a_late_event_must_fit_both_neighbours(world: LedgerWorld, tmp_path: Path) -> None:
    sleeve, other = Sleeve("s"), Sleeve("s")
    world.enrol(sleeve)
    first, _, third = (_event(sleeve) for _ in range(3))
    other.sign("moved", START)
    wrong = _event(other)
    assert _told(world, tmp_path, first, _gap(2, 2), third, wrong) == {"chain_broken"}


def test_evidence_by_an_unknown_key_is_refused(world: LedgerWorld, tmp_path: Path) -> None:
    world.enrol(Sleeve("s"))
    forger = Sleeve("s", cose.Ed25519Signer(bytes(32)))
    assert _told(world, tmp_path, _event(forger)) == {"evidence_bad"}


def test_a_key_signs_only_its_own_counters(world: LedgerWorld, tmp_path: Path) -> None:
    sleeve = Sleeve("s")
    world.enrol(sleeve)
    assert _told(world, tmp_path, *(_event(sleeve) for _ in range(3))) == set()
    public = sleeve.signer.public.raw
    cut = world.verify(tmp_path / "e.zip", sleeve_keys=[SleeveKey("s", -8, public, 1, 2)])
    assert [one.index for one in cut.findings if one.code == "evidence_bad"] == [3]
    later = world.verify(tmp_path / "e.zip", sleeve_keys=[SleeveKey("s", -8, public, 2)])
    assert [one.index for one in later.findings if one.code == "evidence_bad"] == [1]


def test_a_rotated_sleeve_key_takes_over(world: LedgerWorld, tmp_path: Path) -> None:
    old, new = Sleeve("s"), Sleeve("s", _ES256)
    world.enrol(old)
    events = [_event(old), _event(old)]
    new.counter, new.prev = old.counter, old.prev
    assert _told(world, tmp_path, *events, _event(new)) == {"evidence_bad"}
    keys = [
        SleeveKey("s", -8, old.signer.public.raw, 1, 2),
        SleeveKey("s", -7, new.signer.public.raw, 3),
    ]
    report = world.verify(tmp_path / "e.zip", sleeve_keys=keys)
    assert report.ok, report.lines("en")
    assert list(report.sleeves[0].introduced.values()) == [0, None]
    assert "sleeve_key_unlogged" in report.codes


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"evidence": None}, "evidence_missing"),
        ({"evidence": b"nonsense"}, "evidence_bad"),
        ({"evidence": b"\xd2\x84\x40\xa0\x40\x40"}, "evidence_bad"),
        ({"happened_at": START - 1}, "evidence_differs"),
        ({"kind": "event.moved"}, "evidence_differs"),
        ({"device": "t"}, "evidence_differs"),
        ({"counter": 7}, "evidence_differs"),
    ],
)
def test_a_record_must_say_what_its_sleeve_signed(
    world: LedgerWorld, tmp_path: Path, fields: dict[str, Any], expected: str
) -> None:
    sleeve = Sleeve("s")
    world.enrol(sleeve)
    assert _told(world, tmp_path, _event(sleeve, **fields)) == {expected}


def test_events_of_the_device_contract_verify(world: LedgerWorld, tmp_path: Path) -> None:
    """Sealed by the contract's own code, not by this test's."""
    sleeve = Sleeve("sleeve-1")
    world.enrol(sleeve)
    prev = bytes(32)
    for counter in (1, 2):
        raw = envelope.seal_event(
            Tamper(switch="case", open=True),
            sleeve.signer,
            device="sleeve-1",
            boot=1,
            time=START,
            counter=counter,
            prev=prev,
        )
        prev = envelope.digest(raw)
        kind = f"event.{Tamper.type}"
        world.add(_event(sleeve, kind=kind, evidence=raw, counter=counter))
    world.checkpoint()
    world.export(tmp_path / "e.zip")
    report = world.verify(tmp_path / "e.zip")
    assert report.ok, report.lines("en")
    assert report.sleeves[0].events == 2


def test_a_selection_need_not_show_the_whole_chain(world: LedgerWorld, tmp_path: Path) -> None:
    sleeve = Sleeve("s")
    world.enrol(sleeve)
    for use in ("u1", "u2", "u1"):
        world.stamp(sleeve, use_id=use)
    world.checkpoint()
    world.export(tmp_path / "e.zip", Scope.use("u1"))
    report = world.verify(tmp_path / "e.zip")
    assert report.ok, report.lines("en")
    assert [one.en for one in report.findings if one.code == "not_disclosed"] == [
        "Events 2 to 2 of sleeve s are not part of this selection."
    ]


# ── nonsense ──────────────────────────────────────────────────────────────────────────────────────


def test_a_file_that_is_no_export_is_reported(tmp_path: Path) -> None:
    (tmp_path / "e.zip").write_bytes(b"nonsense")
    report = verify(tmp_path / "e.zip")
    assert not report.ok
    assert report.codes == {"export_unreadable"}
    assert "核验不通过" in report.lines()[0]


def test_control_characters_never_reach_a_terminal(world: LedgerWorld, tmp_path: Path) -> None:
    sleeve = Sleeve("s\x1b[2J")
    world.enrol(sleeve)
    world.stamp(sleeve)
    world.checkpoint()
    world.export(tmp_path / "e.zip")
    for language in ("zh", "en"):
        assert all(line.isprintable() for line in world.verify(tmp_path / "e.zip").lines(language))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damaged_export_passes_or_crashes(
    world: LedgerWorld, tmp_path: Path, data: st.DataObject
) -> None:
    """Any flipped bit in what is proven is found; elsewhere it may pass unharmed."""
    good = tmp_path / "good.zip"
    if not good.exists():
        _honest(world)
        world.export(good, Scope.use("u1"))
    content = bytearray(good.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    (tmp_path / "bad.zip").write_bytes(content)
    report = world.verify(tmp_path / "bad.zip")
    sound = world.verify(good)
    if report.ok:
        assert (report.root, report.size, report.disclosed) == (
            sound.root,
            sound.size,
            sound.disclosed,
        )
