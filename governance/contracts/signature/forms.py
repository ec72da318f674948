"""Annotations in one canonical form, so that two spellings of a type are equal.

| form                        | meaning |
|-----------------------------|---------|
| ("any",) ("none",)          | `Any`, `None` |
| ("type", name)              | a builtin or external type under one name (`typing.Dict` and `dict` are "dict") |
| ("class", symbol)           | a class of the project |
| ("of", form, (forms...))    | a parametrised type |
| ("union", frozenset)        | `X | Y`, `Optional`, `Union` |
| ("literal", frozenset)      | the (type, value) pairs of a `Literal` |
| ("list", (forms...))        | the parameters of a `Callable` |
| ("...",)                    | an ellipsis |
| ("var", name)               | a type variable |
| ("unknown", text)           | whatever else |
"""

from __future__ import annotations

import ast
import builtins
import typing
from typing import Final, TypeAlias

from governance.contract import Ref
from governance.index import Index
from governance.index.names import Entity

Form: TypeAlias = "tuple[object, ...]"

ANY: Final[Form] = ("any",)
NONE: Final[Form] = ("none",)
ELLIPSIS: Final[Form] = ("...",)
_DEPTH: Final = 12

_RENAMED: Final = {
    "typing.Dict": "dict", "typing.List": "list", "typing.Set": "set", "typing.FrozenSet": "frozenset",
    "typing.Tuple": "tuple", "typing.Type": "type", "typing.Text": "str", "typing.AbstractSet": "Set",
    "collections.abc.Set": "Set", "typing.DefaultDict": "defaultdict", "typing.OrderedDict": "OrderedDict",
    "typing.Deque": "deque", "typing.ContextManager": "AbstractContextManager",
    "typing.AsyncContextManager": "AbstractAsyncContextManager", "re.Pattern": "Pattern", "re.Match": "Match",
}  # fmt: skip
_HOMES: Final = ("builtins.", "collections.abc.", "collections.", "contextlib.", "typing.", "re.")
_ONE_OF: Final = frozenset(("Annotated", "Final", "ClassVar", "Required", "NotRequired", "ReadOnly", "InitVar"))
_TYPING: Final = frozenset(typing.__all__)
_BUILTINS: Final = frozenset(dir(builtins))


def written(index: Index, ref: Ref) -> Form:
    """The form of an annotation that stands in the project."""
    return _form(index, ref, (), _DEPTH)


def configured(index: Index, text: str, module: str) -> Form:
    """The form of an annotation from the configuration; names are builtins, those of `typing`, dotted symbols of the
    project, or names of the module that is examined. Raises SyntaxError."""
    return _parsed(index, ast.parse(text.strip(), mode="eval").body, module)


def shown(form: Form) -> str:
    """The form in the words of the language."""
    kind = form[0]
    if kind == "any":
        return "Any"
    if kind == "none":
        return "None"
    if kind == "...":
        return "..."
    if kind == "class":
        return str(form[1]).rpartition(":")[2]
    if kind == "of":
        inner = ", ".join(shown(each) for each in form[2])  # type: ignore[attr-defined]
        return f"{shown(form[1])}[{inner}]"  # type: ignore[arg-type]
    if kind == "list":
        return f"[{', '.join(shown(each) for each in form[1])}]"  # type: ignore[attr-defined]
    if kind == "union":
        words = sorted((each == NONE, shown(each)) for each in form[1])  # type: ignore[attr-defined]
        return " | ".join(word for _, word in words)
    if kind == "literal":
        return f"Literal[{', '.join(sorted(repr(value) for _, value in form[1]))}]"  # type: ignore[attr-defined]
    return str(form[1])


def optional(form: Form) -> bool:
    """Whether None belongs to a type."""
    if form[0] == "union":
        members: frozenset[Form] = form[1]  # type: ignore[assignment]
        return any(optional(each) for each in members)
    return form in (ANY, NONE, ("type", "object")) or form[0] in ("unknown", "var")


def _form(index: Index, ref: Ref, env: tuple[tuple[Ref, Form], ...], depth: int) -> Form:
    module, number = ref
    if depth == 0:
        return ("unknown", index.project.text(ref))
    node = index.project.node(ref)
    op = node[0]

    def inner(other: int) -> Form:
        return _form(index, (module, other), env, depth - 1)

    if op == "const":
        return NONE if node[1] == "none" else ELLIPSIS if node[1] == "ellipsis" else ("unknown", repr(node[2]))
    if op == "binary" and node[1] == "|":
        return union([inner(node[2]), inner(node[3])])
    if op == "list":
        return ("list", tuple(inner(each) for each in node[1]))
    if op == "sub":
        arguments = index.classes.arguments((module, node[2]))
        return _subscript(index, (module, node[1]), arguments, env, depth)
    if op in ("alias", "annotated"):
        return inner(node[-1]) if node[-1] >= 0 else ("unknown", index.project.text(ref))
    if op == "typevar" or index.classes.is_typevar(ref):
        return dict(env).get(ref, ("var", _variable_name(index, ref)))
    if op == "call":
        return ("class", f"{module}:{number}")
    found = [_entity(index, ref, entity, env, depth) for entity in index.names.resolve(ref)]
    return union(found) if found else ("unknown", index.project.text(ref))


def _variable_name(index: Index, ref: Ref) -> str:
    node = index.project.node(ref)
    if node[0] == "call" and node[2]:
        return str(index.project.node((ref[0], node[2][0]))[-1])
    return f"{ref[0]}:{ref[1]}"


