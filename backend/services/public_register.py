"""What anybody may know where an organisation chose so: how often which seal was used for what kind
of matter, and whether a stamped paper stands in the register. No names, no titles, no pictures.

A paper's code is made from the time of its use and a MAC over its id (RFC 2104, SHA-256 cut to 60
bits): nobody finds another one by trying, the less so as tries are counted.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, select

from backend.domain.errors import DomainError, missing
from backend.services.context import ServiceContext
from backend.store.surroundings import surroundings
from backend.store.tables import application, matter, organisation, seal, seal_use

SWITCH: Final = "public_page"
"""The setting of an organisation (inherited like the others); off unless somebody turned it on."""

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter that is taken for a figure."""
_READ_AS: Final = str.maketrans("OIL", "011")
_TIME_BITS: Final = 40
_MAC_BITS: Final = 60
_CHARACTERS: Final = (_TIME_BITS + _MAC_BITS) // 5
_EPOCH_MS: Final = 1_577_836_800_000  # 2020-01-01 UTC; 40 bits of ms reach until 2054
_CONTEXT: Final = b"zhiyin public check v1\0"
_MOST_USES: Final = 5000
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class PublicLine:
    """Uses of one day, seal kind and category of matter. ``day``: ms UTC of the first of them."""

    day: int
    kind: str
    category: str | None
    uses: int
    stamps: int


@dataclass(frozen=True, slots=True)
class PublicMonth:
    """An organisation's uses in a span of time; ``cut``: there were more than are counted."""

    org_id: str
    org_name: str
    lines: Sequence[PublicLine]
    cut: bool


@dataclass(frozen=True, slots=True)
class PaperAnswer:
    """What the register says of a stamped paper. ``verdict``: ``approved``, ``over`` (stamped more
    often than approved) or ``unapproved``."""

    org_name: str
    seal_name: str
    seal_kind: str
    used_at: int
    matter: str | None
    stamps: int
    verdict: str


class Tries:
    """Counts tries by address within a minute, in this process."""

    def __init__(self, most: int, clock: Callable[[], int], addresses: int = 10_000) -> None:
        self._most, self._clock, self._addresses = most, clock, addresses
        self._seen: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._turn = threading.Lock()

    def count(self, address: str) -> None:
        """One more.

        Raises:
            DomainError: ``too_many_tries``.
        """
        minute = self._clock() // _MINUTE_MS
        with self._turn:
            then, tries = self._seen.pop(address, (minute, 0))
            tries = tries + 1 if then == minute else 1
            self._seen[address] = minute, tries
            if len(self._seen) > self._addresses:
                self._seen.popitem(last=False)
        if tries > self._most:
            raise DomainError(
                "too_many_tries",
                "查得太快了，请一分钟后再试",
                "too many tries; wait a minute",
                "throttled",
            )


class PublicRegisterService:
    """Answers everybody. ``secrets``: the newest first; older ones still verify. ``wall``: ms."""

    def __init__(
        self,
        context: ServiceContext,
        secrets: Sequence[bytes],
        wall: Callable[[], int],
        *,
        checks_a_minute: int = 20,
        pages_a_minute: int = 120,
    ) -> None:
        self._context = context
        self._secrets = secrets
        self._checks = Tries(checks_a_minute, wall)
        self._pages = Tries(pages_a_minute, wall)

    def code(self, use_id: str, started_at: int) -> str:
        """The code of a use: five groups of four."""
        offset = (started_at - _EPOCH_MS) % (1 << _TIME_BITS)
        value = (offset << _MAC_BITS) | self._mac(self._secrets[0], use_id)
        signs = [_ALPHABET[(value >> 5 * place) & 31] for place in range(_CHARACTERS)]
        text = "".join(reversed(signs))
        return "-".join(text[place : place + 4] for place in range(0, _CHARACTERS, 4))

    def codes(self, use_ids: Sequence[str]) -> dict[str, str]:
        """The codes of uses that the caller was shown."""
        with self._context.db.read() as conn:
            rows = conn.execute(
                select(seal_use.c.id, seal_use.c.started_at).where(seal_use.c.id.in_(use_ids))
            ).all()
        return {row.id: self.code(row.id, row.started_at) for row in rows}

    def is_open(self, org_path: str) -> bool:
        """Whether the organisation at ``org_path`` lets the public look."""
        with self._context.db.read() as conn:
            return _is_open(conn, org_path)

    def check(self, code: str, address: str) -> PaperAnswer | None:
        """What the register says of the paper with that code; ``None``: nothing (or nothing that
        its organisation lets the public see).

        Raises:
            DomainError: ``too_many_tries``.
        """
        self._checks.count(address)
        found = _read_code(code)
        if found is None:
            return None
        offset, mac = found
        with self._context.db.read() as conn:
            for row in conn.execute(_PAPER.where(seal_use.c.started_at == offset + _EPOCH_MS)):
                if any(
                    hmac.compare_digest(
                        mac.to_bytes(8, "big"), self._mac(secret, row.id).to_bytes(8, "big")
                    )
                    for secret in self._secrets
                ):
                    return _answer(row) if _is_open(conn, row.org_path) else None
        return None

    def month(self, org_id: str, from_at: int, until_at: int, address: str) -> PublicMonth:
        """Uses of one organisation, newest day first.

        Raises:
            DomainError: ``not_found`` (also where it is not public), ``too_many_tries``.
        """
        self._pages.count(address)
        with self._context.db.read() as conn:
            org = conn.execute(
                select(organisation).where(organisation.c.id == org_id)
            ).one_or_none()
            if org is None or not _is_open(conn, org.path):
                raise missing("这个单位的公开页面", "public page")
            rows = conn.execute(
                _USES.where(
                    seal_use.c.org_path == org.path,
                    seal_use.c.started_at >= from_at,
                    seal_use.c.started_at < until_at,
                    seal_use.c.pressed > 0,
                )
                .order_by(seal_use.c.started_at.desc())
                .limit(_MOST_USES + 1)
            ).all()
        return PublicMonth(org.id, org.name, _lines(rows[:_MOST_USES]), len(rows) > _MOST_USES)

    @staticmethod
    def _mac(secret: bytes, use_id: str) -> int:
        made = hmac.digest(secret, _CONTEXT + use_id.encode(), hashlib.sha256)
        return int.from_bytes(made[:8], "big") >> (64 - _MAC_BITS)


