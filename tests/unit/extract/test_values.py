"""What reaches a load: single assignment form, joins, loops, exceptions, narrowing."""

from __future__ import annotations

import pytest

from tests.unit.extract.rendering import facts_of, value, values

DEFINITIONS = {
    "assignment": ("x = f()\nuse(x)", ["f()"]),
    "alias of an alias": ("x = f()\ny = x\nuse(y)", ["f()"]),
    "chained targets": ("x = y = f()\nuse(x)\nuse(y)", ["f()", "f()"]),
    "the last one wins": ("x = 1\nx = 2\nuse(x)", ["2"]),
    "annotated": ("x: T = f()\nuse(x)", ["(f(): T)"]),
    "annotated without a value defines nothing": ("x: T\nuse(x)", ["x"]),
    "augmented": ("x = 1\nx += f()\nuse(x)", ["(1 += f())"]),
    "tuple target": ("a, (b, c) = f()\nuse(a)\nuse(c)", ["unpack(f(), 0)", "unpack(unpack(f(), 1), 1)"]),
    "starred target": ("a, *b, c = f()\nuse(b)\nuse(c)", ["unpack(f(), *1)", "unpack(f(), -1)"]),
    "list target with two behind the star": (
        "[*a, b, c] = f()\nuse(a)\nuse(b)",
        ["unpack(f(), *0)", "unpack(f(), -2)"],
    ),
    "walrus": ("use((x := f()))\nuse(x)", ["f()", "f()"]),
    "for": ("for x in xs:\n    use(x)", ["item(xs)"]),
    "with": ("with f() as x:\n    use(x)", ["enter(f())"]),
    "with several": ("with f() as x, g(x) as (y, z):\n    use(z)", ["unpack(enter(g(enter(f()))), 1)"]),
    "except": ("try: f()\nexcept (A, b.B) as e: use(e)", ["exception((A, b.B))"]),
    "except name is gone afterwards": ("try: f()\nexcept A as e: pass\nuse(e)", ["e"]),
    "bare except": ("try: x = f(); g()\nexcept: use(x)", ["phi(x, f())"]),
    "what failed last was not bound": ("x = 0\ntry: x = f()\nexcept E: use(x)", ["0"]),
    "what failed last stored elsewhere": ("x = 0\ntry: x = f(); y.a = g()\nexcept E: use(x)", ["phi(0, f())"]),
    "import": ("import a.b\nuse(a)", ["import a.b"]),
    "import as": ("import a.b as c\nuse(c)", ["import a.b itself"]),
    "import of a plain module as": ("import a as c\nuse(c)", ["import a itself"]),
    "from import": ("from a.b import c as d\nuse(d)", ["import a.b:c"]),
    "relative import": ("from ..a import c\nuse(c)\nfrom . import d\nuse(d)", ["import ..a:c", "import .:d"]),
    "function": ("def g(): pass\nuse(g)", ["function g"]),
    "class": ("class A: pass\nuse(A)", ["class A"]),
    "lambda": ("x = lambda: 1\nuse(x)", ["function <lambda>"]),
    "type alias": ("type X = list[int]\nuse(X)", ["alias(list[int])"]),
    "deleted": ("x = 1\ndel x\nuse(x)", ["x"]),
    "deleted by tuple": ("x = y = 1\ndel (x, [y])\nuse(y)", ["y"]),
    "full-width name": ("\uff58 = f()\nuse(x)", ["f()"]),
}


@pytest.mark.parametrize(("source", "expected"), DEFINITIONS.values(), ids=DEFINITIONS)
def test_definitions(source: str, expected: list[str]) -> None:
    assert values(source) == expected


