"""What the API does in threads."""

from __future__ import annotations

import asyncio
import threading

from server.app.api.dependencies import Threads


def test_what_many_ask_for_at_the_same_time_is_done_once() -> None:
    threads = Threads(1)
    leave = threading.Event()
    asked: list[int] = []

    def slow() -> int:
        asked.append(1)
        leave.wait(10)
        return len(asked)

    async def ask() -> None:
        waiting = [threads.shared(slow) for _ in range(10)]
        other = await threads.shared(lambda: 7)
        leave.set()
        assert (other, {await one for one in waiting}) == (7, {1})
        assert await threads.shared(slow) == 2

    asyncio.run(ask())
    threads.close()
