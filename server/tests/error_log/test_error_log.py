"""The error log: what is kept, what is not, and what happens when keeping fails."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from server.app.adapters.database.database import Database
from server.app.adapters.database.error_store import SqlErrorStore
from server.app.adapters.database.job_store import SqlJobStore
from server.app.adapters.embedded_workers import EmbeddedWorkers
from server.app.core.clock import utc_now
from server.app.core.ids import new_id
from server.app.core.trace import trace_scope
from server.app.error_log.record import ErrorFilter, ErrorRecord
from server.app.jobs.job import Job
from server.app.plugins.errors.error_envelope import build_error_envelope
from server.app.plugins.errors.exceptions import (
    ErrorType,
    ExecutionCancelled,
    ExecutionTimeout,
    InputValidationError,
    LimitExceeded,
    PluginError,
    PluginNotFound,
    PluginProcessDied,
)
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.plugins.runtime.tool_runner import ToolRunner
from server.app.services.error_log_service import ErrorLogService, ErrorNotFound
from server.app.services.execution import JobExecutionService, PluginExecutionService
from server.tests.sample_plugins import SamplePlugin

pytestmark = pytest.mark.requirement("R-179", "R-211")


@pytest.fixture
def errors(database: Database) -> ErrorLogService:
    return ErrorLogService(SqlErrorStore(database), utc_now)


@pytest.mark.parametrize(
    ("kept", "failure"),
    [
        (True, PluginError("broken")),
        (True, RuntimeError("not ours")),
        (True, PluginProcessDied("died")),
        (True, ExecutionTimeout(1.0)),
        (True, LimitExceeded("too large")),
        (False, InputValidationError("wrong")),
        (False, PluginNotFound("x", [])),
        (False, ExecutionCancelled()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_an_internal_cause_is_kept_and_the_client_gets_its_id(
    errors: ErrorLogService, kept: bool, failure: Exception
) -> None:
    envelope = errors.noted(build_error_envelope(failure, "p", in_plugin=True), component="plugin p", job_id="j")
    found = errors.errors(ErrorFilter())
    assert len(found) == kept
    assert [record.id for record in found] == [envelope["error"]["details"][key] for key in ["error_id"][:kept]]
    for record in found:
        assert type(failure).__name__ in record.stack_trace
        assert (record.component, record.job_id, record.fix_applied) == ("plugin p", "j", False)


def test_a_failing_execution_is_kept_and_secrets_are_not(errors: ErrorLogService, registry: PluginRegistry) -> None:
    def leak(_payload: dict[str, Any]) -> dict[str, Any]:
        raise ValueError("password=hunter2Hunter3")

    registry.register(SamplePlugin(leak))
    _, envelope = PluginExecutionService(ToolRunner(registry), errors).execute("sample", {})
    record = errors.error(envelope["error"]["details"]["error_id"])
    assert record.error_type == "PluginError"
    assert ("ValueError" in record.stack_trace, "hunter2" in record.stack_trace) == (True, False)


@pytest.mark.requirement("R-044")
@pytest.mark.parametrize("how", ["recovered", "stopped"])
def test_a_job_whose_worker_is_lost_is_kept_once(
    errors: ErrorLogService, store: SqlJobStore, registry: PluginRegistry, how: str
) -> None:
    def service() -> JobExecutionService:
        plugins, workers = PluginExecutionService(ToolRunner(registry), errors), EmbeddedWorkers(store)
        return JobExecutionService(store, workers, plugins, utc_now, errors=errors)

    entered, leave = threading.Event(), threading.Event()

    def run(_payload: dict[str, Any]) -> dict[str, Any]:
        entered.set()
        leave.wait(10)
        return {"n": 1}

    registry.register(SamplePlugin(run))

    def execute() -> Job:
        with trace_scope(f"00-{'a' * 32}-{'b' * 16}-01"):
            return lost.execute_job("sample", {})

    lost, others = service(), [service(), service()]
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(execute)
        assert entered.wait(10)
        if how == "stopped":
            assert lost.recovery.stop_all() == 1
        store.end_leases()
        assert sum(other.recovery.recover_lost() for other in others) == (how == "recovered")
        leave.set()
        ended = running.result(10)
    (record,) = errors.errors(ErrorFilter())
    assert ended.error["details"] == {"reason": "worker_lost", "attempts": 1, "error_id": record.id}
    assert (record.error_type, record.component, record.job_id) == ("ExecutionError", "plugin sample", ended.id)
    assert record.trace_id == "a" * 32
    assert record.error_message == ended.error["message"]


def kept(store: SqlErrorStore, number: int, **fields: Any) -> ErrorRecord:
    given: dict[str, Any] = {
        "id": new_id(), "error_type": "PluginError", "error_message": f"number {number}", "stack_trace": "",
        "component": "plugin p", "severity": "error", "created_at": utc_now() + timedelta(seconds=number),
    }  # fmt: skip
    record = ErrorRecord(**given | fields)
    store.insert(record)
    return record


def test_filters_and_pages(database: Database) -> None:
    store = SqlErrorStore(database)
    first, third = kept(store, 1), kept(store, 3, component="q")
    second = kept(store, 2, error_type="TimeoutError", job_id="j", trace_id="t")
    store.mark(third.id, fix_applied=True, fix_details="done", at=utc_now())
    for wanted, expected in (
        (ErrorFilter(), [third, second, first]),
        (ErrorFilter(error_type="TimeoutError"), [second]),
        (ErrorFilter(component="q"), [third]),
        (ErrorFilter(job_id="j"), [second]),
        (ErrorFilter(trace_id="t"), [second]),
        (ErrorFilter(fix_applied=True), [third]),
        (ErrorFilter(fix_applied=False, error_type="PluginError"), [first]),
        (ErrorFilter(limit=1, offset=1), [second]),
        (ErrorFilter(job_id="' OR 1=1 --"), []),
    ):
        assert [record.id for record in store.list(wanted)] == [record.id for record in expected]


def test_a_fix_is_noted_and_taken_back(errors: ErrorLogService) -> None:
    error_id = new_id()
    error = {"type": ErrorType.INTERNAL_ERROR.value, "message": "m"}
    errors.keep(error_id, error, "trace", component="/v1/x")
    fixed = errors.mark(error_id, fix_applied=True, fix_details="turned it off, password=hunter2Hunter3")
    assert (fixed.fix_applied, fixed.resolved_at is not None, "hunter2" in str(fixed.fix_details)) == (
        True,
        True,
        False,
    )
    again = errors.mark(error_id, fix_applied=False, fix_details=None)
    assert (again.fix_applied, again.resolved_at, again.fix_details) == (False, None, None)


@pytest.mark.parametrize(
    "error_id", ["00000000-0000-4000-8000-000000000000", "nonsense", "", "%00", "x" * 5000], ids=lambda text: text[:9]
)
def test_an_error_that_there_is_not(errors: ErrorLogService, error_id: str) -> None:
    with pytest.raises(ErrorNotFound):
        errors.error(error_id)
    with pytest.raises(ErrorNotFound):
        errors.mark(error_id, fix_applied=True, fix_details=None)


def test_the_oldest_go_when_there_are_too_many(database: Database) -> None:
    store = SqlErrorStore(database, max_rows=150)
    for number in range(400):
        kept(store, number)
    found = store.list(ErrorFilter(limit=1000))
    assert len(found) == 151  # the row that causes the trimming comes after it
    assert found[0].error_message == "number 399"


def test_a_log_that_cannot_be_written_is_no_further_error(
    errors: ErrorLogService, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database.close()
    envelope = errors.noted(build_error_envelope(PluginError("x"), "p", in_plugin=True), component="p", job_id=None)
    assert envelope["error"]["type"] == "PluginError"
    assert envelope["error"]["details"]["error_id"] in caplog.text
