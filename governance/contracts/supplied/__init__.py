"""Supplied: what the caller has to name is taken from the caller, never a literal, and nothing falls back to one.

Why: a tool that is chosen because nobody chose one does the wrong work, and reports success.
Limits: names are compared by spelling. A text that is computed is let be, and an empty one, which says "not given".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from governance.contract import Binding, Broken, Direction, Report, Violation, Weaker
from governance.contracts.supplied.places import Place, places
from governance.contracts.supplied.receiving import Receiving
from governance.contracts.supplied.texts import texts
from governance.findings import Grade
from governance.index import Index
from governance.index.project import ScopeId

NAME: Final = "supplied"
WEAKER: Final[Mapping[str, Direction]] = {"names": Weaker.LESS, "modules": Weaker.LESS, "allowed": Weaker.MORE}


@dataclass(frozen=True, slots=True)
class Options:
    """The names, where they are looked at, and who may choose."""

    names: tuple[str, ...]
    """Names that variables, parameters, attributes, keywords and keys of dictionaries go by."""
    modules: tuple[str, ...]
    """The modules or packages that are looked at."""
    allowed: tuple[str, ...] = ()
    """Functions, classes or modules that may name one, `pkg.mod:Class.method`."""


def check(index: Index, options: Options) -> Report:
    """Look at every place in these modules that gives one of the names a value."""
    report = Report()
    allowed = [scope for symbol in options.allowed if (scope := _anchor(index, symbol, report)) is not None]
    for prefix in options.modules:
        if not any(_lies_in(name, prefix) for name in index.project.modules):
            message = f"{prefix} is no module or package of this project"
            report.broken.append(Broken("modules", prefix, message, index.suggest(prefix)))
    sites, receiving = 0, Receiving(index, frozenset(options.names))
    for module in sorted(index.project.modules):
        if any(_lies_in(module, prefix) for prefix in options.modules):
            for place in places(index, module, receiving):
                sites += 1
                report.bindings.append(Binding("place", f"{place.name} {place.says}", place.value))
                if not any(scope in allowed for scope in index.project.enclosing(place.scope)):
                    report.violations.extend(_judged(index, place))
    return Report(_once(report.violations), report.bindings, report.broken, sites)


def _anchor(index: Index, symbol: str, report: Report) -> ScopeId | None:
    scope = index.find(symbol)
    if scope is None:
        message = f"{symbol}, which is allowed, names nothing in this project"
        report.broken.append(Broken("allowed", symbol, message, index.suggest(symbol)))
    return scope


def _lies_in(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(f"{prefix}.")


def _judged(index: Index, place: Place) -> Iterator[Violation]:
    for ref, text, falls_back in texts(index, place.value):
        what = "falls back to" if falls_back else place.says
        check = "fallback" if falls_back else place.check
        where = index.project.qualname(place.scope) or place.scope[0]
        yield Violation(check, f"{place.name} {what} {text!r} in {where}", Grade.DEFINITE, ref, subject=place.name)


def _once(found: list[Violation]) -> list[Violation]:
    """A literal is reported once, though several places may take it."""
    return list({each.ref: each for each in reversed(found)}.values())[::-1]
