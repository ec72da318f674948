"""The declared signature of the configuration is read as Python reads it, and compared by what types mean."""

from __future__ import annotations

import pytest

from governance.contracts.signature import Options, forms
from governance.contracts.signature.expected import Parameter, parse
from governance.extract import extract
from governance.index import Index, Module

SOURCE = b"""
from typing import Any, Dict
class Thing: ...
Payload = Dict[str, Any]
"""


@pytest.fixture(scope="module")
def index() -> Index:
    return Index([Module("pkg.mod", "pkg/mod.py", extract(SOURCE), False)])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "run(self)",
        "def run(self",
        "class A: pass",
        "def run(self): ...; x = 1",
        "lambda x: x",
        "def f(a, a): pass; f",
    ],
)
def test_what_is_no_signature_is_refused_with_an_example(text: str) -> None:
    if not text:
        assert Options(functions=("a:b",), signature=text).signature == ""
        return
    with pytest.raises(ValueError, match="write it as in Python"):
        Options(functions=("a:b",), signature=text)


@pytest.mark.parametrize("annotation", ["'lambda'", "list['[[']", "Annotated[int, ('(')]", "dict[str, 'a b']"])
def test_a_quoted_type_that_cannot_be_read_is_refused(annotation: str) -> None:
    for text in (f"def f(a: {annotation})", f"def f(*a: {annotation})", f"def f() -> {annotation}"):
        with pytest.raises(ValueError, match="has an annotation that cannot be read"):
            Options(functions=("a:b",), signature=text)


@pytest.mark.requirement("R-062")
def test_every_kind_of_parameter_is_read() -> None:
    found = parse("async def f(a, /, b: int = 3, *c, d, e: str = ..., **g) -> dict[str, Any]")
    assert found.is_async
    assert found.returns == "dict[str, Any]"
    assert found.parameters == (
        Parameter("a", "positional"),
        Parameter("b", "normal", "int", "3"),
        Parameter("c", "vararg"),
        Parameter("d", "keyword"),
        Parameter("e", "keyword", "str", "..."),
        Parameter("g", "kwarg"),
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dict[str, Any]", "typing.Dict[str, typing.Any]"),
        ("Optional[int]", "int | None"),
        ("Union[int, str, None]", "None | str | int"),
        ("Payload", "dict[str, Any]"),
        ("'dict[str, Any]'", "dict[str, Any]"),
        ("Annotated[int, 'positive']", "int"),
        ("dict[Any, Any]", "dict"),
        ("tuple[Any, ...]", "Tuple"),
        ("collections.abc.Mapping[str, int]", "typing.Mapping[str, int]"),
        ("Thing", "pkg.mod.Thing"),
        ("Literal['a', 'b']", "Literal['b', 'a']"),
        ("Literal[Thing.A, 'a b']", "typing.Literal['a b', Thing.A]"),
        ("Optional[()]", "typing.Optional[()]"),
        ("Callable[[int], str]", "collections.abc.Callable[[int], str]"),
    ],
)
def test_spellings_of_one_type_are_equal(index: Index, one: str, other: str) -> None:
    assert forms.configured(index, one, "pkg.mod") == forms.configured(index, other, "pkg.mod")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dict[str, Any]", "dict"),
        ("tuple[int]", "tuple[int, ...]"),
        ("int | None", "int"),
        ("Any", "object"),
        ("Literal[1]", "Literal[True]"),
        ("Thing", "other.Thing"),
        ("type[int]", "int"),
        ("Callable[[int], str]", "Callable[[str], int]"),
    ],
)
def test_different_types_differ(index: Index, one: str, other: str) -> None:
    assert forms.configured(index, one, "pkg.mod") != forms.configured(index, other, "pkg.mod")
