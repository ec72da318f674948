"""Parameters: what a parameter may be, from its annotation, its default and the calls that reach it."""

from __future__ import annotations

from typing import Final

from governance.contract import Ref
from governance.facts import Node, Param
from governance.index import (
    arguments,
    attributes,
    callbacks,
    construction,
    definitions,
    dependencies,
    dispatching,
    fixtures,
    higher_order,
    keywords,
    lambdas,
    reaching,
    typing_forms,
)
from governance.index.binding import COPIES
from governance.index.solver import PROBABLE, Answer, Solver, add
from governance.index.values import FunctionId, Key, Value, last_part
from governance.index.wrappers import WRAPPERS

_CLASS_FIRST: Final = frozenset(("__new__", "__init_subclass__", "__class_getitem__"))


def rule_param(solver: Solver, key: Key, out: Answer) -> None:
    """("param", module, scope, index)."""
    _, module, number, index = key
    function = (module, number)
    scope = solver.project.scope(function)
    param = scope.params[index]
    if param.kind in ("vararg", "kwarg"):
        _collected(solver, function, index, param, out)
        return
    if index == 0 and scope.kind == "function" and _receiver(solver, function, out):
        return
    if scope.kind == "lambda":
        lambdas.declared(solver, function, index, out)
        if index == 0:
            _attached(solver, function, out)
    declared: Answer = {}
    if param.annotation >= 0:
        typing_forms.concrete(solver, ("t", module, param.annotation, ()), declared, "annotation")
        for value, evidence in declared.items():
            add(out, value, evidence.grade, evidence.note, evidence.source, evidence.value)
        dependencies.annotated(solver, module, param, out)
    else:
        _undeclared(solver, function, index, out)
    if param.default >= 0:
        solver.copy(("n", module, param.default), out, "default")
    if not typing_forms.informative(declared) or attributes.weak(solver, declared):
        solver.get(("callers", module, number))
    else:
        solver.closed.add(key)


def _undeclared(solver: Solver, function: FunctionId, index: int, out: Answer) -> None:
    """Parameters whose kind of function says what they are: `InitVar` fields, and the mocks of `@patch("name")`."""
    scope = solver.project.scope(function)
    owner = solver.project.owning_class(function)
    if owner is not None and scope.name == "__post_init__":
        written = solver.classes.annotation(owner, scope.params[index].name)
        if written is not None:
            typing_forms.concrete(solver, ("t", *written[1], ()), out, "annotation of the field")
        return
    dispatching.dispatched(solver, function, index, out)
    fixtures.filled(solver, function, index, out)
    mocks = 0
    for decorator in scope.decorators:
        node = solver.project.node((function[0], decorator))
        if node[0] == "call" and len(node[2]) == (1 if _patches(solver, (function[0], node[1])) == "patch" else 2):
            mocks += bool(_patches(solver, (function[0], node[1]))) and not any(name == "new" for name, _ in node[3])
    first = 1 if owner is not None else 0
    if first <= index < first + mocks:
        add(out, ("xinst", "unittest.mock.MagicMock", ()), note="mock")


def _patches(solver: Solver, callee: Ref) -> str:
    """patch or patch.object where a decorator is one of the two, "" otherwise."""
    for dotted in solver.names.dotted(callee):
        if dotted in ("unittest.mock.patch", "unittest.mock.patch.object"):
            return dotted.removeprefix("unittest.mock.")
    return ""


def _receiver(solver: Solver, function: FunctionId, out: Answer) -> bool:
    """Whether the first parameter of a method is its receiver; adds what that is."""
    owner = solver.project.owning_class(function)
    if owner is None:
        _attached(solver, function, out)
        return False
    scope = solver.project.scope(function)
    wrapper = definitions.wrapper(solver, function)
    if wrapper == "staticmethod":
        return False
    bound = scope.params[0].annotation
    if bound >= 0:
        for value in solver.get(("t", function[0], bound, ())):
            if value[0] == "inst" and value[1] not in solver.classes.mro(owner):
                typing_forms.concrete(solver, ("t", function[0], bound, ()), out, "annotation")
                return True
    meta = "builtins.type" in solver.classes.external_bases(owner)
    if wrapper == "classmethod" or scope.name in _CLASS_FIRST or meta:
        add(out, ("selfcls", owner), note="receiver")
    else:
        add(out, ("self", owner), note="receiver")
    return True


def _attached(solver: Solver, function: FunctionId, out: Answer) -> None:
    """A plain function stored in a class (`Class.method = function`) gets instances of that class, and so does a lambda
    in its body, as itself or as a property."""
    module = function[0]
    todo = [solver.project.scope(function).node]
    body = solver.project.owning_class(function)
    bound = {each for numbers in solver.project.scope(body).bindings.values() for each in numbers} if body else ()
    for _ in range(20):
        if not todo:
            return
        value_node = todo.pop()
        if value_node in bound and body is not None:
            add(out, ("self", body), note="receiver")
        for _, user in solver.project.users((module, value_node)):
            node = solver.project.node((module, user))
            if node[0] in ("local", "phi") or (
                body and node[0] == "call" and _makes_property(solver, (module, node[1]))
            ):
                todo.append(user)
            elif node[0] == "store_attr":
                for value, evidence in solver.get(("n", module, node[1])).items():
                    if value[0] in ("cls", "selfcls"):
                        add(
                            out,
                            ("self", value[1]),
                            evidence.grade,
                            "stored in the class",
                            ("n", module, node[1]),
                            value,
                        )


