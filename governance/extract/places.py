"""Places of fact nodes: the walk is repeated with a record of the CST node behind each fact, then those are measured.

The span of
- an `attr` node is its name token (in a chain over several lines: where `.run` stands);
- a `function` or `class` node is the name after `def` or `class`, of a lambda the whole expression;
- an `import` node is its alias within the statement (the statement, for a star import);
- an `at` node is the first line of its statement;
- a definition is what is bound: the parameter's name, the element of a tuple target, the name after `except ... as`;
- anything else is the whole expression or statement, without enclosing parentheses.
What stands in a string annotation has the span of the string.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import libcst as cst
from libcst._nodes.internal import CodegenState

from governance.extract import guard
from governance.extract.module import deep_recursion, walk_module
from governance.extract.walk import Walk
from governance.facts import Node
from governance.findings import Span


class RecordingWalk(Walk):
    """Keeps `place` at the CST node that is being walked and notes it for every fact."""

    def __init__(self, walrus: bool) -> None:
        super().__init__(walrus)
        self.places: list[Any] = []
        self.in_string = False

    def add(self, node: Node) -> int:
        """A new fact node, its place noted."""
        self.places.append(self.place)
        return super().add(node)

    def expr(self, node: Any) -> int:
        """The same with the place kept; strings that hold types stay in one place."""
        if self.in_string:
            return super().expr(node)
        outer, self.place = self.place, node
        self.in_string = self.typed_strings and type(node) in (cst.SimpleString, cst.ConcatenatedString)
        number = super().expr(node)
        self.in_string = False
        self.place = outer
        return number

    def statement(self, node: Any, handlers: dict[type, Callable[[Walk, Any], None]]) -> None:
        """The same with the place kept."""
        outer, self.place = self.place, node
        super().statement(node, handlers)
        self.place = outer


def locate(source: bytes, nodes: Collection[int]) -> dict[int, Span]:
    """See `governance.extract.locate`."""
    text = guard.read(source)
    module = guard.parse(text)
    walk = RecordingWalk(":=" in text)
    walk_module(walk, module)
    wanted = {}
    for number in nodes:
        if not 0 <= number < len(walk.nodes):
            raise KeyError(number)
        wanted[number] = _shown(walk.nodes[number][0], walk.places[number])
    starts = [0, *(found.end() for found in _NEWLINE.finditer(text))]
    state = _Measure(module, starts, {id(node) for node in wanted.values()})
    with deep_recursion():
        module._codegen(state)
    spans = {}
    for number, node in wanted.items():
        start, end = state.spans.get(id(node), (0, 0))
        if walk.nodes[number][0] == "at":
            newline = _NEWLINE.search(text, start)
            end = min(end, newline.start() if newline else len(text))
        while start < end and text[end - 1].isspace():
            end -= 1
        while start < end and text[start].isspace():
            start += 1
        line, end_line = bisect_right(starts, start), bisect_right(starts, end)
        spans[number] = Span(line, start - starts[line - 1] + 1, end_line, end - starts[end_line - 1] + 1)
    return spans


def _shown(op: str, node: Any) -> Any:
    """The part of a CST node that stands for the fact."""
    if op == "attr" and isinstance(node, cst.Attribute):
        return node.attr
    if isinstance(node, (cst.FunctionDef, cst.ClassDef)) and op != "at":
        return node.name
    return node


class _Measure(CodegenState):
    """Writes the module to nowhere and notes (start, end) in characters for the wanted nodes, by id.

    The tree does not hold every blank of the source (not the one in `except A :`), so what is written may be shorter:
    each line end sets the offset right, from the offsets at which the lines of the source start.
    """

    def __init__(self, module: cst.Module, starts: list[int], wanted: set[int]) -> None:
        super().__init__(module.default_indent, module.default_newline)
        self.offset = 0
        self.line = 0
        self.starts = starts
        self.wanted = wanted
        self.spans: dict[int, tuple[int, int]] = {}
        self._started: dict[int, int] = {}

    def add_token(self, value: str) -> None:
        """Count what would be written."""
        self.offset += len(value)
        if "\n" in value or "\r" in value:
            ends = list(_NEWLINE.finditer(value))
            self.line = min(self.line + len(ends), len(self.starts) - 1)
            self.offset = self.starts[self.line] + len(value) - ends[-1].end()

    def add_indent_tokens(self) -> None:
        """Count the indentation."""
        for token in self.indent_tokens:
            self.offset += len(token)

    def before_codegen(self, node: cst.CSTNode) -> None:
        """Note the start, whitespace included, for nodes without a syntactic position."""
        if id(node) in self.wanted:
            self._started[id(node)] = self.offset

    def after_codegen(self, node: cst.CSTNode) -> None:
        """Note the end, unless the syntactic position is known."""
        if id(node) in self.wanted and id(node) not in self.spans:
            self.spans[id(node)] = (self._started[id(node)], self.offset)

    def record_syntactic_position(  # type: ignore[override]  # any context manager serves, a shared one is cheaper
        self, node: cst.CSTNode, *, start_node: cst.CSTNode | None = None, end_node: cst.CSTNode | None = None
    ) -> AbstractContextManager[None]:
        """Note the exact position of a wanted node; the edges may be nodes inside it."""
        return self._recorded(node, start_node, end_node) if id(node) in self.wanted else _NOTHING

    @contextmanager
    def _recorded(
        self, node: cst.CSTNode, start_node: cst.CSTNode | None, end_node: cst.CSTNode | None
    ) -> Iterator[None]:
        self.wanted.update(id(edge) for edge in (start_node, end_node) if edge is not None)
        start = self.offset
        yield
        end = self.offset
        if start_node is not None:
            start = self.spans[id(start_node)][0]
        if end_node is not None:
            end = self.spans[id(end_node)][1]
        self.spans[id(node)] = (start, end)


_NOTHING: AbstractContextManager[None] = nullcontext()
_NEWLINE = re.compile(r"\r\n?|\n")
