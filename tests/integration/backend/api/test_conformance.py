"""Whatever is sent, the API answers as its document says, and never with an error on our side.

schemathesis makes requests from the OpenAPI document, fitting and unfitting ones, and checks
status, media type and body of each answer against it.
"""

import copy
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from PIL import Image
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from backend.api import openapi
from backend.domain.actor import Role
from backend.store.pictures import PictureStore
from tests.integration.backend.services.test_uses_and_records import use, write
from tests.support.api import HOST, Api
from tests.support.world import DISTRICT, ORIGIN, START, VILLAGE, World

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# They would end the session that the run goes by, or never end themselves.
LEFT_OUT: Final = {
    ("delete", "/api/v1/session"),
    ("delete", "/api/v1/session/all"),
    ("get", "/api/v1/live"),
}
EXAMPLES: Final = 3
"""Of each mode for each operation: about 500 requests in all."""


@pytest.fixture
def world(tables_url: str, tmp_path: Path) -> Iterator[World]:
    """Some of everything, so that lists are not empty."""
    made = World.create(tables_url, tmp_path)
    use(made, 1)
    write(made, "event.stamped", use_id="YQ-0001:1", data={"event": {"press": 1}})
    with made.db.write() as conn:
        made.log.sign_checkpoint(conn, made.ring.log_signer(ORIGIN), START)
        buffer = io.BytesIO()
        Image.new("RGB", (32, 32)).save(buffer, "PNG")
        PictureStore(made.ring).put(
            conn,
            "p1",
            buffer.getvalue(),
            org_path=VILLAGE,
            kind="document",
            mime="image/png",
            now=START,
        )
    yield made
    made.close()


def document(api: Api) -> dict[str, Any]:
    """The document without its security: who asks is not a matter of chance here."""
    found = copy.deepcopy(openapi.build(api.app))
    del found["components"]["securitySchemes"]
    for operations in found["paths"].values():
        for operation in operations.values():
            operation.pop("security", None)
    return found


def check(operation: Any, mode: GenerationMode, client: httpx.Client) -> int:
    """Send requests of one mode; how many there were. Raises what schemathesis found."""
    sent = 0

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.explicit, Phase.generate],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def run(case: Any) -> None:
        nonlocal sent
        plain = requests.Request(**case.as_transport_kwargs(base_url=HOST)).prepare()
        try:
            request = client.build_request(
                str(plain.method),
                str(plain.url),
                headers={name: str(value) for name, value in plain.headers.items()},
                content=plain.body if isinstance(plain.body, str | bytes) else None,
            )
        except (httpx.InvalidURL, UnicodeEncodeError):
            return
        response = client.send(request)
        response.elapsed = timedelta()  # unset, because our transport reads the body itself
        case.validate_response(response, checks=CHECKS)
        sent += 1

    try:
        run()
    except Unsatisfiable:
        return 0  # nothing unfitting can be said to a route without parameters
    return sent


def test_the_api_answers_as_its_document_says_whatever_is_sent(world: World) -> None:
    with Api(world) as api:
        client = api.signed_in(*Role, path=DISTRICT)
        schema = schemathesis.openapi.from_dict(document(api))
        failures: list[str] = []
        sent = 0
        for result in schema.get_all_operations():
            assert isinstance(result, Ok), result
            operation = result.ok()
            if (operation.method, operation.path) in LEFT_OUT:
                continue
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                try:
                    sent += check(operation, mode, client)
                except Exception as error:  # each finding is told, not only the first
                    failures.append(f"{operation.method} {operation.path} {mode}: {error}")
        assert client.get("/api/v1/session").status_code == 200
    assert not failures, "\n\n".join([f"{len(failures)} findings", *failures])
    assert sent > 300