JOINS = {
    "if and else": ("if c: x = 1\nelse: x = 2\nuse(x)", ["phi(1, 2)"]),
    "if alone": ("x = 1\nif c: x = 2\nuse(x)", ["phi(2, 1)"]),
    "unbound on one path of a module: looked up outside too": ("if c: x = 1\nuse(x)", ["phi(1, x)"]),
    "the same on both paths": ("x = 1\nif c: f()\nelse: g()\nuse(x)", ["1"]),
    "three in a row become one phi": (
        "x = 0\nif a: x = 1\nif b: x = 2\nif c: x = 3\nuse(x)",
        ["phi(3, 2, 1, 0)"],
    ),
    "elif": ("if a: x = 1\nelif b: x = 2\nelse: x = 3\nuse(x)", ["phi(1, 2, 3)"]),
    "a path that ends does not arrive": (
        "def g():\n    if a: x = 1\n    else: return\n    use(x)",
        ["1"],
    ),
    "raise ends a path": ("if a: x = 1\nelse: raise E\nuse(x)", ["1"]),
    "while": ("x = 0\nwhile c:\n    use(x)\n    x = 1\nuse(x)", ["phi(0, 1)", "phi(0, 1)"]),
    "counting": ("x = 0\nwhile c: x = x + 1\nuse(x)", ["phi(0, (^ + 1))"]),
    "not assigned in the loop": ("x = 0\nwhile c: use(x)", ["0"]),
    "break": ("x = 0\nwhile c:\n    x = 1\n    if d: break\n    x = 2\nuse(x)", ["phi(0, 2, 1)"]),
    "endless loop is left by break alone": ("x = 0\nwhile True:\n    x = 1\n    if d: break\n    x = 2\nuse(x)", ["1"]),
    "continue": ("x = 0\nfor i in y:\n    use(x)\n    x = 1\n    if d: continue\n    x = 2", ["phi(0, 2, 1)"]),
    "loop else": ("for i in y:\n    x = 1\n    break\nelse: x = 2\nuse(x)", ["phi(2, 1)"]),
    "nested loops": (
        "x = 0\nfor i in y:\n    for j in i:\n        use(x)\n        x = j",
        ["phi(phi(0, ^), item(item(y)))"],
    ),
    "assigned only on the way out of a loop": (
        "x = 0\nfor i in y:\n    if c:\n        x = 1\n        break\nuse(x)",
        ["phi(0, 1)"],
    ),
    "handler sees every assignment of the body": (
        "x = 0\ntry:\n    x = 1\n    x = f()\n    g()\nexcept E:\n    use(x)\nuse(x)",
        ["phi(0, 1, f())", "phi(f(), phi(0, 1, f()))"],
    ),
    "else of try sees the end of the body": ("x = 0\ntry: x = f()\nexcept E: pass\nelse: use(x)", ["f()"]),
    "finally sees everything": (
        "x = 0\ntry: x = f()\nexcept E: x = 1\nfinally: use(x)\nuse(x)",
        ["phi(0, f(), 1)", "phi(f(), 1)"],
    ),
    "finally's own assignment": ("x = 0\ntry: x = f()\nfinally: x = 1\nuse(x)", ["1"]),
    "break through finally": (
        "def g():\n    x = 0\n    while True:\n        try: break\n        finally: x = 1\n    use(x)",
        ["1"],
    ),
    "suppress may skip": ("x = 0\nwith suppress(E): x = f()\nuse(x)", ["phi(f(), 0)"]),
    "an ordinary manager does not": ("x = 0\nwith lock: x = f()\nuse(x)", ["f()"]),
    "after a with whose body returns": (
        "def g():\n    x = 0\n    with m:\n        x = 1\n        return\n    use(x)",
        ["phi(0, 1)"],
    ),
    "conditional expression binds": ("y = (x := 1) if c else (x := 2)\nuse(x)", ["phi(1, 2)"]),
    "and binds on one side": ("x = 0\nc and (x := 1)\nuse(x)", ["phi(1, 0)"]),
    "code after return still has facts": ("def g():\n    x = 1\n    return\n    use(x)", ["1"]),
}


@pytest.mark.parametrize(("source", "expected"), JOINS.values(), ids=JOINS)
def test_joins(source: str, expected: list[str]) -> None:
    assert values(source) == expected


