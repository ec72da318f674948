"""The statement tree: what happens, in which order, under which branch."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.unit.extract.rendering import facts_of, steps

STATEMENTS = {
    "order of a call": ("a.b(c.d, e[0])", "{attr a.b; attr c.d; sub e[0]; call a.b(c.d, e[0])}"),
    "assignment: value, then targets from left to right": (
        "a().x = b[c()] = d()",
        "{call d(); call a(); store a().x = d(); call c(); store b[c()] = d()}",
    ),
    "augmented attribute: target once": (
        "a().x += b()",
        "{call a(); attr a().x; call b(); store a().x = (a().x += b())}",
    ),
    "augmented item": ("a[0] += 1", "{sub a[0]; store a[0] = (a[0] += 1)}"),
    "annotated attribute": ("a.x: T = f()", "{call f(); store a.x = (f(): T)}"),
    "annotation alone does nothing": ("a.x: T", "{}"),
    "annotations do nothing": ("x: f() = 1", "{x := (1: f())}"),
    "delete": ("del a.x, b[c()]", "{store del a.x; call c(); store del b[c()]}"),
    "import": ("import a.b, c", "{import import a.b; a := import a.b; import import c; c := import c}"),
    "star import": ("from a import *", "{import import a:*}"),
    "if": ("if a(): b()\nelse: c()", "{call a(); if a() {call b()} else {call c()}}"),
    "elif": (
        "if a: b()\nelif c(): d()",
        "{if a {call b()} else {call c(); if c() {call d()} else {}}}",
    ),
    "and": ("a() and b() and c()", "{call a(); if a() {call b(); if b() {call c()} else {}} else {}}"),
    "or": ("a() or b()", "{call a(); if a() {} else {call b()}}"),
    "not": ("not a()", "{call a()}"),
    "conditional expression": ("a() if b() else c()", "{call b(); if b() {call a()} else {call c()}}"),
    "comparison chain stops early": (
        "a() < b() < c()",
        "{call a(); call b(); if a() < b() {call c()} else {}}",
    ),
    "while": (
        "while a(): b()\nelse: c()",
        "{while {call a()} a() {call b()} else {call c()}}",
    ),
    "for": (
        "for x in a(): b()\nelse: c()",
        "{call a(); for {next item(a())} nothing {x := item(a()); call b()} else {call c()}}",
    ),
    "break and continue": (
        "while a:\n    if b: break\n    continue",
        "{while {} a {if b {break} else {}; continue} else {}}",
    ),
    "comprehension": (
        "[a(x) for x in b() if c(x) for y in x]",
        (
            "{call b(); comp {next item(b())} nothing {call c(item(b())); if c(item(b())) "
            "{comp {next item(<item(b()) if c(item(b()))>)} nothing {call a(<item(b()) if c(item(b()))>)} else {}}"
            " else {}} else {}}"
        ),
    ),
    "try": (
        "try: a()\nexcept B as e: c()\nexcept: d()\nelse: e()\nfinally: f()",
        (
            "{try {call a()} except B as e {e := exception(B); call c()} except at except as None {call d()}"
            " else {call e()} finally {call f()}}"
        ),
    ),
    "except star": ("try: a()\nexcept* B: c()", "{try {call a()} except* B as None {call c()} else {} finally {}}"),
    "the types of a clause are evaluated in its block": (
        "try: a()\nexcept b.C: d()",
        "{try {call a()} except b.C as None {attr b.C; call d()} else {} finally {}}",
    ),
    "with": (
        "with a() as b, c(): d()",
        "{call a(); with enter(a()) {b := enter(a()); call c(); with enter(c()) {call d()}}}",
    ),
    "match": (
        "match a():\n    case B(x=y) if c(): d()\n    case _: e()",
        (
            "{call a(); match a() case a() ~ B(x=_) {attr <a() if a() ~ B(x=_)>.x; y := <a() if a() ~ B(x=_)>.x;"
            " call c()} guard c() {call d()} case a() ~ _ {} guard nothing {call e()} exhaustive}"
        ),
    ),
    "match without a last word": ("match a:\n    case 1: b()", "{match a case a ~ 1 {} guard nothing {call b()}}"),
    "guarded wildcard is not exhaustive": ("match a:\n    case _ if b: pass", "{match a case a ~ _ {} guard b {}}"),
    "raise": ("raise a() from b()", "{call a(); call b(); raise a() from b()}"),
    "re-raise": ("raise", "{raise nothing from nothing}"),
    "assert": ("assert a(), b()", "{call a(); assert a() {call b()}}"),
    "definition: decorators, defaults, then itself": (
        "@a.b\n@c()\ndef f(x: d()=e()) -> g(): h()",
        "{attr a.b; call c(); call e(); define function f; f := function f}",
    ),
    "class": (
        "@a()\nclass B(c(), d=e()): f()",
        "{call a(); call c(); call e(); define class B; B := class B}",
    ),
    "lambda": ("x = lambda y=a(): b()", "{call a(); define function <lambda>; x := function <lambda>}"),
    "walrus": ("f(x := a())", "{call a(); x := a(); call f(a())}"),
    "slices": ("a[b():c()]", "{call b(); call c(); sub a[slice(b(), c())]}"),
    "formatted values and their formats": ("f'{a():{b()}}'", "{call a(); call b()}"),
    "template string": ("t'{a()}'", "{call a()}"),
    "an old type alias runs": (
        "x: t.TypeAlias = list['B'] | a()",
        "{sub list[B]; call a(); x := ((list[B] | a()): t.TypeAlias)}",
    ),
    "type alias is lazy": ("type X = a()", "{X := alias(a())}"),
    "lazy import": (
        "lazy import a\nlazy from b import c",
        "{import import a; a := import a; import import b:c; c := import b:c}",
    ),
}


@pytest.mark.parametrize(("source", "expected"), STATEMENTS.values(), ids=STATEMENTS)
def test_module_body(source: str, expected: str) -> None:
    facts = facts_of(source)
    assert steps(facts, facts.scopes[0].body) == expected


FUNCTIONS = {
    "return": ("def f(a):\n    return a()", "{call a(); return a()}"),
    "bare return": ("def f():\n    return", "{return nothing}"),
    "lambda body returns": ("lambda a: a()", "{call a(); return a()}"),
    "await and async for": (
        "async def f(a, b):\n    async for x in b: await a()",
        "{async-for {next async item(b)} nothing {x := async item(b); call a(); await await(a())} else {}}",
    ),
    "async with": ("async def f(a):\n    async with a as x: pass", "{with async enter(a) {x := async enter(a)}}"),
    "yield": (
        "def f(a):\n    x = yield a\n    yield from x",
        "{yield yield(a); x := yield(a); yield yieldfrom(yield(a))}",
    ),
    "global store": ("def f():\n    global x\n    x = 1", "{x := 1}"),
    "a nested function is its definition only": ("def f():\n    def g(): h()", "{define function g; g := function g}"),
}


@pytest.mark.parametrize(("source", "expected"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_function_body(source: str, expected: str) -> None:
    facts = facts_of(source)
    assert steps(facts, facts.scopes[1].body) == expected


def test_scope_fields() -> None:
    facts = facts_of(
        """
        from a import *
        class C[T](Base, *more, metaclass=Meta, **options):
            x: int = 1
            x: str
            async def m(self, a, /, b=2, *args, c, d=3, **kw):
                yield a
                yield from b
        def f():
            global g
            g = 1
            nonlocal_ = 2
            def h():
                nonlocal nonlocal_
                nonlocal_ = 3
                return nonlocal_
                return
        g = 2
        """
    )
    module, klass, method, f, h = facts.scopes
    assert [scope.kind for scope in facts.scopes] == ["module", "class", "function", "function", "function"]
    assert [scope.name for scope in facts.scopes] == ["", "C", "m", "f", "h"]
    assert [scope.parent for scope in facts.scopes] == [-1, 0, 1, 0, 3]
    assert [facts.nodes[scope.node] for scope in facts.scopes[1:]] == [
        ["class", 1], ["function", 2], ["function", 3], ["function", 4],
    ]  # fmt: skip
    assert len(module.star_imports) == 1
    assert len(klass.bases) == 2
    assert [name for name, _ in klass.keywords] == ["metaclass", None]
    assert [name for name, _ in klass.type_params] == ["T"]
    assert facts.nodes[klass.annotations["x"]] == ["free", "str", 1]
    assert [(param.name, param.kind) for param in method.params] == [
        ("self", "positional"), ("a", "positional"), ("b", "normal"), ("args", "vararg"), ("c", "keyword"),
        ("d", "keyword"), ("kw", "kwarg"),
    ]  # fmt: skip
    assert [param.default >= 0 for param in method.params] == [False, False, True, False, False, True, False]
    assert all(facts.nodes[param.node] == ["param", 2, index] for index, param in enumerate(method.params))
    assert method.is_async
    assert method.is_generator
    assert [facts.nodes[node][0] for node in method.yields] == ["yield", "yieldfrom"]
    assert module.rebound == ["g"]
    assert [facts.nodes[node] for node in module.bindings["g"]] == [["const", "int", 1], ["const", "int", 2]]
    assert f.global_names == ["g"]
    assert f.rebound == ["nonlocal_"]
    assert len(f.bindings["nonlocal_"]) == 2
    assert h.nonlocal_names == ["nonlocal_"]
    assert "nonlocal_" not in h.bindings
    assert len(h.results) == 1
    assert facts.nodes[module.final["g"]] == ["const", "int", 2]
    assert [facts.owner[param.node] for param in method.params] == [2] * 7


EXPORTS = {
    "list": ("__all__ = ['a', 'b']", ["a", "b"]),
    "tuple": ("__all__ = 'a', 'b'", ["a", "b"]),
    "annotated": ("__all__: list[str] = ['a']", ["a"]),
    "extended": ("__all__ = ['a']\n__all__ += ['b']\n__all__.append('c')\n__all__.extend(['d'])", ["a", "b", "c", "d"]),
    "sum": ("__all__ = ['a'] + ['b']", ["a", "b"]),
    "absent": ("a = 1", None),
    "computed": ("__all__ = [name for name in globals()]", None),
    "partly computed": ("__all__ = ['a'] + b.__all__", None),
    "conditional": ("__all__ = ['a']\nif x: __all__ += ['b']", None),
    "removed from": ("__all__ = ['a']\n__all__.remove('a')", None),
}


@pytest.mark.parametrize(("source", "expected"), EXPORTS.values(), ids=EXPORTS)
def test_exports(source: str, expected: list[str] | None) -> None:
    assert facts_of(source).scopes[0].exports == expected


def test_lambda_finds_the_comprehension_target_around_it() -> None:
    facts = facts_of("x = [lambda: item for item in items]\ny = [other for other in items]")
    assert [facts.nodes[node][0] for node in facts.scopes[0].bindings["item"]] == ["item"]
    assert "other" not in facts.scopes[0].bindings


def test_every_evaluated_node_is_in_one_step() -> None:
    facts = facts_of(
        """
        def f(a, *b, c=d.e(), **g):
            with a.b() as (x, y.z[h()]), c.i(): pass
            x = [a.j(k) async for k in l.m() if n.o() and p.q() or r.s()][t.u():v.w()]
            return x if x.y else {**z.a(), b.c(): d.e()}
        """
    )
    seen: Counter[int] = Counter()

    def count(part: object) -> None:
        if isinstance(part, list):
            if part and part[0] in ("call", "attr", "sub"):
                seen[part[1]] += 1
            for inner in part:
                count(inner)

    for scope in facts.scopes:
        count(scope.body)
    expected = [number for number, node in enumerate(facts.nodes) if node[0] in ("call", "attr", "sub")]
    assert sorted(seen.elements()) == expected
