"""What docs/ publishes is what the types say: no drift."""

from pathlib import Path

import pytest

from gateway.protocol import constants, labels, published, reference
from gateway.protocol import messages as m
from gateway.protocol.errors import Reason

DOCS = Path(__file__).parents[4] / "docs"


def test_nothing_published_has_drifted() -> None:
    drifted = [str(path.relative_to(DOCS)) for path in published.drift(DOCS)]
    assert not drifted, "run `zhiyin contract --write docs`"


def test_the_page_has_every_generated_block() -> None:
    page = (DOCS / "protocol.md").read_text(encoding="utf-8")
    kinds: list[type[m.Wire]] = [*m.EVENTS, m.Heartbeat, m.Piece, m.State, *m.DOWNS]
    for kind in kinds:
        assert f"#### `{labels.owner(kind)}` " in page
    for reason in Reason:
        assert f"| `{reason}` |" in page
    for one in constants.limits():
        assert f"| `{one.name}` |" in page


def test_drift_is_found_and_written_away(tmp_path: Path) -> None:
    page = tmp_path / "protocol.md"
    page.write_text(
        "before\n<!-- made: limits -->\nstale words\n<!-- end -->\nafter\n", encoding="utf-8"
    )
    assert len(published.drift(tmp_path)) == len(published.files(tmp_path))
    assert page in published.write(tmp_path)
    assert published.drift(tmp_path) == []
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- made: limits -->\n| limit |")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "stale words" not in text
    state = tmp_path / "vectors" / "cbor.json"
    state.write_text("[]", encoding="utf-8")
    assert published.drift(tmp_path) == [state]


def test_a_block_of_unknown_name_or_without_end_is_an_error() -> None:
    with pytest.raises(KeyError):
        reference.fill("<!-- made: poems -->\n<!-- end -->")
    with pytest.raises(ValueError, match="unpack"):
        reference.fill("<!-- made: limits -->\n")


def test_tables_escape_what_would_break_them() -> None:
    filled = reference.fill("<!-- made: events --><!-- end -->")
    rows = [line for line in filled.splitlines() if line.startswith("| `")]
    assert all(line.replace("\\|", "").count("|") == 7 for line in rows)