def _makes_property(solver: Solver, callee: Ref) -> bool:
    return any(WRAPPERS.get(last_part(name)) == "property" for name in solver.names.dotted(callee))


def _collected(solver: Solver, function: FunctionId, index: int, param: Param, out: Answer) -> None:
    """`*args` is a sequence, `**kwargs` a mapping; their elements are a question of their own."""
    element: Key = ("varargs", *function, index)
    if param.kind == "vararg":
        add(out, ("cont", "seq", (element,)), note="*args")
    else:
        add(out, ("cont", "dict", (("none",), element)), note="**kwargs")


def rule_varargs(solver: Solver, key: Key, out: Answer) -> None:
    """("varargs", module, scope, index): the elements; filled by `flow`."""
    _, module, number, _ = key
    keywords.declared(solver, key, out)
    if not typing_forms.informative(out):
        solver.get(("callers", module, number))


def rule_flow(solver: Solver, key: Key, out: Answer) -> None:
    """("flow", module, call): contribute the arguments of a call to the parameters they reach."""
    _, module, number = key
    node = solver.project.node((module, number))
    callee: Key = ("n", module, node[1])
    values = solver.get(callee)
    done = higher_order.applied(solver, module, node, key)
    for value, evidence in values.items():
        if value not in done:
            _reach(solver, module, node, value, evidence.grade)


def _reach(solver: Solver, module: str, node: Node, value: Value, grade: int, depth: int = 3) -> None:
    kind = value[0]
    if kind == "fn":
        arguments.give(solver, module, node, value[1], None, grade)
    elif kind == "bm":
        arguments.give(solver, module, node, value[1], value[2], grade)
        _pass_overrides(solver, module, node, value, grade)
    elif kind == "decorated":
        arguments.give(solver, module, node, value[1], value[3], grade)
    elif kind in ("cls", "selfcls"):
        construction.construct(solver, module, node, value, grade)
    elif kind in ("inst", "self"):
        found = solver.classes.lookup(value[1], "__call__")
        for ref in found[1] if found else ():
            inner = solver.project.node(ref)
            if inner[0] == "function":
                arguments.give(solver, module, node, (ref[0], inner[1]), value, grade)
    elif kind == "partial" and depth:
        _partial(solver, module, node, value, grade, depth)
    elif kind == "ext" and value[1] in COPIES:
        _copied(solver, module, node, grade)
    elif kind in ("ext", "xmeth", "cmeth"):
        callbacks.called(solver, module, node, value, grade)


def _pass_overrides(solver: Solver, module: str, node: Node, value: Value, grade: int) -> None:
    name = solver.project.scope(value[1]).name
    if value[2][0] not in ("inst", "self") or name.startswith("__"):
        return
    subclasses = solver.classes.subclasses(value[2][1])
    if len(subclasses) > 40:
        return
    for cls in subclasses:
        override = solver.project.child(cls, name)
        if override is not None and override != value[1] and solver.project.scope(override).kind == "function":
            arguments.give(solver, module, node, override, value[2], min(grade, PROBABLE))


def _copied(solver: Solver, module: str, node: Node, grade: int) -> None:
    """`replace(plan, job=other)`: a constructor by another name."""
    for value, evidence in solver.get(("n", module, node[2][0])).items() if node[2] else ():
        if value[0] in ("inst", "self"):
            construction.fill(solver, module, node, value[1], [], min(grade, evidence.grade))


def rule_made(solver: Solver, key: Key, out: Answer) -> None:
    """("made", module, scope): visit the calls that construct a dataclass."""
    _, module, number = key
    name = solver.project.scope((module, number)).name
    names = {name, *solver.project.aliases.get(name, ())}
    for each in sorted(names):
        reaching.visit(solver, each, module)
    for copies in COPIES.values():
        for call in solver.project.calls(copies):
            if solver.project.node(call)[3]:
                solver.get(("flow", *call))


def _partial(solver: Solver, module: str, node: Node, value: Value, grade: int, depth: int) -> None:
    inner = solver.project.node((value[1], value[2]))
    if not inner[2]:
        return
    for each, evidence in solver.get(("n", value[1], inner[2][0])).items():
        # The kept arguments come first, from the place where the partial was made.
        best = min(grade, evidence.grade)
        if each[0] in ("fn", "bm"):
            receiver = each[2] if each[0] == "bm" else None
            arguments.give(solver, value[1], inner, each[1], receiver, best, skip=1)
            if value[1] == module or not node[2]:
                merged: Node = ["call", node[1], [*inner[2][1:], *node[2]], node[3]]
                if value[1] == module:
                    arguments.give(solver, module, merged, each[1], receiver, best)
        elif each[0] in ("cls", "selfcls") and value[1] == module:
            merged = ["call", node[1], [*inner[2][1:], *node[2]], [*inner[3], *node[3]]]
            construction.construct(solver, module, merged, each, best)
        elif each[0] == "partial":
            _reach(solver, value[1], inner, each, best, depth - 1)
