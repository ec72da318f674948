"""Assumptions: which calls outside the project are taken not to raise, and what a few of them are known to do."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

SAFE: Final = (
    "time.*", "logging.*", "warnings.*", "datetime.*", "uuid.uuid*", "threading.*", "contextvars.*", "contextlib.*",
    "collections.*", "itertools.*", "functools.*", "dataclasses.*", "types.*", "typing.*", "operator.*", "enum.*",
    "math.floor", "math.ceil", "random.random", "os.getpid", "signal.*", "socket.gethostname", "hashlib.*",
    "sys.stdout.*", "sys.stderr.*", "prometheus_client.*", "opentelemetry.*", "asyncio.get_event_loop*", "gc.*",
    "sys.exc_info", "traceback.*", "pathlib.Path", "asyncio.Lock*", "asyncio.Event*", "asyncio.Semaphore*",
    "asyncio.Queue", "asyncio.get_running_loop*", "asyncio.create_task", "asyncio.ensure_future",
    "asyncio.current_task*", "asyncio.to_thread", "asyncio.gather", "asyncio.wait_for", "asyncio.shield",
    "asyncio.sleep", "asyncio.TaskGroup*", "asyncio.timeout*", "asyncio.wait", "concurrent.futures.*", "structlog.*",
    "loguru.*", "copy.copy", "weakref.*", "queue.Queue", "secrets.token_*",
)  # fmt: skip
"""Shell patterns over dotted names (methods of an object: the class or factory, a dot, the method)."""

_SAFE_BUILTINS: Final = frozenset(
    "abs all any bool bytes callable classmethod delattr dict dir enumerate filter float format frozenset getattr "
    "hasattr hash id int isinstance issubclass iter len list locals map max min object print property range repr "
    "reversed round set setattr slice sorted staticmethod str sum super tuple type vars zip".split()
)
"""Builtins that raise only on arguments a type checker would refuse; `open`, `next`, `eval` and their like are not."""

_UNSAFE_METHODS: Final = frozenset(
    "pop popitem popleft remove index decode put_nowait get_nowait format format_map to_bytes fromhex move_to_end "
    "result".split()
)
"""Methods of builtin objects that raise in ordinary use."""


EXIT_CALLS: Final = frozenset(("sys.exit", "builtins.exit", "builtins.quit"))
GONE_CALLS: Final = frozenset(("os._exit", "os.abort", "os.execv", "os.execve", "os.execvp", "os.execl"))

HARMLESS_WITH_FUNCTIONS: Final = frozenset(
    "partial partialmethod staticmethod classmethod callable hasattr getattr id repr str isinstance issubclass type "
    "signature iscoroutinefunction isfunction ismethod wraps update_wrapper append add cast debug info warning error "
    "exception critical fatal "
    "lru_cache cache property setattr append extend setdefault get len bool print repr format".split()
)
"""Last names of callables that take a function without running it."""

JOINED_ON_AWAIT: Final = frozenset(("to_thread", "run_in_executor", "run_sync", "run_in_threadpool", "sync_to_async"))
JOINED_BY_METHOD: Final = frozenset(("result", "join", "get"))
STARTED_ELSEWHERE: Final = frozenset(
    "submit Process Timer apply_async run_coroutine_threadsafe add_task call_soon call_later call_soon_threadsafe "
    "start_soon start_new_thread Thread".split()
)
STARTING: Final = frozenset(("start", "add_done_callback", "daemon", "name", "set_name"))
"""What is done with a thread or task without waiting for it."""

RUN_AT_ONCE: Final = frozenset(
    "run run_until_complete reduce map filter starmap sorted min max runcall timeit async_to_sync apply call "
    "retry_call".split()
)
LAZY: Final = frozenset(("builtins.map", "builtins.filter", "itertools.starmap"))
"""Those that run it only as somebody goes through what they give."""
TASKS: Final = frozenset(("create_task", "ensure_future"))


def is_safe(dotted: str, patterns: tuple[str, ...], arguments: int = 0) -> bool:
    """Whether calling something of that dotted name with so many arguments is taken not to raise."""
    if dotted.startswith("builtins."):
        name = dotted[len("builtins.") :]
        if "." not in name:
            return name in _SAFE_BUILTINS or _is_exception(name)
        return is_safe_method(name.rpartition(".")[2], arguments)
    if dotted.rpartition(".")[2] in ("result", "exception") and dotted.startswith("concurrent.futures."):
        return False
    return any(fnmatchcase(dotted, pattern) for pattern in patterns)


def is_safe_method(name: str, arguments: int) -> bool:
    """Whether a method of a builtin object is taken not to raise; `pop` with a default is."""
    return name not in _UNSAFE_METHODS or (name == "pop" and arguments > 1)


def _is_exception(name: str) -> bool:
    return name.endswith(("Error", "Exception", "Warning", "Exit", "Interrupt", "Iteration", "Group"))
