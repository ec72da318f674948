"""Annotations: the instances that a type expression stands for."""

from __future__ import annotations

from typing import Final

from governance.contract import Ref
from governance.index.classes import Env
from governance.index.names import Entity
from governance.index.solver import Answer, Solver, add
from governance.index.values import MAPPINGS, NONE, SEQUENCES, Key, Value, instance, last_part, type_object

_FIRST: Final = frozenset(
    "Optional Annotated Final ClassVar Required NotRequired ReadOnly InitVar Mapped Unpack SkipValidation".split()
)
_AWAITABLE: Final = frozenset(("Awaitable", "Future", "Task"))
_MANAGERS: Final = frozenset(
    ("ContextManager", "AbstractContextManager", "AsyncContextManager", "AbstractAsyncContextManager")
)
_SILENT: Final = frozenset(
    ("typing.Any", "typing_extensions.Any", "builtins.object", "typing.NoReturn", "typing.Never")
)
_NESTING: Final = 4


def depth(key: Key) -> int:
    """How deeply keys are nested in a key: type arguments of type arguments end at a bound."""
    return 1 + max((depth(each) for each in key if isinstance(each, tuple)), default=0)


def rule_type(solver: Solver, key: Key, out: Answer) -> None:
    """("t", module, node, env)."""
    _, module, number, env = key
    ref = (module, number)
    node = solver.project.node(ref)
    op = node[0]
    if op == "const":
        if node[1] == "none":
            add(out, NONE, note="annotation")
    elif op == "binary" and node[1] == "|":
        for side in (node[2], node[3]):
            _copy(solver, (module, side), env, out)
    elif op == "sub":
        _generic(solver, ref, (module, node[1]), solver.classes.arguments((module, node[2])), env, out)
    elif op in ("alias", "annotated") and node[-1] >= 0:
        _copy(solver, (module, node[-1]), env, out)
    elif op == "call":
        _made_type(solver, ref, node, env, out)
    elif op in ("attr", "free", "local", "import", "import_as", "class", "narrow", "phi", "or", "ifexp"):
        for entity in solver.names.resolve(ref):
            _entity(solver, ref, entity, env, out)


def _copy(solver: Solver, ref: Ref, env: Env, out: Answer) -> None:
    solver.copy(("t", *ref, env), out, "annotation")


def _made_type(solver: Solver, ref: Ref, node: list[object], env: Env, out: Answer) -> None:
    """`NewType("Id", Plugin)` and type variables."""
    if solver.classes.is_typevar(ref):
        _variable(solver, ref, env, out)
        return
    callee = node[1]
    arguments = node[2]
    if (
        isinstance(callee, int)
        and isinstance(arguments, list)
        and len(arguments) == 2
        and any(last_part(name) == "NewType" for name in solver.names.dotted((ref[0], callee)))
    ):
        _copy(solver, (ref[0], arguments[1]), env, out)


def _variable(solver: Solver, ref: Ref, env: Env, out: Answer) -> None:
    for variable, bound in env:
        if variable == ref:
            solver.copy(bound, out, "type argument")
            return
    add(out, ("tv", ref), note="type variable")


def _entity(solver: Solver, ref: Ref, entity: Entity, env: Env, out: Answer) -> None:
    kind = entity[0]
    if kind == "cls":
        add(out, ("inst", entity[1], ()), note="annotation")
    elif kind == "node":
        found: Ref = (entity[1], entity[2])
        if solver.classes.is_typevar(found):
            _variable(solver, found, env, out)
        elif found != ref:
            _copy(solver, found, (), out)
    elif kind == "ext":
        dotted = str(entity[1])
        if last_part(dotted) == "Self":
            for scope in solver.project.enclosing(solver.project.owner(ref)):
                if solver.project.scope(scope).kind == "class":
                    add(out, ("self", scope), note="annotation")
                    return
        elif dotted not in _SILENT and last_part(dotted) not in _FIRST:
            add(out, ("xinst", dotted, ()), note="annotation")


def _generic(solver: Solver, ref: Ref, base: Ref, arguments: list[Ref], env: Env, out: Answer) -> None:
    keys = tuple(("t", argument[0], argument[1], env) for argument in arguments)
    if any(depth(key) > _NESTING + 3 for key in keys):
        keys = tuple(("t", argument[0], argument[1], ()) for argument in arguments)
    for entity in solver.names.resolve(base):
        if entity[0] == "cls":
            add(out, instance(entity[1], keys), note="annotation")
        elif entity[0] == "node":
            _alias(solver, (entity[1], entity[2]), keys, out)
        elif entity[0] == "ext":
            _external(solver, str(entity[1]), arguments, keys, env, out)


def _alias(solver: Solver, alias: Ref, keys: tuple[Key, ...], out: Answer) -> None:
    """`Pair = tuple[T, T]` used as `Pair[Plugin]`: its variables in order of appearance."""
    variables: dict[Ref, None] = {}
    todo = [alias]
    for _ in range(60):
        if not todo:
            break
        ref = todo.pop(0)
        node = solver.project.node(ref)
        if node[0] in ("free", "attr", "local"):
            for entity in solver.names.resolve(ref):
                if entity[0] == "node" and solver.classes.is_typevar((entity[1], entity[2])):
                    variables[(entity[1], entity[2])] = None
        elif node[0] == "sub":
            todo.extend([(ref[0], node[1]), *solver.classes.arguments((ref[0], node[2]))])
        elif node[0] in ("alias", "annotated") and node[-1] >= 0:
            todo.append((ref[0], node[-1]))
        elif node[0] == "binary":
            todo.extend([(ref[0], node[2]), (ref[0], node[3])])
    solver.copy(("t", *alias, tuple(zip(variables, keys, strict=False))), out, "annotation")


