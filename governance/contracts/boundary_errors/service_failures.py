"""Service failures: broad handlers of the service modules that let a failure end in an ordinary result."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from governance.contract import Ref
from governance.contracts.boundary_errors.application import all_steps
from governance.contracts.boundary_errors.failure_paths import FINE, TOLD, FailurePaths
from governance.contracts.boundary_errors.failures import Failure, caught_at, trail
from governance.contracts.boundary_errors.telling import Telling
from governance.contracts.boundary_errors.territory import Territory
from governance.facts import Block, Step
from governance.findings import Grade
from governance.index import Index, logs
from governance.index.values import ClassId, FunctionId
from governance.paths.abstract import FALSE
from governance.paths.engine import TooComplex
from governance.paths.exceptions import Exceptions
from governance.paths.frames import asked

_HARMLESS_ROOTS: Final = frozenset(
    """builtins json ast datetime re decimal uuid base64 logging time contextlib math string textwrap itertools
    functools collections dataclasses copy inspect typing warnings traceback structlog loguru random secrets""".split()
)


_NOTHING: Final = (["const", "none", None], ["const", "bool", True])
"""Results that say nothing about what was tried."""


class ServiceFailures:
    """Examines the functions of the service modules."""

    def __init__(self, index: Index, territory: Territory, domain: frozenset[ClassId]) -> None:
        self.index = index
        self.territory = territory
        self.domain = domain
        self.telling = Telling(index, domain)
        self.exceptions = Exceptions(index)

    def swallowed(self) -> Iterator[Failure]:
        """Every failure that a service keeps to itself."""
        for module in self.territory.service_modules:
            for number, scope in enumerate(self.index.project.modules[module].facts.scopes):
                if scope.kind == "function":
                    yield from self._of((module, number))

    def _of(self, function: FunctionId) -> Iterator[Failure]:
        sites = frozenset((function[0], number) for number in self._sites(function))
        if not sites:
            return
        engine = FailurePaths(self.index, lambda call, _: call in sites, lambda each: each == function)
        owner = self.index.project.owning_class(function)
        try:
            summary = engine.outcomes(asked(function, owner))
        except TooComplex:
            return
        seen: set[Ref] = set()
        for (state, value), path in sorted(summary.ended.items(), key=lambda item: -item[1].grade):
            if state.auto in (FINE, TOLD):
                continue
            call, label = failing = engine.failing[state.auto]
            at = caught_at(path, failing)
            grade = min(Grade(path.grade), self._grade(function, at, call))
            if at in seen or grade == Grade.UNRESOLVED:
                continue
            if value == FALSE:
                grade = min(grade, Grade.POSSIBLE)
            seen.add(at)
            name = self.index.project.qualname(function)
            text = f"a failure of {label or self.index.project.text(call)} ends in an ordinary result of {name}"
            yield Failure("swallowed", at, text, grade, trail(path))

    def _sites(self, function: FunctionId) -> Iterator[int]:
        """The calls inside a broad handler's `try`, a `try` whose `finally` returns, or a broad `suppress`."""
        for step in all_steps(self.index.project.scope(function).body):
            if step[0] == "try" and (
                any(self._is_broad(function[0], types) for types, _, _ in step[3])
                or any(inner[0] == "return" for inner in all_steps(step[5]))
            ):
                yield from self._calls(function[0], step[2])
            elif step[0] == "with" and self._suppresses(function[0], step):
                yield from self._calls(function[0], step[3])

    def _calls(self, module: str, block: Block) -> Iterator[int]:
        for step in all_steps(block):
            if step[0] == "call" and self._may_fail((module, step[1])):
                yield step[1]

    def _may_fail(self, call: Ref) -> bool:
        if self.index.callees(call):
            return True
        externals = self.index.externals(call)
        if externals:
            return any(each.partition(".")[0] not in _HARMLESS_ROOTS for each in externals)
        values = self.index.values((call[0], self.index.project.node(call)[1]))
        if any(value[0] == "cmeth" for value in values):
            return False
        return not self._is_logging(call)

    def _is_logging(self, call: Ref) -> bool:
        project = self.index.project
        callee = project.node((call[0], project.node(call)[1]))
        if callee[0] != "attr":
            return False
        return logs.is_logging(project.last_name((call[0], callee[1])), callee[2])

    def _is_broad(self, module: str, types: int) -> bool:
        for kind in self.exceptions.of_handler(module, types):
            if kind in (("builtin", "Exception"), ("builtin", "BaseException")):
                return True
            if kind is not None and kind[0] == "project" and self.domain & set(self.index.mro(kind[1])):
                return True
        return False

    def _suppresses(self, module: str, step: Step) -> bool:
        enter = self.index.project.node((module, step[2]))
        context = self.index.project.node((module, enter[1]))
        if context[0] != "call" or "contextlib.suppress" not in self.index.externals((module, enter[1])):
            return False
        return any(self._is_broad(module, argument) for argument in context[2])

    def _grade(self, function: FunctionId, at: Ref, call: Ref) -> Grade:
        """UNRESOLVED: the failure is passed on in some way, and there is nothing to report."""
        for step in all_steps(self.index.project.scope(function).body):
            if step[0] == "try":
                for types, _, block in step[3]:
                    if at[1] == types:
                        if not self._is_broad(function[0], types) or self._passes_on(function, block):
                            return Grade.UNRESOLVED
                        return Grade.PROBABLE if self._contributes(function, step[2]) else Grade.POSSIBLE
            elif step[0] == "with" and step[1] == at[1]:
                if not self._suppresses(function[0], step):
                    return Grade.UNRESOLVED
                return Grade.PROBABLE if self._contributes(function, step[3]) else Grade.POSSIBLE
        return Grade.PROBABLE

    def _passes_on(self, function: FunctionId, block: Block) -> bool:
        """Whether a handler stores, hands over, yields or returns anything that may tell of the failure."""
        project = self.index.project
        module = function[0]
        for step in all_steps(block):
            if step[0] in ("store", "yield", "raise"):
                return True
            if step[0] == "call" and self._hands_on((module, step[1])):
                return True
            if step[0] == "bind":
                node = project.node((module, step[2]))
                if node[0] not in ("exception", "const", "dict", "list", "tuple") or node == ["const", "bool", True]:
                    return True
                if node[0] in ("dict", "list", "tuple") and node[1]:
                    return True
            if step[0] == "return" and step[2] >= 0 and self._mentions((module, step[2])):
                return True
        return False

    def _hands_on(self, call: Ref) -> bool:
        if self._is_logging(call):
            return False
        return bool(self.index.callees(call)) or (not self.index.externals(call) and self._mentions(call))

    def _mentions(self, ref: Ref) -> bool:
        return any(self.index.project.node((ref[0], each))[0] == "exception" for each in self.telling.slice(ref))

    def _contributes(self, function: FunctionId, body: Block) -> bool:
        """Whether what is tried has to do with the result; a function without results is nothing but what it tries."""
        project = self.index.project
        results = [
            each for each in project.scope(function).results if project.node((function[0], each)) not in _NOTHING
        ]
        if not results:
            return True
        bound: set[int] = set()
        for step in all_steps(body):
            if step[0] == "return" and step[2] >= 0:
                return True
            if step[0] == "bind":
                bound.add(step[2])
        for result in results:
            for node in self.telling.slice((function[0], result)):
                if node in bound:
                    return True
                if project.node((function[0], node))[0] in ("local", "free"):
                    inside = {step[1] for step in all_steps(body) if step[0] in ("call", "store")}
                    for value in self.telling.changes.into((function[0], node)):
                        if any(value[1] in self.telling.operands(each, function[0]) for each in inside):
                            return True
        return False
