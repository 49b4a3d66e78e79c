"""A client that speaks to the API in this process, as a browser or a program would."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import httpx
from fastapi import FastAPI
from sqlalchemy import update

from backend.api.app import create_app
from backend.api.deps import Services
from backend.api.live import LiveHub
from backend.api.settings import ApiSettings
from backend.api.wiring import Installation, build_services
from backend.domain.actor import Role
from backend.services.eyes_memory import Ask
from backend.services.passwords import Passwords
from backend.store.pictures import PictureStore
from backend.store.tables import person
from backend.vision.workers.wire import Result, Task
from backend.vision.workers.worker import WorkerFailed
from tests.support.world import VILLAGE, Clock, World

PASSWORD = "柳塘村的春天来了-2026"
WALL_START = 1_795_000_000_000
HOST = "https://yin.example.cn"
QUICK = Passwords(time_cost=1, memory_kib=64)
_HASH = QUICK.hash(PASSWORD)


def nobody_looks(_task: Task) -> Result:
    """No worker there."""
    raise WorkerFailed("died")


class NobodyEnrols:
    """Stands where no test enrols a face."""

    def enrol(self, pictures: Any) -> Any:
        """Never called."""
        raise AssertionError("no face was to be enrolled")

    def look(self, picture: bytes) -> Any:
        """Never called."""
        raise AssertionError("no face was to be looked at")


class _Transport(httpx.BaseTransport):
    """Runs the ASGI application to the end of each response. Its server errors become responses,
    as a real server's do."""

    def __init__(self, app: FastAPI, runner: asyncio.Runner) -> None:
        self._inner = httpx.ASGITransport(
            app=app,
            raise_app_exceptions=False,
            client=("10.1.2.3", 50000),
        )
        self._runner = runner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def run() -> httpx.Response:
            response = await self._inner.handle_async_request(
                httpx.Request(
                    request.method, request.url, headers=request.headers, content=request.read()
                )
            )
            await response.aread()
            return response

        done = self._runner.run(run())
        return httpx.Response(done.status_code, headers=done.headers, content=done.content)


class Api:
    """The application over a :class:`World`, with clients for it."""

    def __init__(
        self,
        world: World,
        settings: ApiSettings | None = None,
        adapt: Callable[[Services], None] | None = None,
        enroller: Any = None,
        ask: Ask = nobody_looks,
    ) -> None:
        self.world = world
        self.wall = Clock(WALL_START)
        self.hub = LiveHub()
        self.services = build_services(
            Installation(
                context=world.context,
                keyring=world.ring,
                log=world.log,
                wall=self.wall,
                pictures=PictureStore(world.ring, random=world.context.random),
                enroller=enroller or NobodyEnrols(),
                passwords=QUICK,
                broadcaster=self.hub,
                ask=ask,
            )
        )
        if adapt is not None:
            adapt(self.services)
        self.app = create_app(self.services, settings)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.close()

    def client(self, **headers: str) -> httpx.Client:
        """Somebody who is not signed in. A browser's page of ours, unless ``headers`` say else."""
        return httpx.Client(
            transport=_Transport(self.app, self._runner),
            base_url=HOST,
            headers={"Origin": HOST, "Sec-Fetch-Site": "same-origin"} | headers,
        )

    def account(self, login: str, *roles: Role, path: str = VILLAGE) -> str:
        """A person who can sign in with :data:`PASSWORD`; returns the id."""
        found = self.world.person(login, path, login=login, password_hash=_HASH)
        for role in roles:
            self.world.grant_role(found, role, path)
        return found

    def signed_in(self, *roles: Role, path: str = VILLAGE) -> httpx.Client:
        """A signed-in page of a new person with these roles."""
        login = f"u{self.world.context.random(6).hex()}"
        self.account(login, *roles, path=path)
        client = self.client()
        response = client.post("/api/v1/session", json={"login": login, "password": PASSWORD})
        assert response.status_code == 200, response.text
        return client

    def set_columns(self, person_id: str, **columns: Any) -> None:
        """Change a person's row directly."""
        with self.world.db.write() as conn:
            conn.execute(update(person).where(person.c.id == person_id).values(columns))
