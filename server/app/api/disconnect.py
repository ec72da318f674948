"""Work that nobody waits for any more is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Request

Result = TypeVar("Result")


async def until_disconnect(request: Request, work: Awaitable[Result], stop: Callable[[], Awaitable[object]]) -> Result:
    """What ``work`` gives; if the client goes away first, ``stop`` is called and ``work`` awaited to its end."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            await stop()
        return await working
    finally:
        leaving.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
