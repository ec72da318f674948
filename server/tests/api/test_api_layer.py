"""The HTTP layer by itself: the guarantee of the envelope, the OpenAPI document, and services that tests can swap."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.app.api.dependencies import Services, analysis_service
from server.app.api.error_responses import add_error_handlers
from server.app.api.guard import PUBLIC_PATHS, GuardSettings, RequestGuard
from server.app.api.http_metrics import HttpMetrics
from server.app.api.routes.health import uptime_text
from server.app.core.settings import Settings, default_data_dir
from server.app.main import create_app, running_services
from server.app.plugins.errors.exceptions import ErrorType, PermissionDenied
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.tests.live.envelope import assert_envelope

pytestmark = pytest.mark.requirement("R-056")


class Number(BaseModel):
    n: int


class BrokenLayer:
    """A layer around the application that fails before or after the answer has begun."""

    def __init__(self, app: ASGIApp, when: str) -> None:
        self._app = app
        self._when = when

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._when == "before":
            raise RuntimeError("layer at /srv/app/layer.py failed")
        await self._app(scope, receive, send)
        if scope["type"] == "http":
            raise RuntimeError("layer failed late")


def sample_app() -> FastAPI:
    app = FastAPI()
    add_error_handlers(app)

    @app.get("/raises")
    async def raises() -> None:
        raise RuntimeError("secret of /srv/app")

    @app.get("/mismatch", response_model=Number)
    async def mismatch() -> Any:
        return {"n": "no number"}

    @app.get("/not-json")
    async def not_json() -> Any:
        return {"n": object()}

    @app.get("/http/{status}")
    async def http(status: int) -> None:
        raise HTTPException(status, detail="secret of /srv/app", headers={"x-kept": "1"})

    @app.get("/denied")
    async def denied() -> None:
        raise PermissionDenied("not yours")

    @app.post("/body")
    async def body(number: Number) -> Number:
        return number

    return app


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with running_services(Settings(data_dir=tmp_path_factory.mktemp("services")), PluginRegistry()) as built:
        yield built


@pytest.fixture
def app(services: Services) -> FastAPI:
    app = sample_app()
    app.state.services = services
    return app


def guarded(app: FastAPI, **settings: Any) -> FastAPI:
    app.add_middleware(
        RequestGuard, settings=GuardSettings(**{"max_body_bytes": 1000} | settings), metrics=HttpMetrics()
    )
    return app


def client_of(app: FastAPI, **settings: Any) -> TestClient:
    return TestClient(guarded(app, **settings))


@pytest.mark.parametrize("path", ["/raises", "/mismatch", "/not-json"])
def test_a_failure_behind_the_route_is_an_envelope(app: FastAPI, path: str, caplog: pytest.LogCaptureFixture) -> None:
    assert_envelope(client_of(app).get(path), 400, "InternalError")
    assert caplog.records[-1].exc_info is not None


@pytest.mark.parametrize(
    ("answered", "kind", "raised"),
    [
        (401, "PermissionDenied", 401),
        (403, "PermissionDenied", 403),
        (404, "NotFound", 404),
        (405, "ValidationError", 405),
        (413, "ResourceLimit", 413),
        (429, "ResourceLimit", 429),
        (418, "ValidationError", 418),
        (400, "InternalError", 500),
        (400, "InternalError", 503),
    ],
)
def test_an_http_error_is_an_envelope_without_its_text(app: FastAPI, answered: int, kind: str, raised: int) -> None:
    answer = client_of(app).get(f"/http/{raised}")
    assert_envelope(answer, answered, kind)
    assert "secret" not in answer.text
    assert answer.headers["x-kept"] == "1"


def test_an_error_of_ours_has_its_status(app: FastAPI) -> None:
    assert_envelope(client_of(app).get("/denied"), 403, "PermissionDenied")


def test_a_layer_that_fails_inside_of_the_guard_is_an_envelope(app: FastAPI) -> None:
    app.add_middleware(BrokenLayer, when="before")
    assert_envelope(client_of(app).get("/raises"), 400, "InternalError")


def test_a_layer_that_fails_outside_of_the_guard_is_an_envelope_too(app: FastAPI) -> None:
    guarded(app)
    app.add_middleware(BrokenLayer, when="before")
    assert_envelope(TestClient(app, raise_server_exceptions=False).get("/raises"), 400, "InternalError")


def test_an_answer_that_has_begun_is_not_followed_by_another(app: FastAPI) -> None:
    app.add_middleware(BrokenLayer, when="after")
    with pytest.raises(RuntimeError, match="late"):
        client_of(app).post("/body", json={"n": 1})


@pytest.mark.requirement("R-059")
@pytest.mark.parametrize("size", [1000, 1001])
def test_the_limit_of_a_body_is_exact(app: FastAPI, size: int) -> None:
    body = b'{"n": 1' + b" " * (size - 8) + b"}"

    def in_parts() -> Iterator[bytes]:
        yield body[:600]
        yield body[600:]

    client = client_of(app)
    for content in (body, in_parts()):
        answer = client.post("/body", content=content, headers={"content-type": "application/json"})
        if size == 1000:
            assert answer.status_code == 200
        else:
            error = assert_envelope(answer, 413, "ResourceLimit")
            assert error["details"] == {"limit_bytes": 1000}


def test_other_protocols_pass_the_guard() -> None:
    passed: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        passed.append(scope["type"])

    async def nothing(*_: Any) -> Any:
        return {"type": "lifespan.startup"}

    asyncio.run(
        RequestGuard(app, GuardSettings(max_body_bytes=10), HttpMetrics())({"type": "lifespan"}, nothing, nothing)
    )
    assert passed == ["lifespan"]


def test_a_client_that_leaves_while_it_sends_is_no_error(app: FastAPI) -> None:
    """The application sees the disconnect; nothing is answered and nothing is raised."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    request = {"type": "http", "method": "POST", "path": "/body", "query_string": b"", "scheme": "http"}
    scope: Scope = {
        **request,
        "headers": headers,
        "http_version": "1.1",
        "server": ("x", 1),
        "client": ("x", 1),
        "app": app,
    }
    asyncio.run(RequestGuard(app, GuardSettings(max_body_bytes=1000), HttpMetrics())(scope, receive, send))
    assert not [message for message in sent if message.get("status", 0) >= 500]


