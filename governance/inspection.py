"""Inspection: what the engine knows, shown on demand: what contracts bind to, and what is known of one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from governance.cache import Cache
from governance.contract import Binding, Ref
from governance.contract_types import ContractType
from governance.contract_types import load as load_type
from governance.engine import build_index, take_inventory
from governance.evaluation import Places
from governance.findings import Grade
from governance.render import printable, where
from governance.settings import Contract, Settings
from governance.sources import read_sources

FindType = Callable[[str], ContractType | None]


def look(root: Path, settings: Settings, cache: Cache) -> Places:
    """The index of a project with its places; what could not be looked at is among their problems."""
    inventory = take_inventory(root, settings.files, cache)
    sources = read_sources(root, inventory.readable, inventory.keys, cache)
    places = Places(root, build_index(sources, inventory.everything), inventory.keys)
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
        lines.append(f"    sites examined: {report.sites}")
        sound = sound and not report.broken
    return lines, sound


def explain(root: Path, settings: Settings, cache: Cache, path: str, line: int) -> list[str] | None:
    """What calls and attributes that start or end on a line may be; None if the file is not analysed."""
    places = look(root, settings, cache)
    module = next((module for module in places.index.project.modules.values() if module.path == path), None)
    if module is None:
        return None
    refs = [(module.name, number) for number, node in enumerate(module.facts.nodes) if node[0] in ("call", "attr")]
    places.resolve(refs)
    here = [ref for ref in refs if line in (places.of(ref).span.line, places.of(ref).span.end_line)]
    here.sort(key=lambda ref: (places.of(ref).span, ref))
    lines = [text for ref in here for text in _explained(places, ref)]
    return lines or [f"{path}:{line}: no call and no attribute on this line"]


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
    base = (ref[0], node[1])
    part = "function" if node[0] == "call" else "receiver"
    yield printable(f"{where(places.of(ref))}: {node[0]} {index.project.text(ref)}")
    values = index.values(base)
    unknown = "" if values else f": not known: {index.unresolved(base)}"
    yield printable(f"    {part} {index.project.text(base)}{unknown}")
    for value, evidence in values.items():
        yield printable(f"        {describe(index.project, value)} ({Grade(evidence.grade).label})")
        trail = index.chain(base, value)
        places.resolve(step.ref for step in trail if step.ref)
        for step in trail:
            at = f" ({where(places.of(step.ref))})" if step.ref else ""
            yield printable(f"            {step.text}{at}")
