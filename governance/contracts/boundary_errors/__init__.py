"""Boundary errors: what a failure becomes on its way out over HTTP.

Why: a client told 200 about a failure acts on it; one told 500, or the text of an exception, learns what it must not.
Limits: statuses and texts that come from outside the project are not known; streams that fail after they have begun.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from governance.contract import Binding, Broken, Direction, Report, Violation, Weaker
from governance.contracts.boundary_errors.answers import answer
from governance.contracts.boundary_errors.application import Application
from governance.contracts.boundary_errors.exception_text import ExceptionText
from governance.contracts.boundary_errors.failures import Failures
from governance.contracts.boundary_errors.gathered import dropped
from governance.contracts.boundary_errors.leaks import leaks
from governance.contracts.boundary_errors.service_failures import ServiceFailures
from governance.contracts.boundary_errors.spoken import spoken
from governance.contracts.boundary_errors.territory import Territory
from governance.findings import Grade
from governance.index import Index
from governance.index.project import ScopeId

NAME: Final = "boundary-errors"
WEAKER: Final[Mapping[str, Direction]] = {
    "routes": Weaker.LESS,
    "services": Weaker.LESS,
    "allowed_statuses": Weaker.MORE_OR_NONE,
    "wrapper": Weaker.MORE,
    "domain_errors": Weaker.LESS,
}

_SERVER_ERROR: Final = 500
_CHECKS: Final = {"unhandled": "unhandled-service-error", "swallowed": "swallowed-exception"}


@dataclass(frozen=True, slots=True)
class Options:
    """Where the boundary runs, and what may cross it."""

    routes: tuple[str, ...]
    """Modules or packages that answer requests."""
    services: tuple[str, ...] = ()
    """Modules or packages whose failures have to be told; they make no HTTP answers themselves."""
    allowed_statuses: tuple[int, ...] = ()
    """The only statuses that may be given; empty: every one below 500."""
    wrapper: tuple[str, ...] = ()
    """Functions that make a public body of an exception."""
    domain_errors: tuple[str, ...] = ()
    """Exception classes that stand for a known failure; to swallow one is as bad as to swallow all."""


def check(index: Index, options: Options) -> Report:
    """Examine every answer of the boundary, every route, and every broad handler of the services."""
    report = Report()
    for option, names in (("routes", options.routes), ("services", options.services)):
        _demand_modules(index, option, names, report)
    wrappers = _symbols(index, "wrapper", options.wrapper, report)
    domain = frozenset(_symbols(index, "domain-errors", options.domain_errors, report))
    territory = Territory(index, options.routes, options.services)
    for route, decorator in territory.routes.items():
        report.bindings.append(Binding("route", index.project.symbol(route), decorator))
    allowed = frozenset(options.allowed_statuses)
    application = Application(index, territory, allowed)
    failures = Failures(index, territory, application, domain)
    report.violations.extend(_statuses(index, territory, allowed))
    report.violations.extend(_leaks(index, territory, wrappers))
    report.violations.extend(_below(index, territory))
    found = [
        *failures.of_routes(),
        *ServiceFailures(index, territory, domain).swallowed(),
        *dropped(index, territory, failures.services),
    ]
    for each in found:
        violation = Violation(_CHECKS[each.kind], each.text, each.grade, each.at, chain=each.chain, subject=each.text)
        report.violations.append(violation)
    for route in failures.too_complex:
        text = f"{index.project.qualname(route)} has too many paths to be followed"
        report.violations.append(
            Violation("unhandled-service-error", text, Grade.UNRESOLVED, index.project.definition(route), subject=text)
        )
    return Report(report.violations, report.bindings, report.broken, len(territory.route_modules))


def _statuses(index: Index, territory: Territory, allowed: frozenset[int]) -> Iterator[Violation]:
    for each in spoken(index, territory):
        if each.number in allowed or (not allowed and each.number < _SERVER_ERROR):
            continue
        name = "http-5xx" if each.number >= _SERVER_ERROR else "unlisted-status"
        text = f"{each.text} with status {each.number}"
        yield Violation(name, text, each.grade, each.at, chain=each.chain, subject=text)


def _leaks(index: Index, territory: Territory, wrappers: list[ScopeId]) -> Iterator[Violation]:
    for each in leaks(index, territory, ExceptionText(index, wrappers)):
        text = f"{each.text} the text of an exception"
        yield Violation("raw-error-leak", text, each.grade, each.at, chain=each.chain(index), subject=text)


def _below(index: Index, territory: Territory) -> Iterator[Violation]:
    """HTTP answers made by services."""
    for module in territory.service_modules:
        for number, node in enumerate(index.project.modules[module].facts.nodes):
            made = answer(index, (module, number)) if node[0] == "call" else None
            if made is not None:
                where = index.project.qualname(index.project.owner((module, number))) or f"module {module}"
                text = f"{made.name} is made in {where}, below the boundary"
                yield Violation("http-below-boundary", text, Grade.DEFINITE, (module, number), subject=text)


def _demand_modules(index: Index, option: str, names: tuple[str, ...], report: Report) -> None:
    for name in names:
        if name not in index.project.modules and name not in index.project.packages:
            message = f"{name} is no module or package of this project"
            report.broken.append(Broken(option, name, message, index.suggest(name)))


def _symbols(index: Index, option: str, names: tuple[str, ...], report: Report) -> list[ScopeId]:
    found: list[ScopeId] = []
    for name in names:
        scope = index.find(name)
        if scope is None:
            report.broken.append(Broken(option, name, f"{name} names nothing in this project", index.suggest(name)))
        else:
            found.append(scope)
    return found
