"""Territory: which modules answer requests, which functions are routes, and which functions catch for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from governance.contract import Ref
from governance.contracts.boundary_errors.answers import FRAMEWORKS
from governance.index import Index
from governance.index.values import FunctionId, Value, last_part
from governance.paths.exceptions import Exceptions
from governance.paths.outcomes import Kind

_VERBS: Final = frozenset(
    "get post put delete patch options head trace api_route route websocket websocket_route api_operation".split()
)
_REGISTRARS: Final = frozenset(
    "add_api_route add_route add_url_rule add_websocket_route add_api_websocket_route Route APIRoute WebSocketRoute "
    "path re_path url add_get add_post add_put add_delete add_patch".split()
)
_ROUTER_WORDS: Final = ("router", "app", "api", "blueprint", "bp", "routes")
_HANDLER_DECORATORS: Final = frozenset(("exception_handler", "errorhandler", "app_errorhandler", "exception"))
_HANDLER_CALLS: Final = frozenset(("add_exception_handler", "register_error_handler", "add_error_handler"))
_EVERY: Final[Kind] = ("builtin", "Exception")


@dataclass(frozen=True, slots=True)
class Handler:
    """A function that the application calls for exceptions of some classes. parameter: the exception it gets."""

    function: FunctionId
    kinds: tuple[Kind, ...]
    at: Ref


class Territory:
    """Modules and functions by their part in answering requests."""

    def __init__(self, index: Index, routes: Iterable[str], services: Iterable[str]) -> None:
        self.index = index
        self.route_modules = _modules(index, routes)
        self.service_modules = _modules(index, services)
        self.exceptions = Exceptions(index)

    def in_routes(self, module: str) -> bool:
        """Whether a module belongs to the HTTP boundary."""
        return module in self.route_modules

    @cached_property
    def routes(self) -> dict[FunctionId, Ref]:
        """The functions that answer requests, with the node that makes them routes."""
        found: dict[FunctionId, Ref] = {}
        for module in self.route_modules:
            for number, scope in enumerate(self.index.project.modules[module].facts.scopes):
                for decorator in scope.decorators if scope.kind == "function" else ():
                    if self._is_route_decorator((module, decorator)):
                        found[module, number] = (module, decorator)
        for name in _REGISTRARS:
            for call in self.index.project.calls(name):
                node = self.index.project.node(call)
                for argument in (*node[2], *(value for _, value in node[3])):
                    for value in self.index.values((call[0], argument)):
                        if value[0] in ("fn", "bm") and value[1][0] in self.route_modules:
                            found.setdefault(value[1], call)
        return found

    def is_socket(self, route: FunctionId) -> bool:
        """Whether a route answers a web socket."""
        node = self.index.project.node(self.routes[route])
        callee = self.index.project.node((self.routes[route][0], node[1]))
        return bool(callee[0] == "attr" and "websocket" in str(callee[2]))

    def _is_route_decorator(self, ref: Ref) -> bool:
        node = self.index.project.node(ref)
        if node[0] != "call":
            return False
        callee = self.index.project.node((ref[0], node[1]))
        if callee[0] != "attr" or callee[2] not in _VERBS:
            return False
        base = (ref[0], callee[1])
        values = self.index.values(base)
        if any(value[0] == "xinst" or self._is_own_router(value) for value in values):
            return True
        name = (self.index.project.last_name(base) or "").lower()
        return not values and any(name.endswith(word) for word in _ROUTER_WORDS)

    def _is_own_router(self, value: Value) -> bool:
        """Whether it is an instance of a project class that inherits from a web framework's."""
        return value[0] in ("inst", "self") and any(
            base.partition(".")[0] in FRAMEWORKS for base in self.index.external_bases(value[1])
        )

    @cached_property
    def handlers(self) -> tuple[Handler, ...]:
        """The application-wide exception handlers of the project."""
        return tuple(dict.fromkeys([*self._decorated(), *self._registered(), *self._constructed(), *self._assigned()]))

    def _decorated(self) -> Iterator[Handler]:
        project = self.index.project
        for module, each in project.modules.items():
            if is_test(module):
                continue
            for number, scope in enumerate(each.facts.scopes):
                for decorator in scope.decorators if scope.kind == "function" else ():
                    node = project.node((module, decorator))
                    callee = project.node((module, node[1])) if node[0] == "call" else node
                    if callee[0] == "attr" and callee[2] in _HANDLER_DECORATORS:
                        classes = [(module, argument) for argument in node[2]] if node[0] == "call" else []
                        yield Handler((module, number), self._kinds(classes), (module, decorator))

    def _registered(self) -> Iterator[Handler]:
        for name in _HANDLER_CALLS:
            for call in self.index.project.calls(name):
                node = self.index.project.node(call)
                arguments = [*node[2], *(value for _, value in node[3])]
                if len(arguments) == 2 and not is_test(call[0]):
                    yield from self._handling((call[0], arguments[0]), (call[0], arguments[1]), call)

    def _constructed(self) -> Iterator[Handler]:
        """`FastAPI(exception_handlers={Exception: handler})`, the table written in place or kept in a variable."""
        for call in self.index.project.all_calls:
            if is_test(call[0]):
                continue
            for name, value in self.index.project.node(call)[3]:
                if name == "exception_handlers":
                    for module, key, item in self._table((call[0], value), 4):
                        yield from self._handling((module, key), (module, item), call)

    def _assigned(self) -> Iterator[Handler]:
        """`app.exception_handlers[Exception] = handler`."""
        for store in self.index.project.item_stores("exception_handlers"):
            node = self.index.project.node(store)
            if not is_test(store[0]):
                yield from self._handling((store[0], node[2]), (store[0], node[3]), store)

    def _table(self, ref: Ref, depth: int) -> Iterator[tuple[str, int, int]]:
        node = self.index.project.node(ref)
        if node[0] == "dict":
            for key, value in node[1]:
                if key >= 0:
                    yield ref[0], key, value
                elif depth:
                    yield from self._table((ref[0], value), depth - 1)
        for each in self.index.values(ref) if node[0] != "dict" and depth else ():
            if each[0] == "cont" and each[1] == "dict" and each[2][0][0] == "dkey":
                site = (each[2][0][1], each[2][0][2])
                if site != ref:
                    yield from self._table(site, depth - 1)

    def _handling(self, classes: Ref, function: Ref, at: Ref) -> Iterator[Handler]:
        for value in self.index.values(function):
            if value[0] in ("fn", "bm"):
                yield Handler(value[1], self._kinds([classes]), at)

    def _kinds(self, classes: list[Ref]) -> tuple[Kind, ...]:
        if not classes:
            return (_EVERY,)
        kinds: list[Kind] = []
        for ref in classes:
            node = self.index.project.node(ref)
            if node[0] == "const":
                kinds += [_EVERY] if node[2] == 500 else []
                continue
            kinds += [kind for kind in self.exceptions.of_handler(*ref) if kind is not None]
        return tuple(kinds)

    @cached_property
    def middlewares(self) -> tuple[FunctionId, ...]:
        """Functions that every request passes: middlewares, and the handlers of a custom route class."""
        found = [*self._middleware_functions(), *self._middleware_classes(), *self._route_classes()]
        return tuple(dict.fromkeys(found))

    def _middleware_functions(self) -> Iterator[FunctionId]:
        project = self.index.project
        for module, each in project.modules.items():
            for number, scope in enumerate(() if is_test(module) else each.facts.scopes):
                for decorator in scope.decorators if scope.kind == "function" else ():
                    node = project.node((module, decorator))
                    callee = project.node((module, node[1])) if node[0] == "call" else node
                    if callee[0] == "attr" and callee[2] == "middleware":
                        yield (module, number)

    def _middleware_classes(self) -> Iterator[FunctionId]:
        project = self.index.project
        for call in [*project.calls("add_middleware"), *project.calls("Middleware")]:
            for argument in () if is_test(call[0]) else project.node(call)[2][:1]:
                for cls in self.index.type_objects((call[0], argument)):
                    methods = [project.child(cls, name) for name in ("dispatch", "__call__")]
                    yield from (method for method in methods if method is not None)

    def _route_classes(self) -> Iterator[FunctionId]:
        """The functions that `get_route_handler` of a `route_class` gives."""
        project = self.index.project
        for call in project.all_calls:
            for name, value in project.node(call)[3]:
                if name != "route_class" or is_test(call[0]):
                    continue
                for cls in self.index.type_objects((call[0], value)):
                    method = project.child(cls, "get_route_handler")
                    scopes = project.modules[cls[0]].facts.scopes
                    if method is not None:
                        yield from ((cls[0], n) for n, scope in enumerate(scopes) if scope.parent == method[1])


def is_test(module: str) -> bool:
    """Whether a module belongs to tests, whose applications are others."""
    parts = module.split(".")
    return any(part in ("tests", "test", "conftest") or part.startswith("test_") for part in parts) or last_part(
        module
    ).endswith("_test")


def _modules(index: Index, names: Iterable[str]) -> dict[str, str]:
    """The modules below the packages named, with the name that took them in."""
    found: dict[str, str] = {}
    for name in names:
        for module in index.project.modules:
            if module == name or module.startswith(f"{name}."):
                found[module] = name
    return found
