"""Exception text: whether an expression carries the text of an exception, followed backwards through the project.

Marks say what is known of the parameters of the function in which an expression stands: "object" for an exception
itself, "text" for something that carries its text, "holder" for an object that does so in some attribute.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from governance.contract import Ref
from governance.contracts.boundary_errors import flags, given_results, saying
from governance.contracts.boundary_errors.changes import Changes
from governance.contracts.boundary_errors.exception_objects import (
    HOLDER,
    NO_MARKS,
    OBJECT,
    TEXT,
    ExceptionObjects,
    Marks,
)
from governance.contracts.boundary_errors.questions import Questions
from governance.contracts.boundary_errors.text_parts import SAID, formatted, parts_of
from governance.facts import Node
from governance.index import Index, constructed
from governance.index.binding import bind
from governance.index.callees import Callee
from governance.index.values import FunctionId, last_part

_DEPTH: Final = 6


class ExceptionText:
    """Answers for one project. cleaning: functions that make a public body out of an exception."""

    def __init__(self, index: Index, cleaning: Iterable[FunctionId]) -> None:
        self.index = index
        self.cleaning = frozenset(cleaning)
        self.objects = ExceptionObjects(index)
        self.changes = Changes(index)
        self._questions = Questions()
        self.inside: dict[tuple[FunctionId, Marks, int], Ref | None] = {}
        """What `leaks` found out about functions that are handed exceptions, by function, marks and remaining depth."""

    def source(self, ref: Ref, marks: Marks = NO_MARKS, depth: int = _DEPTH) -> Ref | None:
        """The place where exception text that an expression carries is taken; None if it carries none."""
        return self._questions.ask((ref, marks), depth, lambda: self._source(ref, marks, depth))

    def carried(self, ref: Ref, marks: Marks = NO_MARKS, depth: int = _DEPTH) -> Ref | None:
        """The same for something put into a body: there an exception itself is no better than its text."""
        return ref if self.is_exception(ref, marks) else self.source(ref, marks, depth)

    def is_exception(self, ref: Ref, marks: Marks = NO_MARKS) -> bool:
        """Whether an expression is an exception object."""
        return self.objects.is_exception(ref, marks)

    # expressions ----------------------------------------------------------------------------------------------------

    def _source(self, ref: Ref, marks: Marks, depth: int) -> Ref | None:
        module = ref[0]
        node = self.index.project.node(ref)
        op = node[0]
        if op == "call":
            return self._call(ref, node, marks, depth)
        if op == "attr":
            return self._attribute(ref, node, marks, depth)
        held = self.index.project.node((module, node[2])) if op == "local" and node[2] >= 0 else node
        if held[0] == "unpack" and (op == "unpack" or not self.changes.into(ref)):
            taken = self._unpacked(ref, held, marks, depth)
            if taken is not None:
                return taken[0]
        if op == "local":
            found = self.source((module, node[2]), marks, depth) if node[2] >= 0 else None
            return found or self._changed(ref, marks, depth)
        if op == "free":
            return self._free(ref, node, marks, depth)
        if op == "param":
            return ref if {(node[2], TEXT), (node[2], HOLDER)} & marks else None
        parts = [(module, each) for each in parts_of(self.index, module, node) if each >= 0]
        return self._first(parts, marks, depth, said=op in SAID or (op == "binary" and node[1] == "%"))

    def _unpacked(self, ref: Ref, part: Node, marks: Marks, depth: int) -> tuple[Ref | None] | None:
        """The source in one part of a tuple or of what a call gives, loaded at `ref`; None if it is not known apart."""
        module, number = ref[0], part[1]
        whole = self.index.project.node((module, number))
        if part[3] or part[2] < 0:
            return None
        if whole[0] == "tuple" and part[2] < len(whole[1]):
            return (self.source((module, whole[1][part[2]]), marks, depth),)
        call = self.index.project.node((module, whole[1])) if whole[0] == "await" else whole
        results = given_results.elements(self.index, module, call, part[2]) if call[0] == "call" else None
        if results is None:
            return None
        results = flags.possible(self.index, ref, (module, number), call, results)
        return (self._given(ref, call, results, marks, depth),)

    def _given(
        self, ref: Ref, call: Node, results: list[tuple[Callee, Ref]], marks: Marks, depth: int
    ) -> Ref | None:  # fmt: skip
        """The source in one part of what a call gives: `value, error = attempt(...)`, `attempt(...).error`."""
        for callee, element in results:
            given = self.handed(callee.function, call, ref[0], callee.receiver is not None, marks, depth)
            if self.carried(element, given, depth - 1) is not None:
                return ref
        return None

    def _first(self, refs: list[Ref], marks: Marks, depth: int, *, said: bool = False) -> Ref | None:
        """The first source among several; said: where an exception itself stands, its text comes out."""
        for ref in refs:
            found = self.carried(ref, marks, depth) if said else self.source(ref, marks, depth)
            if found is not None:
                return found
        return None

    def _free(self, ref: Ref, node: Node, marks: Marks, depth: int) -> Ref | None:
        for definition in self.index.names.binding((ref[0], node[2]), node[1]) or ():
            owner = self.index.project.owner(definition)
            if definition != ref and (owner[1] != 0 or self.index.project.node(definition)[0] == "call"):
                inner = self.index.project.node(definition)[0] == "param"
                found = self.source(definition, NO_MARKS if inner else marks, depth - 1)
                if found is not None:
                    return found
        return self._changed(ref, marks, depth)

    def _changed(self, ref: Ref, marks: Marks, depth: int, attribute: str = "") -> Ref | None:
        """What was put into the object a name holds, by item, attribute (a certain one only, if given) or method."""
        for value in self.changes.into(ref, attribute):
            found = self.carried(value, marks, depth - 1)
            if found is not None:
                return found
        for call, argument in self.changes.passed(ref) if depth > _DEPTH - 2 else ():
            if self._filled_by(call, argument, marks, depth - 2):
                return call
        return None

    def _filled_by(self, call: Ref, argument: int, marks: Marks, depth: int) -> bool:
        """Whether a function that is handed an object puts exception text into it."""
        node = self.index.project.node(call)
        for callee in self.index.callees(call):
            bound = callee.receiver is not None
            given: Marks | None = None
            for position, passed in bind(self.index.project.scope(callee.function), node, bound):
                for value in self.changes.of_parameter(callee.function, position) if passed == argument else ():
                    given = given or self.handed(callee.function, node, call[0], bound, marks, depth)
                    if self.carried(value, given, depth) is not None:
                        return True
        return False

    def _attribute(self, ref: Ref, node: Node, marks: Marks, depth: int) -> Ref | None:
        base = (ref[0], node[1])
        name = node[2]
        if self.is_exception(base, marks):
            if name in saying.SPEAKING and not self.objects.says_itself(base, name):
                return ref
            return (
                ref if any(self.carried(each, NO_MARKS, depth - 1) for each in self.objects.given(base, name)) else None
            )
        if name.isdigit():
            named = {self.index.classes.positional(cls, int(name)) for cls in self.index.classes_of(base)} - {""}
            if len(named) == 1:
                name = named.pop()
        inner, number = self.objects.origin(base)
        if inner[0] == "call":
            given = constructed.held(self.index, (ref[0], number)).get(name)
            given = given or next(((ref[0], value) for key, value in inner[3] if key == name), None)
            if given is not None:
                found = self.carried(given, marks if given[0] == ref[0] else NO_MARKS, depth - 1)
                return found or self._changed(base, marks, depth, name) or self._stored(ref, marks, depth)
        if inner[0] == "attr" and name in ("__class__", "__name__"):
            return None
        if name in ("__class__", "__name__", "__qualname__", "__module__"):
            return None
        if inner[0] == "call":
            results = given_results.attributes(self.index, ref[0], inner, name, self.index.classes_of(base))
            if results is not None:
                return self._given(ref, inner, results, marks, depth) or self._changed(base, marks, depth, name)
        found = None if self._is_holder(inner, name, marks) else self._held(base, name, marks, depth)
        return found or self._stored(ref, marks, depth)

    def _stored(self, ref: Ref, marks: Marks, depth: int) -> Ref | None:
        """The source of what is stored into an attribute elsewhere."""
        found = (self.carried(value, marks, depth - 1) for value in self.changes.attribute(ref))
        return next((source for source in found if source is not None), None)

    def _is_holder(self, node: Node, name: str, marks: Marks) -> bool:
        """Whether an attribute is taken off a receiver of which only another one may carry text."""
        return node[0] == "param" and (node[2], HOLDER) in marks and name != "__dict__"

    def _held(self, base: Ref, name: str, marks: Marks, depth: int) -> Ref | None:
        """The source of what an object holds, what was put into its other attributes left out."""
        node = self.index.project.node(base)
        if node[0] == "attr" and not self.index.classes_of(base):
            root, path = self.changes.path(base)
            if self.index.project.node(root)[0] == "local" and not self.is_exception(root, marks):
                return self._held(root, f"{path}.{name}", marks, depth)
        if node[0] != "local" or node[2] < 0:
            return self.source(base, marks, depth)
        found = self.source((base[0], node[2]), marks, depth)
        return found or self._changed(base, marks, depth, name)

    # calls ----------------------------------------------------------------------------------------------------------

    def _call(self, ref: Ref, node: Node, marks: Marks, depth: int) -> Ref | None:
        module = ref[0]
        arguments = [(module, each) for each in (*node[2], *(value for _, value in node[3]))]
        externals = self.index.externals(ref)
        names = {last_part(each) for each in externals}
        if names & saying.DUMPING:
            return ref
        if externals & saying.HOLDING or names & saying.RENDERING:
            return self._first(arguments, marks, depth, said=True)
        if externals & saying.SAYING:
            return next((ref for each in arguments[:1] if self.carried(each, marks, depth)), None)
        if "builtins.getattr" in externals:
            return self._getattr(ref, arguments, marks, depth)
        if any(each.partition(".")[0] in saying.CLEAN_ROOTS for each in externals):
            return None
        if externals & saying.CLEAN:
            return None
        callees = self.index.callees(ref)
        if callees:
            for callee in callees:
                given = self.handed(callee.function, node, module, callee.receiver is not None, marks, depth)
                if callee.function in self.cleaning:
                    given = frozenset(mark for mark in given if mark[1] == TEXT)
                if self.result(callee.function, given, depth - 1) is not None:
                    return ref
            return self._constructed(ref, node, arguments, marks, depth)
        method = self.index.project.node((module, node[1]))
        if method[0] == "attr":
            return self._method(ref, (module, method[1]), method[2], arguments, marks, depth)
        return self._first(arguments, marks, depth)

    def _constructed(self, ref: Ref, node: Node, arguments: list[Ref], marks: Marks, depth: int) -> Ref | None:
        """An instance of a project class holds what its constructor was given."""
        if not any(value[0] in ("cls", "selfcls") for value in self.index.values((ref[0], node[1]))):
            return None
        return None if self.is_exception(ref) else self._first(arguments, marks, depth)

    def _getattr(self, ref: Ref, arguments: list[Ref], marks: Marks, depth: int) -> Ref | None:
        words = {value[2] for value in self.index.values(arguments[1]) if value[:2] == ("const", "str")}
        if (
            self.is_exception(arguments[0], marks)
            and words & saying.SPEAKING
            and not self.objects.is_own(arguments[0], min(words))
        ):
            return ref
        return self._first(arguments[2:], marks, depth)

    def _method(
        self, ref: Ref, base: Ref, name: str, arguments: list[Ref], marks: Marks, depth: int
    ) -> Ref | None:  # fmt: skip
        if self.is_exception(base, marks):
            return ref if name in ("__str__", "__repr__", "__format__") else None
        if name in saying.QUESTIONS or (name in saying.LOG_METHODS and not self.source(base, marks, depth)):
            return None
        if name == "format":
            node = self.index.project.node(ref)
            shown = formatted(self.index, base, len(node[2]), [str(key) for key, _ in node[3]])
            return self._first([base, *(arguments[each] for each in shown)], marks, depth, said=True)
        if name in saying.LOOKUPS:
            return self._first([base, *arguments[1:]], marks, depth)
        if name in saying.STRINGS:
            return self._first([base], marks, depth) or (
                self._first(arguments[1:], marks, depth) if name == "replace" else None
            )
        return self._first([base, *arguments], marks, depth)

    def handed(
        self, function: FunctionId, node: Node, module: str, bound: bool, marks: Marks, depth: int = _DEPTH
    ) -> Marks:  # fmt: skip
        """What a call says about the parameters of a function it runs."""
        found: set[tuple[int, str]] = set()
        taken = self.index.project.node((module, node[1]))
        if bound and taken[0] == "attr" and self.source((module, taken[1]), marks, depth - 1) is not None:
            found.add((0, HOLDER))
        for position, argument in bind(self.index.project.scope(function), node, bound):
            ref = (module, argument)
            if self.is_exception(ref, marks):
                found.add((position, OBJECT))
            elif self.source(ref, marks, depth - 1) is not None:
                found.add((position, TEXT))
        return frozenset(found)

    def result(self, function: FunctionId, marks: Marks, depth: int = _DEPTH) -> Ref | None:
        """The source of exception text in what a function returns or yields."""
        return self._questions.ask((function, marks, "result"), depth, lambda: self._result(function, marks, depth))

    def _result(self, function: FunctionId, marks: Marks, depth: int) -> Ref | None:
        scope = self.index.project.scope(function)
        results = [(function[0], number) for number in scope.results]
        for number in scope.yields:
            inner = self.index.project.node((function[0], number))
            if inner[1] >= 0:
                results.append((function[0], inner[1]))
        return next((source for each in results if (source := self.source(each, marks, depth))), None)
