"""Where fact nodes stand in the source: `locate` against marks in the source, and against `ast`."""

from __future__ import annotations

from textwrap import dedent

import pytest

from governance.extract import ExtractError, extract, locate
from governance.findings import Span

PLACES = {
    "call": ("x = f(1)\n", "call", "f(1)"),
    "call in parentheses": ("x = ((f)(1))\n", "call", "(f)(1)"),
    "call over lines": ("x = a.b(\n  1,\n)\n", "call", "a.b(\n  1,\n)"),
    "attribute is its name": ("x = (a\n  .b\n  .run)\n", "attr", ["b", "run"]),
    "function is its name": ("@d\nasync def  run (): pass\n", "function", "run"),
    "lambda is itself": ("x = lambda a: a\n", "function", "lambda a: a"),
    "class is its name": ("class A(B): pass\n", "class", "A"),
    "parameter": ("def f(a, *b: int, c=1, **d): pass\n", "param", ["a", "*b", "c", "**d"]),
    "import": ("import a.b as c, d\n", "import_as", "a.b as c"),
    "from import": ("from a import b, c as d\n", "import", ["b", "c as d"]),
    "star import": ("from a import *\n", "import", "from a import *"),
    "first line of a statement": ("try:\n    pass\nfinally:\n    pass\n", "at", "try:"),
    "return over lines": ("def f():\n    return (\n        1)\n", "at", "return ("),
    "match": ("match a:\n    case B(c=1): pass\n", "attr", "c"),
    "handler": ("try: pass\nexcept A as e: pass\n", "exception", "e"),
    "loop item": ("for x, y in z: pass\n", "item", "x, y"),
    "comprehension item": ("[x for x in z]\n", "item", "x"),
    "tuple element": ("a, (b, c) = d\n", "unpack", ["a", "b, c", "b", "c"]),
    "with": ("with a() as b: pass\n", "enter", "a()"),
    "annotated": ("x: int = 1\n", "annotated", "x: int = 1"),
    "type in a string": ("x: 'a.b' = 1\n", "attr", "'a.b'"),
    "not": ("if not a(): pass\n", "not", "not a()"),
    "and": ("if a and b: pass\n", "and", "a and b"),
    "alias": ("type X = int\n", "alias", "type X = int"),
    "no line end": ("f()", "call", "f()"),
    "tabs and form feeds": ("if x:\n\t\f\n\tf()\n", "call", "f()"),
    "line continuation": ("x = \\\n  f()\n", "call", "f()"),
    "characters beyond the basic plane": ("'\N{GRINNING FACE}', f()\n", "call", "f()"),
    "CRLF": ("a\r\n\r\nf()\r\n", "call", "f()"),
    "behind a blank that the tree does not hold": ("try: pass\nexcept A : pass\nf()\n", "call", "f()"),
    "behind a string over lines": ('"""a\r\nb""" + f()\n', "call", "f()"),
    "carriage returns": ("a\rf()\r", "call", "f()"),
}


def text_at(source: str, span: Span) -> str:
    """What stands in the span; line ends as `\\n`."""
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    covered = lines[span.line - 1 : span.end_line]
    covered[-1] = covered[-1][: span.end_column - 1]
    covered[0] = covered[0][span.column - 1 :]
    return "\n".join(covered)


@pytest.mark.parametrize(("source", "op", "expected"), PLACES.values(), ids=PLACES)
def test_place(source: str, op: str, expected: str | list[str]) -> None:
    facts = extract(source.encode())
    wanted = [number for number, node in enumerate(facts.nodes) if node[0] == op]
    found = locate(source.encode(), wanted)
    assert [text_at(source, found[number]) for number in wanted] == (
        [expected] if isinstance(expected, str) else expected
    )


def test_span_is_one_based_with_exclusive_end() -> None:
    source = b"\n  \nxx = [f(\n 1)]\n"
    call = next(number for number, node in enumerate(extract(source).nodes) if node[0] == "call")
    assert locate(source, [call]) == {call: Span(3, 7, 4, 4)}


def test_every_node_has_a_place() -> None:
    source = dedent(
        """
        import a as b
        class C[T: int](D):
            x: "list[int]" = f"{a}"
            def m(self, *, k=1):
                global g
                for g in [i async for i in self if i and (j := i)]:
                    while self.k is None: break
                    else: del self.x, g[0]
                match self:
                    case C(x=[1, *y]) | {"k": y, **z} if y: raise E from y
                    case str(w): return lambda: (yield)
                try: assert self, "no"
                except* E as e: self.x += 1
        """
    ).encode()
    facts = extract(source)
    found = locate(source, range(len(facts.nodes)))
    lines = source.decode().split("\n")
    for number, span in found.items():
        assert 1 <= span.line <= span.end_line <= len(lines), facts.nodes[number]
        assert (span.line, span.column) < (span.end_line, span.end_column), facts.nodes[number]


def test_unknown_node_is_refused() -> None:
    with pytest.raises(KeyError):
        locate(b"x = 1\n", [99])


def test_file_that_cannot_be_parsed_is_refused() -> None:
    with pytest.raises(ExtractError):
        locate(b"x = (\n", [0])