_JOINED: Final = (
    seal_use.outerjoin(seal, seal.c.id == seal_use.c.seal_id)
    .outerjoin(application, application.c.id == seal_use.c.application_id)
    .outerjoin(
        matter,
        and_(
            matter.c.id == application.c.matter_id,
            matter.c.version == application.c.matter_version,
        ),
    )
)
_USES: Final[Select[Any]] = select(
    seal_use.c.started_at,
    seal_use.c.pressed,
    seal.c.kind,
    matter.c.category,
).select_from(_JOINED)
_PAPER: Final[Select[Any]] = select(
    seal_use.c.id,
    seal_use.c.org_path,
    seal_use.c.started_at,
    seal_use.c.first_stamp_at,
    seal_use.c.pressed,
    seal_use.c.granted,
    seal_use.c.grant_id,
    seal.c.name.label("seal_name"),
    seal.c.kind.label("seal_kind"),
    matter.c.name.label("matter_name"),
    organisation.c.name.label("org_name"),
).select_from(_JOINED.outerjoin(organisation, organisation.c.path == seal_use.c.org_path))


def _is_open(conn: Connection, org_path: str) -> bool:
    around = surroundings(conn, org_path)
    return around is not None and around.settings.get(SWITCH) is True


def _answer(row: Row[Any]) -> PaperAnswer | None:
    if row.pressed == 0:
        return None
    verdict = "approved"
    if row.grant_id is None:
        verdict = "unapproved"
    elif row.pressed > row.granted:
        verdict = "over"
    return PaperAnswer(
        row.org_name or "",
        row.seal_name or "",
        row.seal_kind or "",
        row.first_stamp_at or row.started_at,
        row.matter_name,
        row.pressed,
        verdict,
    )


def _read_code(code: str) -> tuple[int, int] | None:
    text = "".join(code.upper().split()).replace("-", "").translate(_READ_AS)
    if len(text) != _CHARACTERS or any(one not in _ALPHABET for one in text):
        return None
    value = 0
    for one in text:
        value = value << 5 | _ALPHABET.index(one)
    return value >> _MAC_BITS, value & ((1 << _MAC_BITS) - 1)


def _lines(rows: Sequence[Row[Any]]) -> list[PublicLine]:
    found: OrderedDict[tuple[int, str, str | None], list[int]] = OrderedDict()
    for row in rows:
        day = (row.started_at + _ZONE_MS) // _DAY_MS
        counted = found.setdefault((day, row.kind or "", row.category), [0, 0])
        counted[0] += 1
        counted[1] += row.pressed
    return [
        PublicLine(day * _DAY_MS - _ZONE_MS, kind, category, uses, stamps)
        for (day, kind, category), (uses, stamps) in found.items()
    ]


_DAY_MS: Final = 86_400_000
_ZONE_MS: Final = 8 * 3_600_000  # Asia/Shanghai has had no other offset since 1991