SCOPES = {
    "parameter": ("def g(a, /, b, *c, d, **e):\n    use(a); use(c); use(e)", ["a", "c", "e"]),
    "closure": ("def g(x):\n    def h(): use(x)", ["x@2"]),
    "module name in a function": ("x = 1\ndef g(): use(x)", ["x@1"]),
    "unbound local": ("def g():\n    use(x)\n    x = 1", ["nothing"]),
    "global": ("def g():\n    global x\n    x = 1\n    use(x)", ["x@1"]),
    "class body sees itself, then outside": ("class A:\n    x = 1\n    use(x)\n    use(y)", ["1", "y"]),
    "class body in a class body skips the outer one": ("class A:\n    class B:\n        use(x)", ["x"]),
    "class body in a function": ("def g():\n    class B:\n        use(x)", ["x@1"]),
    "method does not see the class body": ("class A:\n    x = 1\n    def m(self): use(x)", ["x@2"]),
    "default is evaluated outside": ("def g(x):\n    def h(y=use(x)): pass", ["x"]),
    "comprehension target": ("use([x for x in xs])", ["list(item(xs) for item(xs))"]),
    "comprehension target does not stay": ("x = 1\ny = [x for x in xs]\nuse(x)", ["1"]),
    "dict comprehension": (
        "use({k: v for k, v in f()})",
        ["dict(unpack(item(f()), 0): unpack(item(f()), 1) for item(f()))"],
    ),
    "nested comprehension": ("use([y for x in xs for y in x])", ["list(item(item(xs)) for item(xs))"]),
    "generator": ("use(x for x in xs)", ["generator(item(xs) for item(xs))"]),
    "async comprehension": (
        "async def g():\n    use([x async for x in xs])",
        ["list(async item(xs@1) for async item(xs@1))"],
    ),
    "walrus in a comprehension stays": ("y = [(x := z) for z in zs]\nuse(x)", ["phi(x, item(zs))"]),
    "class comprehension sees the first iterable only": (
        "class A:\n    x = 1\n    ys = [use(x) for y in use(x)]",
        ["1", "x"],
    ),
    "type parameter": ("def g[T](x: T):\n    use(T)", ["T@1"]),
}


@pytest.mark.parametrize(("source", "expected"), SCOPES.values(), ids=SCOPES)
def test_scopes(source: str, expected: list[str]) -> None:
    assert values(source) == expected


