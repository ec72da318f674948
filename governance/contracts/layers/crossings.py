"""Crossings: where a function of a layer is taken off its object or module, and by which layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from governance.contract import Ref, Trail, Violation
from governance.contracts.layers.anchors import Targets
from governance.contracts.layers.evidence import of_program
from governance.contracts.layers.layering import Layering
from governance.contracts.layers.receivers import Reached, reached
from governance.findings import Grade
from governance.index.taken import sites
from governance.index.uses import use
from governance.index.values import FunctionId


@dataclass(frozen=True, slots=True)
class Hit:
    """A function of layer `layer` is used at a place that stands in no layer: it acts for whoever calls it.

    call: the call of the function if the place is its callee, else the place itself.
    """

    ref: Ref
    receiver: Ref | None
    name: str
    text: str
    reached: tuple[Reached, ...]


@dataclass(slots=True)
class Hits:
    """What was found. sites: how many uses were examined; neutral: those outside of the layers."""

    violations: list[Violation] = field(default_factory=list)
    neutral: list[Hit] = field(default_factory=list)
    sites: int = 0


def examine(layering: Layering, targets: Targets) -> Hits:
    """Every use of a function that counts."""
    hits = Hits()
    for name in sorted(targets.names):
        for hit in _named(layering, targets, name):
            _place(layering, targets, hits, hit)
    taken = {each.ref for each in hits.violations if each.ref}
    for hit in _stored(layering, targets):
        if layering.layer(hit.ref[0]) is None:
            hits.neutral.append(hit)
            continue
        # A function that a layer took by its name has been reported where it was taken.
        for each in judged(layering, hit):
            proven = of_program(layering, targets, each, None, "")
            if proven is not None and not any(step.ref in taken for step in each.chain):
                hits.violations.append(proven)
    return hits


def _named(layering: Layering, targets: Targets, name: str) -> Iterator[Hit]:
    """Uses of a name that functions that count go by."""
    index, project = layering.index, layering.index.project
    for site in sites(index, name):
        path = () if site.name is None else named_path(layering, site.name, name)
        if path is None:
            continue
        found = reached(layering, targets, site.receiver, name, path=path, each=site.each)
        if found:
            yield Hit(site.ref, site.receiver, name, project.text(site.ref), found)
        elif site.name is None and layering.options.entry and not index.values(site.receiver):
            yield Hit(site.ref, site.receiver, name, project.text(site.ref), ())
    functions = {each for each in targets.names[name] if project.owning_class(each) is None}
    for ref, reference in plain_uses(layering, name) if functions else ():
        evidence = index.values(reference)
        found = tuple(
            Reached(function, targets.layers[function], Grade(evidence["fn", function].grade), ("fn", function))
            for function in sorted(functions)
            if ("fn", function) in evidence
        )
        if found:
            yield Hit(ref, None, name, project.text(reference), found)


def named_path(layering: Layering, ref: Ref, name: str) -> tuple[str, ...] | None:
    """What stands before a name in the text an expression is: () for `post`, ("ledger",) for `ledger.post`."""
    for value in layering.index.values(ref):
        if value[:2] == ("const", "str"):
            *path, last = value[2].split(".")
            if last == name:
                return tuple(path)
    return None


def plain_uses(layering: Layering, name: str) -> Iterator[tuple[Ref, Ref]]:
    """Calls of, and with, a plain function that goes by a name: the call, and the node of the function."""
    project = layering.index.project
    for called in (name, *sorted(project.aliases.get(name, ()))):
        for ref in dict.fromkeys((*project.calls(called), *project.mentions(called))):
            node = project.node(ref)
            for number in (node[1], *node[2], *(value for _, value in node[3])):
                if project.node((ref[0], number))[0] in ("free", "local"):
                    yield ref, (ref[0], number)


def _stored(layering: Layering, targets: Targets) -> Iterator[Hit]:
    """Calls of a function that counts where the function itself came as a value."""
    project = layering.index.project
    calls: dict[Ref, dict[FunctionId, Reached]] = {}
    for function, layer in targets.layers.items():
        for ref, callee in layering.by_value.get(function, ()):
            value = ("fn", function) if callee.receiver is None else ("bm", function, callee.receiver)
            calls.setdefault(ref, {})[function] = Reached(function, layer, callee.grade, value)
    for ref, found in calls.items():
        callee_node = (ref[0], project.node(ref)[1])
        yield Hit(ref, callee_node, "", project.text(callee_node), tuple(found.values()))


def _place(layering: Layering, targets: Targets, hits: Hits, hit: Hit) -> None:
    hits.sites += 1
    layer = layering.layer(hit.ref[0])
    if layer is None:
        if hit.reached:
            hits.neutral.append(hit)
        return
    if use(layering.index, hit.ref) is None and layering.index.project.node(hit.ref)[0] != "call":
        return
    if not hit.reached:
        hits.violations.extend(_unknown(layering, targets, layer, hit))
    for violation in judged(layering, hit):
        proven = of_program(layering, targets, violation, hit.receiver, hit.name)
        if proven is not None:
            hits.violations.append(proven)


def judged(layering: Layering, hit: Hit) -> Iterator[Violation]:
    """The crossings of one use in a layer, the best graded of each layer that is reached."""
    layer = layering.layer(hit.ref[0])
    if layer is None:
        return
    best: dict[int, Reached] = {}
    for each in hit.reached:
        if layering.crossing(layer, each.layer) and (each.layer not in best or best[each.layer].grade < each.grade):
            best[each.layer] = each
    for used, each in best.items():
        yield _violation(layering, layer, used, hit, each)


def _violation(layering: Layering, layer: int, used: int, hit: Hit, best: Reached) -> Violation:
    index = layering.index
    through = _through(layering, layer, hit)
    check = f"{layering.crossing(layer, used)}-call" if through is None else "reach-through"
    how = "is called" if index.project.node(hit.ref)[0] == "call" else use(index, hit.ref)
    text = f"{hit.text}()" if how == "is called" else hit.text
    message = f"{text} {how} in {layering.where(hit.ref)}, layer {layering.name(layer)}"
    if through is not None:
        message += f", through {layering.name(through)}"
    message += f": {index.project.qualname(best.function)} belongs to {layering.name(used)}, "
    subject = index.project.symbol(best.function)
    return Violation(
        check,
        message + layering.told(layer, used),
        best.grade,
        hit.ref,
        chain=trail(layering, hit, best),
        subject=subject,
    )


def trail(layering: Layering, hit: Hit, best: Reached) -> tuple[Trail, ...]:
    """Why the use reaches that function."""
    index = layering.index
    steps = index.chain(hit.receiver, best.value) if hit.receiver is not None and best.value is not None else ()
    where = index.project.definition(best.function)
    last = Trail(f"{index.project.qualname(best.function)} of {layering.name(best.layer)} is defined here", where)
    return (*steps, last)


def _through(layering: Layering, layer: int, hit: Hit) -> int | None:
    """The other layer through whose object a receiver is reached, None if there is none."""
    if hit.receiver is None or not hit.name:
        return None
    project = layering.index.project
    current = hit.receiver
    for _ in range(20):
        node = project.node(current)
        if node[0] in ("local", "narrow", "await", "call", "sub"):
            following = node[2] if node[0] == "local" else node[1]
            if following < 0:
                return None
            current = (current[0], following)
            continue
        if node[0] != "attr":
            return None
        current = (current[0], node[1])
        for cls in layering.index.classes_of(current):
            passed = layering.layer(cls[0])
            if passed is not None and passed != layer:
                return passed
    return None


def _unknown(layering: Layering, targets: Targets, layer: int, hit: Hit) -> Iterator[Violation]:
    """A receiver nothing is known about, and a name that only entries of other layers go by."""
    layers = {targets.layers[each] for each in targets.names[hit.name]}
    if hit.receiver is None or any(layering.crossing(layer, each) is None for each in layers):
        return
    reason = layering.index.unresolved(hit.receiver)
    message = f"{hit.text} in {layering.where(hit.ref)}, layer {layering.name(layer)}, may skip a layer: {reason}"
    yield Violation("unknown-receiver", message, Grade.UNRESOLVED, hit.ref, subject=hit.text)
