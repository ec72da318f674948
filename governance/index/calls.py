"""Calls: what calling a value gives, and what a function returns."""

from __future__ import annotations

from governance.contract import Ref
from governance.facts import Node
from governance.index import (
    attributes,
    containers,
    externals,
    overloads,
    passing,
    rows,
    special,
    texts,
    type_variables,
    typing_forms,
)
from governance.index.binding import bind
from governance.index.passing import Passing
from governance.index.solver import PROBABLE, Answer, Solver, add
from governance.index.values import ClassId, FunctionId, Key, Value, class_of, type_object


def rule_call(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    """The value of a call node: for every value of the callee."""
    callee: Key = ("n", ref[0], node[1])
    for value, evidence in solver.get(callee).items():
        result(solver, ref, node, callee, value, evidence.grade, out)
    rows.executed(solver, ref, node, out)


def result(solver: Solver, ref: Ref, node: Node, source: Key, value: Value, grade: int, out: Answer) -> None:
    """What calling one value with the arguments of a call node gives."""
    kind = value[0]
    if kind in ("cls", "selfcls"):
        _construct(solver, ref, node, source, value, grade, out)
    elif kind == "fn":
        returned(solver, ref, node, value[1], None, grade, out)
    elif kind == "bm":
        returned(solver, ref, node, value[1], value[2], grade, out)
    elif kind == "decorated":
        if value[2] == "contextmanager":
            add(out, ("gencm", ("yields", *value[1])), grade, "context manager", source, value)
        else:
            returned(solver, ref, node, value[1], value[3], grade, out)
    elif kind in ("inst", "self", "enum"):
        called: Answer = {}
        attributes.attribute(solver, source, value, grade, "__call__", called)
        for method, evidence in called.items():
            if method[0] == "bm":
                returned(solver, ref, node, method[1], method[2], min(grade, evidence.grade), out)
    elif kind == "partial":
        inner = solver.project.node((value[1], value[2]))
        if inner[2]:
            target: Key = ("n", value[1], inner[2][0])
            for each, evidence in solver.get(target).items():
                if each[0] != "partial":
                    result(solver, ref, node, target, each, min(grade, evidence.grade), out)
    elif kind == "callable":
        for each, evidence in solver.get(value[1]).items():
            add(out, each, min(grade, evidence.grade), "annotation", value[1], each)
    elif kind == "smeth":
        texts.method(solver, ref, node, value, grade, out)
    elif kind == "cmeth":
        containers.method(solver, ref, node, source, value, grade, out)
    elif kind == "tvcls":
        add(out, ("tv", value[1]), grade, "constructed", source, value)
    elif kind in ("ext", "xmeth", "xinst"):
        externals.call(solver, ref, node, source, value, grade, out)


def _construct(solver: Solver, ref: Ref, node: Node, source: Key, value: Value, grade: int, out: Answer) -> None:
    cls: ClassId = value[1]
    if value[0] == "selfcls":
        made_by = solver.classes.made_by(cls)
        for each in made_by:
            add(out, ("inst", each, ()), min(grade, PROBABLE), "constructed", source, value)
        if not made_by:
            add(out, ("self", cls), grade, "constructed", source, value)
        return
    if solver.classes.is_enum(cls) and len(node[2]) == 1:
        key: Key = ("n", ref[0], node[2][0])
        members = attributes.members(solver, cls)
        if not solver.ready(key) or not all(solver.ready(("n", *member)) for _, member in members):
            return
        given = solver.get(key)
        for each in given:
            for name, member in members:
                if each in solver.get(("n", *member)):
                    add(out, ("enum", cls, name), grade, "looked up by value", source, value)
        if out and all(each[0] in ("const", "enum") for each in given):
            return
        add(out, ("inst", cls, ()), grade, "constructed", source, value)
        return
    if any(base == "builtins.type" for base in solver.classes.external_bases(cls)):
        return
    add(out, ("inst", cls, _type_arguments(solver, ref, node, cls)), grade, "constructed", source, value)
    made = solver.classes.lookup(cls, "__new__")
    for each in made[1] if made else ():
        defined = solver.project.node(each)
        if defined[0] == "function":
            for inner, evidence in solver.get(("ret", each[0], defined[1])).items():
                add(
                    out,
                    special.rebound(inner, value),
                    min(grade, evidence.grade),
                    "returned by __new__",
                    ("ret", each[0], defined[1]),
                    inner,
                )


def _type_arguments(solver: Solver, ref: Ref, node: Node, cls: ClassId) -> tuple[Key, ...]:
    """`Box[Plugin](...)`: the type arguments written at the constructor, else those its arguments give."""
    callee = solver.project.node((ref[0], node[1]))
    if callee[0] == "sub":
        return tuple(("t", *each, ()) for each in solver.classes.arguments((ref[0], callee[2])))
    variables = solver.classes.type_params(cls)
    made = solver.classes.lookup(cls, "__init__") if variables else None
    found: dict[Ref, Key] = {}
    for each in made[1] if made and made[0] == cls else ():
        defined = solver.project.node(each)
        if defined[0] == "function":
            scope = solver.project.scope((each[0], defined[1]))
            for index, argument in bind(scope, node, bound=True):
                written = scope.params[index].annotation
                entities = solver.names.resolve((each[0], written)) if written >= 0 else ()
                if scope.params[index].kind in ("normal", "positional", "keyword"):
                    found.update(
                        {
                            (entity[1], entity[2]): ("n", ref[0], argument)
                            for entity in entities[:1]
                            if entity[0] == "node"
                        }
                    )
    return tuple(found.get(variable, ("none",)) for variable in variables) if found else ()


def returned(
    solver: Solver, ref: Ref, node: Node, function: FunctionId, receiver: Value | None, grade: int, out: Answer
) -> None:
    """What a call of a project function gives; `self` and type variables are replaced by what this call passes."""
    function = overloads.chosen(solver, ref[0], node, function, receiver is not None)
    passed = passing.passing(solver, function)
    if passed and any(solver.project.node((ref[0], each))[0] == "star" for each in node[2]):
        passed = passing.NOTHING
    if passed:
        _passed(solver, ref, node, function, receiver, passed, grade, out)
    key: Key = ("own" if passed else "ret", *function)
    answer = solver.get(key)
    env = special.environment(solver, receiver, function) if receiver is not None else ()
    for value, evidence in answer.items():
        best = min(grade, evidence.grade)
        if value[0] == "tv":
            bound = [each for variable, each in env if variable == value[1]]
            if bound:
                for each in bound:
                    solver.copy(each, out, "type argument", best)
            elif not type_variables.substitute(solver, ref, node, function, receiver, value[1], best, out):
                for each in typing_forms.bound(solver, value[1]):
                    solver.copy(each, out, "bound of the type variable", best)
        elif env and value[0] in ("cont", "coro", "gencm", "callable"):
            add(out, typing_forms.with_env(value, env), best, "returned", key, value)
        elif receiver is not None:
            add(out, special.rebound(value, receiver), best, "returned", key, value)
        else:
            add(out, value, best, "returned", key, value)
    if receiver is not None and not typing_forms.informative(dict(answer)):
        _overridden(solver, function, receiver, grade, out)


def awaited(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    """What awaiting a call gives where the coroutine function says that with a type variable."""
    for callee, evidence in solver.get(("n", ref[0], node[1])).items():
        if callee[0] not in ("fn", "bm") or not solver.project.scope(callee[1]).is_async:
            continue
        for value, reason in solver.get(("body", *callee[1])).items():
            if value[0] == "tv":
                receiver = callee[2] if callee[0] == "bm" else None
                grade = min(evidence.grade, reason.grade)
                type_variables.substitute(solver, ref, node, callee[1], receiver, value[1], grade, out)


def _passed(
    solver: Solver,
    ref: Ref,
    node: Node,
    function: FunctionId,
    receiver: Value | None,
    passed: Passing,
    grade: int,
    out: Answer,
) -> None:
    """The arguments that come back as they went in, defaults included."""
    scope = solver.project.scope(function)
    given = bind(scope, node, receiver is not None)
    for index, argument in given:
        if index in passed.parameters:
            solver.copy(("n", ref[0], argument), out, "returned as it was passed", grade)
        for parameter, names in passed.narrowed:
            if parameter == index:
                rows.narrowed(solver, ("n", ref[0], argument), names, grade, out)
    for index in passed.parameters - {index for index, _ in given}:
        if scope.params[index].default >= 0:
            solver.copy(("n", function[0], scope.params[index].default), out, "default", grade)


def _overridden(solver: Solver, function: FunctionId, receiver: Value, grade: int, out: Answer) -> None:
    """An abstract or unannotated method says nothing: what its overrides return is what callers get."""
    cls = class_of(receiver) or type_object(receiver)
    if cls is None:
        return
    name = solver.project.scope(function).name
    found = solver.classes.lookup(cls, name)
    if found is None or solver.project.definition(function) not in found[1]:
        return  # called through super()
    subclasses = solver.classes.subclasses(cls)
    if len(subclasses) > 40:
        return
    for each in subclasses:
        override = solver.project.child(each, name)
        if override is not None and override != function and solver.project.scope(override).kind == "function":
            key: Key = ("ret", *override)
            for value, evidence in solver.get(key).items():
                add(
                    out,
                    special.rebound(value, ("inst", each, ())),
                    min(grade, evidence.grade, PROBABLE),
                    "returned by an override",
                    key,
                    value,
                )


def rule_return(solver: Solver, key: Key, out: Answer) -> None:
    """("ret", module, scope): what a call gives before await."""
    _, module, number = key
    scope = solver.project.scope((module, number))
    if scope.is_generator:
        declared: Answer = {}
        if scope.returns >= 0:
            solver.copy(("t", module, scope.returns, ()), declared, "annotation")
        if any(value[0] == "cont" for value in declared):
            out.update(declared)
        else:
            add(out, ("cont", "seq", (("yields", module, number),)), note="generator")
    elif scope.is_async:
        add(out, ("coro", ("body", module, number)), note="coroutine")
    else:
        solver.copy(("body", module, number), out, "returned")


def rule_body(solver: Solver, key: Key, out: Answer) -> None:
    """("body", module, scope): the declared result, else what the return statements give."""
    _, module, number = key
    scope = solver.project.scope((module, number))
    declared: Answer = {}
    if scope.returns >= 0:
        solver.copy(("t", module, scope.returns, ()), declared, "return annotation")
        for value, evidence in declared.items():
            add(out, value, evidence.grade, evidence.note, evidence.source, evidence.value)
    if typing_forms.informative(declared) and not attributes.weak(solver, declared):
        return
    for each in scope.results:
        solver.copy(("n", module, each), out, "returned")


def rule_yields(solver: Solver, key: Key, out: Answer) -> None:
    """("yields", module, scope): the declared element, else what the yield expressions give."""
    _, module, number = key
    scope = solver.project.scope((module, number))
    if scope.returns >= 0:
        for value in solver.get(("t", module, scope.returns, ())):
            if value[0] == "cont" and value[1] == "seq":
                solver.copy(value[2][0], out, "annotation")
    if typing_forms.informative(out):
        return
    facts = solver.project.modules[module].facts
    for each in scope.yields:
        if facts.nodes[each][0] == "yieldfrom":
            containers.items(solver, ("n", module, facts.nodes[each][1]), out)
        elif facts.nodes[each][0] == "yield":
            if facts.nodes[each][1] >= 0:
                solver.copy(("n", module, facts.nodes[each][1]), out, "yielded")
        else:
            solver.copy(("n", module, each), out, "yielded")
