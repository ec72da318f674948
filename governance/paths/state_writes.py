"""State writes: what a store, a call or a construction does to the state of an object, in whatever spelling."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from governance.facts import Node
from governance.index.binding import bind
from governance.index.values import NONE, ClassId
from governance.paths import tables
from governance.paths.keyword_writes import How
from governance.paths.known import ANY, Env, Known, ObjectKey, Write, starts
from governance.paths.state_values import States

if TYPE_CHECKING:
    from governance.paths.typestate import Typestate


def store(typestate: Typestate, number: int, env: Env) -> Env:
    """An attribute or item store, or a deletion."""
    node = typestate.node_at(number)
    if node[0] == "store_attr" and node[2] == typestate.attribute and typestate.governed(node[1]):
        return _write(typestate, number, node[1], node[3], env)
    if node[0] == "store_attr" and node[2] == "__dict__" and typestate.governed(node[1]):
        added = typestate.node_at(node[3])
        value = _entry(typestate, added[3] if added[0] == "augmented" else node[3])
        if value is not None:
            return _write(typestate, number, node[1], value, env)
    if node[0] == "store_item":
        owner = _namespace(typestate, node[1])
        named = typestate.index.values((typestate.module, node[2]))
        if owner is not None and ("const", "str", typestate.attribute) in named:
            return _write(typestate, number, owner, node[3], env)
    if node[0] in ("store_attr", "delete_attr"):
        prefix = ("attr", typestate.key(node[1]), node[2])
        return {
            **{key: each for key, each in env.items() if not starts(key, prefix)},
            **(_kept_as(typestate, env, prefix, node[3]) if node[0] == "store_attr" else {}),
        }
    if node[0] in ("store_item", "delete_item"):
        held = typestate.key(node[1])
        return {key: each for key, each in env.items() if key == held or not starts(key, held)}
    return env


def _kept_as(typestate: Typestate, env: Env, place: ObjectKey, value: int) -> Env:
    """`self.job = job`: what is known of the object holds where it is kept, too."""
    known = typestate.known(env, typestate.key(value))
    return {place: known} if known.states is not None and typestate.governed(value) else {}


def _namespace(typestate: Typestate, number: int) -> int | None:
    """The governed object whose namespace an expression is: `job.__dict__`, `vars(job)`."""
    node = typestate.node_at(number)
    held = -1
    if node[0] == "attr" and node[2] == "__dict__":
        held = node[1]
    elif node[0] == "call" and len(node[2]) == 1 and typestate.called_name(node) == "vars":
        held = node[2][0]
    return held if held >= 0 and typestate.governed(held) else None


def _write(typestate: Typestate, number: int, base: int, value: int, env: Env) -> Env:
    key = typestate.key(base)
    before = typestate.known(env, key)
    made = before.states is None and _being_made(typestate, base)
    states, after, allowed = _moved(typestate, env, key, value)
    allowed = allowed or _in_turn(typestate, value, before)
    handed = _is_handed(typestate, value)
    seen = frozenset[str]() if made else states
    note(typestate, Write((typestate.module, number), seen, after, made, before.switched, allowed, handed))
    return {**env, key: Known(after)}


def _is_handed(typestate: Typestate, value: int) -> bool:
    """Whether a value is a parameter of the function that writes it."""
    key = typestate.key(value)
    return len(key) == 2 and isinstance(key[1], int) and typestate.node_at(key[1])[0] == "param"


def _being_made(typestate: Typestate, base: int) -> bool:
    """Whether a store on `self` in a constructor gives the object its first state."""
    scope = typestate.project.scope((typestate.module, typestate.scope))
    first = scope.params[0].node if scope.params else -1
    return scope.name in ("__init__", "__new__", "__post_init__") and typestate.key(base) == (typestate.module, first)


def _moved(typestate: Typestate, env: Env, key: ObjectKey, value: int) -> tuple[States | None, States | None, bool]:
    """The states before and after a write, and whether a table of the program allows it.

    Where such a table allows a move that the contract forbids, the states are those of the moves forbidden.
    """
    before = typestate.known(env, key)
    if before.states == typestate.values.states:
        before = replace(before, states=None)  # guards that let every state through
    after = typestate.states(env, value)
    if after is None and set(typestate.index.values((typestate.module, value))) == {NONE}:
        after = frozenset(("None",))
    told = tables.moves(typestate, value, key, before)
    if told is None:
        return before.states, after, False
    possible = {
        (one, to)
        for one, to in told
        if (before.states is None or one in before.states) and (after is None or to in after)
    }
    illegal = {(one, to) for one, to in possible if to not in typestate.values.transitions.get(one, ())}
    if illegal:
        return frozenset(one for one, _ in illegal), frozenset(to for _, to in illegal), False
    return before.states, frozenset(to for _, to in possible) or after, True


def _origin(typestate: Typestate, number: int) -> Node:
    """The node that an expression of the current module goes back to."""
    key = typestate.key(number)
    last = key[1] if len(key) == 2 and key[0] == typestate.module else number
    return typestate.node_at(last if isinstance(last, int) else number)


def _in_turn(typestate: Typestate, value: int, before: Known) -> bool:
    """`for job.state in (RUNNING, DONE)`: whether every state in turn is a move of the table from the one before it."""
    node = _origin(typestate, value)
    display = _origin(typestate, node[1]) if node[0] == "item" else node
    if display[0] not in ("tuple", "list") or before.states is None:
        return False
    turns = [typestate.values.of((typestate.module, each)) for each in display[1]]
    if not turns or any(each is None or len(each) != 1 for each in turns):
        return False
    line = [min(each or ()) for each in turns]
    for state in before.states:
        position = line.index(state) + 1 if state in line else 0
        if position < len(line) and line[position] not in typestate.values.transitions.get(state, ()):
            return False
    return True


def note(typestate: Typestate, write: Write) -> None:
    """Keep the union of what is found on every visit of a place."""
    known = typestate.writes.get(write.ref)
    typestate.writes[write.ref] = known.joined(write) if known is not None else write


def set_attribute(typestate: Typestate, number: int, node: Node, env: Env) -> Env:
    """`setattr(job, "state", x)`, `object.__setattr__(job, "state", x)`."""
    callee = typestate.node_at(node[1])
    arguments = list(node[2])
    if callee[0] == "attr" and len(arguments) == 2:
        arguments.insert(0, callee[1])
    if len(arguments) == 3 and typestate.governed(arguments[0]):
        names = typestate.index.values((typestate.module, arguments[1]))
        if ("const", "str", typestate.attribute) in names:
            return _write(typestate, number, arguments[0], arguments[2], env)
    return env


def updated_namespace(typestate: Typestate, number: int, node: Node, env: Env) -> Env | None:
    """`vars(job).update(state=x)`; None if a call is nothing like that."""
    callee = typestate.node_at(node[1])
    held = _namespace(typestate, callee[1]) if callee[0] == "attr" and callee[2] == "update" else None
    if held is None:
        return None
    value = _named(typestate, node)
    if value is None and node[2]:
        value = _entry(typestate, node[2][0])
    return _write(typestate, number, held, value, env) if value is not None else env


def copied(typestate: Typestate, number: int, node: Node, name: str, env: Env) -> Env | None:
    """`replace(job, state=...)`: a new object, in a state that the old one moves to."""
    callee = typestate.node_at(node[1])
    source = callee[1] if callee[0] == "attr" and name not in ("replace", "evolve", "copy") else None
    if source is None:
        source = node[2][0] if node[2] else callee[1] if callee[0] == "attr" else None
    if source is None or not typestate.governed(source):
        return None
    value = _named(typestate, node)
    if value is None and name == "model_copy":
        value = next((_entry(typestate, each) for name, each in node[3] if name == "update"), None)
    return _copied(typestate, number, source, value, env)


def by_keywords(typestate: Typestate, number: int, node: Node, how: How, env: Env) -> Env:
    """A call of a function that gives its keywords to an object as its fields."""
    value = _named(typestate, node)
    if value is None:
        value = next(
            (found for key, each in node[3] if key is None and (found := _entry(typestate, each)) is not None), None
        )
    if how == "made":
        after = typestate.states(env, value) if value is not None else typestate.values.initial
        if value is not None:
            note(typestate, Write((typestate.module, number), frozenset(), after, fresh=True))
        return {**env, (typestate.module, number): Known(after)}
    callee = typestate.node_at(node[1])
    held = [callee[1]] if callee[0] == "attr" else []
    source = next((each for each in (*held, *node[2], *(at for _, at in node[3])) if typestate.governed(each)), None)
    if source is not None and how == "copied":
        return _copied(typestate, number, source, value, env)
    if value is None:
        return env
    if source is not None:
        return _write(typestate, number, source, value, env)
    note(typestate, Write((typestate.module, number), None, typestate.states(env, value)))
    return env


def _named(typestate: Typestate, node: Node) -> int | None:
    return next((each for name, each in node[3] if name == typestate.attribute), None)


def _spread(typestate: Typestate, node: Node) -> int | None:
    found = (_entry(typestate, each) for key, each in node[3] if key is None)
    return next((each for each in found if each is not None), None)


def _copied(typestate: Typestate, number: int, source: int, value: int | None, env: Env) -> Env:
    key = typestate.key(source)
    before = typestate.known(env, key)
    if value is None:
        return {**env, (typestate.module, number): before}
    states, after, allowed = _moved(typestate, env, key, value)
    handed = _is_handed(typestate, value)
    note(typestate, Write((typestate.module, number), states, after, False, before.switched, allowed, handed))
    return {**env, (typestate.module, number): Known(after)}


def _entry(typestate: Typestate, number: int) -> int | None:
    """The value that a dict display has for the attribute."""
    module, display = typestate.module, typestate.node_at(number)
    for _ in range(20):
        if display[0] != "local" or display[2] < 0:
            break
        display = typestate.node_at(display[2])
    for name, value in display[1] if display[0] == "dict" else ():
        if name >= 0 and ("const", "str", typestate.attribute) in typestate.index.values((module, name)):
            return int(value)
    return None


def made(typestate: Typestate, number: int, node: Node, cls: ClassId, env: Env) -> Env:
    """A new object: in the state its constructor is given, else in an initial one."""
    value = _named(typestate, node)
    if value is None:
        value = _positional(typestate, node, cls)
    if value is None and any(key is None for key, _ in node[3]):
        value = _spread(typestate, node)
        if value is None:
            return {**env, (typestate.module, number): ANY}
    after: States | None = typestate.values.initial
    if value is not None:
        after = typestate.states(env, value)
        note(typestate, Write((typestate.module, number), frozenset(), after, fresh=True))
    return {**env, (typestate.module, number): Known(after)}


def _positional(typestate: Typestate, node: Node, cls: ClassId) -> int | None:
    """The positional argument that becomes the state: by the constructor's parameters, else by the fields."""
    classes, project = typestate.index.classes, typestate.project
    written = classes.lookup(cls, "__init__")
    for ref in written[1] if written else ():
        defined = project.node(ref)
        if defined[0] == "function":
            scope = project.scope((ref[0], defined[1]))
            for index, argument in bind(scope, node, bound=True):
                if scope.params[index].name == typestate.attribute:
                    return argument
    fields = [] if written else classes.fields(cls)
    position = fields.index(typestate.attribute) if typestate.attribute in fields else len(node[2])
    return int(node[2][position]) if position < len(node[2]) else None
