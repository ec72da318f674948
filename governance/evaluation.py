"""Evaluation: every contract asks the index; its answers get their places and become findings."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from governance.connection import symbols_of
from governance.contract import Broken, Ref, Report, Violation
from governance.contract_types import ContractType
from governance.findings import WHOLE_FILE, ChainStep, Finding, Grade, Place, Problem, Span
from governance.globs import matcher
from governance.places import Places
from governance.result import Outcome
from governance.settings import Contract, Settings

if TYPE_CHECKING:
    from governance.index import Index


@dataclass(slots=True)
class Evaluation:
    """What the contracts said. Findings are not yet ordered, and not yet suppressed."""

    findings: list[Finding] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def evaluate(places: Places, settings: Settings, find_type: Callable[[str], ContractType | None]) -> Evaluation:
    """Ask every contract. One that fails, or speaks of what is not there, is a crash; the others still answer."""
    evaluation = Evaluation()
    index = places.index
    index.prefer(symbol for contract in settings.contracts for symbol in symbols_of(contract.options))
    answers: list[tuple[Contract, Report, list[Violation]]] = []
    for contract in settings.contracts:
        try:
            kind = find_type(contract.terms.type)
            if kind is None:
                raise LookupError(f"contract type {contract.terms.type} is gone")
            report = kind.check(index, contract.options)
            answers.append((contract, report, _in_scope(contract, report.violations, index, settings)))
        except Exception as error:  # noqa: BLE001  # whatever it is, it is reported by name and the rest goes on
            evaluation.problems.append(_crash(contract.id, error))
            evaluation.outcomes.append(Outcome(contract.id, contract.terms.type, "crashed"))
    if index.solver.exhausted:
        steps = index.solver.evaluations
        message = f"the analysis stopped after {steps} steps: what it would still have found is not known"
        hint = "analyse less with paths and exclude, or give contracts fewer symbols that everything reaches"
        evaluation.problems.append(Problem("budget", message, hint=hint))
    places.resolve(ref for _, _, violations in answers for each in violations for ref in _refs(each))
    evaluation.problems += places.problems
    for contract, report, violations in answers:
        evaluation.findings += [_finding(contract, each, places, index) for each in violations]
        evaluation.findings += [_anchor(contract, each, settings.path) for each in report.broken]
        state = "broken" if report.broken else "skipped" if report.skipped else "kept"
        if not (report.sites or report.violations or report.broken or report.skipped):
            state = "vacuous"
        exempt = len(report.violations) - len(violations)
        outcome = Outcome(contract.id, contract.terms.type, state, sites=report.sites, exempt=exempt)
        evaluation.outcomes.append(replace(outcome, note=report.skipped))
    evaluation.outcomes.sort(key=lambda outcome: outcome.id)
    return evaluation


def _in_scope(contract: Contract, violations: list[Violation], index: Index, settings: Settings) -> list[Violation]:
    exempt = settings.files.test_files if contract.terms.tests == "exempt" else ()
    outside = matcher((*contract.terms.exclude, *exempt))
    modules = index.project.modules
    for ref in (ref for each in violations for ref in _refs(each)):
        index.project.node(ref)
    return [each for each in violations if not outside(modules[each.ref[0]].path if each.ref else each.path)]


def _refs(violation: Violation) -> list[Ref]:
    refs = [step.ref for step in violation.chain]
    return [ref for ref in (violation.ref, *refs) if ref is not None]


def _finding(contract: Contract, violation: Violation, places: Places, index: Index) -> Finding:
    ref = violation.ref
    chain = tuple(ChainStep(step.text, places.of(step.ref) if step.ref else None) for step in violation.chain)
    return Finding(
        contract.id,
        contract.terms.type,
        violation.check,
        places.of(ref, violation.name) if ref else Place(violation.path, _line(violation.line)),
        index.project.qualname(index.project.owner(ref)) if ref else "",
        violation.message,
        violation.grade,
        violation.grade >= contract.fail_on,
        contract.terms.because,
        contract.terms.instead,
        chain,
        violation.subject,
    )


def _anchor(contract: Contract, broken: Broken, config: str) -> Finding:
    place = Place(config, _line(contract.line))
    suggestion = f"did you mean {broken.suggestion}?" if broken.suggestion else "name one that exists, or add it"
    message = f'{broken.option} = "{broken.symbol}": {broken.message}'
    because = contract.terms.because
    grade = Grade.DEFINITE
    kind = contract.terms.type
    return Finding(contract.id, kind, "anchor", place, "", message, grade, True, because, suggestion, (), broken.symbol)


def _line(number: int) -> Span:
    return Span(number, 1, number, 1) if number else WHOLE_FILE


def _crash(contract: str, error: Exception) -> Problem:
    last = traceback.extract_tb(error.__traceback__)[-1]
    message = f"failed: {type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"
    return Problem("crash", message, contract=contract, hint="this is a defect of the contract type; please report it")
