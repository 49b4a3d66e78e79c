"""Tiles and bundles of c2sp.org/tlog-tiles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.ledger.tiles import (
    TileNodes,
    all_tiles,
    bundle_path,
    decode_bundle,
    encode_bundle,
    pyramid,
    tile_path,
    width,
)
from backend.ledger.tree import leaf_hash, root_at, root_of


def test_the_paths_of_the_specification() -> None:
    assert tile_path(0, 1234067, 256) == "tile/0/x001/x234/067"
    assert tile_path(1, 0, 17) == "tile/1/000.p/17"
    assert bundle_path(273, 112) == "tile/entries/273.p/112"


def test_the_example_of_the_specification() -> None:
    """“A tree of size 70,000 …” and “a tree of size 256 …”."""
    tiles = list(all_tiles(70_000))
    assert [one for one in tiles if one[2] < 256] == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert len(tiles) == 273 + 1 + 1 + 1 + 1
    assert list(all_tiles(256)) == [(0, 0, 256), (1, 0, 1)]
    assert list(all_tiles(0)) == []


@given(st.integers(0, 2**40), st.integers(0, 6), st.integers(0, 2**20))
def test_width_is_what_the_formula_says(size: int, level: int, number: int) -> None:
    entries = size // 256**level
    full, partial = divmod(entries, 256)
    expected = 256 if number < full else partial if number == full else 0
    assert width(size, level, number) == expected


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_reads_back(entries: list[bytes]) -> None:
    data = encode_bundle(entries)
    assert decode_bundle(data) == entries
    if entries and entries[-1]:
        with pytest.raises(ValueError, match="cut short"):
            decode_bundle(data[:-1])


def test_an_entry_beyond_two_length_bytes_is_refused() -> None:
    assert decode_bundle(encode_bundle([bytes(65_535)])) == [bytes(65_535)]
    with pytest.raises(ValueError, match="too long"):
        encode_bundle([bytes(65_536)])


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 700, 65_536, 65_537, 66_000])
def test_roots_read_through_tiles(size: int) -> None:
    leaves = [leaf_hash(n.to_bytes(4, "big")) for n in range(size)]
    above = [pyramid(leaves[at : at + 256])[-1][0] for at in range(0, size - size % 256, 256)]
    levels = [leaves, above]
    if len(above) >= 256:
        levels.append([pyramid(above[:256])[-1][0]])

    def read(level: int, number: int, wide: int) -> bytes:
        assert 0 < wide == width(size, level, number)
        return b"".join(levels[level][number * 256 : number * 256 + wide])

    assert root_at(TileNodes(size, read, keep=2), size) == root_of(leaves)


def test_a_tile_of_the_wrong_length_is_refused() -> None:
    nodes = TileNodes(3, lambda level, number, wide: bytes(32))
    with pytest.raises(ValueError, match="1 hashes instead of 3"):
        root_at(nodes, 3)
