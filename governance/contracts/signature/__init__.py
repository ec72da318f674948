"""Signature: functions exist with exactly the declared parameters, annotations, result and way of handling failures.

Why: what callers rely on (the order of arguments, a pair on every path, that nothing is raised) is broken by one edit.
Limits: decorators of other distributions are taken to keep the signature unless they are known not to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from governance.contract import Binding, Broken, Direction, Ref, Report, Trail, Violation, Weaker
from governance.contracts.signature import forms, handling, layers, parameters, results
from governance.contracts.signature.expected import Expected, parse
from governance.contracts.signature.places import functions_named
from governance.findings import Grade
from governance.index import Index
from governance.index.values import FunctionId
from governance.paths.natures import is_abstract

NAME: Final = "signature"
WEAKER: Final[Mapping[str, Direction]] = {
    "functions": Weaker.LESS,
    "signature": Weaker.LESS,
    "unannotated": Weaker.MORE,
    "handles": Weaker.LESS,
    "requires_finally": Weaker.LESS,
    "calls": Weaker.LESS,
    "handlers_call": Weaker.MORE_OR_NONE,
}


@dataclass(frozen=True, slots=True)
class Options:
    """What the functions are to look like."""

    functions: tuple[str, ...]
    """The functions, `pkg.mod:Class.method`; a leading `+` takes the overrides in subclasses along. Inherited methods
    count as existing. A class or module is asked to exist, no more."""
    signature: str = ""
    """The whole signature as Python reads it: `async def run(self, name: str) -> dict[str, Any]`. An annotation that is
    left out is not checked; a parameter has a default exactly if one is written (`= ...` for any)."""
    unannotated: bool = False
    """Whether annotations that are not written are fine (for overrides, which inherit them)."""
    handles: tuple[str, ...] = ()
    """Exception classes that may not leave the functions, `Exception` or dotted names."""
    requires_finally: bool = False
    """Whether there must be a `finally` with something in it."""
    calls: tuple[str, ...] = ()
    """Functions that must be called in each of them, directly or through helpers."""
    handlers_call: tuple[str, ...] = ()
    """Functions of which every `except` handler of a broad class has to call one."""

    def __post_init__(self) -> None:
        if self.signature:
            parse(self.signature)


@dataclass(frozen=True, slots=True)
class _Case:
    index: Index
    options: Options
    expected: Expected | None
    function: FunctionId
    at: Ref
    name: str
    ways: handling.Ways

    def violation(
        self, check: str, text: str, grade: Grade = Grade.DEFINITE, at: Ref | None = None, chain: tuple[Trail, ...] = ()
    ) -> Violation:
        subject = f"{self.name} {check}"
        return Violation(check, f"{self.name} {text}", grade, at or self.at, chain=chain, subject=subject)


def check(index: Index, options: Options) -> Report:
    """Examine every function the contract names."""
    report = Report()
    expected = parse(options.signature) if options.signature else None
    duties = handling.duties(index, options.calls, options.handlers_call, options.handles, report)
    seen: set[FunctionId] = set()
    ways = handling.Ways(index)
    for symbol in options.functions:
        found = functions_named(index, symbol)
        if found is None:
            shown = symbol.removeprefix("+")
            message = f"{shown} names nothing in this project"
            report.broken.append(Broken("functions", symbol, message, index.suggest(shown)))
            continue
        for function in found:
            if function in seen:
                continue  # it is named twice, or overrides two of them
            seen.add(function)
            at = index.project.definition(function)
            report.bindings.append(Binding("function", index.project.symbol(function), at))
            if index.project.scope(function).kind in ("class", "module") or at is None:
                continue
            case = _Case(index, options, expected, function, at, index.project.qualname(function), ways)
            report.violations.extend(_examine(case, duties))
    return Report(report.violations, report.bindings, report.broken, len(seen))


def _examine(case: _Case, duties: handling.Duties) -> Iterator[Violation]:
    index, expected = case.index, case.expected
    scope = index.project.scope(case.function)
    if expected is not None:
        if text := parameters.layout(index, case.function, expected):
            yield case.violation("parameters", text)
        else:
            lenient = case.options.unannotated
            for text in parameters.annotated(index, case.function, expected, optional=lenient):
                yield case.violation("annotation", text)
        if scope.is_async != expected.is_async:
            yield case.violation("async", f"is {'' if scope.is_async else 'not '}a coroutine function")
    runs: list[FunctionId] = [case.function]
    first = expected.parameters[0].name if expected and expected.parameters else ""
    around = list(layers.layers(index, case.function, first))
    for layer in around:
        if layer.wrapper is None:
            text = f"is decorated with {layer.name}, which {layer.fault}"
            yield case.violation("replaced", text, layer.grade, layer.at)
        else:
            yield from _wrapper(case, layer)
            runs.append(layer.wrapper)
    if is_abstract(index, case.function) and _is_stood_in_for(case):
        return
    if expected is not None and expected.returns:
        yield from _results(case)
        for layer in around:
            yield from _wrapper_results(case, layer)
    yield from handling.examine(case.ways, runs, duties, case.options.requires_finally, case.violation)


def _is_stood_in_for(case: _Case) -> bool:
    """Whether somebody implements an abstract function, in this project or, where overrides count too, elsewhere."""
    overrides = any(name.startswith("+") for name in case.options.functions)
    return overrides or len(case.index.overrides(case.function)) > 1


def _wrapper(case: _Case, layer: layers.Layer) -> Iterator[Violation]:
    """What is called instead must look the same."""
    index, expected = case.index, case.expected
    assert layer.wrapper is not None  # the caller has looked
    if expected is None:
        return
    scope = index.project.scope(layer.wrapper)
    if scope.is_async != expected.is_async and not _passes_on(index, layer.wrapper):
        text = f"is replaced by {scope.name}, which is {'' if scope.is_async else 'not '}a coroutine function"
        yield case.violation("async", text, layer.grade, layer.at)
    if layer.kept:
        return
    text = parameters.layout(index, layer.wrapper, expected)
    if not text:
        lenient = case.options.unannotated
        text = next(parameters.annotated(index, layer.wrapper, expected, optional=lenient), "")
    if text:
        shown = f"is replaced by {index.project.qualname(layer.wrapper)} ({layer.name}), which {text}"
        yield case.violation("replaced", shown, layer.grade, layer.at)


def _passes_on(index: Index, wrapper: FunctionId) -> bool:
    """A plain wrapper that returns the coroutine it gets is as good as a coroutine function to its callers."""
    return any(
        value[0] == "coro"
        for result in index.project.scope(wrapper).results
        for value in index.values((wrapper[0], result))
    )


def _results(case: _Case) -> Iterator[Violation]:
    index, expected = case.index, case.expected
    assert expected is not None  # the caller has looked
    declared = forms.configured(index, expected.returns, case.function[0])
    if index.project.scope(case.function).is_generator and not results.is_iterator(declared):
        yield case.violation("result", "is a generator")
        return
    silent = False
    for misfit in results.misfits(index, case.function, declared, case.function):
        silent = silent or misfit.text == "returns None"
        yield case.violation("result", misfit.text, misfit.grade, misfit.at, misfit.chain)
    if results.wants_value(declared) and not silent:
        summary = case.ways.out(case.function)
        nothing = handling.ends_with_none(index, case.function, summary) if summary else None
        if nothing is not None:
            grade, at = nothing
            text = "returns None" if at else "can end without a return, so that its caller gets None"
            yield case.violation("result", text, grade, at)


def _wrapper_results(case: _Case, layer: layers.Layer) -> Iterator[Violation]:
    """What a decorator's wrapper returns is what callers get."""
    index, expected = case.index, case.expected
    assert expected is not None  # the caller has looked
    if layer.wrapper is None:
        return
    declared = forms.configured(index, expected.returns, case.function[0])
    for misfit in results.misfits(index, layer.wrapper, declared, case.function):
        text = f"is decorated with {layer.name}, whose wrapper {misfit.text}"
        yield case.violation("result", text, min(misfit.grade, layer.grade), layer.at, misfit.chain)
