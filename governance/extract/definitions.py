"""Functions, lambdas and classes: what runs where they stand, and their own scopes."""

from __future__ import annotations

from typing import Any

import libcst as cst

from governance.extract.bound_names import Names
from governance.extract.environment import Env
from governance.extract.scope import Building
from governance.extract.type_expressions import annotation
from governance.extract.walk import Walk, name_of
from governance.facts import Param


def function(walk: Walk, node: cst.FunctionDef) -> None:
    """`def`, `async def`."""
    decorators = [walk.expr(decorator.decorator) for decorator in node.decorators]
    params = _flat(node.params)
    defaults = _defaults(walk, params)
    walk.place = node
    number = walk.add(["function", len(walk.scopes)])
    scope = _open(walk, "function", name_of(node.name), number, node)
    scope.decorators = decorators
    scope.is_async = node.asynchronous is not None
    _type_params(walk, scope, node.type_parameters)
    _annotate(walk, scope, params, defaults, node.returns)
    walk.steps.append(["define", number])
    _run(walk, scope, node)
    walk.bind(scope.name, number)


def function_expression(walk: Walk, node: cst.Lambda) -> int:
    """`lambda`."""
    params = _flat(node.params)
    defaults = _defaults(walk, params)
    number = walk.add(["function", len(walk.scopes)])
    scope = _open(walk, "lambda", "<lambda>", number, node)
    _annotate(walk, scope, params, defaults, None)
    walk.steps.append(["define", number])
    _run(walk, scope, node)
    return number


def class_definition(walk: Walk, node: cst.ClassDef) -> None:
    """`class`."""
    decorators = [walk.expr(decorator.decorator) for decorator in node.decorators]
    walk.place = node
    number = walk.add(["class", len(walk.scopes)])
    scope = _open(walk, "class", name_of(node.name), number, node)
    scope.decorators = decorators
    _type_params(walk, scope, node.type_parameters)
    for argument in (*node.bases, *node.keywords):
        value = walk.expr(argument.value)
        if argument.keyword is not None or argument.star == "**":
            scope.keywords.append((name_of(argument.keyword) if argument.keyword is not None else None, value))
        else:
            scope.bases.append(walk.add(["star", value]) if argument.star else value)
    walk.steps.append(["define", number])
    _run(walk, scope, node)
    walk.bind(scope.name, number)


def type_alias(walk: Walk, node: cst.TypeAlias) -> None:
    """`type X[T] = value`: evaluated on demand, so without steps."""
    owner = walk.scope
    if node.type_parameters is not None:
        _type_params(walk, owner, node.type_parameters)
    number = walk.add(["alias", annotation(walk, node.value)])
    walk.bind(name_of(node.name), number)


def _open(walk: Walk, kind: str, name: str, number: int, node: Any) -> Building:
    names = Names(walk.walrus)
    if kind == "lambda":
        names.expression(node.body)
    else:
        names.block(node.body)
    scope = Building(len(walk.scopes), kind, name, walk.scope, number, names.finish())
    walk.scopes.append(scope)
    return scope


def _flat(params: cst.Parameters) -> list[tuple[str, cst.Param]]:
    """(kind, parameter) in the order written."""
    found = [("positional", param) for param in params.posonly_params]
    found += [("normal", param) for param in params.params]
    if isinstance(params.star_arg, cst.Param):
        found.append(("vararg", params.star_arg))
    found += [("keyword", param) for param in params.kwonly_params]
    if params.star_kwarg is not None:
        found.append(("kwarg", params.star_kwarg))
    return found


def _defaults(walk: Walk, params: list[tuple[str, cst.Param]]) -> list[int]:
    return [-1 if param.default is None else walk.expr(param.default) for _, param in params]


def _annotate(
    walk: Walk,
    scope: Building,
    params: list[tuple[str, cst.Param]],
    defaults: list[int],
    returns: cst.Annotation | None,
) -> None:
    """Parameters and return type; types look outward from where the definition stands."""
    for index, ((kind, param), default) in enumerate(zip(params, defaults, strict=True)):
        typed = -1
        if param.annotation is not None:
            typed = annotation_in(walk, scope, param.annotation.annotation)
        walk.place = param
        outer, walk.scope = walk.scope, scope
        node = walk.add(["param", scope.number, index])
        walk.scope = outer
        scope.params.append(Param(name_of(param.name), kind, typed, default, node))
    if returns is not None:
        scope.returns = annotation_in(walk, scope, returns.annotation)


def annotation_in(walk: Walk, scope: Building, node: Any) -> int:
    """A type in a definition's header: outside of it, except that it sees the type parameters."""
    walk.header = scope if scope.type_params else None
    number = annotation(walk, node)
    walk.header = None
    return number


def _type_params(walk: Walk, scope: Building, params: cst.TypeParameters | None) -> None:
    if params is None:
        return
    walk.has_type_params = True
    outer, walk.scope = walk.scope, scope
    for param in params.params:
        bound = param.param.bound if isinstance(param.param, cst.TypeVar) else None
        name = name_of(param.param.name)
        walk.place = param
        node = walk.add(["typevar", type(param.param).__name__, -1])
        scope.type_params.append((name, node))
        if bound is not None:
            walk.nodes[node][2] = annotation(walk, bound)
        if param.default is not None:
            annotation(walk, param.default)
        scope.bindings.setdefault(name, []).append(node)
    walk.scope = outer


def _run(walk: Walk, scope: Building, node: Any) -> None:
    """Walk the body in the new scope."""
    saved = walk.scope, walk.env, walk.log, walk.loop, walk.steps, walk.depth, walk.paths
    modes = walk.in_type, walk.typed_strings
    walk.scope, walk.env, walk.log, walk.loop, walk.steps, walk.depth, walk.paths = (
        scope,
        Env(),
        [],
        None,
        scope.body,
        0,
        {},
    )
    walk.in_type = walk.typed_strings = False
    for param in scope.params:
        walk.env[param.name] = param.node
        scope.bindings.setdefault(param.name, []).append(param.node)
        scope.names.bound.add(param.name)
    if scope.kind == "lambda":
        value = walk.expr(node.body)
        scope.results.append(value)
        walk.steps.append(["return", walk.at("lambda"), value])
    else:
        walk.block(node.body)
    close(walk)
    walk.scope, walk.env, walk.log, walk.loop, walk.steps, walk.depth, walk.paths = saved
    walk.in_type, walk.typed_strings = modes


def close(walk: Walk) -> None:
    """At the end of a scope: which definitions reach it."""
    scope = walk.scope
    if walk.env.live or scope.outside:
        for name, value in list(walk.env.items()):
            if type(value) is not tuple:
                number = walk.materialise(value)
                if number >= 0:
                    scope.final[name] = number
