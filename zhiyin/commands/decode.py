"""``zhiyin decode``."""

import base64
import binascii
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gateway.protocol.cose import PublicKey
    from gateway.protocol.errors import ProtocolError

_HEX = re.compile(rb"[0-9A-Fa-f\s]+")
_TEXT = re.compile(rb"[!-~\s]*")


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("decode")
    def decode(
        payload: Annotated[
            str | None,
            typer.Argument(
                help="报文：十六进制、base64，或 - 读标准输入 · hex, base64, or - for stdin"
            ),
        ] = None,
        file: Annotated[
            Path | None,
            typer.Option("--file", "-f", help="报文文件（二进制或文本）· a file, binary or text"),
        ] = None,
        key: Annotated[
            str | None,
            typer.Option("--key", "-k", help="公钥：PEM 文件或十六进制 · PEM file or raw hex"),
        ] = None,
        as_json: Annotated[
            bool, typer.Option("--json", help="一行 JSON · one line of JSON")
        ] = False,
    ) -> None:
        """读懂套筒与平台间的任何报文 · print any payload of the device contract.

        Exit code 1 when the payload breaks the contract or its signature does not hold.
        """
        from gateway.protocol import readable
        from gateway.protocol.errors import ProtocolError

        known = None if key is None else read_key(key)
        try:
            found = readable.read(_bytes(payload, file), known)
        except ProtocolError as error:
            _tell(error, as_json)
            raise typer.Exit(1) from error
        if as_json:
            typer.echo(json.dumps(readable.as_json(found), ensure_ascii=False))
        else:
            for line in readable.as_lines(found):
                typer.echo(line)
        if found.refusal is not None:
            raise typer.Exit(1)


def read_key(text: str) -> "PublicKey":
    """A public key from a PEM file's path or from hex: 32 bytes Ed25519, 65 bytes P-256."""
    from gateway.protocol.cose import EDDSA, ES256, PublicKey
    from gateway.protocol.errors import ProtocolError

    try:
        if re.fullmatch(r"[0-9A-Fa-f]{64}|[0-9A-Fa-f]{130}", text):
            raw = bytes.fromhex(text)
            return PublicKey(EDDSA if len(raw) == 32 else ES256, raw)
        return PublicKey.from_pem(Path(text).read_bytes())
    except ProtocolError as error:
        raise typer.BadParameter(f"{error.zh} [{error}]", param_hint="--key") from error
    except OSError as error:
        hint = "既不是十六进制公钥，也读不到该 PEM 文件 · neither hex nor a readable PEM file"
        raise typer.BadParameter(f"{hint}: {error.strerror}", param_hint="--key") from error


def as_bytes(given: bytes) -> bytes:
    """What was given as text (hex or base64) or already as bytes."""
    if not given.strip() or not _TEXT.fullmatch(given):
        return given
    packed = b"".join(given.split()).removeprefix(b"0x")
    if _HEX.fullmatch(packed) and len(packed) % 2 == 0:
        return bytes.fromhex(packed.decode())
    try:
        standard = packed.translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
        return base64.b64decode(standard + b"=" * (-len(standard) % 4), validate=True)
    except binascii.Error:
        return given


def _bytes(payload: str | None, file: Path | None) -> bytes:
    if payload not in (None, "-") and file is not None:
        raise typer.BadParameter("报文和 --file 只能给一个 · give a payload or --file, not both")
    if file is not None:
        try:
            return as_bytes(file.read_bytes())
        except OSError as error:
            raise typer.BadParameter(f"{file}: {error.strerror}", param_hint="--file") from error
    if payload is None or payload == "-":
        return as_bytes(sys.stdin.buffer.read())
    return as_bytes(payload.encode())


def _tell(error: "ProtocolError", as_json: bool) -> None:
    if as_json:
        told = {"reason": error.reason.value, "zh": error.zh, "detail": error.detail}
        typer.echo(json.dumps({"error": told}, ensure_ascii=False))
    else:
        typer.echo(f"✗ {error.zh} [{error}]", err=True)
