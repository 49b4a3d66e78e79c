"""Answers from plain values, encoded once and not validated again: lists are the hot path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.responses import Response

_encoder: Final = msgspec.json.Encoder()


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """``value`` (frozen dataclasses, plain values) as JSON. The route names its type as
    ``response_model``, which documents it."""
    return Response(
        _encoder.encode(value), status, headers=dict(headers or {}), media_type="application/json"
    )


def nothing() -> Response:
    """Done, and there is nothing to say."""
    return Response(status_code=204)


def archive(data: bytes, name: str) -> Response:
    """A zip to be taken away, named after ``name`` (an id)."""
    plain = "".join(one if one.isalnum() else "-" for one in name)
    headers = {
        "Content-Disposition": f'attachment; filename="zhiyin-{plain}.zip"',
        "Cache-Control": "no-store",
    }
    return Response(data, headers=headers, media_type="application/zip")
