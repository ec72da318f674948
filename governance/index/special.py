"""Special methods: what `__getitem__`, `__iter__`, `__enter__` and their like give for one instance.

The receiver takes the place of `self`, and its type arguments that of the type variables of its class.
"""

from __future__ import annotations

from governance.index import typing_forms
from governance.index.classes import Env
from governance.index.solver import Answer, Solver, add
from governance.index.values import FunctionId, Key, Value, class_of, type_object


def result(
    solver: Solver, receiver: Value, method: str, grade: int, note: str, out: Answer, *, awaited: bool = False
) -> bool:
    """Add what a method of the receiver's class returns, once awaited if so; whether there is such a method."""
    found = solver.classes.lookup(receiver[1], method)
    there = False
    for ref in found[1] if found else ():
        node = solver.project.node(ref)
        if node[0] == "function":
            there = True
            returned(solver, receiver, ("body" if awaited else "ret", ref[0], node[1]), grade, note, out)
    return there


def returned(solver: Solver, receiver: Value, key: Key, grade: int, note: str, out: Answer) -> None:
    """Add what one function, named by its "ret" or "body" key, returns when it is called on the receiver."""
    env = environment(solver, receiver, (key[1], key[2]))
    for inner, evidence in solver.get(key).items():
        best = min(grade, evidence.grade)
        bound = typing_forms.bindings(solver, inner, env)
        for each in bound:
            solver.copy(each, out, note, best)
        if not bound:
            add(out, rebound(typing_forms.with_env(inner, env), receiver), best, note, key, inner)


def environment(solver: Solver, receiver: Value, function: FunctionId) -> Env:
    """The type variables of the class whose method `function` is, as the receiver binds them."""
    owner = solver.project.owning_class(function)
    if owner is None or receiver[0] not in ("inst", "self") or owner not in solver.classes.mro(receiver[1]):
        return ()
    return solver.classes.environment(receiver[1], receiver[2] if receiver[0] == "inst" else (), owner)


def rebound(value: Value, receiver: Value) -> Value:
    """`self` of a method replaced by the receiver it was called on."""
    if value[0] == "self" and receiver[0] in ("inst", "self", "enum"):
        return receiver if receiver[0] != "enum" else ("inst", receiver[1], ())
    if value[0] == "self" and receiver[0] in ("cls", "selfcls"):
        return ("self", receiver[1]) if receiver[0] == "selfcls" else ("inst", receiver[1], ())
    if value[0] == "selfcls":
        cls = class_of(receiver) or type_object(receiver)
        if cls is not None:
            return ("selfcls", cls) if receiver[0] in ("self", "selfcls") else ("cls", cls)
    return value
