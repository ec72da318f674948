"""Expressions -> fact nodes and steps, in evaluation order."""

from __future__ import annotations

from typing import Any

import libcst as cst

from governance.extract import comprehensions, conditions, definitions, subscripts, type_expressions
from governance.extract.bound_names import dotted
from governance.extract.environment import Env, join
from governance.extract.literals import integer_value, string_value, unescape
from governance.extract.walk import Walk, name_of

OPERATORS: dict[type, str] = {
    cst.Add: "+", cst.Subtract: "-", cst.Multiply: "*", cst.Divide: "/", cst.FloorDivide: "//", cst.Modulo: "%",
    cst.Power: "**", cst.MatrixMultiply: "@", cst.LeftShift: "<<", cst.RightShift: ">>", cst.BitAnd: "&",
    cst.BitOr: "|", cst.BitXor: "^", cst.Plus: "+", cst.Minus: "-", cst.BitInvert: "~",
    cst.Equal: "==", cst.NotEqual: "!=", cst.LessThan: "<", cst.LessThanEqual: "<=", cst.GreaterThan: ">",
    cst.GreaterThanEqual: ">=", cst.Is: "is", cst.IsNot: "is not", cst.In: "in", cst.NotIn: "not in",
    cst.AddAssign: "+", cst.SubtractAssign: "-", cst.MultiplyAssign: "*", cst.DivideAssign: "/",
    cst.FloorDivideAssign: "//", cst.ModuloAssign: "%", cst.PowerAssign: "**", cst.MatrixMultiplyAssign: "@",
    cst.LeftShiftAssign: "<<", cst.RightShiftAssign: ">>", cst.BitAndAssign: "&", cst.BitOrAssign: "|",
    cst.BitXorAssign: "^",
}  # fmt: skip
_CONSTANTS: dict[str, list[Any]] = {
    "None": ["const", "none", None],
    "True": ["const", "bool", True],
    "False": ["const", "bool", False],
}


def name(walk: Walk, node: cst.Name) -> int:
    """A load of a name, or one of the three constants that are written as names."""
    constant = _CONSTANTS.get(node.value)
    if constant is not None:
        return walk.add(list(constant))
    return walk.load(name_of(node))


def attribute(walk: Walk, node: cst.Attribute) -> int:
    """An attribute load, narrowed by what tests told about its dotted path."""
    base = walk.expr(node.value)
    number = walk.add(["attr", base, name_of(node.attr)])
    walk.steps.append(["attr", number])
    if walk.paths and not walk.in_type:
        tests = walk.env.get(dotted(node))
        if type(tests) is tuple:
            return walk.after_tests(number, tests)
    return number


def call(walk: Walk, node: cst.Call) -> int:
    """A call: function, then arguments in the order written."""
    function = walk.expr(node.func)
    args: list[int] = []
    keywords: list[list[Any]] = []
    typed = type_expressions.typed_arguments(node)
    for position, argument in enumerate(node.args):
        key = name_of(argument.keyword) if argument.keyword is not None else None
        if typed and (key or str(position)) in typed:
            value = type_expressions.annotation(walk, argument.value)
        else:
            value = walk.expr(argument.value)
        if key is not None or argument.star == "**":
            keywords.append([key, value])
        else:
            args.append(walk.add(["star", value]) if argument.star else value)
    number = walk.add(["call", function, args, keywords])
    walk.steps.append(["call", number])
    return number


def binary(walk: Walk, node: cst.BinaryOperation) -> int:
    """`left op right`."""
    left = walk.expr(node.left)
    right = walk.expr(node.right)
    return walk.add(["binary", OPERATORS[type(node.operator)], left, right])


def unary(walk: Walk, node: cst.UnaryOperation) -> int:
    """`not x` and the arithmetic signs."""
    operand = walk.expr(node.expression)
    if type(node.operator) is cst.Not:
        return walk.add(["not", operand])
    return walk.add(["unary", OPERATORS[type(node.operator)], operand])


def boolean(walk: Walk, node: cst.BooleanOperation) -> int:
    """`and`/`or` as a value: the environments of both outcomes meet again."""
    number, true, false = conditions.condition(walk, node)
    walk.env = join((true, false), walk.scope.outside)
    return number


def comparison(walk: Walk, node: cst.Comparison) -> int:
    """A chain of comparisons; what stands behind the second operator runs only if the first held."""
    operands = [walk.expr(node.left)]
    operators: list[str] = []
    outer = (walk.steps, walk.depth)
    for position, target in enumerate(node.comparisons):
        if position == 0:
            operand = walk.expr(target.comparator)
        else:
            block, before = walk.collect()
            operand = walk.expr(target.comparator)
            if block:
                before[0].append(["if", walk.add(["compare", list(operators), list(operands)]), block, []])
            else:
                walk.resume(before)
        operators.append(OPERATORS[type(target.operator)])
        operands.append(operand)
    walk.resume(outer)
    return walk.add(["compare", operators, operands])


def conditional(walk: Walk, node: cst.IfExp) -> int:
    """`a if test else b`."""
    test, true, false = conditions.condition(walk, node.test)
    walk.env = Env(true)
    then, outer = walk.collect()
    first = walk.expr(node.body)
    walk.resume(outer)
    after_then, walk.env = walk.env, Env(false)
    other, outer = walk.collect()
    second = walk.expr(node.orelse)
    walk.resume(outer)
    if then or other:
        walk.steps.append(["if", test, then, other])
    walk.env = join((after_then, walk.env), walk.scope.outside)
    return walk.add(["ifexp", test, first, second])