NARROWING = {
    "isinstance": (
        "if isinstance(x, C): use(x)\nelse: use(x)",
        ["<x if isinstance(x, C)>", "<x unless isinstance(x, C)>"],
    ),
    "early exit": (
        "if not isinstance(x, C): return\nuse(x)",
        ["<x if isinstance(x, C)>"],
    ),
    "both ways lead on": ("if isinstance(x, C): f()\nuse(x)", ["x"]),
    "none": ("if x is None: x = C()\nuse(x)", ["phi(C(), <x unless x is None>)"]),
    "truth": ("if x: use(x)", ["<x if x>"]),
    "and": (
        "if x and isinstance(x, C): use(x)\nelse: use(x)",
        [
            "<<x if x> if isinstance(<x if x>, C)>",
            "phi(<x unless x>, <<x if x> unless isinstance(<x if x>, C)>)",
        ],
    ),
    "or": ("if not x or x.y: return\nuse(x)", ["<x if x>"]),
    "inside and": ("x is not None and use(x)", ["<x if x is not None>"]),
    "inside or": ("x is None or use(x)", ["<x unless x is None>"]),
    "while": ("while x is not None: use(x)\nuse(x)", ["<x if x is not None>", "<x unless x is not None>"]),
    "while with assignment": ("while x: x = x.next\nuse(x)", ["<phi(x, <^ if ^>.next) unless phi(x, <^ if ^>.next)>"]),
    "assert": ("assert isinstance(x, C)\nuse(x)", ["<x if isinstance(x, C)>"]),
    "conditional expression": ("y = use(x) if x else use(x)", ["<x if x>", "<x unless x>"]),
    "comprehension filter": ("[use(i) for i in x if isinstance(i, C)]", ["<item(x) if isinstance(item(x), C)>"]),
    "walrus": ("if (y := x.get()) is not None: use(y)", ["<x.get() if x.get() is not None>"]),
    "type of": ("if type(x) is C: use(x)", ["<x if type(x) is C>"]),
    "a test function of one's own": ("if is_plugin(x): use(x)", ["<x if is_plugin(x)>"]),
    "assignment ends it": ("if isinstance(x, C):\n    x = f()\n    use(x)", ["f()"]),
    "path": ("if isinstance(x.y.z, C): use(x.y.z)", ["<x.y.z if isinstance(x.y.z, C)>"]),
    "path after early exit": ("if x.y is None: return\nuse(x.y)", ["<x.y unless x.y is None>"]),
    "path, joined": ("if x.y is None: f()\nuse(x.y)", ["x.y"]),
    "store ends it for the path": ("if x.y:\n    x.y = f()\n    use(x.y)", ["x.y"]),
    "store to a prefix ends it": ("if x.y.z:\n    x.y = f()\n    use(x.y.z)", ["x.y.z"]),
    "assignment to the name ends it": ("if x.y:\n    x = f()\n    use(x.y)", ["f().y"]),
    "store to another path does not": ("if x.y:\n    x.z = f()\n    use(x.y)", ["<x.y if x.y>"]),
    "store in a loop ends it before the loop": (
        "if x.y:\n    for i in x:\n        use(x.y)\n        x.y = i",
        ["x.y"],
    ),
    "store in a try body ends it in the handler": (
        "if x.y:\n    try: x.y = f()\n    except E: use(x.y)",
        ["x.y"],
    ),
    "free name": ("if registry is None: return\nuse(registry)", ["<registry unless registry is None>"]),
    "class pattern": (
        "match x:\n    case C(): use(x)\n    case _: use(x)",
        ["<x if x ~ C()>", "<<x unless x ~ C()> if x ~ _>"],
    ),
    "class pattern with a name": ("match x:\n    case C() as y: use(y)", ["<x if x ~ (C() as _)>"]),
    "attribute of a class pattern": ("match x:\n    case C(run=y): use(y)", ["<x if x ~ C(run=_)>.run"]),
    "builtin class pattern": ("match x:\n    case str(y): use(y)", ["<x if x ~ str(_)>"]),
    "sequence pattern": ("match x:\n    case [a, *b, c]: use(b); use(c)", ["unpack(x, *1)", "unpack(x, -1)"]),
    "mapping pattern": ("match x:\n    case {'k': y, **z}: use(y); use(z)", ["x['k']", "x"]),
    "alternatives": ("match x:\n    case [y] | {'k': y}: use(y)", ["phi(unpack(x, 0), x['k'])"]),
    "guard failed": (
        "match x:\n    case y if c: pass\n    case _: use(y)",
        ["x"],
    ),
    "a guard that rebinds the subject": (
        "match x:\n    case y if (x := f()): pass\n    case C(): use(x)",
        ["<f() unless f()>"],
    ),
    "a pattern that rebinds the subject": ("match x:\n    case [x]: use(x)", ["unpack(x, 0)"]),
    "a test that rebinds what it tested": ("if isinstance(x, (x := f())): use(x)", ["f()"]),
    "a test that stores to what it tested": ("if g(x.y, (x := f())): use(x.y)", ["f().y"]),
    "no case matched": ("match x:\n    case C(): return\nuse(x)", ["<x unless x ~ C()>"]),
}


@pytest.mark.parametrize(("source", "expected"), NARROWING.values(), ids=NARROWING)
def test_narrowing(source: str, expected: list[str]) -> None:
    body = source.replace("\n", "\n    ")
    found = values(f"def g(x, c):\n    {body}\n")
    assert [text.replace("@1", "") for text in found] == expected


