"""An export read by a program that we did not write: tlog-scales (Apache-2.0) knows the C2SP
formats and nothing of ours."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.support.ledger_world import LedgerWorld

_REASON = "tlog-scales is not installed"
backend = pytest.importorskip("tlog_scales.backend", reason=_REASON)
reader = pytest.importorskip("tlog_scales.reader", reason=_REASON)
signing = pytest.importorskip("tlog_scales.signing", reason=_REASON)
tiles = pytest.importorskip("tlog_scales.tiles", reason=_REASON)
tlog = pytest.importorskip("tlog_scales.tlog", reason=_REASON)


def test_a_stranger_reads_the_export_and_agrees(world: LedgerWorld, tmp_path: Path) -> None:
    world.decide(300)
    world.checkpoint(witnesses=3)
    world.export(tmp_path / "e.zip")
    with zipfile.ZipFile(tmp_path / "e.zip") as archive:
        archive.extractall(tmp_path / "unpacked")

    outside = reader.TilesReader(backend.LocalBackend(tmp_path / "unpacked"))
    checkpoint = outside.get_checkpoint()
    checkpoint.verify(signing.Vkey.from_string(world.signer.key.text))
    witnesses = [signing.Vkey.from_string(one.key.text) for one in world.witnesses]
    assert len(signing.VkeySet(*witnesses).verify(checkpoint.signatures, checkpoint)) == 3
    assert outside.calculate_root_hash() == checkpoint.root_hash

    with world.database.read() as conn:
        for index in range(0, 300, 7):
            proof = world.log.inclusion_proof(conn, index)
            leaf = tiles.leaf_hash(world.log.entry(conn, index))
            tlog.InclusionProof(index, 300, proof).check(leaf, checkpoint.root_hash)
            assert outside.get_entry(index) == world.log.entry(conn, index)
        for old in range(1, 300, 13):
            for new in range(old, 301, 29):
                roots = world.log.root(conn, old), world.log.root(conn, new)
                proof = world.log.consistency_proof(conn, old, new)
                tlog.ConsistencyProof(old, new, proof).check(*roots)
