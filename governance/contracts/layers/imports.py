"""Imports: what comes into the modules of a layer, in whatever spelling, belongs to the module that defines it."""

from __future__ import annotations

from dataclasses import dataclass, field

from governance.contract import Ref, Trail, Violation
from governance.contracts.layers import dynamic
from governance.contracts.layers.layering import Layering, home_of
from governance.contracts.layers.type_checking import type_only
from governance.findings import Grade
from governance.index.names import Entity


@dataclass(slots=True)
class Imported:
    """What the imports said. sites: how many were examined."""

    violations: list[Violation] = field(default_factory=list)
    sites: int = 0


@dataclass(slots=True)
class _Scan:
    """One module of a layer under examination. known: what its imports have been judged for already."""

    layering: Layering
    module: str
    layer: int
    found: Imported
    known: set[object] = field(default_factory=set)

    def judge(self, ref: Ref, home: str, what: str, subject: str, trail: tuple[Trail, ...] = ()) -> bool:
        """Report the use of something that belongs to module `home`; whether it crosses."""
        used = self.layering.layer(home)
        crossing = self.layering.crossing(self.layer, used) if used is not None else None
        if used is None or crossing is None:
            return False
        check = "upward-import" if crossing == "upward" else "skipped-layer"
        message = f"{what} in layer {self.layering.name(self.layer)}: {self.layering.told(self.layer, used)}"
        self.found.violations.append(Violation(check, message, Grade.DEFINITE, ref, chain=trail, subject=subject))
        return True


def examine(layering: Layering) -> Imported:
    """Every import statement, attribute of an imported package and import by string in a layer."""
    found = Imported()
    project = layering.index.project
    statements: dict[str, list[Ref]] = {}
    for ref in (*project.nodes("import"), *project.nodes("import_as")):
        statements.setdefault(ref[0], []).append(ref)
    for module, layer in layering.layered:
        scan = _Scan(layering, module, layer, found)
        free = layering.options.type_checking_imports == "allowed"
        exempt = type_only(layering.index, module) if free else frozenset()
        for ref in statements.get(module, ()):
            found.sites += 1
            if ref[1] not in exempt:
                _statement(scan, ref)
        _attributes(scan)
    for crossing in dynamic.examine(layering):
        found.sites += 1
        found.violations.append(crossing)
    return found


def _statement(scan: _Scan, ref: Ref) -> None:
    names, project = scan.layering.index.names, scan.layering.index.project
    node = project.node(ref)
    target = names.absolute(ref[0], node[1], node[2] or "")
    if target is None:
        return
    member = node[3]
    if member is None:
        scan.known.add(("mod", target))
        scan.judge(ref, target, f"{target} is imported", target)
    elif member == "*":
        if not scan.judge(ref, target, f"everything of {target} is imported", target):
            _star(scan, ref, target)
    else:
        _member(scan, ref, target, member)


def _member(scan: _Scan, ref: Ref, target: str, member: str) -> None:
    names = scan.layering.index.names
    full = f"{target}.{member}"
    is_module = names.module(full)[0] == "mod" and not names.definitions(target, member)
    scan.known.add(("mod", full))
    if scan.judge(ref, full if is_module else target, f"{member} of {target} is imported", full):
        return
    for entity in names.member(target, member) or _lazy(scan, target, member):
        scan.known.add(entity)
        home = home_of(entity)
        if home is None or home == target:
            continue
        what = f"{member} is imported from {target}, but belongs to {home}"
        if scan.judge(ref, home, what, f"{home}.{member}", _trail(scan.layering, entity)):
            return


def _lazy(scan: _Scan, module: str, name: str) -> list[Entity]:
    """What a module's own `__getattr__` gives for a name."""
    index = scan.layering.index
    if module not in index.project.modules or index.project.child((module, 0), "__getattr__") is None:
        return []
    values = index.member(module, name).items()
    return [value[:2] for value, why in values if value[0] in ("cls", "fn", "mod") and why.grade >= Grade.PROBABLE]


def _star(scan: _Scan, ref: Ref, target: str) -> None:
    """A star import from a neutral module counts for the names that are used."""
    index = scan.layering.index
    facts = index.project.modules[scan.module].facts
    used = {node[1]: number for number, node in enumerate(facts.nodes) if node[0] == "free"}
    for name in sorted(used):
        if name in facts.scopes[0].bindings or not index.names.exported(target, name):
            continue
        for entity in index.names.member(target, name):
            home = home_of(entity)
            if home is not None and ("star", entity) not in scan.known:
                scan.known.add(("star", entity))
                what = f"{name} is imported from {target}, but belongs to {home}"
                scan.judge(ref, home, what, f"{home}.{name}", _trail(scan.layering, entity))


def _attributes(scan: _Scan) -> None:
    """`package.module` and `package.Name`: what is taken off an imported package, once for each thing."""
    index = scan.layering.index
    facts = index.project.modules[scan.module].facts
    for number, node in enumerate(facts.nodes):
        if node[0] != "attr":
            continue
        ref = (scan.module, number)
        for base in index.names.resolve((scan.module, node[1])):
            if base[0] != "mod":
                continue
            for entity in index.names.attribute(base, node[2]) or _lazy(scan, base[1], node[2]):
                _taken(scan, ref, base[1], entity, index.project.text(ref))


def _taken(scan: _Scan, ref: Ref, base: str, entity: Entity, text: str) -> None:
    """Something is taken off module `base`: it counts where a layer is entered, unless an import was judged for it."""
    home = home_of(entity)
    if home is None or entity in scan.known or scan.layering.layer(home) == scan.layering.layer(base):
        return
    scan.known.add(entity)
    what = f"{text} is {home}" if entity[0] == "mod" else f"{text} belongs to {home}, it is used"
    scan.judge(ref, home, what, text, _trail(scan.layering, entity))


def _trail(layering: Layering, entity: Entity) -> tuple[Trail, ...]:
    """Where an entity is defined."""
    project = layering.index.project
    if entity[0] in ("cls", "fn"):
        where = project.definition(entity[1])
        return (Trail(f"{project.qualname(entity[1])} is defined here", where),) if where else ()
    return (Trail("it is defined here", (entity[1], entity[2])),) if entity[0] == "node" else ()