def _entity(index: Index, ref: Ref, entity: Entity, env: tuple[tuple[Ref, Form], ...], depth: int) -> Form:
    kind = entity[0]
    if kind == "cls":
        return ("class", index.project.symbol(entity[1]))
    if kind == "ext":
        return named(str(entity[1]))
    if kind == "node" and (entity[1], entity[2]) != ref:
        return _form(index, (entity[1], entity[2]), env, depth - 1)
    return ("unknown", index.project.text(ref))


def named(dotted: str) -> Form:
    """The form of an external name."""
    dotted = dotted.replace("typing_extensions.", "typing.", 1)
    if dotted == "typing.Any":
        return ANY
    if dotted == "types.NoneType":
        return NONE
    if dotted in _RENAMED:
        return ("type", _RENAMED[dotted])
    for home in _HOMES:
        if dotted.startswith(home):
            return ("type", dotted.removeprefix(home))
    return ("type", dotted)


def _subscript(index: Index, base: Ref, arguments: list[Ref], env: tuple[tuple[Ref, Form], ...], depth: int) -> Form:
    alias = [(entity[1], entity[2]) for entity in index.names.resolve(base) if entity[0] == "node"]
    if len(alias) == 1:
        forms = [_form(index, each, env, depth - 1) for each in arguments]
        variables = _variables(index, alias[0], [], depth)
        return _form(index, alias[0], (*env, *zip(variables, forms, strict=False)), depth - 1)
    head = _form(index, base, env, depth - 1)
    if head == ("type", "Literal"):
        return ("literal", frozenset(_literal(index, each) for each in arguments))
    return generic(head, [_form(index, each, env, depth - 1) for each in arguments])


def _literal(index: Index, ref: Ref) -> tuple[str, object]:
    """The type and value of what stands in a `Literal`; a member of an enumeration as it is spelled."""
    node = index.project.node(ref)
    return (node[1], node[2]) if node[0] == "const" else ("?", index.project.text(ref))


def _variables(index: Index, ref: Ref, found: list[Ref], depth: int) -> list[Ref]:
    """The type variables of an alias in the order in which they appear."""
    node = index.project.node(ref)
    module = ref[0]
    if depth == 0:
        return found
    if node[0] in ("free", "local", "attr"):
        for entity in index.names.resolve(ref):
            target = (entity[1], entity[2]) if entity[0] == "node" else None
            if target is not None and index.classes.is_typevar(target) and target not in found:
                found.append(target)
    elif node[0] == "sub":
        for each in index.classes.arguments((module, node[2])):
            _variables(index, each, found, depth - 1)
    elif node[0] == "binary":
        _variables(index, (module, node[2]), found, depth - 1)
        _variables(index, (module, node[3]), found, depth - 1)
    elif node[0] in ("alias", "annotated") and node[-1] >= 0:
        _variables(index, (module, node[-1]), found, depth - 1)
    elif node[0] == "list":
        for each in node[1]:
            _variables(index, (module, each), found, depth - 1)
    return found


def generic(head: Form, arguments: list[Form]) -> Form:
    """A parametrised type; forms that say nothing beyond the bare type are reduced to it."""
    if head[0] == "type" and arguments:
        if head[1] in _ONE_OF:
            return arguments[0]
        if head[1] == "Optional":
            return union([arguments[0], NONE])
        if head[1] == "Union":
            return union(arguments)
    if all(each in (ANY, ELLIPSIS) for each in arguments):
        return head
    return ("of", head, tuple(arguments))


def union(forms: list[Form]) -> Form:
    """`X | Y`, flat and without repetition."""
    members: set[Form] = set()
    for form in forms:
        if form[0] == "union":
            members.update(form[1])  # type: ignore[arg-type]
        else:
            members.add(form)
    return next(iter(members)) if len(members) == 1 else ("union", frozenset(members))


def _parsed(index: Index, node: ast.expr, module: str) -> Form:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            return configured(index, node.value, module)
        return NONE if node.value is None else ELLIPSIS if node.value is ... else ("unknown", repr(node.value))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return union([_parsed(index, node.left, module), _parsed(index, node.right, module)])
    if isinstance(node, ast.List):
        return ("list", tuple(_parsed(index, each, module) for each in node.elts))
    if isinstance(node, ast.Subscript):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        head = _parsed(index, node.value, module)
        if head == ("type", "Literal"):
            return ("literal", frozenset(_constant(each) for each in inner))
        return generic(head, [_parsed(index, each, module) for each in inner])
    if isinstance(node, ast.Name | ast.Attribute):
        return _named_in_configuration(index, ast.unparse(node), module)
    return ("unknown", ast.unparse(node))


def _constant(node: ast.expr) -> tuple[str, object]:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return ("?", ast.unparse(node))
    kind = "none" if value is None else type(value).__name__
    return (kind, None if kind in ("none", "bytes") else value)


def _named_in_configuration(index: Index, text: str, module: str) -> Form:
    if "." not in text:
        if text in _BUILTINS:
            return named(f"builtins.{text}")
        if text in _TYPING:
            return named(f"typing.{text}")
        for entity in index.names.lookup((module, 0), text):
            if entity[0] in ("cls", "ext", "node"):
                return _entity(index, ("", -1), entity, (), _DEPTH)
        return ("type", text)
    scope = index.find(text)
    if scope is not None and index.project.scope(scope).kind == "class":
        return ("class", index.project.symbol(scope))
    home, _, name = text.rpartition(".")
    for ref in index.names.definitions(home, name):
        return _form(index, ref, (), _DEPTH)
    return named(text)