def _external(solver: Solver, dotted: str, arguments: list[Ref], keys: tuple[Key, ...], env: Env, out: Answer) -> None:
    name = last_part(dotted)
    if not arguments:
        add(out, ("cont", "tuple", ()) if name in ("tuple", "Tuple") else ("xinst", dotted, ()), note="annotation")
    elif name == "Union" or name in _FIRST:
        for key in keys if name == "Union" else keys[:1]:
            solver.copy(key, out, "annotation")
        if name == "Optional":
            add(out, NONE, note="annotation")
    elif name in ("type", "Type"):
        for value, evidence in solver.get(keys[0]).items():
            if value[0] == "inst":
                add(out, ("cls", value[1]), evidence.grade, "annotation", keys[0], value)
            elif value[0] == "tv":
                add(out, ("tvcls", value[1]), evidence.grade, "annotation", keys[0], value)
            elif value[0] == "self":
                add(out, ("selfcls", value[1]), evidence.grade, "annotation", keys[0], value)
    elif name == "Literal":
        for argument in arguments:
            solver.copy(("n", *argument), out, "annotation")
    elif name == "Callable":
        taken = tuple(("t", arguments[0][0], each, env) for each in _listed(solver, arguments[0]))
        add(out, ("callable", keys[-1], taken) if taken else ("callable", keys[-1]), note="annotation")
    elif name in _AWAITABLE:
        add(out, ("coro", keys[0]), note="annotation")
    elif name in ("Coroutine", "CoroutineType"):
        add(out, ("coro", keys[-1]), note="annotation")
    elif name in _MANAGERS:
        add(out, ("gencm", keys[0]), note="annotation")
    elif name in ("tuple", "Tuple"):
        last = solver.project.node(arguments[-1])
        if len(keys) == 2 and last[0] == "const" and last[1] == "ellipsis":
            add(out, ("cont", "seq", keys[:1]), note="annotation")
        else:
            add(out, ("cont", "tuple", keys), note="annotation")
    elif name in MAPPINGS and len(keys) == 2:
        add(out, ("cont", "dict", keys), note="annotation")
    elif name in SEQUENCES:
        add(out, ("cont", "seq", keys[:1]), note="annotation")
    else:
        add(out, ("xinst", dotted, keys), note="annotation")


def _listed(solver: Solver, ref: Ref) -> list[int]:
    """The types in the brackets of `Callable[[A, B], C]`."""
    node = solver.project.node(ref)
    return list(node[1]) if node[0] == "list" else []


def bound(solver: Solver, variable: Ref) -> list[Key]:
    """The type expressions that bound a type variable (bound and constraints)."""
    module = variable[0]
    node = solver.project.node(variable)
    if node[0] == "typevar":
        return [("t", module, node[2], ())] if node[2] >= 0 else []
    keys: list[Key] = [("t", module, each, ()) for each in node[2][1:]]
    keys += [("t", module, value, ()) for name, value in node[3] if name == "bound"]
    return keys


def with_env(value: Value, env: Env) -> Value:
    """A container, awaitable or the like whose inner types are read with these type variables bound."""
    if value[0] == "cont":
        return ("cont", value[1], tuple(_bound_in(key, env) for key in value[2]))
    return (value[0], _bound_in(value[1], env), *value[2:]) if value[0] in ("coro", "gencm", "callable") else value


def _bound_in(key: Key, env: Env) -> Key:
    return ("t", key[1], key[2], env) if key[0] == "t" and key[3] == () else key


def bindings(solver: Solver, result: Value, env: Env) -> list[Key]:
    """What is put in the place of a result that is a type variable: its binding, else its bound."""
    if result[0] != "tv":
        return []
    return [key for variable, key in env if variable == result[1]] or bound(solver, result[1])


def concrete(solver: Solver, key: Key, out: Answer, note: str) -> None:
    """Copy an annotation's answer, type variables replaced by their bounds."""
    for value, evidence in solver.get(key).items():
        if value[0] == "tv":
            for each in bound(solver, value[1]):
                solver.copy(each, out, note)
        elif value[0] == "tvcls":
            for each in bound(solver, value[1]):
                for inner, reason in solver.get(each).items():
                    if inner[0] == "inst":
                        add(out, ("cls", inner[1]), reason.grade, note, each, inner)
        else:
            add(out, value, evidence.grade, note, key, value)


def informative(answer: Answer) -> bool:
    """Whether an annotation says enough that flows need not be asked: a project class, container, class object ..."""
    return any(
        value[0] in ("inst", "cls", "cont", "tv", "self", "selfcls", "gencm", "coro", "enum") for value in answer
    )


__all__ = ["bound", "concrete", "depth", "informative", "rule_type", "type_object"]
