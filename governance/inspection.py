"""Inspection: what the engine knows, shown on demand: what contracts bind to, and what is known of one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from governance.cache import Cache
from governance.contract import Binding, Ref
from governance.contract_types import ContractType
from governance.contract_types import load as load_type
from governance.engine import build_index, take_inventory
from governance.findings import Grade
from governance.places import Places
from governance.render import printable, problem_line, where
from governance.settings import Contract, Settings
from governance.sources import read_sources

FindType = Callable[[str], ContractType | None]


def look(root: Path, settings: Settings, cache: Cache) -> Places:
    """The index of a project with its places; what could not be looked at is among their problems."""
    inventory = take_inventory(root, settings.files, cache, settings.path)
    sources = read_sources(root, inventory.readable, inventory.keys, cache)
    places = Places(root, build_index(sources, inventory.everything), inventory.keys, cache)
    places.problems += [*inventory.listing.problems, *inventory.unread, *sources.problems]
    return places


def describe_contracts(settings: Settings) -> Iterator[str]:
    """What is promised, why, and what to do instead."""
    for contract in settings.contracts:
        yield from _heading(contract)
    for name, because in settings.disabled.items():
        yield f"{name}: switched off: {printable(because)}"


def describe_bindings(
    root: Path, settings: Settings, cache: Cache, find_type: FindType = load_type
) -> tuple[list[str], bool]:
    """Every contract with the places it holds on to; and whether all of its names exist."""
    places = look(root, settings, cache)
    lines: list[str] = []
    sound = True
    for contract in settings.contracts:
        lines += _heading(contract)
        kind = find_type(contract.terms.type)
        if kind is None:
            continue
        report = kind.check(places.index, contract.options)
        places.resolve(binding.ref for binding in report.bindings if binding.ref)
        lines += [f"    {_binding(binding, places)}" for binding in report.bindings]
        for broken in report.broken:
            remedy = f"; did you mean {broken.suggestion}?" if broken.suggestion else ""
            lines.append(printable(f'    broken: {broken.option} = "{broken.symbol}": {broken.message}{remedy}'))
        said = f"skipped: {report.skipped}" if report.skipped else f"sites examined: {report.sites}"
        lines.append(printable(f"    {said}"))
        sound = sound and not report.broken
    return lines, sound


def explain(root: Path, settings: Settings, cache: Cache, path: str, line: int) -> tuple[list[str], bool] | None:
    """What calls, attributes and names that start or end on a line may be, and whether the file could be read; None if
    it is not analysed."""
    places = look(root, settings, cache)
    module = next((module for module in places.index.project.modules.values() if module.path == path), None)
    if module is None:
        problems = [problem_line(problem) for problem in places.problems if problem.path == path]
        return (problems, False) if problems else None
    nodes = module.facts.nodes
    refs = [(module.name, number) for number, node in enumerate(nodes) if node[0] in _EXPLAINED]
    places.resolve(refs)
    here = [ref for ref in refs if line in (places.of(ref).span.line, places.of(ref).span.end_line)]
    # A name is told with the call or attribute it belongs to; parameters are told where they are declared.
    told = {nodes[number][1] for _, number in here if nodes[number][0] in ("call", "attr")}
    here = [ref for ref in here if ref[1] not in told or nodes[ref[1]][0] in ("call", "attr")]
    here.sort(key=lambda ref: (places.of(ref).span, ref))
    lines = [text for ref in here for text in _explained(places, ref)]
    return lines or [f"{path}:{line}: nothing on this line is called, loaded or declared"], True


_EXPLAINED: Final = frozenset(("call", "attr", "local", "free", "param"))


def _heading(contract: Contract) -> Iterator[str]:
    terms = contract.terms
    yield f"{contract.id} ({terms.type}, fails on {terms.fail_on} findings)"
    yield f"    why: {printable(terms.because)}"
    if terms.instead:
        yield f"    fix: {printable(terms.instead)}"


def _binding(binding: Binding, places: Places) -> str:
    at = where(places.of(binding.ref)) if binding.ref else binding.path
    return printable(f"{binding.role}: {binding.text}" + (f" ({at})" if at else ""))


def _explained(places: Places, ref: Ref) -> Iterator[str]:
    from governance.index.chain import describe

    index = places.index
    node = index.project.node(ref)
    kind = {"local": "name", "free": "name", "param": "parameter"}.get(node[0], node[0])
    yield printable(f"{where(places.of(ref))}: {kind} {index.project.text(ref)}")
    if node[0] in ("call", "attr"):
        base = (ref[0], node[1])
        yield from _told(places, base, f"{'function' if node[0] == 'call' else 'receiver'} {index.project.text(base)}")
    else:
        yield from _told(places, ref, "value")
    if node[0] == "call":
        found = ", ".join(
            f"{describe(index.project, value)} ({Grade(evidence.grade).label})"
            for value, evidence in index.values(ref).items()
        )
        yield printable(f"    gives {found}" if found else "    gives something that is not known")


def _told(places: Places, ref: Ref, label: str) -> Iterator[str]:
    """What a node may be, each with the chain that says so."""
    from governance.index.chain import describe

    index = places.index
    values = index.values(ref)
    yield printable(f"    {label}" if values else f"    {label}: not known: {index.unresolved(ref)}")
    for value, evidence in values.items():
        yield printable(f"        {describe(index.project, value)} ({Grade(evidence.grade).label})")
        trail = index.chain(ref, value)
        places.resolve(step.ref for step in trail if step.ref)
        for step in trail:
            at = f" ({where(places.of(step.ref))})" if step.ref else ""
            yield printable(f"            {step.text}{at}")
