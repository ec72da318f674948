"""Factories: the functions around a wrapper, with what a decorator has been given.

def counted(enabled=True):
    def around(function):
        def wrapper(*args): ...  # reads `enabled`
        return wrapper
    return around

@counted(enabled=False)
def run(): ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.facts import Node
from governance.index.binding import bind
from governance.index.values import FunctionId
from governance.paths.abstract import constant
from governance.paths.frames import Frame, Work
from governance.paths.layers import Layer
from governance.paths.outcomes import Abstract, Kind, Place, State

if TYPE_CHECKING:
    from governance.paths.engine import Engine


def around(engine: Engine, layer: Layer, function: FunctionId, live: int) -> tuple[Frame, dict[Place, Abstract]] | None:
    """The activations, numbered from `live` on, of the decorator and of what made it, and the constants that their
    parameters are for this function; None if nothing is known of them."""
    if layer.decorator is None or layer.wrapper is None or engine.coarse or engine.runs.aside:
        return None
    project = engine.index.project
    factory = (layer.decorator[0], project.scope(layer.decorator).parent)
    if project.scope(layer.wrapper).parent != layer.decorator[1] or project.scope(factory).kind != "function":
        return None
    given = _given(engine, layer, function, factory)
    known = {name: value for name, value in given.items() if value is not None and _stays(engine, factory, name)}
    if not known:
        return None
    made = Frame(project, Work(factory), live, frozenset(known))
    inner = Frame(project, Work(layer.decorator, outer=made), live + 1, frozenset())
    return inner, {(live, name): value for name, value in known.items()}


def _given(engine: Engine, layer: Layer, function: FunctionId, factory: FunctionId) -> dict[str, Abstract | None]:
    """What the parameters of a factory are where it makes the decorator of a function, or is put on it itself."""
    project = engine.index.project
    node: Node = project.node((function[0], layer.applied))
    params = project.scope(factory).params
    facts = project.modules[factory[0]].facts
    found = {each.name: constant(facts.nodes[each.default]) for each in params if each.default >= 0}
    if node[0] != "call":
        return found
    callees = engine.index.callees((function[0], layer.applied))
    starred = any(project.node((function[0], each))[0] == "star" for each in node[2])
    if [each.function for each in callees] != [factory] or starred or any(name is None for name, _ in node[3]):
        return {}
    frame = engine.frame(Work((function[0], 0)))
    caught: dict[str, list[Kind | None]] = {}
    for position, argument in bind(project.scope(factory), node, callees[0].receiver is not None):
        name = params[position].name
        caught.setdefault(name, []).extend(engine.exceptions.of_handler(function[0], argument))
        several = params[position].kind in ("vararg", "kwarg")
        value = None if several else engine.truth.evaluate(frame, argument, State("", {}))
        found[name] = value if several or value is not None else _of_module(engine, function[0], argument)
    for name, kinds in caught.items():
        if all(kind is not None and kind[0] in ("builtin", "project") for kind in kinds):
            found[name] = ("const", "classes", tuple(kinds))
    return found


def _of_module(engine: Engine, module: str, argument: int) -> Abstract | None:
    """The literal that a constant of a module is, if nobody gives it another value."""
    project, names = engine.index.project, engine.index.names
    found = names.resolve((module, argument))
    if len(found) != 1 or found[0][0] != "node":
        return None
    ref = (str(found[0][1]), int(found[0][2]))
    held = [name for name, numbers in project.scope((ref[0], 0)).bindings.items() if ref[1] in numbers]
    if not held or any((ref[0], name) in names.module_stores for name in held):
        return None
    node = project.node(ref)
    return constant(project.node((ref[0], node[2])) if node[0] == "annotated" and node[2] >= 0 else node)


def _stays(engine: Engine, factory: FunctionId, name: str) -> bool:
    """Whether nothing gives a parameter another value."""
    scopes = engine.index.project.modules[factory[0]].facts.scopes
    return len(scopes[factory[1]].bindings.get(name, ())) <= 1 and not any(
        name in scope.nonlocal_names for scope in scopes
    )
