"""Containers: iteration, subscripts, unpacking, entering, awaiting, and the methods of builtin containers."""

from __future__ import annotations

from typing import Final

from governance.contract import Ref
from governance.facts import Node
from governance.index import attributes, inherited, mappings, special
from governance.index.solver import PROBABLE, Answer, Solver, add
from governance.index.values import NONE, Key, Value

_SAME: Final = frozenset(("copy", "union", "intersection", "difference", "__iter__", "new_child"))
_CHANGING: Final = frozenset("append appendleft extend insert remove clear sort reverse add discard update".split())
"""Methods that change a container and give nothing."""

_TAKERS: Final = frozenset("pop popleft get get_nowait popitem setdefault __getitem__ __next__ __anext__".split())


def items(solver: Solver, source: Key, out: Answer) -> None:
    """What iterating over source yields."""
    for value, evidence in solver.get(source).items():
        grade = evidence.grade
        if value[0] == "cont":
            for key in value[2][:1] if value[1] in ("seq", "dict") else value[2]:
                solver.copy(key, out, "element", grade)
        elif value[0] in ("inst", "self"):
            _iterate_instance(solver, source, value, grade, out)
        elif value[0] == "cls" and solver.classes.is_enum(value[1]):
            for name, _ in attributes.members(solver, value[1]):
                add(out, ("enum", value[1], name), grade, "member", source, value)
        elif value[0] == "xinst":
            for key in value[2][:1]:
                solver.copy(key, out, "element", min(grade, PROBABLE))


def _iterate_instance(solver: Solver, source: Key, value: Value, grade: int, out: Answer) -> None:
    is_iterable = False
    for name in ("__iter__", "__aiter__"):
        made: Answer = {}
        is_iterable |= special.result(solver, value, name, grade, "iterator", made)
        for inner, evidence in made.items():
            if inner[0] == "cont":
                solver.copy(inner[2][0], out, "element", evidence.grade)
            elif inner[0] in ("self", "inst"):
                for step in ("__next__", "__anext__"):
                    special.result(solver, inner, step, evidence.grade, "element", out, awaited=True)
    if not is_iterable:
        special.result(solver, value, "__getitem__", grade, "element", out)
    for held in inherited.containers(solver, value):
        solver.copy(held[2][0], out, "element", grade)
    if solver.classes.is_tuple(value[1]):
        for name in solver.classes.fields(value[1]):
            attributes.attribute(solver, source, value, grade, name, out)


