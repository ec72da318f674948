"""Coroutines, tasks, threads and generators: work that runs at another time than it is made."""

import textwrap

import pytest

from tests.unit.paths.asking import checks

KEPT: set[str] = set()

COROUTINES = {
    "a loop run by hand": (
        """
        def owner(loop):
            try:
                loop.run_until_complete(work())
            finally:
                registry.update()
        """,
        KEPT,
    ),
    "a task in a name": (
        """
        async def owner():
            task = asyncio.create_task(work())
            try:
                await task
            finally:
                registry.update()
        """,
        KEPT,
    ),
    "a function that gives back what it gives back": (
        """
        def handed(job, again):
            return handed(job, False) if again else job


        async def owner():
            try:
                await handed(work(), True)
            finally:
                registry.update()
        """,
        KEPT,
    ),
    "one of two tasks": (
        """
        async def owner(flag):
            if flag:
                job = work()
            else:
                job = work()
            await job
            registry.update()
        """,
        {"skipped-by-exception"},
    ),
    "settled by one of two": (
        """
        async def owner(flag):
            try:
                await work()
            finally:
                await (settle() if flag else idle())
        """,
        {"skipped-by-return"},
    ),
    "settled by either": (
        """
        async def owner(flag):
            try:
                await work()
            finally:
                await (settle() if flag else settle())
        """,
        KEPT,
    ),
    "settled among others": (
        """
        async def owner():
            try:
                await work()
            finally:
                await asyncio.gather(idle(), settle())
        """,
        KEPT,
    ),
    "settled by one of two among others": (
        """
        async def owner(flag):
            try:
                await work()
            finally:
                await asyncio.gather(idle(), settle() if flag else idle())
        """,
        {"missing"},
    ),
    "started and dropped": (
        """
        async def owner():
            try:
                asyncio.ensure_future(work())
            finally:
                registry.update()
        """,
        {"detached"},
    ),
    "started in a group": (
        """
        async def owner():
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(work())
            finally:
                registry.update()
        """,
        KEPT,
    ),
    "started in a thread": (
        """
        def owner():
            import threading
            try:
                threading.Thread(target=plugin.run).start()
            finally:
                registry.update()
        """,
        {"detached"},
    ),
    "started in a thread that is joined": (
        """
        def owner():
            import threading
            thread = threading.Thread(target=plugin.run)
            try:
                thread.start()
                thread.join()
            finally:
                registry.update()
        """,
        KEPT,
    ),
    "handed on": ("async def owner(queue):\n    queue.put(work())", {"missing"}),
    "returned as it is": ("def owner():\n    return work()", {"missing"}),
    "made and dropped": ("def owner():\n    work()", KEPT),
    "an asynchronous generator": (
        """
        async def owner():
            async for item in stream():
                if item:
                    return item
        """,
        {"skipped-by-return"},
    ),
    "a stack that is closed": (
        """
        async def owner():
            stack = contextlib.AsyncExitStack()
            stack.push_async_callback(settle)
            try:
                await work()
            finally:
                await stack.aclose()
        """,
        KEPT,
    ),
}

COROUTINE_HEAD = """\
import asyncio, contextlib
async def work():
    await asyncio.sleep(1)
    return plugin.run()
async def settle():
    registry.update()
async def idle():
    print("idle")
async def stream():
    try:
        yield plugin.run()
    finally:
        registry.update()
"""


@pytest.mark.parametrize(("body", "expected"), COROUTINES.values(), ids=COROUTINES)
def test_coroutine(body: str, expected: set[str]) -> None:
    plain = any(word in body for word in ("await", "loop", "async for", "try"))
    trigger = ("case:Plugin.run",) if plain else ("case:work",)
    assert checks(COROUTINE_HEAD + textwrap.dedent(body) + "\n", trigger=trigger) == expected


PROTECTED = """
    try:
        yield plugin.run()
    finally:
        registry.update()
"""
GENERATORS = {
    "taken by a list": ("return list(parts())", PROTECTED, KEPT),
    "taken from it": ("yield from parts()", PROTECTED, KEPT),
    "taken from it, unprotected": (
        "yield from parts()",
        "\n    yield plugin.run()\n    registry.update()\n",
        {"abandoned-generator", "skipped-by-exception"},
    ),
    "left by a break": ("for _ in parts(): break", PROTECTED, KEPT),
    "left by an exception": ("for _ in parts(): raise ValueError", PROTECTED, KEPT),
    "it raises itself": (
        "for _ in parts(): pass",
        "\n    yield 1\n    plugin.run()\n    registry.update()\n",
        {"skipped-by-exception"},
    ),
}


@pytest.mark.parametrize(("body", "parts", "expected"), GENERATORS.values(), ids=GENERATORS)
def test_generator(body: str, parts: str, expected: set[str]) -> None:
    assert checks(f"def parts():{parts}\ndef owner():\n    {body}\n") == expected
