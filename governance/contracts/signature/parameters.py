"""Parameters and annotations of one function, held against the declared signature."""

from __future__ import annotations

from collections.abc import Iterator

from governance.contracts.signature import forms
from governance.contracts.signature.expected import Expected, Parameter
from governance.facts import Param
from governance.index import Index
from governance.index.values import FunctionId

_STARS = {"vararg": "*", "kwarg": "**"}


def layout(index: Index, function: FunctionId, expected: Expected) -> str:
    """How names, order, kinds and defaults differ; "" if they do not."""
    params = index.project.scope(function).params
    if [(each.kind, each.name) for each in params] != [(each.kind, each.name) for each in expected.parameters]:
        mine, theirs = _line([_Shown(each) for each in params]), _line([_Shown(each) for each in expected.parameters])
        return f"takes ({mine}) instead of ({theirs})"
    for param, wanted in zip(params, expected.parameters, strict=True):
        if wanted.default is None and param.default >= 0:
            return f"gives {param.name} a default"
        if wanted.default is not None and param.default < 0:
            return f"gives {param.name} no default"
        if wanted.default not in (None, "...") and not _same_default(index, function, param, str(wanted.default)):
            return f"gives {param.name} another default than {wanted.default}"
    return ""


def annotated(index: Index, function: FunctionId, expected: Expected, *, optional: bool) -> Iterator[str]:
    """Every annotation that differs. optional: one that is not written is fine."""
    scope = index.project.scope(function)
    by_name = {each.name: each for each in scope.params}
    for wanted in expected.parameters:
        param = by_name.get(wanted.name)
        if wanted.annotation and param is not None:
            yield from _one(index, function, param.annotation, wanted.annotation, wanted.name, optional)
    if expected.returns:
        yield from _one(index, function, scope.returns, expected.returns, "", optional)


def _one(index: Index, function: FunctionId, node: int, wanted: str, name: str, optional: bool) -> Iterator[str]:
    form = forms.configured(index, wanted, function[0])
    if node < 0:
        if not optional:
            yield f"does not annotate {name or 'its result'} as {wanted}"
        return
    found = forms.written(index, (function[0], node))
    if found != form:
        yield f"{f'annotates {name}' if name else 'is declared to return'} {forms.shown(found)} instead of {wanted}"


def _same_default(index: Index, function: FunctionId, param: Param, text: str) -> bool:
    shown = {repr(value[2]) for value in index.values((function[0], param.default)) if value[0] == "const"}
    return text in shown or not shown


class _Shown:
    def __init__(self, parameter: Param | Parameter) -> None:
        self.kind = parameter.kind
        self.text = _STARS.get(parameter.kind, "") + parameter.name


def _line(parameters: list[_Shown]) -> str:
    parts: list[str] = []
    for number, each in enumerate(parameters):
        before = parameters[number - 1].kind if number else ""
        if before == "positional" and each.kind != "positional":
            parts.append("/")
        if each.kind == "keyword" and before not in ("keyword", "vararg"):
            parts.append("*")
        parts.append(each.text)
    if parameters and parameters[-1].kind == "positional":
        parts.append("/")
    return ", ".join(parts)
