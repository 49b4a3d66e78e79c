"""The import rules: they catch what they should, and ours name every room."""

import tomllib
from pathlib import Path
from typing import Any

import grimp
import pytest

from tools.import_contracts import ImportsOnlyContract

_ROOT = Path(__file__).parents[3]


def _config() -> dict[str, Any]:
    text = (_ROOT / "pyproject.toml").read_text(encoding="utf-8")
    config: dict[str, Any] = tomllib.loads(text)["tool"]["importlinter"]
    return config


def _check(graph: grimp.ImportGraph, source: str, *allowed: str) -> list[tuple[str, str]]:
    contract = ImportsOnlyContract(
        name="x",
        session_options={"root_packages": ["a", "b"]},
        contract_options={"source": source, "allowed": list(allowed)},
    )
    result = contract.check(graph, verbose=False)
    broken = [(importer, imported) for importer, imported, _ in result.metadata["broken"]]
    assert result.kept is not bool(broken)
    return broken


@pytest.fixture
def graph() -> grimp.ImportGraph:
    graph = grimp.ImportGraph()
    for module in ("a", "a.pure", "a.pure.deep", "a.purely", "b", "b.contract"):
        graph.add_module(module)
    for importer, imported in (
        ("a.pure.deep", "a.pure"),
        ("a.pure.deep", "b.contract"),
        ("a.purely", "b"),
    ):
        graph.add_import(
            importer=importer, imported=imported, line_number=3, line_contents="import"
        )
    return graph


def test_an_import_that_is_not_named_breaks_the_contract(graph: grimp.ImportGraph) -> None:
    assert _check(graph, "a.pure") == [("a.pure.deep", "b.contract")]
    assert _check(graph, "a") == [("a.pure.deep", "b.contract"), ("a.purely", "b")]


def test_named_packages_and_the_room_itself_are_open(graph: grimp.ImportGraph) -> None:
    assert _check(graph, "a.pure", "b.contract") == []
    assert _check(graph, "a", "b") == []


def test_a_longer_name_is_another_package(graph: grimp.ImportGraph) -> None:
    assert _check(graph, "a", "b.contract") == [("a.purely", "b")]


def test_a_room_that_does_not_exist_yet_keeps_its_contract(graph: grimp.ImportGraph) -> None:
    assert _check(graph, "a.missing") == []


def test_every_room_but_the_front_door_has_a_contract() -> None:
    config = _config()
    sources = {contract["source"] for contract in config["contracts"]}
    assert set(config["root_packages"]) - sources == {"zhiyin"}
    assert {"backend.domain", "gateway.protocol", "alerts.rules"} <= sources


def test_nobody_may_import_the_front_door() -> None:
    for contract in _config()["contracts"]:
        assert not any(name.split(".")[0] == "zhiyin" for name in contract["allowed"])
