"""Gathered failures: `gather(..., return_exceptions=True)` gives failures as values, and nobody is told of them.

A failure counts as told as soon as anything is done where `isinstance` has found one, besides logging and going on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from governance.contract import Ref
from governance.contracts.boundary_errors.application import all_steps
from governance.contracts.boundary_errors.failures import Failure
from governance.contracts.boundary_errors.telling import Telling
from governance.contracts.boundary_errors.territory import Territory
from governance.facts import Step
from governance.findings import Grade
from governance.index import Index, logs
from governance.index.values import FunctionId
from governance.paths.exceptions import Exceptions

_SAME: Final = frozenset(("await", "local", "phi", "narrow", "annotated", "unpack", "item", "sub", "star"))
_AROUND: Final = frozenset(("zip", "enumerate", "list", "tuple", "sorted", "reversed", "iter"))
_COUNTING: Final = frozenset(("len", "bool", "print"))
_QUIET: Final = frozenset(("continue", "break", "attr", "sub", "at"))
_LOOKED: Final = 400


def dropped(index: Index, territory: Territory, services: frozenset[FunctionId]) -> Iterator[Failure]:
    """Every gather whose failures are left out of what its function gives."""
    telling = Telling(index, frozenset())
    inside = {*territory.route_modules, *territory.service_modules}
    for call in index.project.calls("gather"):
        node = index.project.node(call)
        kept = [value for name, value in node[3] if name == "return_exceptions"]
        if call[0] not in inside or not kept or index.project.node((call[0], kept[0]))[2] is not True:
            continue
        names = _failing(index, telling, call, services, call[0] in territory.service_modules)
        if names and not _Gather(index, call).is_told():
            function = index.project.qualname(index.project.owner(call))
            text = f"a failure of {names[0]} is left out of what {function} gives"
            yield Failure("swallowed", call, text, Grade.PROBABLE, ())


def _failing(
    index: Index, telling: Telling, call: Ref, services: frozenset[FunctionId], any_function: bool
) -> list[str]:
    """The names of the functions that are gathered and whose failures matter."""
    return sorted(
        index.project.qualname(callee.function)
        for number in telling.slice(call)
        if number != call[1] and index.project.node((call[0], number))[0] == "call"
        for callee in index.callees((call[0], number))
        if any_function or callee.function in services
    )


class _Gather:
    """One call of gather, and what becomes of its results in the same function."""

    def __init__(self, index: Index, call: Ref) -> None:
        self.index = index
        self.call = call
        self.facts = index.project.modules[call[0]].facts
        self.scope = index.project.scope(index.project.owner(call))
        self.derived = self._derived()

    def is_told(self) -> bool:
        """Whether a failure among the results leads to anything, or nobody can tell."""
        tests = [number for number in self._users(self.derived) if self._is_test(number)]
        if not tests:
            last = max(self.derived)
            return last in self.scope.results or not all(map(self._is_idle, self._users(self.derived)))
        return any(self._tells(test) for test in tests)

    def _derived(self) -> set[int]:
        found = {self.call[1]}
        todo = [self.call[1]]
        while todo and len(found) < _LOOKED:
            for _, user in self.index.project.users((self.call[0], todo.pop())):
                node = self.facts.nodes[user]
                around = node[0] == "call" and self.facts.nodes[node[1]][1:2] and self._name(node[1]) in _AROUND
                if user not in found and (node[0] in _SAME or around):
                    found.add(user)
                    todo.append(user)
        return found

    def _users(self, nodes: set[int]) -> list[int]:
        users = {user for number in nodes for _, user in self.index.project.users((self.call[0], number))}
        return sorted(users - self.derived)

    def _name(self, callee: int) -> str:
        return self.index.project.last_name((self.call[0], callee)) or ""

    def _is_test(self, number: int) -> bool:
        node = self.facts.nodes[number]
        return bool(node[0] == "call" and len(node[2]) == 2 and self._name(node[1]) == "isinstance")

    def _tells(self, test: int) -> bool:
        """Whether anything is done with what a test has found to be a failure."""
        wanted = self._is_for_failures(test)
        for number, node in enumerate(self.facts.nodes):
            if node[0] == "narrow" and node[2] == test and node[3] == wanted and self._is_used(number):
                return True
        asked = {test: wanted}
        todo = [test]
        while todo:
            number = todo.pop()
            for user in self._users({number}):
                node = self.facts.nodes[user]
                if node[0] == "not":
                    asked[user] = not asked[number]
                    todo.append(user)
                elif node[0] == "ifexp" and node[1] == number:
                    return self._gives_something(node[2] if asked[number] else node[3])
                elif node[0] != "narrow" and not (node[0] == "call" and number == test):
                    return True
        return any(self._acts(step, asked) for step in all_steps(self.scope.body))

    def _is_for_failures(self, test: int) -> bool:
        """Whether a test is for what has failed; `isinstance(each, dict)` is for what has not."""
        classes = self.index.values((self.call[0], self.facts.nodes[test][2][1]))
        builtin = [str(value[1]) for value in classes if value[0] == "ext" and str(value[1]).startswith("builtins.")]
        return len(builtin) < len(classes) or not builtin or any(map(Exceptions(self.index).of_dotted, builtin))

    def _gives_something(self, number: int) -> bool:
        node = self.facts.nodes[number]
        return not (node[:2] == ["const", "none"] or (node[0] in ("dict", "list", "tuple") and not node[1]))

    def _acts(self, step: Step, asked: dict[int, bool]) -> bool:
        """Whether a branch that is taken for failures does anything."""
        if step[0] == "loop" and step[1] == "comp":
            return any(inner[0] == "if" and asked.get(inner[1]) is True for inner in all_steps(step[4]))
        if step[0] != "if" or step[1] not in asked:
            return False
        block = step[2] if asked[step[1]] else step[3]
        return any(
            inner[0] not in _QUIET
            and not (inner[0] == "call" and (self._is_logging(inner[1]) or self._is_text(inner[1])))
            for inner in all_steps(block)
        )

    def _is_used(self, number: int) -> bool:
        """Whether a value goes anywhere but into a log."""
        todo, seen = [number], {number}
        while todo:
            for user in [user for _, user in self.index.project.users((self.call[0], todo.pop()))]:
                node = self.facts.nodes[user]
                if user in seen or (node[0] == "call" and self._is_logging(user)):
                    continue
                if node[0] not in ("local", "phi", "fstring", "narrow") and not self._is_text(user):
                    return True
                seen.add(user)
                todo.append(user)
        return bool(seen & {*self.scope.results, *self.scope.yields})

    def _is_text(self, number: int) -> bool:
        node = self.facts.nodes[number]
        if node[0] == "call":
            return self._name(node[1]) in ("str", "repr", "type")
        return bool(node[0] == "attr" and node[2] in ("__name__", "__class__", "args"))

    def _is_idle(self, number: int) -> bool:
        """Whether a use sees nothing of what the results are: they are counted or logged."""
        node = self.facts.nodes[number]
        return node[0] == "call" and (self._name(node[1]) in _COUNTING or self._is_logging(number))

    def _is_logging(self, number: int) -> bool:
        callee = self.facts.nodes[self.facts.nodes[number][1]]
        return callee[0] == "attr" and logs.is_logging(self._name(callee[1]), callee[2])
