"""Guards: what a test says about the state of an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.facts import Node
from governance.index import definitions
from governance.paths.known import Env, Known, ObjectKey, join

if TYPE_CHECKING:
    from governance.index.values import FunctionId
    from governance.paths.state_values import States
    from governance.paths.typestate import Typestate

_EQUAL = {"==": True, "is": True, "!=": False, "is not": False}


def refine(typestate: Typestate, env: Env, test: int, positive: bool, depth: int = 8) -> Env | None:
    """The environment on the branch where a test was true (or false); None if that branch cannot be taken."""
    node = typestate.node_at(test)
    op = node[0]
    if depth == 0:
        return env
    if op == "local" and node[2] >= 0:
        return refine(typestate, env, node[2], positive, depth - 1)
    if op == "not":
        return refine(typestate, env, node[1], not positive, depth - 1)
    if op in ("and", "or"):
        return _connected(typestate, env, node, positive, depth)
    if op == "compare" and len(node[1]) == 1:
        return _compared(typestate, env, node, positive)
    if op == "matches":
        if positive and node[2] and node[2][0] == "class" and typestate.governed(node[1]):
            return _matched(typestate, env, node)
        key = state_of(typestate, node[1])
        states = _pattern(typestate, node[2])
        if key is not None and states is not None:
            return _kept(typestate, env, key, states, positive)
        return env
    if op == "call":
        return _predicate(typestate, env, test, node, positive, depth)
    if op == "attr":
        return _property(typestate, env, node, positive, depth)
    return env


def _connected(typestate: Typestate, env: Env, node: Node, positive: bool, depth: int) -> Env | None:
    if (node[0] == "and") == positive:
        current: Env | None = env
        for each in node[1]:
            if current is None:
                return None
            current = refine(typestate, current, each, positive, depth - 1)
        return current
    ways: list[Env | None] = []
    reached: Env | None = env
    for each in node[1]:
        if reached is None:
            break
        ways.append(refine(typestate, reached, each, positive, depth - 1))
        reached = refine(typestate, reached, each, not positive, depth - 1)
    return join(ways)


def state_of(typestate: Typestate, number: int) -> ObjectKey | None:
    """The object whose state an expression reads: `job.state`, `job.state.value`, a local name for either."""
    for _ in range(20):
        node = typestate.node_at(number)
        if node[0] == "local" and node[2] >= 0:
            number = node[2]
        elif node[0] == "narrow" or (node[0] == "attr" and node[2] in ("value", "name")):
            number = node[1]
        elif node[0] == "attr" and node[2] == typestate.attribute and typestate.governed(node[1]):
            return typestate.key(node[1])
        elif node[0] == "call" and len(node[2]) >= 2 and typestate.called_name(node) == "getattr":
            names = typestate.index.values((typestate.module, node[2][1]))
            known = ("const", "str", typestate.attribute) in names and typestate.governed(node[2][0])
            return typestate.key(node[2][0]) if known else None
        else:
            return None
    return None


def _compared(typestate: Typestate, env: Env, node: Node, positive: bool) -> Env | None:
    operator = node[1][0]
    left, right = node[2]
    if operator in _EQUAL:
        equal = _EQUAL[operator] == positive
        for mine, other in ((left, right), (right, left)):
            key = state_of(typestate, mine)
            if key is None:
                continue
            states = typestate.states(env, other)
            if states is None or (not equal and len(states) != 1):
                return env
            return _kept(typestate, env, key, states, equal)
        return env
    if operator in ("in", "not in"):
        inside = (operator == "in") == positive
        key = state_of(typestate, left)
        if key is not None:
            states = typestate.elements(env, right)
            return _kept(typestate, env, key, states, inside) if states is not None else env
        return _asked(typestate, env, left, right) if inside else env
    return env


def _asked(typestate: Typestate, env: Env, left: int, right: int) -> Env:
    """`new in TABLE[job.state]`: the table was asked about exactly this move."""
    node = typestate.node_at(right)
    if node[0] == "local" and node[2] >= 0:
        node = typestate.node_at(node[2])
    index = node[2] if node[0] == "sub" else node[2][0] if node[0] == "call" and node[2] else None
    key = state_of(typestate, index) if index is not None else None
    if key is None:
        return env
    known = typestate.known(env, key)
    return {**env, key: Known(known.states, known.switched, known.asked | {typestate.key(left)})}


def _kept(typestate: Typestate, env: Env, key: ObjectKey, states: States, inside: bool) -> Env | None:
    known = typestate.known(env, key)
    before = typestate.values.states if known.states is None else known.states
    after = before & states if inside else before - states
    if not after:
        return None
    if known.states is None and not inside and len(after) == len(typestate.values.states):
        return env
    return {**env, key: Known(after, known.switched, known.asked)}


def _pattern(typestate: Typestate, pattern: Node | None) -> States | None:
    if not pattern:
        return None
    if pattern[0] == "value":
        return typestate.values.of((typestate.module, pattern[1]))
    if pattern[0] == "or":
        found = [_pattern(typestate, each) for each in pattern[1]]
        known = [each for each in found if each is not None]
        return frozenset[str]().union(*known) if len(known) == len(found) else None
    if pattern[0] == "capture":
        return typestate.values.states if pattern[1] is None else _pattern(typestate, pattern[1])
    return None


def _matched(typestate: Typestate, env: Env, node: Node) -> Env | None:
    """`case Job(state=State.NEW)`: the object itself is matched."""
    for name, pattern in node[2][3]:
        states = _pattern(typestate, pattern) if name == typestate.attribute else None
        if states is not None:
            return _kept(typestate, env, typestate.key(node[1]), states, True)
    return env


def _predicate(typestate: Typestate, env: Env, test: int, node: Node, positive: bool, depth: int) -> Env | None:
    """A predicate of the project whose one return says it: `if not self._is_running(job)`."""
    ref = (typestate.module, test)
    callees = typestate.index.callees(ref)
    if len(callees) != 1:
        return env
    given = typestate.given_to(node, callees[0])
    return _inlined(typestate, env, callees[0].function, given, positive, depth)


def _property(typestate: Typestate, env: Env, node: Node, positive: bool, depth: int) -> Env | None:
    if not typestate.governed(node[1]):
        return env
    for cls in typestate.index.classes_of((typestate.module, node[1])):
        found = typestate.index.classes.lookup(cls, node[2])
        for ref in found[1] if found else ():
            defined = typestate.project.node(ref)
            if defined[0] != "function":
                continue
            function = (ref[0], defined[1])
            scope = typestate.project.scope(function)
            if definitions.wrapper(typestate.index.solver, function) == "property" and scope.params:
                given: dict[ObjectKey, ObjectKey] = {(ref[0], scope.params[0].node): typestate.key(node[1])}
                return _inlined(typestate, env, function, given, positive, depth)
    return env


def _inlined(
    typestate: Typestate, env: Env, function: FunctionId, given: dict[ObjectKey, ObjectKey], positive: bool, depth: int
) -> Env | None:
    scope = typestate.project.scope(function)
    if len(scope.results) != 1 or not given or scope.is_async or scope.is_generator:
        return env
    outer = (typestate.module, typestate.scope)
    inner: Env = {there: typestate.known(env, here) for there, here in given.items()}
    typestate.module, typestate.scope = function
    refined = refine(typestate, inner, scope.results[0], positive, depth - 1)
    typestate.module, typestate.scope = outer
    if refined is None:
        return None
    result = dict(env)
    for there, here in given.items():
        if there in refined and refined[there].states is not None:
            result[here] = refined[there]
    return result
