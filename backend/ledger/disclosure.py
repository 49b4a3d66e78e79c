"""The export file: one zip that holds all a stranger needs to check what it says.

Its layout (all members stored, not compressed, so that reading it never takes more memory than the
file is long)::

    README.txt            what this is and how to check it
    export.json           format, origin, size and scope
    checkpoint            the newest signed checkpoint          (c2sp.org/tlog-checkpoint)
    checkpoints/<size>    earlier cosigned ones, where they help to date entries
    log.vkey              the log's verifier keys, one a line    (c2sp.org/signed-note)
    sleeves.jsonl         public keys of sleeves
    records.jsonl         a line a record: index, entry, salt and body, or "erased"
    tile/…                hash tiles, and entry bundles of a whole log (c2sp.org/tlog-tiles)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

from backend.ledger.tiles import bundle_path, decode_bundle, tile_path, width

FORMAT: Final = "zhiyin-export/1"
README: Final = "README.txt"
MANIFEST: Final = "export.json"
CHECKPOINT: Final = "checkpoint"
OLDER: Final = "checkpoints/"
LOG_KEYS: Final = "log.vkey"
SLEEVES: Final = "sleeves.jsonl"
RECORDS: Final = "records.jsonl"
_MAX_LINE: Final = 16 * 1024 * 1024
_MAX_SMALL: Final = 64 * 1024 * 1024


class ExportError(ValueError):
    """A file that is no export, is damaged, or lacks what was asked of it."""


@dataclass(frozen=True, slots=True)
class SleeveKey:
    """A sleeve's public key and the counters that it may sign, both ends included.

    ``alg`` is COSE's: -7 (ES256, ``public`` is a 65-byte point of P-256) or -8 (EdDSA, ``public``
    has 32 bytes). ``until_counter`` is ``None`` for the key in use.
    """

    device: str
    alg: int
    public: bytes
    from_counter: int = 1
    until_counter: int | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public key in hex, for people to compare."""
        return hashlib.sha256(self.public).hexdigest()


@dataclass(frozen=True, slots=True)
class DisclosedRecord:
    """A record as it is given away. Body and salt are ``None`` once it is erased."""

    index: int
    body: bytes | None
    salt: bytes | None
    commitment: bytes


@dataclass(frozen=True, slots=True)
class Scope:
    """What an export selects. ``values`` are texts that say it, such as a use's id."""

    kind: Literal["everything", "range", "use", "organisation"]
    values: tuple[str, ...] = ()

    @classmethod
    def everything(cls) -> Scope:
        """The whole log with every record."""
        return cls("everything")

    @classmethod
    def range(cls, first: int, last: int) -> Scope:
        """Records ``first`` to ``last``, both included."""
        return cls("range", (str(first), str(last)))

    @classmethod
    def use(cls, use_id: str) -> Scope:
        """One use with its application and grant."""
        return cls("use", (use_id,))

    @classmethod
    def organisation(cls, path: str) -> Scope:
        """Records of a branch of the organisation tree."""
        return cls("organisation", (path,))


@dataclass(frozen=True, slots=True)
class RecordLine:
    """A record as it stands in an export, with the leaf it claims to be."""

    index: int
    entry: bytes
    salt: bytes | None
    body: bytes | None

    @property
    def erased(self) -> bool:
        """Whether its content is gone; half of it is nothing."""
        return self.body is None or self.salt is None

    def line(self) -> bytes:
        """Its line in ``records.jsonl``, newline included."""
        value: dict[str, object] = {"index": self.index, "entry": _encode(self.entry)}
        if self.body is None or self.salt is None:
            value["erased"] = True
        else:
            value |= {"salt": _encode(self.salt), "body": _encode(self.body)}
        return _json_line(value)

    @classmethod
    def parse(cls, line: bytes) -> RecordLine:
        """Read a line.

        Raises:
            ExportError: when it is malformed.
        """
        value = _parse_line(line)
        try:
            index, entry = value["index"], _decode(value["entry"])
            if not isinstance(index, int) or index < 0:
                raise ExportError(f"not an index: {index!r}")
            if value.get("erased"):
                return cls(index, entry, None, None)
            return cls(index, entry, _decode(value["salt"]), _decode(value["body"]))
        except KeyError as error:
            raise ExportError(f"a record without {error}") from error


def sleeve_line(key: SleeveKey) -> bytes:
    """A sleeve key's line in ``sleeves.jsonl``, newline included."""
    value: dict[str, object] = {
        "device": key.device,
        "alg": key.alg,
        "public": _encode(key.public),
        "from": key.from_counter,
    }
    if key.until_counter is not None:
        value["until"] = key.until_counter
    return _json_line(value)


