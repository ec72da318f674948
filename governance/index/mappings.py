"""Mappings: the entries of dictionaries, told apart by constant keys where they are asked for by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from governance.facts import Node
from governance.index import additions, inherited
from governance.index.solver import DEFINITE, Answer, Solver
from governance.index.values import Key, Value


def lookup(
    solver: Solver, container: Value, index: Key, grade: int, out: Answer, seen: set[Key] | None = None
) -> None:  # fmt: skip
    """A value of a dict; entries of a literal are told apart by constant keys.

    seen: the mappings that are being looked up already; `options = {**options, "a": 1}` may lead back to itself.
    """
    key = container[2][1]
    seen = set() if seen is None else seen
    if key in seen:
        return
    seen.add(key)
    if key[0] == "dval":
        if not solver.ready(index):
            return
        wanted = list(solver.get(index))
        if wanted and all(value[0] in ("const", "enum") for value in wanted):
            _written(solver, key, wanted, index, grade, out, seen)
            for each in wanted:
                solver.copy(("entry", key[1], key[2], each), out, "stored entry", grade)
            solver.copy(("unkeyed", key[1], key[2]), out, "stored entry", grade)
            return
    if key[0] == "fields":
        if not solver.ready(index):
            return
        names = [value[2] for value in solver.get(index) if value[:2] == ("const", "str")]
        for name in names:
            written = solver.classes.annotation((key[1], key[2]), name)
            if written is not None:
                solver.copy(("t", *written[1], ()), out, "annotation", grade)
        if names:
            return
    if key[0] == "varargs":
        if not solver.ready(index):
            return
        asked = [value[2] for value in solver.get(index) if value[:2] == ("const", "str")]
        for name in asked:
            solver.copy(("keyword", *key[1:], name), out, "entry", grade)
        if asked and _is_written_out(solver, index):
            return
    solver.copy(key, out, "entry", grade)


def rule_values(solver: Solver, key: Key, out: Answer) -> None:
    """("dval", module, node): the values of the dictionary made there, later additions included."""
    _written(solver, key, None, None, DEFINITE, out, set())
    solver.copy(("mutated", key[1], key[2]), out, "stored entry")


def _written(
    solver: Solver,
    key: Key,
    wanted: Sequence[Value] | None,
    index: Key | None,
    grade: int,
    out: Answer,
    seen: set[Key],
) -> None:
    """The entries that a display, a `dict(...)` call or a comprehension has from the start.

    All of them, or those for the wanted keys, which are the values of `index`.
    """
    _, module, number = key
    node = solver.project.node((module, number))
    if node[0] == "dict":
        _displayed(solver, module, node, wanted, index, grade, out, seen)
    elif node[0] == "comp":
        solver.copy(("n", module, node[3]), out, "entry", grade)
    elif node[0] == "call":
        for each in node[2]:
            _spread(solver, ("n", module, each), index, grade, out, seen)
        for name, value in node[3]:
            if name is None:
                _spread(solver, ("n", module, value), index, grade, out, seen)
            elif wanted is None or ("const", "str", name) in wanted:
                solver.copy(("n", module, value), out, "entry", grade)


def _displayed(
    solver: Solver,
    module: str,
    node: Node,
    wanted: Sequence[Value] | None,
    index: Key | None,
    grade: int,
    out: Answer,
    seen: set[Key],
) -> None:
    for entry, value in reversed(node[1]):
        if entry < 0:
            _spread(solver, ("n", module, value), index, grade, out, seen)
        elif wanted is None:
            solver.copy(("n", module, value), out, "entry", grade)
        elif solver.ready(("n", module, entry)):
            names = solver.get(("n", module, entry))
            if not names or any(each in names for each in wanted):
                solver.copy(("n", module, value), out, "entry", grade)
                if len(names) == len(wanted) == 1:
                    break


def _spread(solver: Solver, source: Key, index: Key | None, grade: int, out: Answer, seen: set[Key]) -> None:
    """What `**other` adds: all its values, or those that it has for a key."""
    if index is None:
        _entries(solver, source, 1, out)
        return
    for value in _held(solver, source):
        if value[:2] == ("cont", "dict"):
            lookup(solver, value, index, grade, out, seen)
        else:
            _pairs(solver, value, 1, out)


def rule_keys(solver: Solver, key: Key, out: Answer) -> None:
    """("dkey", module, node)."""
    _, module, number = key
    node = solver.project.node((module, number))
    if node[0] == "dict":
        for name, value in node[1]:
            if name >= 0:
                solver.copy(("n", module, name), out, "key")
            else:
                _entries(solver, ("n", module, value), 0, out)
    elif node[0] == "comp":
        solver.copy(("n", module, node[2]), out, "key")
    elif node[0] == "call":
        for each in node[2]:
            _entries(solver, ("n", module, each), 0, out)
    additions.visit(solver, (module, number))


def _entries(solver: Solver, source: Key, position: int, out: Answer) -> None:
    """Keys (0) or values (1) of a mapping or of an iterable of pairs."""
    for value in _held(solver, source):
        if value[:2] == ("cont", "dict"):
            solver.copy(value[2][position], out, "entry")
        else:
            _pairs(solver, value, position, out)


def _held(solver: Solver, source: Key) -> Iterator[Value]:
    """The containers that a value is, by what it inherits from too."""
    for value in solver.get(source):
        yield from inherited.containers(solver, value) if value[0] in ("inst", "self") else (value,)


def _pairs(solver: Solver, value: Value, position: int, out: Answer) -> None:
    for pair in solver.get(value[2][0]) if value[0] == "cont" and value[2] else ():
        if pair[0] == "cont" and pair[1] == "tuple" and len(pair[2]) == 2:
            solver.copy(pair[2][position], out, "entry")


def _is_written_out(solver: Solver, index: Key) -> bool:
    """Whether a key is a constant where it is used, or a name for one: of others there may be more than is known."""
    index = solver.plain(index)
    if index[0] != "n":
        return False
    node = solver.project.node((index[1], index[2]))
    if node[0] != "free":
        return bool(node[0] == "const")
    found = solver.names.binding((index[1], node[2]), node[1]) or ()
    return len(found) == 1 and solver.project.node(found[0])[0] == "const"
