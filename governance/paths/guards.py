"""Guards: what a test says about the state of an object."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from governance.facts import Node
from governance.index import definitions
from governance.paths import tables
from governance.paths.handed import Handed, handed, to_property
from governance.paths.known import Env, ObjectKey, join
from governance.paths.reads import state_of

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
        if node[2] and node[2][0] == "sequence":
            return _tuple(typestate, env, node, positive)
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


def _asked(typestate: Typestate, env: Env, left: int, right: int) -> Env | None:
    """`new in TABLE[job.state]`: the table was asked about exactly this move."""
    found = tables.asked(typestate, right)
    if found is None:
        return env
    key, moves = found
    known = typestate.known(env, key)
    return {**env, key: replace(known, asked=known.asked | {(typestate.key(left), moves)})}


def _kept(typestate: Typestate, env: Env, key: ObjectKey, states: States, inside: bool) -> Env | None:
    known = typestate.known(env, key)
    before = typestate.values.states if known.states is None else known.states
    after = before & states if inside else before - states
    if not after:
        return None
    if known.states is None and not inside and len(after) == len(typestate.values.states):
        return env
    return {**env, key: replace(known, states=after)}


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


def _tuple(typestate: Typestate, env: Env, node: Node, positive: bool) -> Env | None:
    """`match (job.state, ok): case (State.NEW, True)`: the parts are matched one by one."""
    subject = typestate.node_at(node[1])
    if subject[0] == "local" and subject[2] >= 0:
        subject = typestate.node_at(subject[2])
    parts = node[2][1]
    if subject[0] != "tuple" or len(subject[1]) != len(parts) or any(each[0] == "star" for each in parts):
        return env
    tested = [
        (state_of(typestate, element), _pattern(typestate, part))
        for element, part in zip(subject[1], parts, strict=True)
        if part != ["capture", None]
    ]
    current: Env | None = env
    for key, states in tested if positive or len(tested) == 1 else ():
        if key is not None and states is not None and current is not None:
            current = _kept(typestate, current, key, states, positive)
    return current


def _predicate(typestate: Typestate, env: Env, test: int, node: Node, positive: bool, depth: int) -> Env | None:
    """A predicate of the project: `if not self._is_running(job)`, `if can(job.state, new)`."""
    callees = typestate.index.callees((typestate.module, test))
    if len({each.function for each in callees}) != 1:
        return env
    return inlined(typestate, env, callees[0].function, handed(typestate, node, callees[0], env), positive, depth)


def _property(typestate: Typestate, env: Env, node: Node, positive: bool, depth: int) -> Env | None:
    """A property of the object or of its state: `if job.is_open`, `if job.state.final`."""
    if not typestate.governed(node[1]) and state_of(typestate, node[1]) is None:
        return env
    for cls in typestate.index.classes_of((typestate.module, node[1])):
        found = typestate.index.classes.lookup(cls, node[2])
        for ref in found[1] if found else ():
            defined = typestate.project.node(ref)
            if defined[0] != "function":
                continue
            function = (ref[0], defined[1])
            if definitions.wrapper(typestate.index.solver, function) == "property":
                given = to_property(typestate, node[1], function)
                return inlined(typestate, env, function, given, positive, depth)
    return env


def inlined(
    typestate: Typestate, env: Env, function: FunctionId, given: Handed, positive: bool, depth: int = 8
) -> Env | None:
    """What the ends of a function at which its result is true (or false) say of what it was handed."""
    scope = typestate.project.scope(function)
    if not given or not scope.results or scope.is_async or scope.is_generator:
        return env
    found = typestate.follow(function, given, env)
    if found is None:
        return env
    outer = (typestate.module, typestate.scope, typestate.reads)
    typestate.module, typestate.scope = function
    typestate.reads = {**typestate.reads, **given.reads}
    ways = [_ended(typestate, inner, value, positive, depth - 1) for inner, value in found.exits]
    ends = [each for each in ways if each is not None]
    typestate.module, typestate.scope, typestate.reads = outer
    if not ends:
        return None
    result = dict(env)
    for here, known in given.outside(ends).items():
        before = typestate.known(env, here)
        states = before.states if known.states is None else known.states
        result[here] = replace(before, states=states, switched=known.switched, asked=known.asked | before.asked)
    return result


def _ended(typestate: Typestate, env: Env, value: int, positive: bool, depth: int) -> Env | None:
    """The environment at one end of a predicate, None if its result there is not the one in question."""
    node = typestate.node_at(value) if value >= 0 else ["const", "none", None]
    if node[0] == "const":
        return env if bool(node[2]) == positive else None
    return refine(typestate, env, value, positive, depth)