def parse_sleeve(line: bytes) -> SleeveKey:
    """Read a line of ``sleeves.jsonl``.

    Raises:
        ExportError: when it is malformed.
    """
    value = _parse_line(line)
    device, alg, public = value.get("device"), value.get("alg"), _decode(value.get("public"))
    first, last = value.get("from"), value.get("until")
    if alg not in (-7, -8) or len(public) != (65 if alg == -7 else 32):
        raise ExportError("a sleeve key is P-256 (alg -7) or Ed25519 (alg -8)")
    if not (isinstance(device, str) and isinstance(first, int) and isinstance(last, int | None)):
        raise ExportError("a sleeve key names its sleeve and the counters that it may sign")
    return SleeveKey(device, alg, public, first, last)


class ExportFile:
    """An export, open for reading. Use it as a context manager."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            ExportError: when it is no export of this format.
        """
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise ExportError(f"{path.name}: {error}") from error
        try:
            self._read_head()
        except ExportError:
            self._zip.close()
            raise

    def _read_head(self) -> None:
        self._names = {one.filename: one for one in self._zip.infolist()}
        if len(self._names) != len(self._zip.infolist()):
            raise ExportError("two members of the export share a name")
        if any(one.compress_type != zipfile.ZIP_STORED for one in self._names.values()):
            raise ExportError("the members of an export are not compressed")
        manifest = _parse_line(self._small(MANIFEST))
        if manifest.get("format") != FORMAT:
            raise ExportError(f"format {manifest.get('format')!r} is not known here")
        scope = manifest.get("scope")
        self.scope: dict[str, Any] = scope if isinstance(scope, dict) else {}
        self.checkpoint: str = self._text(CHECKPOINT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()

    def older_checkpoints(self) -> Iterator[str]:
        """The earlier checkpoints, oldest first."""
        sizes = [name.removeprefix(OLDER) for name in self._names if name.startswith(OLDER)]
        if not all(size.isascii() and size.isdigit() for size in sizes):
            raise ExportError("an earlier checkpoint is named by its size")
        for size in sorted(sizes, key=int):
            yield self._text(OLDER + size)

    def log_keys(self) -> list[str]:
        """The log's verifier keys, as the export claims."""
        return self._text(LOG_KEYS).split()

    def sleeves(self) -> Iterator[SleeveKey]:
        """The public keys of sleeves, as the export claims."""
        return map(parse_sleeve, self._lines(SLEEVES))

    def records(self) -> Iterator[RecordLine]:
        """The records by rising index.

        Raises:
            ExportError: when a line is malformed or out of order.
        """
        before = -1
        for line in self._lines(RECORDS):
            record = RecordLine.parse(line)
            if record.index <= before:
                raise ExportError(f"record {record.index} is out of order")
            before = record.index
            yield record

    def tile(self, level: int, number: int, wide: int) -> bytes:
        """A hash tile.

        Raises:
            ExportError: when the export does not hold it.
        """
        return self._small(tile_path(level, number, wide))

    def has_entries(self) -> bool:
        """Whether the whole log is in the export."""
        return any(name.startswith("tile/entries/") for name in self._names)

    def entries(self, size: int) -> Iterator[bytes]:
        """All entries of a whole log.

        Raises:
            ExportError: when bundles are missing or damaged.
        """
        for number in range((size + 255) // 256):
            wide = width(size, 0, number)
            try:
                entries = decode_bundle(self._small(bundle_path(number, wide)))
            except ValueError as error:
                raise ExportError(str(error)) from error
            if len(entries) != wide:
                raise ExportError(f"entry bundle {number} has {len(entries)} of {wide} entries")
            yield from entries

    def _small(self, name: str) -> bytes:
        info = self._names.get(name)
        if info is None:
            raise ExportError(f"the export lacks {name}")
        if info.file_size > _MAX_SMALL:
            raise ExportError(f"{name} is too large")
        try:
            return self._zip.read(info)
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise ExportError(f"{name}: {error}") from error

    def _text(self, name: str) -> str:
        try:
            return self._small(name).decode()
        except UnicodeDecodeError as error:
            raise ExportError(f"{name} is not UTF-8") from error

    def _lines(self, name: str) -> Iterator[bytes]:
        if name not in self._names:
            raise ExportError(f"the export lacks {name}")
        try:
            with self._zip.open(name) as member:
                while line := member.readline(_MAX_LINE):
                    yield line
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise ExportError(f"{name}: {error}") from error


def _json_line(value: dict[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _parse_line(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ExportError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ExportError("a line of an export is a JSON object")
    return value


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: object) -> bytes:
    if not isinstance(text, str):
        raise ExportError("bytes are written in base64")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ExportError("not base64") from error