def integer(walk: Walk, node: cst.Integer) -> int:
    """An int; beyond 64 bits without its value."""
    return walk.add(["const", "int", integer_value(node.value)])


def simple_string(walk: Walk, node: cst.SimpleString) -> int:
    """A str or bytes literal; in an annotation the type it spells."""
    kind, value = string_value(node.value)
    if walk.typed_strings and value is not None:
        return type_expressions.string(walk, value)
    return walk.add(["const", kind, value])


def concatenated(walk: Walk, node: cst.ConcatenatedString) -> int:
    """Adjacent literals as one."""
    pieces: list[Any] = []
    rest: Any = node
    while type(rest) is cst.ConcatenatedString:
        pieces.append(rest.left)
        rest = rest.right
    pieces.append(rest)
    if all(type(piece) is cst.SimpleString for piece in pieces):
        values = [string_value(piece.value) for piece in pieces]
        if any(value is None for _, value in values):
            return walk.add(["const", "bytes", None])
        text = "".join(value or "" for _, value in values)
        if walk.typed_strings:
            return type_expressions.string(walk, text)
        return walk.add(["const", "str", text])
    parts: list[int] = []
    for piece in pieces:
        if type(piece) is cst.SimpleString:
            parts.append(walk.add(["const", "str", string_value(piece.value)[1]]))
        else:
            _formatted_parts(walk, piece.parts, "r" in piece.start.lower(), parts)
    return walk.add(["fstring", parts])


def formatted(walk: Walk, node: Any) -> int:
    """An f-string or t-string."""
    parts: list[int] = []
    _formatted_parts(walk, node.parts, "r" in node.start.lower(), parts)
    return walk.add(["fstring", parts])


def _formatted_parts(walk: Walk, pieces: Any, raw: bool, parts: list[int]) -> None:
    for piece in pieces:
        if isinstance(piece, (cst.FormattedStringText, cst.TemplatedStringText)):
            text = unescape(piece.value, raw).replace("{{", "{").replace("}}", "}")
            parts.append(walk.add(["const", "str", text]))
        else:
            parts.append(walk.expr(piece.expression))
            if piece.format_spec:
                _formatted_parts(walk, piece.format_spec, raw, [])


def sequence(walk: Walk, node: Any) -> int:
    """A tuple, list or set display."""
    return walk.add([_DISPLAYS[type(node)], [walk.expr(element) for element in node.elements]])


_DISPLAYS: dict[type, str] = {cst.Tuple: "tuple", cst.List: "list", cst.Set: "set"}


def element(walk: Walk, node: cst.Element) -> int:
    """An element of a display."""
    return walk.expr(node.value)


def starred(walk: Walk, node: Any) -> int:
    """`*x`."""
    return walk.add(["star", walk.expr(node.value)])


def dictionary(walk: Walk, node: cst.Dict) -> int:
    """A dict display."""
    items = []
    for item in node.elements:
        key = walk.expr(item.key) if isinstance(item, cst.DictElement) else -1
        items.append([key, walk.expr(item.value)])
    return walk.add(["dict", items])


def awaited(walk: Walk, node: cst.Await) -> int:
    """`await x`."""
    number = walk.add(["await", walk.expr(node.expression)])
    walk.steps.append(["await", number])
    return number


def yielded(walk: Walk, node: cst.Yield) -> int:
    """`yield x`, `yield`, `yield from x`."""
    value = node.value
    if isinstance(value, cst.From):
        number = walk.add(["yieldfrom", walk.expr(value.item)])
    else:
        number = walk.add(["yield", -1 if value is None else walk.expr(value)])
    if not walk.in_type:
        walk.scope.is_generator = True
        walk.scope.yields.append(number)
    walk.steps.append(["yield", number])
    return number


def walrus(walk: Walk, node: cst.NamedExpr) -> int:
    """`name := value`: the binding, then a load of it."""
    value = walk.expr(node.value)
    target = name_of(node.target)
    walk.bind(target, value)
    return walk.load(target)


def constant(kind: str) -> Any:
    """Handler of a literal whose value the facts do not keep."""
    return lambda walk, node: walk.add(["const", kind, None])


EXPRESSIONS: dict[type, Any] = {
    cst.Name: name,
    cst.Attribute: attribute,
    cst.Call: call,
    cst.Subscript: subscripts.subscript,
    cst.BinaryOperation: binary,
    cst.UnaryOperation: unary,
    cst.BooleanOperation: boolean,
    cst.Comparison: comparison,
    cst.IfExp: conditional,
    cst.Integer: integer,
    cst.Float: constant("float"),
    cst.Imaginary: constant("complex"),
    cst.Ellipsis: constant("ellipsis"),
    cst.SimpleString: simple_string,
    cst.ConcatenatedString: concatenated,
    cst.FormattedString: formatted,
    cst.TemplatedString: formatted,
    cst.Tuple: sequence,
    cst.List: sequence,
    cst.Set: sequence,
    cst.Element: element,
    cst.StarredElement: starred,
    cst.Dict: dictionary,
    cst.Await: awaited,
    cst.Yield: yielded,
    cst.NamedExpr: walrus,
    cst.Lambda: definitions.function_expression,
    cst.ListComp: comprehensions.comprehension,
    cst.SetComp: comprehensions.comprehension,
    cst.DictComp: comprehensions.comprehension,
    cst.GeneratorExp: comprehensions.comprehension,
    cst.StarredDictComp: comprehensions.comprehension,
    cst.From: lambda walk, node: walk.expr(node.item),
}
