"""The six endpoints, asked over HTTP of a real server."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from server.app.access.permission import PERMISSIONS, Permission, Role
from server.app.api.dependencies import Services
from server.app.core.ids import new_id
from server.app.core.settings import Settings
from server.app.main import create_app, running_services
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.tests.live.envelope import assert_envelope, assert_error
from server.tests.live.images import png_base64
from server.tests.live.server_process import ServerProcess

JOBS = "/v1/analyze-execution/jobs"


@pytest.mark.requirement("R-047")
def test_the_router_is_mounted() -> None:
    assert {path for path in create_app().openapi()["paths"] if "analyze" in path} == {
        "/v1/analyze-execution",
        "/v1/analyze-execution/async",
        "/v1/analyze-execution/jobs",
        "/v1/analyze-execution/jobs/{job_id}",
        "/v1/analyze-execution/jobs/{job_id}/result",
        "/v1/analyze-execution/jobs/{job_id}/error",
    }


@pytest.mark.requirement("R-048", "R-090", "R-096")
class TestSync:
    def test_an_image_is_analysed(self, live: ServerProcess) -> None:
        body = {"plugin": "image-analysis", "image": png_base64(40, 30), "mime_type": "image/png"}
        answer = live.client.post("/v1/analyze-execution", json=body)
        assert answer.status_code == 200
        given = answer.json()
        assert set(given) == {"plugin", "result", "job_id", "status"}
        assert (given["plugin"], given["status"]) == ("image-analysis", "SUCCESS")
        assert (given["result"]["width"], given["result"]["height"], given["result"]["format"]) == (40, 30, "PNG")
        assert given["result"]["metadata"]["execution_time_ms"] > 0
        assert live.job(given["job_id"])["status"] == "SUCCESS"

    def test_options_go_beside_the_image(self, live: ServerProcess) -> None:
        body = {
            "plugin": "image-analysis",
            "image": png_base64(),
            "mime_type": "image/png",
            "payload": {"colors": 2},
        }
        answer = live.client.post("/v1/analyze-execution", json=body)
        assert len(answer.json()["result"]["dominant_colors"]) <= 2

    def test_a_text_goes_into_the_payload(self, live: ServerProcess) -> None:
        assert live.execute("text-statistics", text="One two. Three!").json()["result"]["words"] == 3

    def test_a_table_goes_into_the_payload(self, live: ServerProcess) -> None:
        result = live.execute("table-profile", csv="a,b\n1,x\n2,\n").json()["result"]
        assert [(column["type"], column["missing"]) for column in result["columns"]] == [("integer", 0), ("text", 1)]

    def test_a_plugins_failure_is_400(self, live: ServerProcess) -> None:
        error = assert_envelope(live.execute("misbehaving", kind="raises"), 400, "PluginError")
        assert error["plugin"] == "misbehaving"

    def test_an_unknown_plugin_is_400(self, live: ServerProcess) -> None:
        error = assert_envelope(live.execute("nobody"), 400, "NotFound")
        assert "image-analysis" in error["details"]["available"]

    def test_an_image_that_is_none_is_400(self, live: ServerProcess) -> None:
        body = {"plugin": "image-analysis", "image": "bm90IGFuIGltYWdl", "mime_type": "image/png"}
        error = assert_envelope(live.client.post("/v1/analyze-execution", json=body), 400, "ValidationError")
        assert "cannot be decoded" in error["message"]


BAD_BODIES: list[tuple[str, Any]] = [
    ("no object", [1, 2]),
    ("null", None),
    ("empty", {}),
    ("no plugin", {"payload": {}}),
    ("no input", {"plugin": "text-statistics"}),
    ("plugin of another type", {"plugin": 5, "payload": {}}),
    ("plugin null", {"plugin": None, "payload": {}}),
    ("plugin with a path in it", {"plugin": "../../etc/passwd", "payload": {}}),
    ("plugin in upper case", {"plugin": "Text-Statistics", "payload": {}}),
    ("plugin with a line break", {"plugin": "text-statistics\n", "payload": {}}),
    ("payload of another type", {"plugin": "text-statistics", "payload": []}),
    ("unknown field", {"plugin": "text-statistics", "payload": {"text": "a"}, "extra": 1}),
    ("image without type", {"plugin": "image-analysis", "image": "QUJD"}),
    ("type without image", {"plugin": "image-analysis", "mime_type": "image/png"}),
    ("image empty", {"plugin": "image-analysis", "image": "", "mime_type": "image/png"}),
    ("image no base64", {"plugin": "image-analysis", "image": "%%%", "mime_type": "image/png"}),
    ("image of another type", {"plugin": "image-analysis", "image": 5, "mime_type": "image/png"}),
    ("type no image type", {"plugin": "image-analysis", "image": "QUJD", "mime_type": "text/html"}),
    (
        "image twice",
        {"plugin": "image-analysis", "image": "QUJD", "mime_type": "image/png", "payload": {"image": "QUJD"}},
    ),
    ("payload without its field", {"plugin": "text-statistics", "payload": {}}),
    ("payload with a wrong type", {"plugin": "text-statistics", "payload": {"text": 5}}),
    ("payload with an unknown field", {"plugin": "text-statistics", "payload": {"text": "a", "b": 1}}),
]


@pytest.mark.requirement("R-048", "R-056")
@pytest.mark.parametrize("path", ["/v1/analyze-execution", "/v1/analyze-execution/async"])
@pytest.mark.parametrize("body", [body for _, body in BAD_BODIES], ids=[name for name, _ in BAD_BODIES])
def test_a_bad_body_is_a_validation_error(live: ServerProcess, path: str, body: Any) -> None:
    answer = live.client.post(path, json=body)
    if path.endswith("/async") and answer.status_code == 200:
        assert body["payload"] is not None  # only the plugin's own schema is against it, which the job will say
        result = live.result(answer.json()["job_id"])
        assert (result["status"], result["error"]["type"]) == ("FAILED", "ValidationError")
        return
    assert_envelope(answer, 400, "ValidationError")


@pytest.mark.requirement("R-049", "R-090")
class TestAsync:
    def test_it_answers_with_the_id_of_a_job(self, live: ServerProcess) -> None:
        body = {"plugin": "text-statistics", "payload": {"text": "a"}}
        answer = live.client.post("/v1/analyze-execution/async", json=body)
        assert (answer.status_code, set(answer.json())) == (200, {"job_id"})
        assert live.result(answer.json()["job_id"])["status"] == "SUCCESS"

    def test_it_answers_at_once(self, live: ServerProcess) -> None:
        times = []
        for _ in range(5):
            started = time.monotonic()
            job_id = live.submit("ticking", seconds=10)
            times.append(time.monotonic() - started)
            assert live.client.delete(f"{JOBS}/{job_id}").status_code == 200
        assert min(times) < 0.1  # the best of five, because the machine may be busy with other things


@pytest.mark.requirement("R-050", "R-090")
class TestStatus:
    def test_it_has_exactly_this_shape(self, live: ServerProcess) -> None:
        answer = live.client.get(f"{JOBS}/{live.submit('text-statistics', text='a')}")
        assert answer.status_code == 200
        assert set(answer.json()) == {"job"}
        job = answer.json()["job"]
        assert set(job) == {"id", "plugin", "status", "created_at", "updated_at"}
        assert datetime.fromisoformat(job["created_at"]) <= datetime.fromisoformat(job["updated_at"])

    @pytest.mark.parametrize(
        "job_id",
        ["00000000-0000-4000-8000-000000000000", "nonsense", "'; DROP TABLE job; --", "x" * 5000, "%00", "%ff"],
    )
    def test_an_unknown_job_is_404(self, live: ServerProcess, job_id: str) -> None:
        assert_envelope(live.client.get(f"{JOBS}/{job_id}"), 404, "NotFound")


@pytest.mark.requirement("R-051", "R-090")
class TestResult:
    SHAPE = frozenset({"job_id", "plugin", "status", "result", "error", "created_at", "completed_at"})

    def test_of_a_success(self, live: ServerProcess) -> None:
        result = live.result(live.submit("text-statistics", text="one two"))
        assert set(result) == self.SHAPE
        assert (result["status"], result["result"]["words"], result["error"]) == ("SUCCESS", 2, {})

    def test_of_a_failure(self, live: ServerProcess) -> None:
        result = live.result(live.submit("misbehaving", kind="raises"))
        assert set(result) == self.SHAPE
        assert (result["status"], result["result"], result["error"]["type"]) == ("FAILED", {}, "PluginError")
        assert_error(result["error"])

    def test_before_the_end_is_409(self, live: ServerProcess) -> None:
        job_id = live.submit("ticking", seconds=5)
        live.await_status(job_id, "RUNNING")
        error = assert_envelope(live.client.get(f"{JOBS}/{job_id}/result"), 409, "ValidationError")
        assert error["details"] == {"job_id": job_id, "status": "RUNNING"}
        live.client.delete(f"{JOBS}/{job_id}")

    def test_of_an_unknown_job_is_404(self, live: ServerProcess) -> None:
        assert_envelope(live.client.get(f"{JOBS}/{new_id()}/result"), 404, "NotFound")


@pytest.mark.requirement("R-140", "R-141")
class TestErrorReport:
    def test_of_a_failure(self, live: ServerProcess) -> None:
        job_id = live.submit("misbehaving", kind="raises")
        error = live.result(job_id)["error"]
        report = live.client.get(f"{JOBS}/{job_id}/error").json()
        assert report.pop("suggested_actions") == ["report it, with the error_id of the details, to the administrator"]
        assert datetime.fromisoformat(report.pop("timestamp")) == datetime.fromisoformat(error["timestamp"])
        trace_id = report["technical_details"].pop("trace_id")
        assert re.fullmatch("[0-9a-f]{32}", trace_id)
        assert report == {
            "error_category": "tool_error",
            "error_code": "TOOL_ERROR_PLUGINERROR",
            "user_message": "the plugin raised ValueError",
            "technical_details": {**error["details"], "plugin": "misbehaving"},
            "recovery_attempted": False,
            "run_id": job_id,
        }

    def test_of_a_success_is_409(self, live: ServerProcess) -> None:
        job_id = live.submit("text-statistics", text="a")
        live.result(job_id)
        assert_envelope(live.client.get(f"{JOBS}/{job_id}/error"), 409, "ValidationError")

    def test_of_an_unknown_job_is_404(self, live: ServerProcess) -> None:
        assert_envelope(live.client.get(f"{JOBS}/{NO_JOB}/error"), 404, "NotFound")


@pytest.mark.requirement("R-052", "R-090")
class TestList:
    def test_it_has_exactly_this_shape(self, live: ServerProcess) -> None:
        job_id = live.submit("text-statistics", text="a")
        answer = live.client.get(JOBS)
        assert answer.status_code == 200
        body = answer.json()
        assert set(body) == {"jobs", "count"}
        assert body["count"] == len(body["jobs"])
        assert set(body["jobs"][0]) == {"id", "plugin", "status", "created_at", "updated_at"}
        assert job_id in {job["id"] for job in body["jobs"]}

    def test_filtered_by_plugin_and_status(self, live: ServerProcess) -> None:
        live.result(live.submit("table-profile", csv="a\n1\n"))
        found = live.client.get(JOBS, params={"plugin": "table-profile", "status": "success"}).json()["jobs"]
        assert found
        assert {(job["plugin"], job["status"]) for job in found} == {("table-profile", "SUCCESS")}
        assert live.client.get(JOBS, params={"plugin": "never-asked-for"}).json() == {"jobs": [], "count": 0}

    def test_page_by_page(self, live: ServerProcess) -> None:
        for _ in range(4):
            live.result(live.submit("needs-library"))
        pages = [
            live.client.get(JOBS, params={"plugin": "needs-library", "limit": 2, "offset": offset}).json()["jobs"]
            for offset in (0, 2)
        ]
        assert [len(page) for page in pages] == [2, 2]
        assert len({job["id"] for page in pages for job in page}) == 4

    @pytest.mark.parametrize(
        "query",
        ["status=DONE", "status=", "limit=0", "limit=1001", "limit=x", "offset=-1", "offset=99999999999999999999"],
    )
    def test_a_wrong_query_is_400(self, live: ServerProcess, query: str) -> None:
        assert_envelope(live.client.get(f"{JOBS}?{query}"), 400, "ValidationError")


@pytest.mark.requirement("R-053", "R-090")
class TestCancel:
    def test_a_running_job_stops_within_a_second(self, live: ServerProcess, tmp_path: Path) -> None:
        marks = tmp_path / "marks"
        job_id = live.submit("ticking", seconds=30, path=str(marks))
        while not marks.exists():
            time.sleep(0.02)
        answer = live.client.delete(f"{JOBS}/{job_id}")
        assert answer.status_code == 200
        assert answer.json() == {"job_id": job_id, "status": "FAILED", "cancelled": True}
        time.sleep(0.5)
        size = marks.stat().st_size
        time.sleep(0.5)
        assert marks.stat().st_size == size
        result = live.result(job_id)
        assert (result["status"], result["error"]["type"]) == ("FAILED", "Cancelled")
        assert_error(result["error"])

    def test_a_finished_job_is_409(self, live: ServerProcess) -> None:
        job_id = live.submit("text-statistics", text="a")
        live.result(job_id)
        assert_envelope(live.client.delete(f"{JOBS}/{job_id}"), 409, "ValidationError")
        assert live.result(job_id)["status"] == "SUCCESS"

    def test_a_cancelled_job_is_409(self, live: ServerProcess) -> None:
        job_id = live.submit("ticking", seconds=30)
        assert live.client.delete(f"{JOBS}/{job_id}").status_code == 200
        assert_envelope(live.client.delete(f"{JOBS}/{job_id}"), 409, "ValidationError")

    def test_an_unknown_job_is_404(self, live: ServerProcess) -> None:
        assert_envelope(live.client.delete(f"{JOBS}/{NO_JOB}"), 404, "NotFound")


@pytest.mark.requirement("R-043", "R-090")
class TestAsyncWorkflow:
    def test_submit_poll_result(self, live: ServerProcess) -> None:
        job_id = live.submit("text-statistics", text="one two three")
        job = live.await_status(job_id, "SUCCESS", seconds=2.0)
        assert job["plugin"] == "text-statistics"
        assert live.result(job_id)["result"]["words"] == 3

    def test_submit_poll_failure(self, live: ServerProcess) -> None:
        job_id = live.submit("misbehaving", kind="returns_none")
        live.await_status(job_id, "FAILED", seconds=2.0)
        assert live.result(job_id)["error"]["message"] == "the plugin returned nothing"

    def test_many_at_once_all_end(self, live: ServerProcess) -> None:
        job_ids = [live.submit("text-statistics", text=f"{number} word") for number in range(30)]
        assert {live.result(job_id)["status"] for job_id in job_ids} == {"SUCCESS"}


NO_JOB = "00000000-0000-4000-8000-000000000000"
ENDPOINTS = (
    ("POST", "/v1/analyze-execution"),
    ("POST", "/v1/analyze-execution/async"),
    ("GET", JOBS),
    ("GET", f"{JOBS}/{NO_JOB}"),
    ("GET", f"{JOBS}/{NO_JOB}/result"),
    ("GET", f"{JOBS}/{NO_JOB}/error"),
    ("DELETE", f"{JOBS}/{NO_JOB}"),
    ("GET", "/v1/plugins"),
    ("GET", "/v1/plugins/nobody/health"),
    ("GET", "/v1/nothing"),
    ("PUT", JOBS),
    ("GET", "/v1/metrics"),
    ("GET", "/v1/health/detailed"),
)
BODY = {"plugin": "text-statistics", "payload": {"text": "a"}}


@dataclass(frozen=True)
class Guarded:
    """A server that asks for keys, and the texts of some."""

    client: TestClient
    services: Services
    admin: str
    user: str
    other: str
    revoked: str

    def ask(self, method: str, path: str, key: str) -> httpx2.Response:
        return self.client.request(method, path, json=BODY, headers={"x-api-key": key})


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    settings = Settings(data_dir=folder, environment="production", rate_limit_per_minute=10_000)
    with running_services(settings, PluginRegistry()) as services, TestClient(create_app(settings, services)) as client:
        revoked, text = services.keys.create("gone", Role.ADMIN)
        assert services.keys.revoke(revoked.id)
        admin, user, other = (
            services.keys.create(name, role)[1]
            for name, role in (("chief", Role.ADMIN), ("alice", Role.USER), ("bob", Role.USER))
        )
        yield Guarded(client, services, admin, user, other, text)


@pytest.mark.requirement("R-054", "R-055", "R-090", "R-151")
class TestAuth:
    @pytest.mark.parametrize(("method", "path"), ENDPOINTS)
    def test_without_a_key_that_holds_it_is_401(self, guarded: Guarded, method: str, path: str) -> None:
        for headers in (
            {},
            {"x-api-key": guarded.revoked},
            {"x-api-key": guarded.user[:-1] + "?"},
            {"x-api-key": guarded.user[:21] + guarded.admin[21:]},
            {"authorization": f"Basic {guarded.user}"},
            {"authorization": guarded.user},
        ):
            answer = guarded.client.request(method, path, json=BODY, headers=headers)
            assert_envelope(answer, 401, "PermissionDenied")
            assert answer.headers["www-authenticate"] == "Bearer"

    @pytest.mark.parametrize(("method", "path"), ENDPOINTS)
    def test_a_key_in_the_address_is_none(self, guarded: Guarded, method: str, path: str) -> None:
        names = ("key", "api_key", "x-api-key", "token", "access_token", "authorization")
        for name in names:
            answer = guarded.client.request(method, path, json=BODY, params={name: guarded.admin})
            assert_envelope(answer, 401, "PermissionDenied")

    @pytest.mark.parametrize(("method", "path"), ENDPOINTS)
    def test_with_a_key_it_is_not_401(self, guarded: Guarded, method: str, path: str) -> None:
        for headers in (
            {"x-api-key": guarded.user},
            {"authorization": f"Bearer {guarded.user}"},
            {"authorization": f"bearer {guarded.user}"},
        ):
            answer = guarded.client.request(method, path, json=BODY, headers=headers)
            assert answer.status_code in (200, 404, 405), answer.text

    def test_a_caller_without_the_permission_gets_403(self, guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(PERMISSIONS, Role.USER, frozenset({Permission.STREAM}))
        app = create_app(Settings(data_dir=Path("unused")), guarded.services)
        with TestClient(app) as client:
            for method, path in ENDPOINTS[:9]:
                answer = client.request(method, path, json=BODY, headers={"x-api-key": guarded.user})
                assert_envelope(answer, 403, "PermissionDenied")

    def test_a_job_belongs_to_its_caller(self, guarded: Guarded) -> None:
        job_ids = [guarded.ask("POST", path, guarded.user).json()["job_id"] for _, path in ENDPOINTS[:2]]
        assert {guarded.services.analysis.job(job_id).owner for job_id in job_ids} == {"alice"}

    @pytest.mark.requirement("R-058")
    def test_others_jobs_are_not_there_and_an_administrator_sees_all(self, guarded: Guarded) -> None:
        job_id = guarded.ask("POST", "/v1/analyze-execution", guarded.user).json()["job_id"]
        for method, path in (
            ("GET", job_id),
            ("GET", f"{job_id}/result"),
            ("GET", f"{job_id}/error"),
            ("DELETE", job_id),
        ):
            assert_envelope(guarded.ask(method, f"{JOBS}/{path}", guarded.other), 404, "NotFound")
        for key, seen in ((guarded.user, True), (guarded.other, False), (guarded.admin, True)):
            listed = {job["id"] for job in guarded.ask("GET", JOBS, key).json()["jobs"]}
            assert (job_id in listed) is seen
        assert guarded.ask("GET", f"{JOBS}/{job_id}", guarded.admin).status_code == 200

    @pytest.mark.requirement("R-058")
    def test_a_page_cannot_begin_at_somebody_elses_job(self, guarded: Guarded) -> None:
        job_id = guarded.ask("POST", "/v1/analyze-execution", guarded.user).json()["job_id"]
        assert_envelope(guarded.ask("GET", f"{JOBS}?after={job_id}", guarded.other), 404, "NotFound")

    def test_the_idempotency_key_of_another_caller_is_another(self, guarded: Guarded) -> None:
        def submit(key: str, body: object = BODY) -> httpx2.Response:
            headers = {"x-api-key": key, "idempotency-key": "once"}
            return guarded.client.post("/v1/analyze-execution/async", json=body, headers=headers)

        first, again, other = submit(guarded.user), submit(guarded.user), submit(guarded.other)
        assert first.json() == again.json() != other.json()
        changed = {"plugin": "text-statistics", "payload": {"text": "b"}}
        assert_envelope(submit(guarded.user, changed), 409, "ValidationError")
