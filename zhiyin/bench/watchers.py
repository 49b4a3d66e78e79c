"""Many pages of the console open at once: what each costs the server, and how soon all hear news.

The web server runs as a process of its own, as it does in an installation; its memory is PSS
(proportional set size) from the kernel, so what processes share counts once.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import httpx
from websockets.asyncio.client import ClientConnection, connect

from backend.domain.record import Record
from backend.services.founding import FoundingForm
from gateway.broker.embedded import free_port
from zhiyin import logs, wiring, wiring_web
from zhiyin.bench.memory import pss_kb
from zhiyin.bench.site import say, wall_ms
from zhiyin.founding import found
from zhiyin.running.web import WebServer
from zhiyin.settings import Settings, WebSettings

DISTRICT: Final = "330109"
LOGIN: Final = "bench"
WARM: Final = 20
"""Watchers before the first look at the memory: threads and caches exist then."""

SETTLE_S: Final = 2.0
LONGEST_S: Final = 30.0


def run(*, quick: bool) -> dict[str, Any]:
    """Open 400 watchers (with ``quick`` 100) over loopback; kB and ms of each."""
    count, rounds = (100, 3) if quick else (400, 10)
    password = os.urandom(12).hex()
    with tempfile.TemporaryDirectory(prefix="zhiyin-bench-") as name:
        settings = Settings(data_dir=Path(name) / "data", web=WebSettings(port=free_port()))
        form = FoundingForm(DISTRICT, "江南区", "测量", LOGIN, password)
        found(settings, form, tell=lambda _line: None)
        house = wiring.build(settings)
        try:
            with _serving(settings) as pid:
                say(f"{count} watchers")
                return asyncio.run(_measure(house, settings, password, pid, count, rounds))
        finally:
            house.close()


@contextmanager
def _serving(settings: Settings) -> Iterator[int]:
    """The web server's process, ready; its id."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(settings, theirs), daemon=True)
    process.start()
    try:
        if not ours.poll(LONGEST_S) or ours.recv() != "ready":
            raise RuntimeError("the bench's web server did not start")
        yield process.pid or 0
    finally:
        ours.send("stop")
        process.join(LONGEST_S)


def _serve(settings: Settings, pipe: Connection) -> None:
    logs.configure("error", "console")
    house = wiring.build(settings)
    server = WebServer(wiring_web.application(house), settings.web)
    server.start()
    pipe.send("ready")
    pipe.recv()
    server.stop()
    house.close()


async def _measure(
    house: wiring.House, settings: Settings, password: str, pid: int, count: int, rounds: int
) -> dict[str, Any]:
    address = f"http://127.0.0.1:{settings.web.port}"
    headers = {"Origin": address, "Cookie": await _sign_in(address, password)}
    async with AsyncExitStack() as stack:
        await _open(stack, address, headers, WARM)
        await asyncio.sleep(SETTLE_S)
        before = pss_kb(pid)
        watchers = await _open(stack, address, headers, count)
        await asyncio.sleep(SETTLE_S)
        after = pss_kb(pid)
        took = [one for _ in range(rounds) for one in await _news(house, watchers)]
        heard = pss_kb(pid)
    took.sort()
    return {
        "watchers": count,
        "kb_each": round((after - before) / count, 1),
        "kb_each_after_news": round((heard - before) / count, 1),
        "server_pss_mb": round(heard / 1024, 1),
        "commit_to_all_p50_ms": round(statistics.median(took), 1),
        "commit_to_all_p99_ms": round(took[int(len(took) * 0.99)], 1),
        "commit_to_all_max_ms": round(took[-1], 1),
        "cores": os.cpu_count(),
    }


async def _sign_in(address: str, password: str) -> str:
    async with httpx.AsyncClient(base_url=address, timeout=LONGEST_S) as client:
        form = {"login": LOGIN, "password": password}
        answer = await client.post("/sign-in", data=form, headers={"Origin": address})
        if answer.status_code != 303:
            raise RuntimeError(f"signing in was answered with {answer.status_code}")
        return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


async def _open(
    stack: AsyncExitStack, address: str, headers: dict[str, str], count: int
) -> list[ClientConnection]:
    """So many watchers, each of which has been greeted."""
    found: list[ClientConnection] = []
    url = f"{address.replace('http', 'ws')}/live/console?cursor=0"
    for _ in range(count):
        one = await stack.enter_async_context(
            connect(url, additional_headers=headers, compression=None, open_timeout=LONGEST_S)
        )
        found.append(one)
    await asyncio.gather(*(_until(one, "hello") for one in found))
    return found


async def _until(watcher: ClientConnection, kind: str, cursor: int = 0) -> float:
    """When (s) the watcher heard this, about records before ``cursor``."""
    while True:
        said = json.loads(await watcher.recv())
        if said["kind"] == kind and said["cursor"] >= cursor:
            return time.perf_counter()


async def _news(house: wiring.House, watchers: list[ClientConnection]) -> list[float]:
    """One record; how long (ms) after its commit each watcher heard of it."""
    loop = asyncio.get_running_loop()
    known: asyncio.Future[tuple[int, float]] = loop.create_future()

    def write() -> None:
        now = wall_ms()
        record = Record("event.stamped", f"/{DISTRICT}/", now, now)
        with house.db.write() as conn:
            (made,) = house.services.journal.append(conn, [record])
        loop.call_soon_threadsafe(known.set_result, (made.seq + 1, time.perf_counter()))

    threading.Thread(target=write).start()
    cursor, committed = await known
    heard = await asyncio.gather(*(_until(one, "news", cursor) for one in watchers))
    return [(one - committed) * 1000 for one in heard]
