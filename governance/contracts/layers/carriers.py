"""Carriers: functions in no layer that use a layer act for the layer that calls them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from governance.contract import Ref, Trail, Violation
from governance.contracts.layers.anchors import Targets
from governance.contracts.layers.crossings import Hit, Hits, trail
from governance.contracts.layers.dependence import Dependence, argument, dependence
from governance.contracts.layers.layering import Layering
from governance.contracts.layers.receivers import Reached, along, of_values
from governance.contracts.layers.takers import Taken, takers
from governance.findings import Grade
from governance.index.values import FunctionId

_LONGEST = 10
"""Calls between a layer and what is done for it; what is further away is not followed."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What calling a function leads to. on: the parameter that decides it, None if nothing the caller gives does."""

    function: FunctionId
    hit: Hit
    on: Dependence | None
    steps: tuple[Trail, ...]


def examine(layering: Layering, targets: Targets, hits: Hits) -> Iterator[Violation]:
    """Every place where a layer lets a function outside of the layers do what it may not do itself."""
    queue = deque(effect for hit in hits.neutral for effect in _first(layering, hit))
    seen = {(effect.function, effect.hit.ref, effect.on) for effect in queue}
    places = {each.ref for each in hits.violations if each.ref}
    by_value: list[tuple[Ref, Violation]] = []
    known: dict[FunctionId, list[Taken]] = {}
    while queue:
        effect = queue.popleft()
        if effect.function not in known:
            known[effect.function] = list(takers(layering, effect.function))
        for taken in known[effect.function]:
            layer = layering.layer(taken.ref[0])
            if layer is not None:
                found = list(_judged(layering, targets, layer, effect, taken))
                if taken.by_value:
                    by_value.extend((taken.ref, each) for each in found)
                    continue
                places.update(each.ref for each in found if each.ref)
                yield from found
                continue
            if len(effect.steps) >= _LONGEST or layering.is_outside(taken.ref[0]):
                continue
            for following in _onward(layering, effect, taken):
                key = (following.function, following.hit.ref, following.on)
                if key not in seen:
                    seen.add(key)
                    queue.append(following)
    # A function that was taken by its name has been reported there.
    for ref, violation in by_value:
        if not any(step.ref in places for step in _origin(layering, ref)):
            yield violation


def _origin(layering: Layering, call: Ref) -> Iterator[Trail]:
    """Where the functions that a call may run come from."""
    callee = (call[0], layering.index.project.node(call)[1])
    for value in layering.index.values(callee):
        yield from layering.index.chain(callee, value)


def _first(layering: Layering, hit: Hit) -> Iterator[Effect]:
    """The functions around a use in no layer."""
    project = layering.index.project
    if layering.is_outside(hit.ref[0]):
        return
    on = dependence(layering, hit.receiver) if hit.receiver is not None and hit.name else None
    for function in layering.functions(project.owner(hit.ref)):
        step = Trail(f"{project.qualname(function) or 'lambda'} uses {hit.text}", hit.ref)
        own = on if on is not None and on.function == function else None
        yield Effect(function, hit, own, (step,))


def _onward(layering: Layering, effect: Effect, taken: Taken) -> Iterator[Effect]:
    """The functions around a call of a carrier, which thereby become carriers."""
    project = layering.index.project
    on: Dependence | None = None
    if effect.on is not None:
        given = argument(layering, effect.on, taken)
        on = dependence(layering, given, effect.on.path) if given is not None else None
    for function in layering.functions(project.owner(taken.ref)):
        if function == effect.function:
            continue
        name = project.qualname(effect.function) or "a lambda"
        step = Trail(f"{project.qualname(function) or 'lambda'} uses {name}", taken.ref)
        own = on if on is not None and on.function == function else None
        yield Effect(function, effect.hit, own, (step, *effect.steps))


def _judged(layering: Layering, targets: Targets, layer: int, effect: Effect, taken: Taken) -> Iterator[Violation]:
    reached = list(_reached(layering, targets, effect, taken))
    crossing = [each for each in reached if layering.crossing(layer, each.layer)]
    if not crossing:
        return
    best = max(crossing, key=lambda each: each.grade)
    grade = min(best.grade, taken.grade)
    if len(crossing) < len(reached):
        # The same helper serves several layers: what it does for this one is not certain.
        grade = min(grade, Grade.POSSIBLE)
    project = layering.index.project
    carrier = project.qualname(effect.function) or "a function made elsewhere"
    message = f"{carrier} acts for {layering.where(taken.ref)}, layer {layering.name(layer)}: it reaches "
    message += f"{project.qualname(best.function)} of {layering.name(best.layer)}, {layering.told(layer, best.layer)}"
    subject = project.symbol(best.function)
    chain = (*effect.steps, *trail(layering, effect.hit, best))
    yield Violation("laundered", message, grade, taken.ref, chain=chain, subject=subject)


def _reached(layering: Layering, targets: Targets, effect: Effect, taken: Taken) -> Iterable[Reached]:
    """What the carrier reaches when it is called like this."""
    if effect.on is None:
        return effect.hit.reached
    given = argument(layering, effect.on, taken)
    if given is None:
        return [Reached(each.function, each.layer, Grade.POSSIBLE, each.value) for each in effect.hit.reached]
    values = {value: Grade(found.grade) for value, found in layering.index.values(given).items()}
    values = along(layering, values, effect.on.path)
    return of_values(layering, targets, values, effect.hit.name)
