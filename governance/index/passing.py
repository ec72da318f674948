"""Passing: parameters that a function hands back unchanged.

What such a function gives depends on the call, not on all calls together: `as_text(x)` is x here, whatever others pass.
The same holds for `return query.where(...)`: a statement that was passed in comes back narrowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from governance.facts import ModuleFacts
from governance.index import definitions, graph, rows, typing_forms
from governance.index.solver import Answer, Solver, add
from governance.index.values import FunctionId, Key

_STEPS = 200
_CALLS = 6
"""How many methods of a parameter, called one after the other, are followed."""


@dataclass(frozen=True, slots=True)
class Passing:
    """parameters: indexes of those that may be returned as they came; own: the other nodes that may be returned;
    narrowed: indexes of parameters of which methods are called, with the names of these, to give what is returned."""

    parameters: frozenset[int]
    own: tuple[int, ...]
    narrowed: frozenset[tuple[int, tuple[str, ...]]] = frozenset()

    def __bool__(self) -> bool:
        """Whether anything comes back that was passed."""
        return bool(self.parameters or self.narrowed)


NOTHING = Passing(frozenset(), ())


def passing(solver: Solver, function: FunctionId) -> Passing:
    """Which parameters come back; NOTHING if none does, or if the function is a coroutine or generator."""
    known = solver.passing.get(function)
    if known is None:
        known = _leaves(solver, function)
        solver.passing[function] = known
    return known


def _leaves(solver: Solver, function: FunctionId) -> Passing:
    scope = solver.project.scope(function)
    if scope.is_async or scope.is_generator or not scope.results:
        return NOTHING
    if scope.returns >= 0 and typing_forms.informative(dict(solver.get(("t", function[0], scope.returns, ())))):
        return NOTHING
    facts = solver.project.modules[function[0]].facts
    is_method = solver.project.owning_class(function) is not None
    bound = is_method and definitions.wrapper(solver, function) != "staticmethod"
    parameters: set[int] = set()
    own: list[int] = []
    narrowed: set[tuple[int, tuple[str, ...]]] = set()
    seen: set[int] = set()
    todo = list(scope.results)
    while todo:
        number = todo.pop()
        if number in seen or number < 0:
            continue
        seen.add(number)
        node = facts.nodes[number]
        if len(seen) > _STEPS:
            return NOTHING
        if node[0] == "local":
            todo.append(node[2])
        elif node[0] in ("phi", "or", "and"):
            todo.extend(node[1])
        elif node[0] == "ifexp":
            todo.extend(node[2:4])
        elif node[0] == "narrow" and not _speaks_of_classes(solver, function[0], node[2]):
            todo.append(node[1])
        elif node[0] == "param" and node[1] == function[1] and not (bound and node[2] == 0):
            param = scope.params[node[2]]
            declared = param.annotation >= 0 and typing_forms.informative(
                dict(solver.get(("t", function[0], param.annotation, ())))
            )
            if declared or param.kind in ("vararg", "kwarg"):
                own.append(number)
            else:
                parameters.add(node[2])
        else:
            own.append(number)
            if node[0] == "call":
                narrowed |= _narrowed(facts, function[1], number, 1 if bound else 0)
    return Passing(frozenset(parameters), tuple(own), frozenset(narrowed)) or NOTHING


def _narrowed(facts: ModuleFacts, scope: int, number: int, first: int) -> set[tuple[int, tuple[str, ...]]]:
    """The parameters of which methods are called to give a node, with their names; none if it has another origin."""
    found: set[tuple[int, tuple[str, ...]]] = set()
    seen: set[tuple[int, tuple[str, ...]]] = set()
    todo: list[tuple[int, tuple[str, ...]]] = [(number, ())]
    while todo:
        at, names = todo.pop()
        if (at, names) in seen or len(names) > _CALLS:
            continue
        seen.add((at, names))
        node = facts.nodes[at]
        callee = facts.nodes[node[1]] if node[0] == "call" else node
        if node[0] == "local" and node[2] >= 0:
            todo.append((node[2], names))
        elif node[0] == "phi" and len(seen) < _STEPS:
            todo.extend((each, names) for each in node[1] if each >= 0)
        elif node[0] == "narrow":
            todo.append((node[1], names))
        elif node[0] == "call" and callee[0] == "attr":
            todo.append((callee[1], (callee[2], *names)))
        elif node[0] == "param" and node[1] == scope and node[2] >= first:
            found.add((node[2], names))
        else:
            return set()
    return found


def _speaks_of_classes(solver: Solver, module: str, test: int) -> bool:
    """Whether a test may tell project classes apart: then what it narrows is worth more than where it came from."""
    facts = solver.project.modules[module].facts
    for number in _below(facts.nodes, test):
        if facts.nodes[number][0] in ("local", "free", "attr") and any(
            entity[0] == "cls" for entity in solver.names.resolve((module, number))
        ):
            return True
    return False


def _below(nodes: list[list[object]], start: int) -> Iterator[int]:
    todo, seen = [start], {start}
    while todo and len(seen) < _STEPS:
        number = todo.pop()
        yield number
        if nodes[number][0] in ("local", "phi"):
            continue
        for operand in graph.operands(nodes[number]):
            if operand not in seen:
                seen.add(operand)
                todo.append(operand)


def rule_own(solver: Solver, key: Key, out: Answer) -> None:
    """("own", module, scope): what a function returns besides its own parameters."""
    _, module, number = key
    scope = solver.project.scope((module, number))
    if scope.returns >= 0:
        solver.copy(("t", module, scope.returns, ()), out, "return annotation")
    found = passing(solver, (module, number))
    for each in found.own:
        source: Key = ("n", module, each)
        for value, evidence in solver.get(source).items():
            if not (found.narrowed and rows.is_of_rows(value)):
                add(out, value, evidence.grade, "returned", source, value)