def subscript(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    """`base[index]`."""
    source: Key = ("n", ref[0], node[1])
    index: Key = ("n", ref[0], node[2])
    is_slice = solver.project.node((ref[0], node[2]))[0] == "slice"
    for value, evidence in solver.get(source).items():
        grade = evidence.grade
        kind = value[0]
        if kind == "cont":
            if is_slice:
                add(out, value, grade, "slice", source, value)
            elif value[1] == "seq":
                solver.copy(value[2][0], out, "element", grade)
            elif value[1] == "dict":
                mappings.lookup(solver, value, index, grade, out)
            else:
                _tuple_item(solver, value, solver.get(index), grade, out)
        elif kind == "cls":
            if solver.classes.is_enum(value[1]):
                asked = solver.get(index)
                for each in asked:
                    if each[0] == "const" and each[1] == "str":
                        attributes.attribute(solver, source, value, grade, str(each[2]), out)
                if solver.ready(index) and not any(each[0] == "const" for each in asked):
                    add(out, ("inst", value[1], ()), grade, "some member", source, value)
            elif (own := solver.classes.lookup(value[1], "__class_getitem__")) is not None:
                for each in own[1]:
                    function = solver.project.node(each)
                    if function[0] == "function":
                        solver.copy(("ret", each[0], function[1]), out, "__class_getitem__", grade)
            else:
                add(out, value, grade, "type argument", source, value)
        elif kind in ("inst", "self"):
            found = special.result(solver, value, "__getitem__", grade, "__getitem__", out)
            if not found:
                for held in inherited.containers(solver, value):
                    if held[1] == "dict":
                        mappings.lookup(solver, held, index, grade, out)
                    else:
                        solver.copy(held[2][-1], out, "element", grade)
                if solver.classes.is_tuple(value[1]):
                    names = solver.classes.fields(value[1])
                    for each in solver.get(index):
                        if each[:2] == ("const", "int") and -len(names) <= each[2] < len(names):
                            attributes.attribute(solver, source, value, grade, names[each[2]], out)
            for each in solver.get(index):
                if each[0] == "const" and each[1] == "str":
                    written = solver.classes.annotation(value[1], str(each[2]))
                    if written is not None and not found:
                        solver.copy(("t", *written[1], ()), out, "annotation", grade)
        elif kind == "xinst" and value[2]:
            solver.copy(value[2][-1], out, "element", min(grade, PROBABLE))


def _tuple_item(solver: Solver, value: Value, index: object, grade: int, out: Answer) -> None:
    positions = (
        [each[2] for each in index if each[0] == "const" and each[1] == "int"] if isinstance(index, dict) else []
    )
    for position, key in enumerate(value[2]):
        if not positions or position in positions or position - len(value[2]) in positions:
            solver.copy(key, out, "element", grade)


def unpack(solver: Solver, source: Key, index: int, star: bool, out: Answer) -> None:
    """Element `index` of unpacking source."""
    for value, evidence in solver.get(source).items():
        if value[0] == "cont" and value[1] == "tuple":
            if star:
                add(out, ("cont", "seq", (value[2][0],) if value[2] else ()), evidence.grade, "rest", source, value)
            elif -len(value[2]) <= index < len(value[2]):
                solver.copy(value[2][index], out, "unpacked", evidence.grade)
        elif value[0] == "cont":
            if star:
                add(out, ("cont", "seq", value[2][:1]), evidence.grade, "rest", source, value)
            else:
                solver.copy(value[2][0], out, "unpacked", evidence.grade)
        elif value[0] in ("inst", "self"):
            names = solver.classes.fields(value[1]) if solver.classes.is_dataclass(value[1]) else []
            if 0 <= index < len(names):
                attributes.attribute(solver, source, value, evidence.grade, names[index], out)


def entered(solver: Solver, source: Key, out: Answer) -> None:
    """What `with source as x` binds."""
    for value, evidence in solver.get(source).items():
        grade = evidence.grade
        if value[0] == "gencm":
            solver.copy(value[1], out, "entered", grade)
        elif value[0] in ("inst", "self"):
            hit = [
                special.result(solver, value, name, grade, "entered", out, awaited=True)
                for name in ("__enter__", "__aenter__")
            ]
            if not any(hit):
                add(out, value, min(grade, PROBABLE), "entered", source, value)
        elif value[0] == "xinst":
            add(out, value, grade, "entered", source, value)


def awaited(solver: Solver, source: Key, out: Answer) -> None:
    """What `await source` gives."""
    for value, evidence in solver.get(source).items():
        if value[0] == "coro":
            for given, reason in solver.get(value[1]).items():
                if given[0] != "tv":  # out here nothing binds it
                    add(out, given, min(evidence.grade, reason.grade), "awaited", value[1], given)
        elif value[0] in ("xinst", "const"):
            add(out, value, evidence.grade, "awaited", source, value)
        elif value[0] == "cont":
            # What an asynchronous container hands out: its `get` was taken for the plain one.
            add(out, value, min(evidence.grade, PROBABLE), "awaited", source, value)
        elif value[0] in ("inst", "self"):
            found = solver.classes.lookup(value[1], "__await__")
            if found is None:  # likewise
                add(out, value, min(evidence.grade, PROBABLE), "awaited", source, value)
            for ref in found[1] if found else ():
                node = solver.project.node(ref)
                if node[0] == "function":
                    for each in solver.project.scope((ref[0], node[1])).results:
                        solver.copy(("n", ref[0], each), out, "awaited", evidence.grade)


def rule_elements(solver: Solver, key: Key, out: Answer) -> None:
    """("elem", module, node): elements of the container made there, later additions included."""
    _, module, number = key
    node = solver.project.node((module, number))
    op = node[0]
    if op in ("list", "set", "tuple"):
        for each in node[1]:
            if solver.project.node((module, each))[0] == "star":
                items(solver, ("n", module, solver.project.node((module, each))[1]), out)
            else:
                solver.copy(("n", module, each), out, "element")
    elif op == "comp":
        solver.copy(("n", module, node[2]), out, "element")
    elif op == "binary":
        items(solver, ("n", module, node[2]), out)
        items(solver, ("n", module, node[3]), out)
    elif op == "call":
        for each in node[2]:
            items(solver, ("n", module, each), out)
        for name, each in node[3]:
            if name == "default":  # of a ContextVar
                solver.copy(("n", module, each), out, "default")
    solver.copy(("mutated", module, number), out, "added")


def method(solver: Solver, ref: Ref, node: Node, source: Key, value: Value, grade: int, out: Answer) -> None:
    """Calling a method of a builtin container."""
    _, container, name = value
    keys = container[2]
    if name in _CHANGING:
        add(out, NONE, grade, name, source, value)
    elif not keys:
        return
    elif name in _SAME:
        add(out, container, grade, name, source, value)
    elif container[1] == "dict":
        if name == "values":
            add(out, ("cont", "seq", keys[1:]), grade, name, source, value)
        elif name == "keys":
            add(out, ("cont", "seq", keys[:1]), grade, name, source, value)
        elif name == "items":
            add(out, ("cont", "seq", (("pair", *keys),)), grade, name, source, value)
        elif name == "popitem":
            add(out, ("cont", "tuple", keys), grade, name, source, value)
        elif name in _TAKERS:
            if node[2]:
                mappings.lookup(solver, container, ("n", ref[0], node[2][0]), grade, out)
            for default in node[2][1:]:
                solver.copy(("n", ref[0], default), out, "default", grade)
    elif name in _TAKERS:
        for key in keys:
            solver.copy(key, out, "element", grade)


def rule_pair(solver: Solver, key: Key, out: Answer) -> None:
    """("pair", a, b): a tuple of two keys, as `items`, `zip` and `enumerate` give."""
    add(out, ("cont", "tuple", key[1:]), note="pair")
