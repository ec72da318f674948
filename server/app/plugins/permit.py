"""The run-time twin of the rule that only ToolRunner runs plugins: a plugin's ``run`` demands a permit.

A permit is issued by ToolRunner for one plugin and one call, is seen by that call's context alone, and dies
when the call ends. What no scan can decide (computed names, ``eval``, code outside of the repository, another
thread, a reference kept for later) is refused when it happens.

Limits: this stops mistakes and short cuts. Code in the same process that takes functions apart, say by the
cells of their closures, is stopped by nothing but a process of its own.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Final

from server.app.core.ids import new_ticket


class UngovernedRun(RuntimeError):
    """A plugin was about to be run by something other than ToolRunner."""

    def __init__(self, plugin: str) -> None:
        super().__init__(f"{plugin} may be run by ToolRunner alone; execute it through the services, by its name")


class _Permit:
    """In force inside its ``with`` block, dead after it."""

    __slots__ = ("_name", "_plugin", "_ticket", "_token")

    def __init__(self, name: str, plugin: object | None) -> None:
        self._name: str | None = name
        self._plugin = plugin
        self._ticket = "" if plugin is not None else new_ticket()
        self._token: Token[_Permit | None] | None = None

    def __enter__(self) -> None:
        self._token = _current.set(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._name = self._plugin = None  # dead, also for contexts that were copied from this one
        if self._token is not None:
            _current.reset(self._token)

    def covers(self, plugin: object) -> bool:
        return self._plugin is plugin

    def ticket_for(self, name: str) -> str | None:
        return self._ticket if self._name == name and self._plugin is None else None


def permit_for(name: str, plugin: object | None) -> _Permit:
    """A permit for one call, to be entered around that call. For ToolRunner alone.

    ``plugin`` is the instance that may be run here; ``None`` where another process will run the plugin
    ``name``, which is then asked with a ticket.
    """
    return _Permit(name, plugin)


_current: Final[ContextVar[_Permit | None]] = ContextVar("permit", default=None)
_GUARDS: Final[weakref.WeakSet[Callable[[Any, Any], Any]]] = weakref.WeakSet()


def demand_ticket(plugin_name: str) -> str:
    """The ticket of this context's call, to be shown to the process that runs the plugin.

    Raises:
        UngovernedRun: there is no call of this plugin under way here.
    """
    permit = _current.get()
    ticket = permit.ticket_for(plugin_name) if permit is not None else None
    if ticket is None:
        raise UngovernedRun(f"plugin {plugin_name!r}")
    return ticket


def guard_class(kind: type) -> None:
    """Let ``run`` of this class and of its bases demand a permit; a class that has it already keeps it.

    Raises:
        TypeError: the class cannot be changed.
    """
    for base in kind.__mro__:
        function = vars(base).get("run")
        if inspect.isfunction(function) and function not in _GUARDS:
            setattr(base, "run", _guarded(function))  # noqa: B010  # the name of a method is not known to mypy here


class GuardedPlugin:
    """A base for plugins whose ``run`` demands a permit from the moment the class exists, registered or not."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        guard_class(cls)


def _guarded(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    # Without functools.wraps: __wrapped__ would be a way around.
    def run(self: Any, payload: Any) -> Any:
        permit = _current.get()
        if permit is None or not permit.covers(self):
            raise UngovernedRun(f"{type(self).__module__}.{type(self).__qualname__}")
        return function(self, payload)

    for name in ("__module__", "__qualname__", "__doc__"):
        setattr(run, name, getattr(function, name))
    _GUARDS.add(run)
    return run
