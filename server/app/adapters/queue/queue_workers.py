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
_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 10.0

logger = logging.getLogger(__name__)


class QueueWorkers:
    """``count`` jobs at a time, executed in threads; the queue's own work is done by one thread with an event loop.

    ``execute(job_id)`` executes the job if it needs to be, and says whether the queue can forget it.
    A worker whose heartbeat is ``heartbeat_seconds`` late is taken for dead.
    """

    def __init__(self, url: str, count: int, execute: Callable[[str], bool], heartbeat_seconds: float = 30.0) -> None:
        self._url = url
        self._count = count
        self._execute = execute
        self._heartbeat = timedelta(seconds=heartbeat_seconds)
        self._executions = ThreadPoolExecutor(count, thread_name_prefix="worker")
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="queue", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take up no more jobs."""
        self._loop.call_soon_threadsafe(self._stopping.set)

    def join(self, seconds: float) -> bool:
        """Wait for the jobs under way to end, at most so long; says whether all have."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._supervise())
        self._executions.shutdown(wait=False, cancel_futures=True)

    async def _supervise(self) -> None:
        """Work until told to stop; the queue's manager ends when Postgres does, so another one is started."""
        delay = _FIRST_DELAY
        while not self._stopping.is_set():
            began = self._loop.time()
            try:
                await self._work()
            except Exception as failure:  # noqa: BLE001  # whatever it was, the next manager may fare better
                logger.warning("the queue was lost: %s: %s", type(failure).__name__, failure)
            if self._loop.time() - began > _LONGEST_DELAY:
                delay = _FIRST_DELAY
            await _set_within(self._stopping, delay)
            delay = min(2 * delay, _LONGEST_DELAY)

    async def _work(self) -> None:
        """Take and execute jobs on one connection, until told to stop or until the connection is lost."""
        connection = await connected(self._url)
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _connection: lost.set())
        queries = Queries.from_asyncpg_connection(connection)
        manager = QueueManager(queries)

        @manager.entrypoint(ENTRYPOINT, accepts_context=False)
        async def execute(row: QueueRow) -> None:
            await self._execute_row(row, lost)

        helpers = [
            asyncio.create_task(self._end(manager, lost)),
            asyncio.create_task(_cleaned_now_and_then(queries)),
        ]
        try:
            logger.info("waiting for jobs")
            await manager.run(
                # The manager picks no more than the limit, and wants the limit to be twice the batch at least.
                batch_size=max(1, self._count // 2),
                max_concurrent_tasks=max(2, self._count),
                # Rows of dead workers are found when somebody looks, so somebody looks often.
                dequeue_timeout=self._heartbeat / 4,
                heartbeat_timeout=self._heartbeat,
                shutdown_on_listener_failure=True,
                log_aggregation_interval=timedelta(0),
            )
        finally:
            for helper in helpers:
                helper.cancel()
            connection.terminate()
        if lost.is_set():
            raise ConnectionError("the connection was closed")

    async def _end(self, manager: QueueManager, lost: asyncio.Event) -> None:
        events = [asyncio.create_task(event.wait()) for event in (self._stopping, lost)]
        try:
            await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for event in events:
                event.cancel()
        manager.shutdown.set()

    async def _execute_row(self, row: QueueRow, lost: asyncio.Event) -> None:
        """Returns when the job has ended. Raises ``RetryRequested`` while it has not: the row is handed out again.

        When the connection is lost the execution goes on, and what becomes of its job stands in the job table.
        """
        job_id = (row.payload or b"").decode()
        execution: asyncio.Future[Any] = self._loop.run_in_executor(self._executions, self._execute, job_id)
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


async def _cleaned_now_and_then(queries: Queries) -> None:
    """Empty the queue's log, which nobody reads: the job table tells what became of a job."""
    while True:
        await asyncio.sleep(_CLEAN_SECONDS)
        try:
            await queries.clear_queue_log(ENTRYPOINT)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
            logger.warning("the log of the queue could not be emptied: %s", failure)


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


def _log_failure(execution: asyncio.Future[bool]) -> None:
    if not execution.cancelled() and (failure := execution.exception()) is not None:
        logger.error("a job could not be executed: %s", failure)
