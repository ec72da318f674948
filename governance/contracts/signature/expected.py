"""The declared signature: what stands in the configuration, read as Python reads a `def` line."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_HELP = 'write it as in Python: "def run(self, name: str) -> dict[str, Any]"'


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. kind: as in the facts. annotation: "" if any will do. default: None for "must have none",
    "..." for any, else its text."""

    name: str
    kind: str
    annotation: str = ""
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """A whole signature. returns: "" if any will do."""

    parameters: tuple[Parameter, ...]
    returns: str
    is_async: bool


def parse(text: str) -> Expected:
    """Read `[async] def name(parameters) [-> annotation]`; the name does not matter. Raises ValueError."""
    try:
        body = ast.parse(text.strip().rstrip(":") + ": ...").body
    except (SyntaxError, RecursionError) as error:
        raise ValueError(f"signature {text!r} cannot be read; {_HELP}") from error
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef | ast.AsyncFunctionDef):
        raise ValueError(f"signature {text!r} is no function; {_HELP}")
    function = body[0]
    if ast.unparse(function.body[0]) != "..." or len(function.body) != 1:
        raise ValueError(f"signature {text!r} has a body; {_HELP}")
    for quoted in _quoted(function):
        try:
            ast.parse(quoted.strip(), mode="eval")
        except (SyntaxError, RecursionError, ValueError) as error:
            raise ValueError(f"signature {text!r} has an annotation that cannot be read: {quoted!r}") from error
    arguments = function.args
    found: list[Parameter] = []
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    defaults += arguments.defaults
    for number, (argument, default) in enumerate(zip(positional, defaults, strict=True)):
        kind = "positional" if number < len(arguments.posonlyargs) else "normal"
        found.append(_parameter(argument, kind, default))
    if arguments.vararg:
        found.append(_parameter(arguments.vararg, "vararg", None))
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        found.append(_parameter(argument, "keyword", default))
    if arguments.kwarg:
        found.append(_parameter(arguments.kwarg, "kwarg", None))
    returns = ast.unparse(function.returns) if function.returns else ""
    return Expected(tuple(found), returns, isinstance(function, ast.AsyncFunctionDef))


def _quoted(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """The texts that stand for types in annotations, those in `Literal` aside."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [each for each in (arguments.vararg, arguments.kwarg) if each]
    todo: list[ast.AST] = [each.annotation for each in every if each.annotation]
    todo += [function.returns] if function.returns else []
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif not (isinstance(node, ast.Subscript) and ast.unparse(node.value).rpartition(".")[2] == "Literal"):
            todo += ast.iter_child_nodes(node)


def _parameter(argument: ast.arg, kind: str, default: ast.expr | None) -> Parameter:
    annotation = ast.unparse(argument.annotation) if argument.annotation else ""
    return Parameter(argument.arg, kind, annotation, ast.unparse(default) if default else None)
