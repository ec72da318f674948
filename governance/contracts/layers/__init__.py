"""Layers: modules stand in ordered layers, and each imports from and calls only the layer directly below it.

Why: a layer that is skipped takes its checks, limits and records along, and an upward import makes a cycle.
Limits: module names and receivers that are computed at run time are reported below the failing grade.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from governance.contract import Direction, Report, Violation, Weaker
from governance.contracts.layers import anchors, carriers, crossings, imports
from governance.contracts.layers.layering import Layering
from governance.index import Index

NAME: Final = "layers"
WEAKER: Final[Mapping[str, Direction]] = {
    "modules": Weaker.LESS,
    "composition_roots": Weaker.MORE,
    "outside": Weaker.MORE,
    "neutral": Weaker.MORE,
    "type_checking_imports": ("forbidden", "allowed"),
    "undeclared": ("finding", "unrestricted"),
    "skip": Weaker.MORE,
}
OUTSIDE: Final = ("tests", "**.tests", "test_*", "**.test_*", "*_test", "**.*_test", "conftest", "**.conftest")


@dataclass(frozen=True, slots=True)
class Options:
    """The layers from top to bottom, and what stands outside of them."""

    order: tuple[str, ...]
    """The layers, the topmost first."""
    modules: dict[str, tuple[str, ...]]
    """The modules of each layer, with everything below them; `*` is one part of a name, `**` any number of parts."""
    entry: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The calls that count, `pkg.mod:Class.method`, for each layer; without it every function of a layer counts."""
    composition_roots: tuple[str, ...] = ()
    """Modules that put the layers together and may import and call all of them."""
    outside: tuple[str, ...] = OUTSIDE
    """Modules that are no part of the program, such as its tests: what they do, and hand over, is nobody's act."""
    neutral: tuple[str, ...] = ()
    """Modules that are meant to stand in no layer; only needed with undeclared = "finding"."""
    type_checking_imports: Literal["forbidden", "allowed"] = "forbidden"
    """Whether imports under `if TYPE_CHECKING` count."""
    undeclared: Literal["unrestricted", "finding"] = "unrestricted"
    """What a module is that stands nowhere: fine, or a finding."""
    skip: bool = False
    """Whether a layer may use every layer below it instead of the next one only."""

    def __post_init__(self) -> None:
        if len(self.order) < 2 or len(set(self.order)) < len(self.order):
            raise ValueError("order must name at least two layers, each once")
        if set(self.modules) != set(self.order):
            odd = sorted(set(self.modules) ^ set(self.order))
            raise ValueError(f"modules must name the layers of order, no more and no less: {', '.join(odd)}")
        if unknown := sorted(set(self.entry) - set(self.order)):
            raise ValueError(f"entry names {', '.join(unknown)}, which order does not know")
        if empty := sorted(layer for layer, names in self.modules.items() if not names):
            raise ValueError(f"modules names nothing for {', '.join(empty)}")
        named = Counter(name for names in self.modules.values() for name in set(names))
        if twice := sorted(name for name, layers in named.items() if layers > 1):
            raise ValueError(f"modules puts {', '.join(twice)} into more than one layer")


def looks_at_everything(options: Options) -> bool:
    """Whether a module that no layer knows of is a finding, or a layer may have modules in any package."""
    patterns = [pattern for names in options.modules.values() for pattern in names]
    return options.undeclared == "finding" or any("*" in pattern.partition(".")[0] for pattern in patterns)


def check(index: Index, options: Options) -> Report:
    """Examine every import, every use of an entry, and every neutral helper that acts for a layer."""
    layering = Layering.of(index, options)
    report = Report(bindings=anchors.bindings(layering))
    report.broken.extend(anchors.broken(layering))
    targets = anchors.targets(layering, report.broken)
    imported = imports.examine(layering)
    found = [*imported.violations, *_undeclared(layering)]
    hits = crossings.examine(layering, targets)
    found.extend(hits.violations)
    found.extend(carriers.examine(layering, targets, hits))
    report.violations.extend(_distinct(found))
    return Report(report.violations, report.bindings, report.broken, imported.sites + hits.sites)


def _undeclared(layering: Layering) -> list[Violation]:
    if layering.options.undeclared == "unrestricted":
        return []
    found = []
    for name, module in layering.index.project.modules.items():
        if layering.is_declared(name) or not any(scope.body for scope in module.facts.scopes):
            continue
        message = f"module {name} stands in no layer"
        found.append(Violation("undeclared-module", message, layering.sure, path=module.path, subject=name))
    return found


def _distinct(found: list[Violation]) -> list[Violation]:
    """One finding per place and subject, the best graded, in the order of discovery."""
    best: dict[tuple[object, ...], Violation] = {}
    for each in found:
        key = (each.ref, each.path, each.subject)
        if key not in best or best[key].grade < each.grade:
            best[key] = each
    return list(best.values())
