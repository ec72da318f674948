"""Rows: what the sessions, statements and managers of an object-relational mapper give back.

`session.get(Job, 3)`, `session.scalars(select(Job))`, `session.query(Job).filter(...).first()`, `Job.objects.all()`.
Statements and results are external objects; their type arguments are keys of what one of their rows holds.
"""

from __future__ import annotations

from typing import Final

from governance.contract import Ref
from governance.facts import Node
from governance.index.solver import PROBABLE, Answer, Solver, add
from governance.index.values import ClassId, Key, Value

STATEMENTS: Final = (
    "sqlalchemy.select", "sqlalchemy.future.select", "sqlalchemy.sql.select", "sqlalchemy.sql.expression.select",
    "sqlmodel.select",
)  # fmt: skip
_STATEMENT: Final = "sqlalchemy.select"
_TUPLES: Final = "sqlalchemy.Result"
_OBJECTS: Final = "sqlalchemy.ScalarResult"
"""Also queries and managers: whatever yields objects one by one and can be narrowed by further methods."""

_MANAGERS: Final = frozenset(("objects", "query"))
_TUPLE_RESULTS: Final = frozenset(("execute", "stream"))
_OBJECT_RESULTS: Final = frozenset(("scalars", "stream_scalars", "exec"))
_FIRST: Final = frozenset(("scalar", "scalar_one", "scalar_one_or_none"))
_ONE: Final = frozenset(
    """one one_or_none first last get get_one get_or_404 first_or_404 one_or_404 earliest latest create fetchone
    aget afirst alast aearliest alatest acreate get_or_none""".split()
)
_MADE: Final = frozenset(("get_or_create", "update_or_create", "aget_or_create", "aupdate_or_create"))


def rule_row(solver: Solver, key: Key, out: Answer) -> None:
    """("row", module, node): an instance of the class that a node is."""
    source: Key = ("n", key[1], key[2])
    for value, evidence in solver.get(source).items():
        if value[0] in ("cls", "selfcls"):
            add(out, ("inst", value[1], ()), evidence.grade, "row", source, value)


def statement(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    """`select(Job, Worker)`."""
    add(out, ("xinst", _STATEMENT, tuple(("row", ref[0], each) for each in node[2])), grade, "statement")


def executed(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    """`session.scalars(statement)`: the result, whatever is known of the session."""
    callee = solver.project.node((ref[0], node[1]))
    if callee[0] != "attr" or callee[2] not in _TUPLE_RESULTS | _OBJECT_RESULTS | _FIRST or not node[2]:
        return
    for value, evidence in solver.get(("n", ref[0], node[2][0])).items():
        if value[:2] != ("xinst", _STATEMENT) or not value[2]:
            continue
        grade = min(evidence.grade, PROBABLE)
        if callee[2] in _FIRST:
            solver.copy(value[2][0], out, callee[2], grade)
        elif callee[2] in _OBJECT_RESULTS:
            add(out, ("xinst", _OBJECTS, value[2][:1]), grade, callee[2])
        else:
            add(out, ("xinst", _TUPLES, (("pair", *value[2]),)), grade, callee[2])


def method(solver: Solver, ref: Ref, node: Node, value: Value, grade: int, out: Answer) -> bool:
    """Calling a method of an external object, if it has to do with rows."""
    _, dotted, name, columns = value
    if dotted in (_STATEMENT, _OBJECTS, _TUPLES) and columns:
        _narrowed(solver, dotted, name, columns, grade, out)
        return True
    if name == "query" and node[2]:
        asked: tuple[Key, ...] = tuple(("row", ref[0], each) for each in node[2])
        single = len(asked) == 1
        if any(solver.get(each) for each in asked):
            made: Value = ("xinst", _OBJECTS, asked) if single else ("xinst", _TUPLES, (("pair", *asked),))
            add(out, made, min(grade, PROBABLE), name)
            return True
    if name in ("get", "get_one") and len(node[2]) > 1:
        row: Key = ("row", ref[0], node[2][0])
        solver.copy(row, out, name, min(grade, PROBABLE))
        return bool(solver.get(row))
    return False


def is_of_rows(value: Value) -> bool:
    """Whether a value is a statement or a result of which it is known what its rows hold."""
    return value[0] == "xinst" and value[1] in (_STATEMENT, _OBJECTS, _TUPLES) and bool(value[2])


def narrowed(solver: Solver, source: Key, names: tuple[str, ...], grade: int, out: Answer) -> None:
    """What statements and results give when these methods are called one after the other."""
    held: Answer = {value: evidence for value, evidence in solver.get(source).items() if is_of_rows(value)}
    for position, name in enumerate(names):
        given: Answer = out if position + 1 == len(names) else {}
        for value, evidence in held.items():
            if is_of_rows(value):
                _narrowed(solver, value[1], name, value[2], min(grade, evidence.grade), given)
        held = given


def _narrowed(solver: Solver, dotted: str, name: str, columns: tuple[Key, ...], grade: int, out: Answer) -> None:
    first: Key = columns[0][1] if dotted == _TUPLES and columns[0][0] == "pair" else columns[0]
    if dotted == _STATEMENT:
        add(out, ("xinst", dotted, columns), grade, name)
    elif name in _FIRST:
        solver.copy(first, out, name, grade)
    elif name == "scalars":
        add(out, ("xinst", _OBJECTS, (first,)), grade, name)
    elif name in _ONE:
        solver.copy(columns[0], out, name, grade)
    elif name in _MADE:
        add(out, ("cont", "tuple", (columns[0], ("none",))), grade, name)
    else:
        add(out, ("xinst", dotted, columns), grade, name)


def manager(solver: Solver, cls: ClassId, name: str, grade: int, out: Answer) -> bool:
    """`Job.objects`, `Job.query`: what a base class of the mapper gives every class of rows."""
    definition = solver.project.definition(cls)
    if name not in _MANAGERS or definition is None:
        return False
    add(out, ("xinst", _OBJECTS, (("row", *definition),)), min(grade, PROBABLE), name)
    return True
