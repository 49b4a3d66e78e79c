"""Every Chinese message of the pages, found in templates and code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from jinja2 import nodes

import backend.web
from backend.domain.actor import ROLE_ZH
from backend.domain.application import STATUS_ZH
from backend.domain.matter import SEAL_KIND_ZH
from backend.domain.organisation import LEVEL_ZH
from backend.web.render import ENV

ROOT = Path(backend.web.__file__).parent


def all_messages() -> set[str]:
    """What ``t("…")`` in a template and ``mark("…")`` or ``say("…")`` in code name, and the words
    of the domain that pages translate."""
    found = {*in_templates(), *in_code()}
    for table in (ROLE_ZH, STATUS_ZH, SEAL_KIND_ZH, LEVEL_ZH):
        found |= set(table.values())
    return found


def in_templates() -> Iterator[str]:
    """Messages of every template, with both sides of a choice."""
    for path in sorted((ROOT / "templates").rglob("*.html")):
        tree = ENV.parse(path.read_text("utf-8"))
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "t" and call.args:
                yield from _constants(call.args[0])


def _constants(node: nodes.Expr) -> Iterator[str]:
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, nodes.CondExpr):
        yield from _constants(node.expr1)
        if node.expr2 is not None:
            yield from _constants(node.expr2)
    elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        # words.TABLE.get(code, "otherwise"): the table's own words are marked in code.
        for arg in node.args[1:]:
            yield from _constants(arg)


def in_code() -> Iterator[str]:
    """Messages of every module."""
    for path in sorted(ROOT.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("mark", "say")
                and node.args
                and isinstance(node.args[0], ast.Constant)
                and isinstance(node.args[0].value, str)
            ):
                yield node.args[0].value
