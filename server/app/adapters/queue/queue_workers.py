"""Workers on as many machines as wanted: each takes the ids of jobs from the queue in Postgres and executes them.

A row of the queue only says that a job may need a worker; whether it does, and who gets it, is decided by the job
table. So a row that is handed out twice, late, or for a job that has ended does no harm. A row is removed when its
job has ended; one whose worker died is handed to another worker when its heartbeat is late.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import asyncpg
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.models import Job as QueueRow
from pgqueuer.errors import RetryRequested
from pgqueuer.queries import Queries

from server.app.adapters.database.postgres import connected

ENTRYPOINT: Final = "job"

_AGAIN: Final = timedelta(seconds=1)
_CLEAN_SECONDS: Final = 600.0
_STATEMENT_SECONDS: Final = 30.0
_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 10.0

logger = logging.getLogger(__name__)


class QueueWorkers:
    """Jobs are executed in threads; the queue's own work is done by one more thread, with an event loop.

    A worker whose heartbeat is ``heartbeat_seconds`` late is taken for dead.
    """

    def __init__(self, url: str, heartbeat_seconds: float) -> None:
        self._url = url
        self._heartbeat = timedelta(seconds=heartbeat_seconds)
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread: threading.Thread | None = None

    def start(self, count: int, execute: Callable[[str], bool]) -> None:
        """Work on ``count`` jobs at a time. ``execute(job_id)`` executes the job if it needs to be, and says whether
        the queue can forget it."""
        self._thread = threading.Thread(target=self._run, args=(count, execute), name="queue", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take up no more jobs."""
        with suppress(RuntimeError):  # the loop was closed before
            self._loop.call_soon_threadsafe(self._stopping.set)

    def join(self, seconds: float) -> bool:
        """Wait for the jobs under way to end, at most so long; says whether all have."""
        if self._thread is None:
            self._loop.close()
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self, count: int, execute: Callable[[str], bool]) -> None:
        logging.getLogger("pgqueuer").addFilter(_in_one_line)
        threads = ThreadPoolExecutor(count, thread_name_prefix="worker")

        def execute_unless_stopping(job_id: str) -> bool:
            return not self._stopping.is_set() and execute(job_id)

        def executed(job_id: str) -> asyncio.Future[bool]:
            return self._loop.run_in_executor(threads, execute_unless_stopping, job_id)

        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._supervise(count, executed))
        threads.shutdown(wait=False, cancel_futures=True)

    async def _supervise(self, count: int, executed: Callable[[str], asyncio.Future[bool]]) -> None:
        """Work until told to stop. The queue's manager ends when its connection does; then another one is started."""
        delay = _FIRST_DELAY
        while not self._stopping.is_set():
            began = self._loop.time()
            try:
                await self._work(count, executed)
            except Exception as failure:  # noqa: BLE001  # whatever it was, the next manager may fare better
                logger.warning("the queue was lost: %s: %s", type(failure).__name__, failure)
            if self._loop.time() - began > _LONGEST_DELAY:
                delay = _FIRST_DELAY
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._stopping.wait()
            delay = min(2 * delay, _LONGEST_DELAY)

    async def _work(self, count: int, executed: Callable[[str], asyncio.Future[bool]]) -> None:
        """Take and execute jobs on one connection, until told to stop or until the connection is lost."""
        connection = await connected(self._url, _STATEMENT_SECONDS)
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _connection: lost.set())
        queries = Queries.from_asyncpg_connection(connection)
        manager = QueueManager(queries)

        @manager.entrypoint(ENTRYPOINT, accepts_context=False)
        async def execute_row(row: QueueRow) -> None:
            await _execute_row(row, executed, lost)

        beside = [
            asyncio.create_task(_end_after(manager, self._stopping, lost)),
            asyncio.create_task(_clean_now_and_then(queries)),
        ]
        logger.info("waiting for jobs")
        try:
            await manager.run(
                # The manager picks no more than the limit, and wants the limit to be twice the batch at least.
                batch_size=max(1, count // 2),
                max_concurrent_tasks=max(2, count),
                # Rows of dead workers are found when somebody looks, so somebody looks often.
                dequeue_timeout=self._heartbeat / 4,
                heartbeat_timeout=self._heartbeat,
                shutdown_on_listener_failure=True,
                log_aggregation_interval=timedelta(0),
            )
        finally:
            for task in beside:
                task.cancel()
            connection.terminate()
        if lost.is_set() and not self._stopping.is_set():
            raise ConnectionError("the connection was closed")


async def _execute_row(row: QueueRow, executed: Callable[[str], asyncio.Future[bool]], lost: asyncio.Event) -> None:
    """Returns when the job has ended. Raises ``RetryRequested`` while it has not: the row is handed out again.

    When the connection is lost the execution goes on, and what becomes of its job stands in the job table.
    """
    job_id = (row.payload or b"").decode()
    execution: asyncio.Future[Any] = executed(job_id)
    gone: asyncio.Future[Any] = asyncio.create_task(lost.wait())
    try:
        await asyncio.wait((execution, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
    if not execution.done():
        execution.add_done_callback(_log_failure)
        raise RetryRequested(delay=_AGAIN, reason="the connection was lost")
    try:
        ended = execution.result()
    except Exception as failure:
        logger.exception("job %s could not be executed; it will be tried again", job_id)
        raise RetryRequested(delay=_AGAIN, reason=type(failure).__name__) from None
    if not ended:
        raise RetryRequested(delay=_AGAIN, reason="the job has not ended")


async def _end_after(manager: QueueManager, *events: asyncio.Event) -> None:
    """Shut the manager down when the first of the events has come."""
    tasks = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    manager.shutdown.set()


async def _clean_now_and_then(queries: Queries) -> None:
    """Empty the queue's log, which nobody reads: the job table tells what became of a job."""
    while True:
        await asyncio.sleep(_CLEAN_SECONDS)
        try:
            await queries.clear_queue_log(ENTRYPOINT)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
            logger.warning("the log of the queue could not be emptied: %s", failure)


def _log_failure(execution: asyncio.Future[bool]) -> None:
    if not execution.cancelled() and (failure := execution.exception()) is not None:
        logger.error("a job could not be executed: %s", failure)


def _in_one_line(record: logging.LogRecord) -> bool:
    """When a connection is lost, each job under way would be logged with the same stack: its last line is enough."""
    if record.exc_info:
        kind, failure, _ = record.exc_info
        record.msg, record.args = f"{record.getMessage()}: {kind.__name__ if kind else ''}: {failure}", ()
        record.exc_info = None
    return True
