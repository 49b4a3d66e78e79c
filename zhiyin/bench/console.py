"""``zhiyin bench console``: how long the usage log takes to answer, among a million uses and ten.

Requests go through the real application (pages, sessions, services, database) in this process, by
ASGI: the time is the server's, without a network. Each asks for a whole page of the log.
"""

from __future__ import annotations

import asyncio
import gzip
import random
import re
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from sqlalchemy import func, select

from backend.domain.calendar import local_day
from backend.services.paging import encode_cursor
from backend.store.tables import search_doc
from zhiyin.bench import console_rows
from zhiyin.bench.console_desk import SUPERVISORS, Desk, opened, postgresql, prepare
from zhiyin.bench.console_rows import ABSENT, COMMON, RARE, path_of
from zhiyin.bench.site import say

MILLION: Final = 1_000_000
_HOST: Final = "bench.invalid"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the bytes as they would go over the wire."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The last header of that name, or nothing."""
        return dict(self.headers).get(name.encode(), b"").decode()

    @property
    def size(self) -> int:
        """Bytes of body and header lines."""
        return len(self.body) + sum(len(name) + len(value) + 4 for name, value in self.headers)


@dataclass(frozen=True, slots=True)
class Measured:
    """Server times of a mix in ms; ``cpu``: processor time of this process alone, which other work
    on the machine disturbs less; ``kinds``: the p95 of each kind of request."""

    requests: int
    p50_ms: float
    p95_ms: float
    cpu_p50_ms: float
    cpu_p95_ms: float
    kinds: dict[str, float]


# ── asking ───────────────────────────────────────────────────────────────────────────────────────


async def call(
    desk: Desk, path: str, login: str | None = None, form: dict[str, str] | None = None
) -> Answer:
    """One request to the application, as a browser makes it."""
    body = urlencode(form).encode() if form is not None else b""
    address, _, query = path.partition("?")
    headers = [
        (b"host", _HOST.encode()),
        (b"accept", b"text/html"),
        (b"accept-encoding", b"gzip"),
        (b"sec-fetch-site", b"same-origin"),
        (b"content-type", b"application/x-www-form-urlencoded"),
    ]
    if login is not None:
        headers.append((b"cookie", desk.cookies[login].encode()))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET" if form is None else "POST",
        "scheme": "http",
        "path": address,
        "raw_path": address.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": (_HOST, 80),
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await desk.app(scope, receive, send)
    return Answer(
        sent[0]["status"],
        tuple(sent[0]["headers"]),
        b"".join(one.get("body", b"") for one in sent[1:]),
    )


async def _sign_in(desk: Desk) -> None:
    for login in SUPERVISORS:
        if login in desk.cookies:
            continue
        answer = await call(desk, "/sign-in", form={"login": login, "password": desk.left.password})
        jar = SimpleCookie(answer.header("set-cookie"))
        desk.cookies[login] = "; ".join(f"{name}={one.value}" for name, one in jar.items())


def measure(desk: Desk, count: int, rounds: int) -> Measured:
    """Ask for each kind of page ``rounds`` times, each time about something else."""
    return asyncio.run(_measure(desk, count, rounds))


async def _measure(desk: Desk, count: int, rounds: int) -> Measured:
    await _sign_in(desk)
    random_ = random.Random(1)
    times: dict[str, list[float]] = {}
    cpu: list[float] = []
    for number in range(-1, rounds):
        for kind, login, path in _mix(desk, count, random_):
            begun, worked = time.perf_counter(), time.process_time()
            answer = await call(desk, path, login)
            took = (time.perf_counter() - begun) * 1000
            worked = (time.process_time() - worked) * 1000
            if answer.status != 200:
                raise RuntimeError(f"{path}: {answer.status}")
            if number >= 0:  # the first round only warms up
                times.setdefault(kind, []).append(took)
                cpu.append(worked)
    everything = sorted(one for found in times.values() for one in found)
    return Measured(
        requests=len(everything),
        p50_ms=_share(everything, 50),
        p95_ms=_share(everything, 95),
        cpu_p50_ms=_share(sorted(cpu), 50),
        cpu_p95_ms=_share(sorted(cpu), 95),
        kinds={kind: _share(sorted(found), 95) for kind, found in times.items()},
    )


def _share(ordered: Sequence[float], percent: int) -> float:
    return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 1)


