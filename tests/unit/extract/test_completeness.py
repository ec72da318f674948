"""Facts against `ast`, on the standard library and on installed packages: nothing is lost, nothing is counted twice,
places agree."""

from __future__ import annotations

import ast
import sysconfig
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from governance.extract import extract, locate
from governance.extract.decode import decode
from governance.facts import ModuleFacts

NOT_PARSED = frozenset({"test_grammar.py", "ann_module.py"})
"""`(name): annotation` is legal Python that libcst does not parse."""
ITSELF = frozenset("bool bytearray bytes dict float frozenset int list set str tuple".split())
"""Classes whose positional pattern is about the object itself; those of all others are about attributes (PEP 634)."""
LIBRARY = Path(sysconfig.get_paths()["stdlib"])
FILES = sorted(
    path for path in LIBRARY.rglob("*.py") if "site-packages" not in path.parts and path.name not in NOT_PARSED
)
QUICK = [path for path in FILES[:: max(1, len(FILES) // 15)] if path.stat().st_size < 60_000]
PACKAGES = Path(sysconfig.get_paths()["purelib"])
INSTALLED = sorted(
    path
    for name in ("fastapi", "starlette", "sqlalchemy", "pydantic", "hypothesis", "alembic", "mypy", "pip", "libcst")
    for path in (PACKAGES / name).rglob("*.py")
    if path.name not in NOT_PARSED
)
QUICK_INSTALLED = [path for path in INSTALLED[:: max(1, len(INSTALLED) // 15)] if path.stat().st_size < 60_000]


def check(path: Path, steps: bool = True) -> bool:
    """Compare one file; False if `ast` cannot read it."""
    return compare(path.read_bytes(), path, steps)


def compare(source: bytes, path: Path | str, steps: bool = True) -> bool:
    """As `check`. steps: the statement tree too, where the simple idea that `types_in` has of type expressions will
    do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            return False
    facts = extract(source)
    lines = lines_of(facts, source)
    expected = counted(tree)
    found = Counter(
        node[0] for number, node in enumerate(facts.nodes) if node[0] not in ("call", "attr") or number in lines
    )
    found += Counter(f"scope {scope.kind}" for scope in facts.scopes)
    for op in ("call", "attr", "await", "scope function", "scope lambda", "scope class"):
        assert found[op] == expected[op], f"{path}: {op}"
    assert Counter(lines.values()) == Counter(line for _, line in located(tree)), path
    if steps:
        check_steps(facts, path)
    return True


def counted(tree: ast.AST) -> Counter[str]:
    names = {
        ast.Call: "call", ast.Await: "await", ast.FunctionDef: "scope function",
        ast.AsyncFunctionDef: "scope function", ast.Lambda: "scope lambda", ast.ClassDef: "scope class",
    }  # fmt: skip
    found = Counter(names[type(node)] for node in ast.walk(tree) if type(node) in names)
    found["attr"] = sum(1 for kind, _ in located(tree) if kind == "attr")
    return found


def located(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """(op, line) of calls and attribute loads; the attribute's line is that of its name."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(lineno=line):
                yield "call", line
            case ast.Attribute(end_lineno=int(line), ctx=ast.Load()):
                yield "attr", line
            case ast.AugAssign(target=ast.Attribute(end_lineno=int(line))):
                yield "attr", line
            case ast.MatchClass(cls=kind, patterns=positional, kwd_patterns=keywords):
                if len(positional) == 1 and isinstance(kind, ast.Name) and kind.id in ITSELF:
                    positional = []
                yield from (("attr", pattern.lineno) for pattern in (*positional, *keywords))


def lines_of(facts: ModuleFacts, source: bytes) -> dict[int, int]:
    """The line of each call and attribute load, without those written in strings: their span ends in a quote."""
    wanted = [number for number, node in enumerate(facts.nodes) if node[0] in ("call", "attr")]
    lines = decode(source).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return {
        number: span.line
        for number, span in locate(source, wanted).items()
        if lines[span.end_line - 1][span.end_column - 2] not in "\"'"
    }


def check_steps(facts: ModuleFacts, path: Path | str) -> None:
    """Every call, await, yield, attribute and item load is in exactly one step of its own scope, types excepted."""
    typed = types_in(facts)
    everywhere: set[int] = set()
    for number, scope in enumerate(facts.scopes):
        seen: Counter[int] = Counter()
        evaluated(scope.body, seen)
        assert all(facts.owner[node] == number for node in seen), path
        assert max(seen.values(), default=1) == 1, path
        everywhere |= seen.keys()
    for node, (op, *_) in enumerate(facts.nodes):
        if op in ("call", "await", "attr", "sub", "yield", "yieldfrom"):
            assert (node in everywhere) != (node in typed), f"{path}: {facts.nodes[node]}"


def evaluated(part: Any, seen: Counter[int]) -> None:
    if isinstance(part, list):
        if part and part[0] in ("call", "await", "attr", "sub", "yield"):
            seen[part[1]] += 1
        for inner in part:
            evaluated(inner, seen)


def types_in(facts: ModuleFacts) -> set[int]:  # noqa: C901  # one case per place that holds a type
    """Nodes that stand in annotations and the like: evaluated late or never."""
    found: set[int] = set()

    def add(number: Any) -> None:
        if not isinstance(number, int) or isinstance(number, bool) or number < 0 or number in found:
            return
        found.add(number)
        op, *operands = facts.nodes[number]
        if op not in ("const", "local", "free", "function", "class", "param", "import", "import_as"):
            for operand in operands:
                for inner in operand if isinstance(operand, list) else [operand]:
                    for leaf in inner if isinstance(inner, list) else [inner]:
                        add(leaf)

    for scope in facts.scopes:
        for number in (scope.returns, *(param.annotation for param in scope.params), *scope.annotations.values()):
            add(number)
    for node in facts.nodes:
        match node:
            case ["annotated" | "alias", typed, *_]:
                add(typed)
            case ["typevar", _, bound]:
                add(bound)
            case ["call", function, [_, *rest] as arguments, keywords]:
                called = facts.nodes[function][2 if facts.nodes[function][0] == "attr" else 1]
                if called == "cast":
                    add(arguments[0])
                elif called in ("TypeVar", "NewType"):
                    for number in (*rest, *(value for _, value in keywords)):
                        add(number)
    return found


@pytest.mark.parametrize("path", QUICK, ids=lambda path: path.relative_to(LIBRARY).as_posix())
def test_a_sample_of_the_standard_library(path: Path) -> None:
    check(path)


@pytest.mark.parametrize(
    "pattern",
    ["C(a)", "C(a, 1)", "C(a, b=c)", "C(D(a), b=D(c))", "str(a)", "str(a, b=c)", "str(a, b)", "m.str(a)", "C()"],
)
def test_class_patterns(pattern: str) -> None:
    assert compare(f"match x.y:\n    case {pattern}:\n        f()\n".encode(), pattern)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_the_standard_library(part: int) -> None:
    files = FILES[part::10]
    assert sum(check(path) for path in files) > len(files) * 0.9


@pytest.mark.parametrize("path", QUICK_INSTALLED, ids=lambda path: path.relative_to(PACKAGES).as_posix())
def test_a_sample_of_installed_packages(path: Path) -> None:
    check(path, steps=False)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_installed_packages(part: int) -> None:
    files = INSTALLED[part::10]
    assert sum(check(path, steps=False) for path in files) > len(files) * 0.9
