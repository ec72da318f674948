"""Who really calls: every caller of a plugin's `run` and of the registry's `unwrap` that the tests of one process meet
must be known to the scanner. A caller that it does not know is a hole in the proof.

Python itself names the caller, by the frame above. Calls inside plugin processes and live servers are not seen here.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest

from server.app.plugins import permit
from server.app.plugins.loader.plugin_registry import PluginRegistry

ROOT: Final = Path(__file__).parents[2]
RUN: Final = "server.app.plugins.plugin:Plugin.run"
UNWRAP: Final = "server.app.plugins.loader.plugin_registry:PluginRegistry.unwrap"
BETWEEN: Final = frozenset((__file__, permit.__file__))
"""Files whose functions stand between a plugin and its caller: what watches, and what demands a permit."""
_CONFIG: Final = """paths = ["server"]
source-roots = ["."]

[contracts.confined]
type = "confined-call"
because = "only its index is asked"
methods = ["server.app.plugins.plugin:Plugin.run"]
allowed = []
"""


_ACTIVE: Final[list[Observer]] = []
"""Those that watch; the last one sees what happens."""


class Observer:
    """The callers met so far, by the symbol they called."""

    def __init__(self) -> None:
        self.seen: dict[str, set[str]] = {RUN: set(), UNWRAP: set()}
        self._wrapped: list[tuple[Any, Any]] = []

    @contextmanager
    def watching(self) -> Iterator[Observer]:
        """Watch the registry, and the class of every plugin that it hands out."""
        registry_class: Any = PluginRegistry
        original = PluginRegistry.unwrap

        @functools.wraps(original)
        def unwrap(*arguments: Any) -> Any:
            self._note(UNWRAP, self._caller())
            plugin = original(*arguments)
            if _ACTIVE[-1:] == [self]:
                self._watch(type(plugin))
            return plugin

        _ACTIVE.append(self)
        registry_class.unwrap = unwrap
        try:
            yield self
        finally:
            _ACTIVE.remove(self)
            registry_class.unwrap = original
            for kind, run in reversed(self._wrapped):
                kind.run = run

    def _watch(self, kind: Any) -> None:
        # governance: except[only-runner-runs-plugins] it is taken to watch who calls it
        run = vars(kind).get("run")
        if not callable(run) or any(known is kind for known, _ in self._wrapped):
            return

        @functools.wraps(run)
        def watched(*arguments: Any, **keywords: Any) -> Any:
            caller = self._caller()
            try:
                return run(*arguments, **keywords)
            except permit.UngovernedRun:
                caller = None  # an attempt that was refused is no hole
                raise
            finally:
                self._note(RUN, caller)

        self._wrapped.append((kind, run))
        kind.run = watched

    def _note(self, symbol: str, caller: str | None) -> None:
        if caller is not None and _ACTIVE[-1:] == [self]:
            self.seen[symbol].add(caller)

    def _caller(self) -> str | None:
        """The nearest caller that does not stand between."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename in BETWEEN:
            frame = frame.f_back
        return f"{frame.f_globals.get('__name__', '?')}:{_named(frame.f_code.co_qualname)}" if frame else None


def _named(qualname: str) -> str:
    """As the scanner names it: a lambda or comprehension belongs to the function around it."""
    names = [name for name in qualname.split(".") if name != "<locals>"]
    while names and names[-1].startswith("<"):
        names.pop()
    return ".".join(names)


def known_callers(symbol: str, folder: Path) -> set[str]:
    """Everything that the scanner says may reach a symbol directly."""
    config = folder / "governance.toml"
    config.write_text(_CONFIG, encoding="utf-8")
    options = ["--depth", "1", "--tests", "--format", "json", "--root", str(ROOT), "--config", str(config)]
    words = [sys.executable, "-m", "governance", "trace", symbol, *options]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        pytest.fail(f"governance trace answers {done.returncode}: {done.stderr or done.stdout[-2000:]}")
    callers = json.loads(done.stdout)["callers"]
    return {each["by"] if ":" in each["by"] else f"{each['by']}:" for each in callers}


def unknown_callers(observer: Observer, folder: Path) -> list[str]:
    """The callers that were met and that the scanner does not know."""
    return [
        f"{caller} calls {symbol}"
        for symbol, callers in observer.seen.items()
        if callers
        for caller in sorted(callers - known_callers(symbol, folder))
    ]
