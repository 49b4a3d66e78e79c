"""Comparing two copies: nothing is said of a continuation, something of everything else."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from backend.ledger.compare import compare_entries
from backend.ledger.entries import encode_entry
from backend.ledger.findings import MAX_EACH, Findings


def _told(old: list[bytes], new: list[bytes]) -> set[tuple[str, int | None]]:
    findings = Findings()
    compare_entries(old, new, findings)
    return {(one.code, one.index) for one in findings.all()}


_logs = st.lists(st.binary(max_size=3), unique=True, max_size=12)


@given(_logs, st.integers(0, 12))
def test_a_continuation_is_no_finding(log: list[bytes], kept: int) -> None:
    assert _told(log[:kept], log) == set()


@given(_logs, _logs)
def test_everything_else_is_found(old: list[bytes], new: list[bytes]) -> None:
    assume(new[: len(old)] != old)
    assert _told(old, new)


def test_each_kind_of_change_is_named() -> None:
    a, b, c, d, e, x = (encode_entry("k", 10 + n, bytes([n]) * 32) for n in range(6))
    earlier_c = encode_entry("k", 3, bytes([2]) * 32)
    log = [a, b, c, d]
    assert _told(log, [a, b, x, d, e]) == {("changed", 2)}
    assert _told(log, [a, b, d, e]) == {("deleted", 2)}
    assert _told(log, [a, x, b, c, d, e]) == {("inserted", 1)}
    assert _told(log, [a, b, earlier_c, d, e]) == {("redated", 2)}
    assert _told(log, [a, c, b, d, e]) == {("moved", 1)}
    assert _told(log, [a, x, c, d]) == {("changed", 1)}
    assert _told(log, [a, x]) == {("changed", 1), ("deleted", 2), ("deleted", 3)}
    assert _told(log, []) == {("deleted", n) for n in range(4)}
    assert _told(log, [x, e]) == {
        ("changed", 0),
        ("changed", 1),
        ("deleted", 2),
        ("deleted", 3),
    }


def test_a_flood_of_findings_is_counted() -> None:
    old = [bytes([n]) for n in range(MAX_EACH + 7)]
    findings = Findings()
    compare_entries(old, [], findings)
    told = findings.all()
    assert len(told) == MAX_EACH + 1
    assert told[-1].en == "7 more of “deleted” are not listed."
