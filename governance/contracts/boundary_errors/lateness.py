"""Lateness: generators that are bound to a name fail where they are consumed, not where they are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from governance.contract import Ref
from governance.contracts.boundary_errors.answers import answer
from governance.contracts.boundary_errors.application import all_steps
from governance.facts import Block, Node, Step
from governance.index import Index
from governance.index.values import FunctionId

_CONSUMING: Final = frozenset(("item", "yieldfrom", "star", "unpack"))

Run: TypeAlias = "tuple[Step, frozenset[int]]"
"""A step that runs late, and the nodes that consume what it makes."""


class Lateness:
    """Moves steps, for one execution. fails: whether a call of a function is one whose failure matters."""

    def __init__(self, index: Index, fails: Callable[[Ref, FunctionId | None], bool]) -> None:
        self.index = index
        self.fails = fails
        self._late: dict[FunctionId, list[Run]] = {}
        self._blocks: dict[int, tuple[Block, Block]] = {}

    def is_late(self, made: Ref) -> bool:
        """Whether a generator is bound to a name, and nothing happens to it but that it is consumed by that name."""
        return bool(self._consumers(made))

    def moved(self, function: FunctionId, steps: Block) -> Block:
        """The steps of a block of a function, each generator run where it is consumed."""
        if function not in self._late:
            self._late[function] = self._runs(function)
        late = self._late[function]
        if not late:
            return steps
        if id(steps) not in self._blocks:
            taken = {id(step) for step, _ in late}
            found: Block = []
            for step in steps:
                found += [run for run, consumers in late if consumers & _touched(step)]
                found += [step] if id(step) not in taken else []
            self._blocks[id(steps)] = (steps, found)  # the block is kept too: its identity stands for it
        return self._blocks[id(steps)][1]

    def _runs(self, function: FunctionId) -> list[Run]:
        module = function[0]
        facts = self.index.project.modules[module].facts
        if not function[1]:
            return []
        expressions: dict[int, int] = {}
        found: list[Run] = []
        for step in all_steps(facts.scopes[function[1]].body):
            made = -1
            if step[0] == "call" and self._makes_failing((module, step[1])):
                made = step[1]
            elif step[:2] == ["loop", "comp"]:
                expressions = expressions or _generators(facts.nodes)
                made = expressions.get(step[2][0][1], -1)
            consumers = self._consumers((module, made)) if made >= 0 else frozenset()
            if consumers:
                found.append((step, consumers))
        return found

    def _makes_failing(self, call: Ref) -> bool:
        callees = self.index.callees(call)
        return bool(callees) and all(
            self.index.project.scope(each.function).is_generator and self.fails(call, each.function) for each in callees
        )

    def _consumers(self, made: Ref) -> frozenset[int]:
        """The nodes that consume a generator by a name; none if it is consumed at once, or anything else happens."""
        project = self.index.project
        if any(project.node(user)[0] != "local" for user in project.users(made)):
            return frozenset()
        found: set[int] = set()
        for user in self.index.uses(made):
            node = project.node(user)
            given = node[0] == "call" and node[1] != made[1] and answer(self.index, user) is None
            if not given and node[0] not in _CONSUMING:
                return frozenset()
            found.update((user[1], *(each for _, each in project.users(user) if node[0] == "star")))
        return frozenset(found)


def _generators(nodes: Sequence[Node]) -> dict[int, int]:
    """The generator expressions of a module, by the item they begin with."""
    return {node[4]: number for number, node in enumerate(nodes) if node[:2] == ["comp", "generator"]}


def _touched(step: Step) -> frozenset[int]:
    """The nodes a step is about, as far as they may consume something."""
    if step[0] == "loop":
        return frozenset(inner[1] for inner in step[2] if inner[0] == "next")
    return frozenset(each for each in step[1:3] if isinstance(each, int)) if step[0] in _STEPS else frozenset()


_STEPS: Final = frozenset(("call", "yield", "bind"))
