"""Exception text: whether an expression carries the text of an exception, followed backwards through the project.

Marks say what is known of the parameters of the function in which an expression stands: "object" for an exception
itself, "text" for something that carries its text, "holder" for an object that does so in some attribute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from governance.contract import Ref
from governance.contracts.boundary_errors import given_results
from governance.contracts.boundary_errors.changes import Changes
from governance.contracts.boundary_errors.exception_objects import (
    HOLDER,
    NO_MARKS,
    OBJECT,
    TEXT,
    ExceptionObjects,
    Marks,
)
from governance.contracts.boundary_errors.text_parts import SAID, parts_of
from governance.facts import Node
from governance.index import Index, constructed
from governance.index.binding import bind
from governance.index.callees import Callee
from governance.index.values import FunctionId, last_part

_DEPTH: Final = 6
_SPEAKING: Final = frozenset(
    """args msg message strerror reason stderr stdout output doc __notes__ __traceback__ filename detail
    orig statement""".split()
)
"""Attributes of an exception that hold its text; `detail` only of classes that do not define it."""

_SAYING: Final = frozenset(f"builtins.{name}" for name in ("str", "repr", "ascii", "format"))
_CLEAN: Final = frozenset(
    f"builtins.{name}"
    for name in "type len hash id isinstance issubclass bool int float hasattr callable any all sum abs print".split()
)
_CLEAN_ROOTS: Final = ("logging", "hashlib", "uuid", "time", "secrets", "hmac", "structlog", "loguru", "zlib")
_DUMPING: Final = frozenset(
    """format_exc format_exception format_exception_only format_tb format_stack print_exc extract_tb
    jsonable_encoder""".split()
)
_HOLDING: Final = frozenset(f"builtins.{name}" for name in ("dict", "list", "tuple", "set"))
_RENDERING: Final = frozenset(
    "substitute safe_substitute render render_template render_template_string render_to_string jsonify dumps".split()
)
_STRINGS: Final = frozenset(
    """strip lstrip rstrip lower upper title capitalize replace encode decode split rsplit splitlines partition
    rpartition removeprefix removesuffix ljust rjust center expandtabs casefold swapcase zfill translate copy
    model_dump model_dump_json dict json items values to_dict as_dict asdict serialize dump format_map""".split()
)
_LOOKUPS: Final = frozenset(("get", "pop", "setdefault"))
_LOG_METHODS: Final = frozenset("debug info warning warn error exception critical log".split())
_QUESTIONS: Final = frozenset(
    "startswith endswith find index count isdigit isalpha match search fullmatch tell fileno".split()
)


class ExceptionText:
    """Answers for one project. cleaning: functions that make a public body out of an exception."""

    def __init__(self, index: Index, cleaning: Iterable[FunctionId]) -> None:
        self.index = index
        self.cleaning = frozenset(cleaning)
        self.objects = ExceptionObjects(index)
        self.changes = Changes(index)
        self._known: dict[object, Ref | None] = {}
        self._active: set[object] = set()
        self._passing: dict[object, int] = {}
        self._cuts = 0
        self.inside: dict[tuple[FunctionId, Marks, int], Ref | None] = {}
        """What `leaks` found out about functions that are handed exceptions, by function, marks and remaining depth."""

    def source(self, ref: Ref, marks: Marks = NO_MARKS, depth: int = _DEPTH) -> Ref | None:
        """The place where exception text that an expression carries is taken; None if it carries none."""
        return self._asked((ref, marks), depth, lambda: self._source(ref, marks, depth))

    def _asked(self, key: object, depth: int, find: Callable[[], Ref | None]) -> Ref | None:
        """The answer to a question, each asked once. One in which something was cut off (by depth, or because it led
        back to itself) holds for the outermost question only, and for no greater depth."""
        if key in self._known:
            return self._known[key]
        if key in self._active or depth <= 0:
            self._cuts += 1
            return None
        if self._passing.get(key, 0) >= depth:
            self._cuts += 1
            return None
        before = self._cuts
        self._active.add(key)
        try:
            found = find()
        finally:
            self._active.discard(key)
        if found is not None or self._cuts == before:
            self._known[key] = found
        else:
            self._passing[key] = depth
        if not self._active:
            self._passing.clear()
        return found

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
        if op == "local":
            found = self.source((module, node[2]), marks, depth) if node[2] >= 0 else None
            return found or self._changed(ref, marks, depth)
        if op == "free":
            return self._free(ref, node, marks, depth)
        if op == "param":
            return ref if {(node[2], TEXT), (node[2], HOLDER)} & marks else None
        if op == "unpack":
            display = self.index.project.node((module, node[1]))
            if display[0] == "tuple" and not node[3] and 0 <= node[2] < len(display[1]):
                return self.source((module, display[1][node[2]]), marks, depth)
            is_call = display[0] == "call" and not node[3]
            results = given_results.elements(self.index, module, display, node[2]) if is_call else None
            if results is not None:
                return self._given(ref, display, results, marks, depth)
        parts = [(module, each) for each in parts_of(self.index, module, node) if each >= 0]
        return self._first(parts, marks, depth, said=op in SAID or (op == "binary" and node[1] == "%"))

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
            if name in _SPEAKING and not self.objects.says_itself(base, name):
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
                return found or self._changed(base, marks, depth, name)
        if inner[0] == "attr" and name in ("__class__", "__name__"):
            return None
        if name in ("__class__", "__name__", "__qualname__", "__module__"):
            return None
        if inner[0] == "call":
            results = given_results.attributes(self.index, ref[0], inner, name, self.index.classes_of(base))
            if results is not None:
                return self._given(ref, inner, results, marks, depth) or self._changed(base, marks, depth, name)
        found = None if self._is_holder(inner, name, marks) else self._held(base, name, marks, depth)
        return found or next(
            (source for value in self.changes.attribute(ref) if (source := self.carried(value, marks, depth - 1))), None
        )

    def _is_holder(self, node: Node, name: str, marks: Marks) -> bool:
        """Whether an attribute is taken off a receiver of which only another one may carry text."""
        return node[0] == "param" and (node[2], HOLDER) in marks and name != "__dict__"

    def _held(self, base: Ref, name: str, marks: Marks, depth: int) -> Ref | None:
        """The source of what an object holds, what was put into its other attributes left out."""
        node = self.index.project.node(base)
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
        if names & _DUMPING:
            return ref
        if externals & _HOLDING or names & _RENDERING:
            return self._first(arguments, marks, depth, said=True)
        if externals & _SAYING:
            return next((ref for each in arguments[:1] if self.carried(each, marks, depth)), None)
        if "builtins.getattr" in externals:
            return self._getattr(ref, arguments, marks, depth)
        if any(each.partition(".")[0] in _CLEAN_ROOTS for each in externals):
            return None
        if externals & _CLEAN:
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
            and words & _SPEAKING
            and not self.objects.is_own(arguments[0], min(words))
        ):
            return ref
        return self._first(arguments[2:], marks, depth)

    def _method(
        self, ref: Ref, base: Ref, name: str, arguments: list[Ref], marks: Marks, depth: int
    ) -> Ref | None:  # fmt: skip
        if self.is_exception(base, marks):
            return ref if name in ("__str__", "__repr__", "__format__") else None
        if name in _QUESTIONS or (name in _LOG_METHODS and not self.source(base, marks, depth)):
            return None
        if name == "format":
            return self._first([base, *arguments], marks, depth, said=True)
        if name in _LOOKUPS:
            return self._first([base, *arguments[1:]], marks, depth)
        if name in _STRINGS:
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
        return self._asked((function, marks, "result"), depth, lambda: self._result(function, marks, depth))

    def _result(self, function: FunctionId, marks: Marks, depth: int) -> Ref | None:
        scope = self.index.project.scope(function)
        results = [(function[0], number) for number in scope.results]
        for number in scope.yields:
            inner = self.index.project.node((function[0], number))
            if inner[1] >= 0:
                results.append((function[0], inner[1]))
        return next((source for each in results if (source := self.source(each, marks, depth))), None)
