"""The HTTP layer by itself: the guarantee of the envelope, the OpenAPI document, and services that tests can swap."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.app.access.caller import Caller
from server.app.access.permission import Permission
from server.app.api.dependencies import Services, analysis_service, caller
from server.app.api.error_responses import add_error_handlers
from server.app.api.guard import PUBLIC_PATHS, GuardSettings, RequestGuard
from server.app.api.http_metrics import HttpMetrics
from server.app.api.routes.health import uptime_text
from server.app.core.settings import Settings, default_data_dir, read_settings
from server.app.core.start_error import StartError
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
    app.add_middleware(RequestGuard(GuardSettings(**{"max_body_bytes": 1000} | settings), HttpMetrics()).around)
    return app


def client_of(app: FastAPI, **settings: Any) -> TestClient:
    return TestClient(guarded(app, **settings))


@pytest.mark.parametrize("path", ["/raises", "/mismatch", "/not-json"])
def test_a_failure_behind_the_route_is_an_envelope(app: FastAPI, path: str, caplog: pytest.LogCaptureFixture) -> None:
    assert_envelope(client_of(app).get(path), 400, "InternalError")
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]  # the client logs, too
    assert record.exc_info is not None


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
        RequestGuard(GuardSettings(max_body_bytes=10), HttpMetrics()).around(app)(
            {"type": "lifespan"}, nothing, nothing
        )
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
    asyncio.run(RequestGuard(GuardSettings(max_body_bytes=1000), HttpMetrics()).around(app)(scope, receive, send))
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


@pytest.mark.requirement("R-211", "R-212")
class TestErrorLog:
    """A failure behind a route, from what the client is told to what the administrator reads and notes."""

    def test_a_failure_is_found_under_the_id_that_the_client_got(self, app: FastAPI, services: Services) -> None:
        answer = client_of(app).get("/raises", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
        error_id = assert_envelope(answer, 400, "InternalError")["details"]["error_id"]
        assert answer.headers["traceresponse"].startswith(f"00-{'a' * 32}-")
        with TestClient(create_app(Settings(), services)) as client:
            listed = client.get("/v1/errors", params={"trace_id": "a" * 32, "type": "InternalError"}).json()
            assert [error["id"] for error in listed["errors"]] == [error_id]
            assert "stack_trace" not in listed["errors"][0]
            error = client.get(f"/v1/errors/{error_id}").json()
            assert (error["component"], "secret of /srv/app" in error["stack_trace"]) == ("/raises", True)
            change = {"fix_applied": True, "fix_details": "mended"}
            assert client.patch(f"/v1/errors/{error_id}", json=change).json()["resolved_at"] is not None
            assert client.get("/v1/errors", params={"trace_id": "a" * 32, "fix_applied": False}).json()["count"] == 0

    @pytest.mark.parametrize(
        ("status", "kind", "method", "path", "body"),
        [
            (400, "ValidationError", "GET", "/v1/errors?limit=0", None),
            (400, "ValidationError", "GET", "/v1/errors?type=Nonsense", None),
            (400, "ValidationError", "GET", "/v1/errors?fix_applied=maybe", None),
            (404, "NotFound", "GET", "/v1/errors/nonsense", None),
            (404, "NotFound", "PATCH", "/v1/errors/nonsense", {"fix_applied": True}),
            (400, "ValidationError", "PATCH", "/v1/errors/nonsense", {"fix_applied": None}),
            (400, "ValidationError", "PATCH", "/v1/errors/nonsense", {"fix_applied": True, "stack_trace": ""}),
            (405, "ValidationError", "DELETE", "/v1/errors/nonsense", None),
        ],
    )
    def test_a_wrong_request(
        self, services: Services, status: int, kind: str, method: str, path: str, body: object
    ) -> None:
        with TestClient(create_app(Settings(), services)) as client:
            assert_envelope(client.request(method, path, json=body), status, kind)

    def test_it_is_for_administrators(self, services: Services) -> None:
        app = create_app(Settings(), services)
        app.dependency_overrides[caller] = lambda: Caller("alice", frozenset({Permission.ANALYZE}))
        with TestClient(app) as client:
            for method in ("GET", "PATCH"):
                answer = client.request(method, f"/v1/errors/{'0' * 36}", json={"fix_applied": True})
                assert_envelope(answer, 403, "PermissionDenied")
            assert_envelope(client.get("/v1/errors"), 403, "PermissionDenied")


@pytest.mark.requirement("R-157")
def test_ten_thousand_ids_are_one_label(services: Services) -> None:
    app = create_app(Settings(), services)
    with TestClient(app) as client:

        def series() -> int:
            return sum(not line.startswith("#") for line in client.get("/metrics").text.splitlines())

        client.get("/v1/analyze-execution/jobs/nonsense")
        client.get("/nowhere")
        client.get("/metrics")
        before = series()
        for number in range(20):
            client.get(f"/v1/analyze-execution/jobs/{number}")
            client.get(f"/nowhere/{number}")
        assert series() == before
    metrics = HttpMetrics()
    for number in range(10_000):
        metrics.observe(f"METHOD{number}", "unmatched", 404, 0.001)
    assert metrics.text().count(b"cts_http_requests_total{") == 1
    assert b'cts_http_requests_total{method="other",route="unmatched",status="404"} 10000.0' in metrics.text()


@pytest.mark.requirement("R-157")
def test_durations_are_in_their_buckets() -> None:
    metrics = HttpMetrics()
    for seconds in (0.0005, 0.001, 0.3, 1000.0):
        metrics.observe("GET", "/x", 200, seconds)
    text = metrics.text().decode("ascii")
    name = 'cts_http_request_duration_seconds_{}{{{}route="/x"}} {}'
    for kind, label, value in (
        ("bucket", 'le="0.001",', "2.0"),
        ("bucket", 'le="0.25",', "2.0"),
        ("bucket", 'le="0.5",', "3.0"),
        ("bucket", 'le="+Inf",', "4.0"),
        ("count", "", "4.0"),
        ("sum", "", "1000.3015"),
    ):
        assert name.format(kind, label, value) in text


@pytest.mark.requirement("R-156")
def test_plugins_are_in_the_metrics(services: Services) -> None:
    with TestClient(create_app(Settings(), services)) as client:
        answer = client.get("/v1/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert 'cts_plugin_executions_total{outcome="success",plugin="text-statistics"}' in answer.text
    assert 'cts_plugin_state{plugin="image-analysis",state="INITIALIZED"} 1.0' in answer.text


@pytest.mark.requirement("R-059")
def test_who_asks_too_often_is_told_when_to_come_back(app: FastAPI) -> None:
    client = client_of(app, requests_per_minute=2)
    assert [client.get("/http/404").status_code for _ in range(2)] == [404, 404]
    answer = client.get("/http/404")
    error = assert_envelope(answer, 429, "ResourceLimit")
    assert int(answer.headers["retry-after"]) == error["details"]["retry_after_seconds"] in range(1, 31)


@pytest.mark.requirement("R-156")
@pytest.mark.parametrize("path", ["/health", "/v1/health", "/v1/health/live", "/v1/health/simple", "/v1/health/ready"])
def test_signs_of_life_need_no_key(services: Services, path: str) -> None:
    with TestClient(create_app(Settings(environment="production"), services)) as client:
        assert client.get(path).status_code == 200
        assert_envelope(client.get("/v1/health/detailed"), 401, "PermissionDenied")


@pytest.mark.requirement("R-156")
def test_a_server_without_its_database_is_not_ready(services: Services) -> None:
    silent = replace(services, database_answers=lambda: False)
    with TestClient(create_app(Settings(), silent)) as client:
        answer = client.get("/v1/health/ready")
        assert_envelope(answer, 503, "InternalError")
        assert client.get("/v1/health/detailed").json()["status"] == "unhealthy"
        assert client.get("/v1/health/live").status_code == 200


SAFE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


@pytest.mark.parametrize("path", ["/v1/plugins", "/v1/nothing", "/v1/health", "/openapi.json"])
def test_every_answer_has_the_security_headers(services: Services, path: str) -> None:
    with TestClient(create_app(Settings(), services)) as client:
        answer = client.get(path, headers={"origin": "https://page.example.org"})
        assert {name: answer.headers[name] for name in SAFE} == SAFE
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers


def test_a_page_of_another_origin_is_let_in_only_where_it_is_named(services: Services) -> None:
    settings = Settings(cors_origins="https://page.example.org, http://localhost:3000", environment="production")  # type: ignore[arg-type]  # as in the environment
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "x-api-key, content-type"}
    with TestClient(create_app(settings, services)) as client:
        named = client.options("/v1/plugins", headers={"origin": "https://page.example.org", **asked})
        assert (named.status_code, named.headers["access-control-allow-origin"]) == (200, "https://page.example.org")
        assert "access-control-allow-credentials" not in named.headers
        other = client.options("/v1/plugins", headers={"origin": "https://page.example.org.evil.test", **asked})
        assert_envelope(other, 400, "PermissionDenied")
        assert "access-control-allow-origin" not in other.headers
        refused = client.get("/v1/plugins", headers={"origin": "http://localhost:3000"})
        assert_envelope(refused, 401, "PermissionDenied")
        assert refused.headers["access-control-allow-origin"] == "http://localhost:3000"


@pytest.mark.requirement("R-147", "R-151", "R-219")
@pytest.mark.parametrize(
    ("said", "settings"),
    [
        ("environment", {"environment": "staging"}),
        ("environment", {"environment": ""}),
        ("no origin", {"cors_origins": "*"}),
        ("no origin", {"cors_origins": "example.org"}),
        ("at least 30", {"environment": "production", "tool_timeout_seconds": 5}),
        ("rate_limit_per_minute", {"rate_limit_per_minute": 0}),
        ("log_format", {"log_format": "xml"}),
    ],
)
def test_a_setting_that_is_wrong_ends_the_start(said: str, settings: dict[str, Any]) -> None:
    with pytest.raises(StartError, match=said):
        read_settings(**settings)


@pytest.mark.requirement("R-151")
def test_production_asks_for_keys_and_limits_the_rate() -> None:
    production, development = Settings(environment="production"), Settings()
    assert (production.key_required, production.requests_per_minute) == (True, 60)
    assert (development.key_required, development.requests_per_minute) == (False, None)
    assert Settings(require_authentication=True).key_required
