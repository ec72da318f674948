"""Work that nobody waits for any more is stopped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from fastapi import Request

Result = TypeVar("Result")

_UNWATCHED_SECONDS: Final = 0.05

logger = logging.getLogger(__name__)


async def until_disconnect(request: Request, work: Awaitable[Result], stop: Callable[[], Awaitable[object]]) -> Result:
    """What ``work`` gives; if the client goes away first, ``stop`` is called, and ``work`` awaited to its end, which it
    comes to by being cancelled if it had not begun.

    Work that is done at once is not watched: watching costs more than it could save there.
    """
    loop = asyncio.get_running_loop()
    watching: list[asyncio.Task[None]] = []
    timer = loop.call_later(
        _UNWATCHED_SECONDS, lambda: watching.append(loop.create_task(_stop_when_gone(request, stop)))
    )
    try:
        return await work
    finally:
        timer.cancel()
        for watch in watching:
            watch.cancel()


async def _stop_when_gone(request: Request, stop: Callable[[], Awaitable[object]]) -> None:
    try:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        await stop()
    except Exception:
        logger.exception("an execution whose client went away could not be stopped")
