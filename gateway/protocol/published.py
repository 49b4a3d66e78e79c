"""What ``docs/`` publishes of the device contract, made from here: write it, or find drift."""

from __future__ import annotations

from pathlib import Path

from gateway.protocol import asyncapi, reference, vectors


def files(docs: Path) -> dict[Path, str]:
    """Every generated file with its text; the tables are filled into ``protocol.md`` as it is.

    Raises:
        OSError: when ``docs`` has no ``protocol.md``.
    """
    page = docs / "protocol.md"
    return {
        docs / "asyncapi.yaml": asyncapi.text(),
        page: reference.fill(page.read_text(encoding="utf-8")),
        **{docs / "vectors" / name: text for name, text in vectors.files().items()},
    }


def write(docs: Path) -> list[Path]:
    """Write what differs; returns those files."""
    differing = drift(docs)
    made = files(docs)
    (docs / "vectors").mkdir(exist_ok=True)
    for path in differing:
        path.write_text(made[path], encoding="utf-8", newline="\n")
    return differing


def drift(docs: Path) -> list[Path]:
    """The files that are not what the types say now."""
    return [
        path
        for path, text in files(docs).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
