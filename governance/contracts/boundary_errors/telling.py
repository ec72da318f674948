"""Telling: how much of a caught failure reaches the caller of a function that ends normally."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from governance.contract import Ref
from governance.contracts.boundary_errors.application import all_steps
from governance.contracts.boundary_errors.changes import Changes
from governance.contracts.boundary_errors.failure_paths import last_event
from governance.facts import Block, Step
from governance.findings import Grade
from governance.index import Index, graph
from governance.index.values import ClassId
from governance.paths.exceptions import Exceptions
from governance.paths.outcomes import Kind, Path

_LOOKUPS: Final = frozenset(("KeyError", "LookupError", "IndexError", "StopIteration", "FileNotFoundError"))
_FAILURE_WORDS: Final = (
    "err", "fail", "fault", "problem", "exc", "status", "state", "reason", "ok", "success", "miss", "skip", "invalid",
    "reject", "bad", "lost", "unavailable", "unknown", "issue", "warn", "outcome", "broken", "refus", "den",
)  # fmt: skip
""" "ok" and "success" too: a record with such a field says whether it went well."""


class Telling:
    """Answers for one project. domain: the classes that stand for a known failure."""

    def __init__(self, index: Index, domain: frozenset[ClassId]) -> None:
        self.index = index
        self.domain = domain
        self.changes = Changes(index)
        self.exceptions = Exceptions(index)

    def doubt(self, path: Path) -> Grade:
        """How sure it is that a failure on this path is swallowed, judged by its handler and by what is returned."""
        caught = last_event(path, "caught", "swallowed")
        if caught is not None and caught.kind == "swallowed":
            return self._suppressed(caught.ref)
        handler = self._handler(caught.ref) if caught is not None else None
        grade = Grade.DEFINITE
        if handler is not None:
            types, block, repeated = handler
            grade = self._breadth(caught.ref[0] if caught else "", types)
            if repeated and any(step[0] == "if" and _raises(step) for step in block):
                grade = min(grade, Grade.POSSIBLE)  # the last of several attempts raises
        else:
            block = []
        left = last_event(path, "left")
        if left is not None and caught is not None and self._asked(left.ref, caught.ref[0], block):
            grade = min(grade, Grade.POSSIBLE)
        returned = self._returned_by(left.ref) if left is not None else None
        if returned is not None:
            grade = min(grade, self._returned(returned))
            if self._records(returned, block):
                grade = min(grade, Grade.POSSIBLE)
        return grade

    def _asked(self, at: Ref, module: str, block: Block) -> bool:
        """Whether a handler keeps something in an attribute that the function which returns goes on to look at."""
        project = self.index.project
        kept = {project.node((module, step[1]))[2] for step in all_steps(block) if step[0] == "store"}
        facts = project.modules[at[0]].facts
        owner = facts.owner[at[1]]
        looked = (node for number, node in enumerate(facts.nodes) if facts.owner[number] == owner and kept)
        return any(node[0] == "attr" and node[2] in kept for node in looked)

    def _handler(self, ref: Ref) -> tuple[int, Block, bool] | None:
        """The `except` clause that an event of catching points at, and whether its `try` stands in a loop."""
        scope = self.index.project.scope(self.index.project.owner(ref))
        loops = [step for step in all_steps(scope.body) if step[0] == "loop"]
        for step in all_steps(scope.body):
            if step[0] == "try":
                for types, _, block in step[3]:
                    if ref[1] == types:
                        return types, block, any(each is step for loop in loops for each in all_steps([loop]))
        return None

    def _suppressed(self, at: Ref) -> Grade:
        """The same for a context manager: `suppress` names its classes, others are taken to swallow everything."""
        project = self.index.project
        for step in all_steps(project.scope(project.owner(at)).body):
            if step[0] == "with" and step[1] == at[1]:
                context = project.node((at[0], project.node((at[0], step[2]))[1]))
                if context[0] == "call" and context[2] and project.text((at[0], context[1])).endswith("suppress"):
                    return max(self._breadth(at[0], argument) for argument in context[2])
        return Grade.DEFINITE

    def _breadth(self, module: str, types: int) -> Grade:
        kinds = self.exceptions.of_handler(module, types)
        grades = [self._grade(kind) for kind in kinds]
        return max(grades, default=Grade.DEFINITE)

    def _grade(self, kind: Kind | None) -> Grade:
        if kind is None:
            return Grade.PROBABLE
        if kind[0] == "builtin":
            if kind[1] in ("Exception", "BaseException"):
                return Grade.DEFINITE
            return Grade.POSSIBLE if kind[1] in _LOOKUPS else Grade.PROBABLE
        if kind[0] == "project":
            cls: ClassId = kind[1]
            return Grade.DEFINITE if self.domain & set(self.index.mro(cls)) else Grade.PROBABLE
        return Grade.PROBABLE

    def _records(self, returned: Ref, block: Block) -> bool:
        """Whether a handler puts something into what is returned: a list of failures in the body."""
        inside = {step[1] for step in all_steps(block) if step[0] in ("call", "store")}
        module = returned[0]
        for node in self.slice(returned) if inside else ():
            if self.index.project.node((module, node))[0] in ("local", "free"):
                for value in self.changes.into((module, node)):
                    put = any(value[1] in self.operands(each, module) for each in inside)
                    put = put and self.index.project.node(value)[:2] != ["const", "none"]
                    if put and (self._speaks((module, node)) or self._speaks(value)):
                        return True
        return False

    def _speaks(self, ref: Ref) -> bool:
        """Whether an expression names a failure: the exception itself, or a word for it in a name, key or text."""
        for number in self.slice(ref):
            node = self.index.project.node((ref[0], number))
            words = [str(name) for name, _ in node[3]] if node[0] == "call" else []
            words += [str(each) for each in node[1:3] if isinstance(each, str)]
            if node[0] == "exception" or any(hint in word.lower() for word in words for hint in _FAILURE_WORDS):
                return True
        return False

    def operands(self, number: int, module: str) -> set[int]:
        return set(graph.operands(self.index.project.node((module, number))))

    def slice(self, ref: Ref) -> Iterator[int]:
        """The nodes an expression is made of."""
        return graph.within(self.index.project.modules[ref[0]].facts.nodes, [ref[1]])

    def _returned_by(self, at: Ref) -> Ref | None:
        """What the `return` statement at a place gives."""
        scope = self.index.project.scope(self.index.project.owner(at))
        for step in all_steps(scope.body):
            if step[0] == "return" and step[1] == at[1] and step[2] >= 0:
                return (at[0], step[2])
        return None

    def _returned(self, ref: Ref) -> Grade:
        """What is returned may be an answer of which nothing is known, or name the exception at least."""
        node = self.index.project.node(ref)
        if node[0] == "call" and not self.index.values(ref):
            return Grade.POSSIBLE
        mentions = [self.index.project.node((ref[0], each))[0] == "exception" for each in self.slice(ref)]
        return Grade.PROBABLE if any(mentions) else Grade.DEFINITE


def _raises(step: Step) -> bool:
    return any(each[0] == "raise" for each in all_steps([step]))
