"""Blind spots: where the engine cannot see, listed instead of passed over in silence.

Three kinds: places at which code names something only when it runs; places a contract could not decide; and questions
whose answers grew so large that the engine stopped counting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from governance.contract import Ref
from governance.contract_types import ContractType
from governance.contract_types import load as load_type
from governance.evaluation import evaluate
from governance.findings import Finding, Grade, Place
from governance.globs import matcher
from governance.index import Index
from governance.index.chain import question
from governance.places import Places
from governance.render import printable, where
from governance.result import place_to_json
from governance.settings import Settings

_NAMED: Final = {"getattr": 1, "setattr": 1, "delattr": 1, "import_module": 0, "__import__": 0}
"""Functions that are handed a name, and the position of it: dynamic when the name is computed."""
_ALWAYS: Final = frozenset(("eval", "exec", "globals", "locals", "vars"))
_EXTERNAL: Final = {"import_module": "importlib.import_module"}


@dataclass(frozen=True, slots=True)
class Dynamic:
    """A place at which a name is computed. kind: getattr, eval, __dict__ ...; text: the code, shortened."""

    kind: str
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class BlindSpots:
    """Everything the engine cannot see. undecided: by contract, what it cannot decide; widened: (question, place);
    in_tests: how many of the other two lie in test files and were left out."""

    dynamic: list[Dynamic]
    undecided: dict[str, list[Finding]]
    widened: list[tuple[str, Place]]
    in_tests: int


def blind_spots(
    places: Places, settings: Settings, tests: bool, find_type: Callable[[str], ContractType | None] = load_type
) -> BlindSpots:
    """Ask every contract, then collect what nobody could answer; tests: in test files too, which contracts decide for
    themselves. Problems are added to those of `places`."""
    index = places.index
    evaluation = evaluate(places, settings, find_type)
    # `evaluate` passes on what locating its findings met; the rest is its own.
    places.problems += [each for each in evaluation.problems if each not in places.problems]
    undecided: dict[str, list[Finding]] = {contract.id: [] for contract in settings.contracts}
    for finding in sorted(evaluation.findings, key=lambda finding: finding.sort_key):
        if finding.grade <= Grade.POSSIBLE:
            undecided[finding.contract].append(finding)
    sites = dict.fromkeys(_dynamic(index))
    keys = [told for key in index.solver.widened if (told := question(index.project, key))]
    places.resolve([*(ref for _, ref in sites), *(step.ref for step in keys if step.ref)])
    dynamic = [Dynamic(kind, _text(index, ref), places.of(ref)) for kind, ref in sites]
    widened = {(step.text, places.of(step.ref)) for step in keys if step.ref}
    left_out = matcher(settings.files.test_files if not tests else ())
    return BlindSpots(
        sorted(
            (each for each in dynamic if not left_out(each.place.path)),
            key=lambda each: (each.place.path, each.place.span, each.kind),
        ),
        undecided,
        sorted(
            (each for each in widened if not left_out(each[1].path)),
            key=lambda each: (each[1].path, each[1].span, each[0]),
        ),
        sum(left_out(place.path) for place in (*(each.place for each in dynamic), *(place for _, place in widened))),
    )


def _text(index: Index, ref: Ref) -> str:
    """A call with its arguments, each shortened."""
    project = index.project
    node = project.node(ref)
    if node[0] != "call":
        return project.text(ref)
    arguments = [project.text((ref[0], each)) for each in node[2]]
    arguments += [f"{name}={project.text((ref[0], each))}" for name, each in node[3] if name]
    return f"{project.text((ref[0], node[1]))}({', '.join(arguments)})"


def _dynamic(index: Index) -> Iterator[tuple[str, Ref]]:
    project = index.project
    for name, position in _NAMED.items():
        for called in {name, *project.aliases.get(name, ())}:
            for ref in project.calls(called):
                arguments = project.node(ref)[2]
                constant = len(arguments) > position and _is_constant(index, (ref[0], arguments[position]))
                if not constant and _EXTERNAL.get(name, f"builtins.{name}") in index.externals(ref):
                    yield name, ref
    for name in sorted(_ALWAYS):
        for ref in project.calls(name):
            if f"builtins.{name}" in index.externals(ref):
                yield name, ref
    for ref in project.attr_loads("__dict__"):
        yield "__dict__", ref


def _is_constant(index: Index, ref: Ref) -> bool:
    """Whether every value of a name is known text."""
    values = index.values(ref)
    return bool(values) and all(value[:2] == ("const", "str") for value in values)


def to_lines(found: BlindSpots) -> Iterator[str]:
    """For people: every place, then a line that counts."""
    for contract, findings in found.undecided.items():
        yield f"{contract}: {len(findings)} undecided"
        for each in findings:
            yield printable(f"    {where(each.place)}: {each.grade.label}: {each.message}")
    kinds = Counter(each.kind for each in found.dynamic)
    listed = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    yield f"dynamic: {len(found.dynamic)}" + (f" ({listed})" if listed else "")
    for site in found.dynamic:
        yield printable(f"    {where(site.place)}: {site.kind}: {site.text}")
    yield f"widened: {len(found.widened)}"
    for text, place in found.widened:
        yield printable(f"    {where(place)}: {text}")
    if found.in_tests:
        yield f"in test files: {found.in_tests} more, shown with --tests"


def to_json(found: BlindSpots) -> dict[str, Any]:
    """For programs; the shape is described in docs/reference/output.md."""
    return {
        "undecided": {
            contract: [
                {
                    "check": each.check,
                    "grade": each.grade.label,
                    "message": each.message,
                    "place": place_to_json(each.place),
                    "fingerprint": each.fingerprint,
                }
                for each in findings
            ]
            for contract, findings in found.undecided.items()
        },
        "dynamic": [
            {"kind": each.kind, "text": each.text, "place": place_to_json(each.place)} for each in found.dynamic
        ],
        "widened": [{"question": text, "place": place_to_json(place)} for text, place in found.widened],
        "in_tests": found.in_tests,
    }
