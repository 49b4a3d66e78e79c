"""The contract type `imports_only` for import-linter.

import-linter's own `forbidden` contract needs a list of what is forbidden, which goes stale with
each new package. Ours is the other way round, deny by default: a room names what it may import.
"""

from typing import ClassVar, cast

import grimp
from importlinter import Contract, ContractCheck, fields, output


def _is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


class ImportsOnlyContract(Contract):
    """All of our modules that `source` imports lie in `source` itself or in `allowed`.

    Direct imports are enough: what an allowed package imports is its own contract's business.
    A source that does not exist (yet) keeps its contract.
    """

    type_name: ClassVar[str] = "imports_only"

    source = fields.StringField()
    allowed = fields.ListField(subfield=fields.StringField())

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        """Find the imports that leave the allowed packages."""
        source = cast(str, self.source)
        allowed = [source, *cast(list[str], self.allowed)]
        broken: list[tuple[str, str, list[int]]] = []
        for importer in sorted(graph.modules):
            if not _is_in(importer, source):
                continue
            for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                if any(_is_in(imported, package) for package in allowed):
                    continue
                details = graph.get_import_details(importer=importer, imported=imported)
                broken.append((importer, imported, [detail["line_number"] for detail in details]))
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print one line for each import that breaks the contract."""
        for importer, imported, lines in check.metadata["broken"]:
            where = ", ".join(f"l.{line}" for line in lines)
            output.print_error(f"{importer} must not import {imported} ({where})", bold=False)
        output.new_line()
