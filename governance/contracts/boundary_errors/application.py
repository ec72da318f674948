"""Application-wide handling: which exceptions some handler, middleware or dependency turns into an answer below 500."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Final, TypeAlias

from governance.contract import Ref
from governance.contracts.boundary_errors.answers import made_in
from governance.contracts.boundary_errors.dependencies import dependencies
from governance.contracts.boundary_errors.spoken import answers_of, tuple_answers
from governance.contracts.boundary_errors.statuses import statuses
from governance.contracts.boundary_errors.territory import Territory
from governance.facts import Block, Step
from governance.index import Index
from governance.index.values import FunctionId, last_part
from governance.paths.exceptions import MUST, Exceptions
from governance.paths.outcomes import Kind
from governance.paths.tracked import blocks

_BROAD: Final = frozenset((("builtin", "Exception"), ("builtin", "BaseException")))
_NEXT: Final = frozenset(("call_next", "app", "handler", "original", "original_handler", "next", "get_response"))
_SERVER_ERROR: Final = 500

Passes: TypeAlias = "Callable[[Index, str, Step], bool]"
"""Whether a step hands the request on."""


class Application:
    """What the application does with exceptions that leave a route."""

    def __init__(self, index: Index, territory: Territory, allowed: frozenset[int]) -> None:
        self.index = index
        self.territory = territory
        self.allowed = allowed
        self.exceptions = Exceptions(index)

    def handles(self, route: FunctionId, kind: Kind) -> bool:
        """Whether an exception that leaves a route is answered below 500."""
        if self.is_answer(kind) or self._guarded or self._dependency_guards(route):
            return True
        return any(self.exceptions.caught(kind, handled) == MUST for handled in self._kinds)

    def is_answer(self, kind: Kind) -> bool:
        """Whether an exception is itself an HTTP answer."""
        if kind[0] == "external":
            return is_http(str(kind[1]))
        if kind[0] == "project":
            return any(is_http(base) for base in self.index.external_bases(kind[1]))
        return False

    @cached_property
    def _kinds(self) -> list[Kind]:
        return [
            kind
            for handler in self.territory.handlers
            if self._answers_below(handler.function)
            for kind in handler.kinds
        ]

    def _answers_below(self, function: FunctionId) -> bool:
        for made, _ in answers_of(self.index, function):
            if any(number >= _SERVER_ERROR and number not in self.allowed for number in made.numbers(self.index)):
                return False
        for result in self.index.project.scope(function).results:
            for number in tuple_answers(self.index, (function[0], result)):
                if any(status >= _SERVER_ERROR for status in statuses(self.index, (function[0], number))):
                    return False
        return not _always_raises(self.index.project.scope(function).body)

    @cached_property
    def _guarded(self) -> bool:
        return any(self._catches(function, _is_next) for function in self.territory.middlewares)

    def _dependency_guards(self, route: FunctionId) -> bool:
        return any(
            self.index.project.scope(each).is_generator and self._catches(each, _is_yield)
            for each in dependencies(self.index, route)
        )

    def _catches(self, function: FunctionId, passes: Passes) -> bool:
        """Whether a function goes on inside a `try` whose broad handler answers below 500."""
        project = self.index.project
        numbers = [function[1]]
        scopes = project.modules[function[0]].facts.scopes
        numbers += [number for number, scope in enumerate(scopes) if scope.parent == function[1]]
        for number in numbers:
            for step in all_steps(scopes[number].body):
                if step[0] != "try" or not any(passes(self.index, function[0], inner) for inner in all_steps(step[2])):
                    continue
                for types, _, block in step[3]:
                    if _BROAD & set(self.exceptions.of_handler(function[0], types)):
                        return self._block_answers((function[0], number), block)
        return False

    def _block_answers(self, function: FunctionId, block: Block) -> bool:
        calls = {step[1] for step in all_steps(block) if step[0] == "call"}
        for made in made_in(self.index, function):
            if made.at[1] in calls:
                numbers = made.numbers(self.index)
                return all(number < _SERVER_ERROR or number in self.allowed for number in numbers)
        return not any(step[0] == "raise" for step in all_steps(block)) and bool(calls or block)


def _is_next(index: Index, module: str, step: Step) -> bool:
    if step[0] != "call":
        return False
    callee = (module, index.project.node((module, step[1]))[1])
    if index.project.last_name(callee) in _NEXT:
        return True
    node = index.project.node(callee)
    if node[0] == "local":
        made = [(module, node[2])] if node[2] >= 0 else []
    else:
        made = list(index.names.binding((module, node[2]), node[1]) or ()) if node[0] == "free" else []
    return any(_is_handler(index, each) for each in made)


def _is_handler(index: Index, definition: Ref) -> bool:
    """A parameter that is called, or the route handler that a route class gave."""
    node = index.project.node(definition)
    return bool(node[0] == "param") or (
        node[0] == "call" and index.project.last_name((definition[0], node[1])) == "get_route_handler"
    )


def _is_yield(index: Index, module: str, step: Step) -> bool:
    return bool(step[0] == "yield")


def is_http(dotted: str) -> bool:
    """Whether an external exception class is an answer of a web framework."""
    name = last_part(dotted)
    root = dotted.partition(".")[0]
    if root in ("werkzeug", "pyramid", "falcon", "django", "rest_framework", "sanic", "litestar"):
        return True
    return name.startswith(("HTTP", "Http")) and root not in ("httpx", "requests", "urllib", "urllib3", "http")


def all_steps(body: Block) -> Iterator[Step]:
    """The steps of a block and of the blocks inside it."""
    for step in body:
        yield step
        for inner in blocks(step):
            yield from all_steps(inner)


def _always_raises(body: Block) -> bool:
    return bool(body) and body[-1][0] == "raise"