EXPRESSIONS = {
    "strings are joined": ("use('a' \"b\"\n 'c')", ["'abc'"]),
    "escapes": (
        r"use('\x41\u0042\N{LATIN SMALL LETTER C}\104\
\n')",
        [r"'ABcD\n'"],
    ),
    "an unknown escape stays": (r"use('\d')", [repr(r"\d")]),
    "raw": (r"use(r'\x41')", [repr(r"\x41")]),
    "lone surrogate": (r"use('\ud800')", [repr("\ud800")]),
    "bytes": ("use(b'a')", ["<bytes>"]),
    "f-string": ("use(f'a{x!r:>{w}}b{{' 'c')", ["f('a', x, 'b{', 'c')"]),
    "integers": ("use(0x_1F)\nuse(1_000)\nuse(0)\nuse(0o17)\nuse(00)", ["31", "1000", "0", "15", "0"]),
    "64 bits": (f"use({2**63 - 1})\nuse({2**63})", [str(2**63 - 1), "<int>"]),
    "other constants": (
        "use(1.5)\nuse(2j)\nuse(...)\nuse(None)\nuse(True)",
        ["<float>", "<complex>", "<ellipsis>", "None", "True"],
    ),
    "call": ("use(f(a, *b, c=d, **e))", ["f(a, *b, c=d, **=e)"]),
    "subscripts": (
        "use(a[1])\nuse(a[1,])\nuse(a[1:2, ::3])\nuse(a[*b])",
        ["a[1]", "a[(1)]", "a[(slice(1, 2), slice(3))]", "a[(*b)]"],
    ),
    "displays": ("use((1, *a))\nuse([])\nuse({1})\nuse({1: 2, **a})", ["(1, *a)", "[]", "{1}", "{1: 2, **: a}"]),
    "operators": ("use(-a + b @ c)\nuse(not a)", ["(-a + (b @ c))", "not a"]),
    "comparison": ("use(a < b is not c not in d)", ["a < b is not c not in d"]),
    "await and yield": (
        "async def g():\n    use(await a)\n    use((yield))\n    use((yield b))",
        ["await(a@1)", "yield(nothing)", "yield(b@1)"],
    ),
    "yield from": ("def g():\n    use((yield from a))", ["yieldfrom(a@1)"]),
    "conditional": ("use(a if b else c)", ["(a if b else c)"]),
    "boolean chain is flat": ("use(a and b and c or d)", ["((a and b and c) or d)"]),
    "full-width attribute": ("use(a.\uff52\uff55\uff4e)", ["a.run"]),
    "cast": ("use(cast('list[T]', x))", ["cast(list[T], x)"]),
    "TypeVar bound": ("use(TypeVar('T', 'A', bound='B'))", ["TypeVar('T', A, bound=B)"]),
}


@pytest.mark.parametrize(("source", "expected"), EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_expressions(source: str, expected: list[str]) -> None:
    assert values(source) == expected


ANNOTATIONS = {
    "plain": ("int", "int"),
    "optional": ("a.B | None", "(a.B | None)"),
    "string": ("'list[B]'", "list[B]"),
    "string in a string's place": ("list['B | None']", "list[(B | None)]"),
    "string within a string": ("\"list['B']\"", "list[B]"),
    "one word": ("'B'", "B"),
    "over two lines": ("'''\n list[\n B]'''", "list[B]"),
    "literal keeps its strings": ("Literal['a', 'b']", "Literal[('a', 'b')]"),
    "qualified literal": ("t.Literal['a']", "t.Literal['a']"),
    "annotated is code after the type": ("Annotated['B', 'text', f('x')]", "Annotated[(B, 'text', f('x'))]"),
    "not a type": ("'one two'", "'one two'"),
    "too much for a type": ("'" + "(" * 50 + "x" + ")" * 50 + "'", repr("(" * 50 + "x" + ")" * 50)),
}


@pytest.mark.parametrize(("written", "expected"), ANNOTATIONS.values(), ids=ANNOTATIONS)
def test_annotations(written: str, expected: str) -> None:
    facts = facts_of(f"B = 1\ndef g(x: {written}) -> {written}: pass\ny: {written} = 1\n")
    function = facts.scopes[1]
    assert value(facts, function.params[0].annotation) == expected
    assert value(facts, function.returns) == expected
    assert value(facts, facts.scopes[0].annotations["y"]) == expected