class TestOpenApi:
    @pytest.fixture
    def document(self) -> dict[str, Any]:
        return create_app().openapi()

    @pytest.mark.requirement("R-217")
    def test_every_operation_declares_the_envelope(self, document: dict[str, Any]) -> None:
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                responses = operation["responses"]
                guarded = set() if path in PUBLIC_PATHS else {"401", "403", "429"}
                large = {"413"} if "requestBody" in operation else set()
                own = {"404", "409", "503"}
                assert {"200", "400"} | guarded | large <= set(responses) <= {"200", "400"} | guarded | large | own, (
                    f"{method} {path}"
                )
                assert ("security" in operation) == (path not in PUBLIC_PATHS)
                for status in set(responses) - {"200"}:
                    schema = responses[status]["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/ErrorEnvelope"}
                    assert responses[status]["description"].endswith(".")

    def test_no_framework_error_is_left(self, document: dict[str, Any]) -> None:
        assert not {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"])
        assert "422" not in str(document)

    def test_the_error_type_is_the_closed_set(self, document: dict[str, Any]) -> None:
        assert document["components"]["schemas"]["ErrorType"]["enum"] == [kind.value for kind in ErrorType]

    def test_the_request_says_how_a_plugin_without_image_is_executed(self, document: dict[str, Any]) -> None:
        request = document["components"]["schemas"]["ExecutionRequest"]
        assert "Every other\nplugin gets its whole input in ``payload``" in request["description"]
        assert [sorted(example) for example in request["examples"]] == [
            ["image", "mime_type", "plugin"],
            ["payload", "plugin"],
        ]


class RecordedAnalysis:
    """Stands where the service stands; what is tested is that a test can put it there."""

    def jobs(self, _wanted: object) -> list[Any]:
        return []


@pytest.mark.requirement("R-060", "R-217")
def test_services_are_built_at_start_and_can_be_swapped(tmp_path: Path) -> None:
    app = create_app(Settings(data_dir=tmp_path))
    with TestClient(app) as client:
        assert isinstance(app.state.services, Services)
        assert client.get("/v1/plugins").json()["available"] == 3
        app.dependency_overrides[analysis_service] = RecordedAnalysis
        assert client.get("/v1/analyze-execution/jobs").json() == {"jobs": [], "count": 0}


@pytest.mark.requirement("R-060")
def test_without_services_nothing_is_answered_but_an_envelope() -> None:
    app = create_app()
    app.state.services = None
    assert_envelope(TestClient(app).get("/v1/plugins"), 400, "InternalError")
    assert_envelope(TestClient(create_app()).get("/v1/plugins"), 400, "InternalError")
    assert_envelope(TestClient(create_app()).get("/v1/health/ready"), 400, "InternalError")


def test_services_that_are_given_are_used(tmp_path: Path) -> None:
    with running_services(Settings(data_dir=tmp_path), PluginRegistry()) as built:
        app = create_app(Settings(data_dir=tmp_path), built)
        with TestClient(app) as client:
            assert app.state.services is built
            answer = client.post(
                "/v1/analyze-execution", json={"plugin": "text-statistics", "payload": {"text": "a b"}}
            )
            assert answer.json()["result"]["words"] == 2


@pytest.mark.parametrize(
    ("text", "uptime"),
    [
        ("0d 0h 0m 0s", timedelta(milliseconds=999)),
        ("0d 2h 15m 30s", timedelta(hours=2, minutes=15, seconds=30)),
        ("12d 23h 59m 59s", timedelta(days=13, seconds=-1)),
    ],
)
def test_uptime(text: str, uptime: timedelta) -> None:
    assert uptime_text(uptime) == text


@pytest.mark.parametrize(
    ("expected", "variable"), [("/somewhere/cts", "/somewhere"), (str(Path("~/.local/state/cts").expanduser()), "")]
)
def test_the_data_folder_follows_xdg(monkeypatch: pytest.MonkeyPatch, expected: str, variable: str) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", variable)
    assert str(default_data_dir()) == expected
