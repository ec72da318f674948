"""Simple statements -> definitions and steps."""

from __future__ import annotations

from typing import Any

import libcst as cst

from governance.extract import conditions, definitions, flow, targets
from governance.extract.bound_names import dotted, identifier
from governance.extract.environment import Env
from governance.extract.expressions import OPERATORS
from governance.extract.patterns import match
from governance.extract.subscripts import subscript_index
from governance.extract.type_expressions import alias_value, annotation, last_name
from governance.extract.walk import Walk, name_of


def expression(walk: Walk, node: cst.Expr) -> None:
    """An expression whose value is thrown away."""
    walk.expr(node.value)


def assign(walk: Walk, node: cst.Assign) -> None:
    """`a = b = value`."""
    value = walk.expr(node.value)
    for target in node.targets:
        targets.store(walk, target.target, value)


def annotated_assign(walk: Walk, node: cst.AnnAssign) -> None:
    """`x: T`, `x: T = value`, the same for attributes and items."""
    target = node.target
    written = node.annotation.annotation
    if node.value is None:
        value = -1
    elif last_name(written) == "TypeAlias":
        value = alias_value(walk, node.value)
    else:
        value = walk.expr(node.value)
    typed = annotation(walk, node.annotation.annotation)
    walk.place = node
    number = walk.add(["annotated", typed, value])
    if isinstance(target, cst.Name):
        name = name_of(target)
        walk.scope.annotations[name] = typed
        if value >= 0:
            walk.bind(name, number)
        else:
            walk.scope.bindings.setdefault(name, []).append(number)
    elif value >= 0:
        targets.store(walk, target, number)
    elif isinstance(target, cst.Attribute):
        base = walk.expr(target.value)
        walk.add(["store_attr", base, name_of(target.attr), number])
    elif isinstance(target, cst.Subscript):
        walk.expr(target.value)
        subscript_index(walk, target)


def augmented_assign(walk: Walk, node: cst.AugAssign) -> None:
    """`target op= value`; the target is evaluated once."""
    target: Any = node.target
    operator = OPERATORS[type(node.operator)]
    if isinstance(target, cst.Name):
        old = walk.expr(target)
        value = walk.expr(node.value)
        walk.bind(name_of(target), walk.add(["augmented", operator, old, value]))
    elif isinstance(target, cst.Attribute):
        base = walk.expr(target.value)
        walk.place = target
        old = walk.add(["attr", base, name_of(target.attr)])
        walk.steps.append(["attr", old])
        value = walk.expr(node.value)
        targets.store_attribute(walk, target, base, walk.add(["augmented", operator, old, value]))
    else:
        base = walk.expr(target.value)
        index = subscript_index(walk, target)
        walk.place = target
        old = walk.add(["sub", base, index])
        walk.steps.append(["sub", old])
        value = walk.expr(node.value)
        targets.store_item(walk, base, index, walk.add(["augmented", operator, old, value]))


def delete(walk: Walk, node: cst.Del) -> None:
    """`del a, b.c, d[e]`."""
    targets.delete(walk, node.target)


def import_module(walk: Walk, node: Any) -> None:
    """`import a.b`, `import a.b as c`."""
    for alias in node.names:
        module = dotted(alias.name)
        walk.place = alias
        if alias.asname is not None:
            number = walk.add(["import_as", 0, module, None])
            name = name_of(alias.asname.name)
        else:
            number = walk.add(["import", 0, module, None])
            name = module.partition(".")[0]
        walk.steps.append(["import", number])
        walk.bind(name, number)


def import_from(walk: Walk, node: Any) -> None:
    """`from a import b as c`, `from . import *`."""
    module = "" if node.module is None else dotted(node.module)
    level = len(node.relative)
    if isinstance(node.names, cst.ImportStar):
        number = walk.add(["import", level, module, "*"])
        walk.steps.append(["import", number])
        walk.scope.star_imports.append(number)
        return
    for alias in node.names:
        walk.place = alias
        number = walk.add(["import", level, module, identifier(alias.name.value)])
        walk.steps.append(["import", number])
        walk.bind(name_of(alias.name if alias.asname is None else alias.asname.name), number)


def returned(walk: Walk, node: cst.Return) -> None:
    """`return`."""
    value = -1
    if node.value is not None:
        value = walk.expr(node.value)
        walk.scope.results.append(value)
    walk.steps.append(["return", walk.at("return"), value])
    walk.env = Env(walk.env, live=False)


def raised(walk: Walk, node: cst.Raise) -> None:
    """`raise x from y`."""
    value = -1 if node.exc is None else walk.expr(node.exc)
    cause = -1 if node.cause is None else walk.expr(node.cause.item)
    walk.steps.append(["raise", walk.at("raise"), value, cause])
    walk.env = Env(walk.env, live=False)


def left(walk: Walk, node: cst.Break) -> None:
    """`break`."""
    walk.steps.append(["break", walk.at("break")])
    if walk.loop is not None:
        walk.loop.breaks.append(walk.env)
    walk.env = Env(walk.env, live=False)


def continued(walk: Walk, node: cst.Continue) -> None:
    """`continue`."""
    walk.steps.append(["continue", walk.at("continue")])
    if walk.loop is not None:
        walk.loop.continues.append(walk.env)
    walk.env = Env(walk.env, live=False)


def asserted(walk: Walk, node: cst.Assert) -> None:
    """`assert test, message`."""
    test, true, false = conditions.condition(walk, node.test)
    walk.env = Env(false)
    block, outer = walk.collect()
    if node.msg is not None:
        walk.expr(node.msg)
    walk.resume(outer)
    walk.steps.append(["assert", walk.at("assert"), test, block])
    walk.env = Env(true) if true.live else Env(false)


def nothing(walk: Walk, node: Any) -> None:
    """`pass`; `global` and `nonlocal` are known beforehand."""


STATEMENTS: dict[type, Any] = {
    cst.Expr: expression,
    cst.Assign: assign,
    cst.AnnAssign: annotated_assign,
    cst.AugAssign: augmented_assign,
    cst.Del: delete,
    cst.Import: import_module,
    cst.LazyImport: import_module,
    cst.ImportFrom: import_from,
    cst.LazyImportFrom: import_from,
    cst.Return: returned,
    cst.Raise: raised,
    cst.Break: left,
    cst.Continue: continued,
    cst.Assert: asserted,
    cst.Pass: nothing,
    cst.Global: nothing,
    cst.Nonlocal: nothing,
    cst.TypeAlias: definitions.type_alias,
    cst.FunctionDef: definitions.function,
    cst.ClassDef: definitions.class_definition,
    cst.If: flow.branch,
    cst.While: flow.while_loop,
    cst.For: flow.for_loop,
    cst.Try: flow.attempt,
    cst.TryStar: flow.attempt,
    cst.With: flow.managed,
    cst.Match: match,
}