def _mix(desk: Desk, count: int, random_: random.Random) -> list[tuple[str, str, str]]:
    """(kind, who asks, address) of each request of one round."""
    village = random_.randrange(console_rows.VILLAGES)
    town = path_of(village)[:18]
    at = desk.left.first_at + random_.randrange(30, 1000) * 86_400_000
    day = local_day(at)
    month = {"from": f"{day:%Y-%m}-01", "until": f"{day:%Y-%m}-28"}
    deep = random_.randrange(count // 10, count)
    name = console_rows.name_of(random_.randrange(10_000))
    word = random_.choice((COMMON, "合同", "证明", "承包"))
    code = random_.choice(console_rows.ALERT_CODES)
    asked: list[tuple[str, str, dict[str, str]]] = [
        ("newest", "district", {}),
        ("newest town", "town", {}),
        ("newest village", "village", {}),
        ("town and month", "district", {"org": town, **month}),
        ("village and month", "district", {"org": path_of(village), **month}),
        ("alert", "district", {"alert": code}),
        ("alert in a village", "district", {"only": "alerted", "org": path_of(village)}),
        ("common word", "district", {"q": word}),
        ("common word in a village", "district", {"q": word, "org": path_of(village)}),
        ("rare word", "district", {"q": RARE}),
        ("rare word elsewhere", "village", {"q": RARE}),
        ("absent word", "district", {"q": ABSENT}),
        ("two words", "town", {"q": f"{COMMON} {word}"}),
        ("name", "district", {"q": name}),
        ("unreviewed", "town", {"only": "unreviewed"}),
        ("deep", "district", {"older": _cursor(desk, deep)}),
        ("deep in a town", "town", {"older": _cursor(desk, deep), "q": COMMON}),
    ]
    return [
        (kind, who, "/uses" + (f"?{urlencode(values, quote_via=quote)}" if values else ""))
        for kind, who, values in asked
    ]


def _cursor(desk: Desk, doc: int) -> str:
    with desk.house.db.read() as conn:
        query = select(search_doc.c.use_id).where(search_doc.c.doc == doc)
        return encode_cursor((str(conn.execute(query).scalar_one()),))


def phone_home(desk: Desk) -> int:
    """Bytes that a phone loads for its home page the first time: the page and what it names."""
    return asyncio.run(_phone_home(desk))


async def _phone_home(desk: Desk) -> int:
    await _sign_in(desk)
    first = await call(desk, "/home", "village")
    html = first.body
    if first.header("content-encoding") == "gzip":
        html = gzip.decompress(html)
    named = re.findall(r'(?:src|href)="(/(?:static/|manifest)[^"#]*)', html.decode())
    named += ["/sw.js"]
    total = first.size
    for path in dict.fromkeys(named):
        total += (await call(desk, path, "village")).size
    return total


# ── the command ──────────────────────────────────────────────────────────────────────────────────


def run(
    *,
    quick: bool,
    database: str | None = None,
    uses: int | None = None,
    keep: Path | None = None,
    warm: bool = False,
) -> dict[str, Any]:
    """Measure; keys as docs/performance.md explains them. Quick: a million on SQLite; else a
    million and ten million on SQLite and on PostgreSQL, or what ``database`` and ``uses`` say.
    With ``keep``, what was prepared stays below that folder and serves again. ``warm``: the
    database's files are read once before, as those of a server that has been running."""
    if quick:
        return {"bench": "console"} | _one("sqlite", uses or MILLION, 12, keep, warm)
    result: dict[str, Any] = {"bench": "console", "p95_ms": 0.0}
    for kind in (database,) if database else ("sqlite", "postgresql"):
        for count in (uses,) if uses else (MILLION, 10 * MILLION):
            found = _one(kind, count, 30, keep, warm)
            say(f"{kind}, {count:,}: {found}")
            result |= found | {"p95_ms": max(found["p95_ms"], result["p95_ms"])}
            result[f"{kind}_{count}_p95_ms"] = found["p95_ms"]
    return result


def _one(kind: str, count: int, rounds: int, keep: Path | None, warm: bool) -> dict[str, Any]:
    with ExitStack() as stack:
        if keep is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zhiyin-bench-")))
        else:
            folder = keep / f"{kind}-{count}"
        folder.mkdir(parents=True, exist_ok=True)
        url = None if kind == "sqlite" else stack.enter_context(postgresql(folder / "postgres"))
        desk = stack.enter_context(opened(folder, url))
        begun = time.monotonic()
        prepare(desk, count)
        if warm:
            read_once(folder)
        say(f"{kind}, {count:,} uses: ready in {time.monotonic() - begun:.0f} s; asking …")
        found = measure(desk, count, rounds)
        with desk.house.db.read() as conn:
            rows = conn.execute(select(func.count()).select_from(search_doc)).scalar_one()
        return {
            "p50_ms": found.p50_ms,
            "p95_ms": found.p95_ms,
            "cpu_p50_ms": found.cpu_p50_ms,
            "cpu_p95_ms": found.cpu_p95_ms,
            "rows": rows,
            "phone_home_bytes": phone_home(desk),
            "kinds_p95_ms": found.kinds,
        }


def read_once(folder: Path) -> int:
    """Have the system keep the files of the database in memory, as far as it wants to; bytes."""
    total = 0
    for file in folder.rglob("*"):
        if file.is_file() and "pg_wal" not in file.parts:
            with file.open("rb", buffering=0) as opened_file:
                while portion := opened_file.read(1 << 24):
                    total += len(portion)
    return total
