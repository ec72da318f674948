"""Facts as short text, so that the tables of these tests stay readable."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

from governance.extract import extract
from governance.facts import ModuleFacts


def facts_of(source: str) -> ModuleFacts:
    return extract(dedent(source).encode())


def values(source: str) -> list[str]:
    """What reaches the argument of each `use(...)` in the source, in order of the source."""
    facts = facts_of(source)
    return [value(facts, node[2][0]) for node in facts.nodes if is_use(facts, node)]


def is_use(facts: ModuleFacts, node: Any) -> bool:
    return node[0] == "call" and facts.nodes[node[1]][:2] == ["free", "use"]


def value(facts: ModuleFacts, number: int, seen: tuple[int, ...] = ()) -> str:  # noqa: C901  # one case per op
    """A node as text. A local load is shown as the definition that reaches it; a loop back to a phi as `^`."""
    if number == -1:
        return "nothing"
    if number in seen:
        return "^"
    node = facts.nodes[number]

    def show(other: int) -> str:
        return value(facts, other, (*seen, number) if node[0] == "phi" else seen)

    def many(others: list[int]) -> str:
        return ", ".join(map(show, others))

    match node:
        case ["const", "str" | "int" | "bool" as kind, content]:
            return repr(content) if content is not None else f"<{kind}>"
        case ["const", "none", _]:
            return "None"
        case ["const", kind, _]:
            return f"<{kind}>"
        case ["fstring", parts]:
            return f"f({many(parts)})"
        case ["local", _, definition]:
            return show(definition)
        case ["free", name, scope]:
            return name if scope == 0 else f"{name}@{scope}"
        case ["param", scope, index]:
            return str(facts.scopes[scope].params[index].name)
        case ["phi", operands]:
            return f"phi({many(operands)})"
        case ["attr", base, name]:
            return f"{show(base)}.{name}"
        case ["call", function, arguments, keywords]:
            written = [*map(show, arguments), *(f"{key or '**'}={show(item)}" for key, item in keywords)]
            return f"{show(function)}({', '.join(written)})"
        case ["star", inner]:
            return f"*{show(inner)}"
        case ["sub", base, index]:
            return f"{show(base)}[{show(index)}]"
        case ["slice", parts]:
            return f"slice({many(parts)})"
        case ["import", level, module, name]:
            return f"import {'.' * level}{module}" + ("" if name is None else f":{name}")
        case ["import_as", _, module, None]:
            return f"import {module} itself"
        case ["function" | "class" as kind, scope]:
            return f"{kind} {facts.scopes[scope].name}"
        case ["tuple", items]:
            return f"({many(items)})"
        case ["list", items]:
            return f"[{many(items)}]"
        case ["set", items]:
            return "{" + many(items) + "}"
        case ["dict", items]:
            return "{" + ", ".join(f"{'**' if key == -1 else show(key)}: {show(item)}" for key, item in items) + "}"
        case ["comp", kind, element, inner, source]:
            pair = "" if inner == -1 else f": {show(inner)}"
            return f"{kind}({show(element)}{pair} for {show(source)})"
        case ["item", source, is_async]:
            return f"{'async ' if is_async else ''}item({show(source)})"
        case ["unpack", source, index, star]:
            return f"unpack({show(source)}, {'*' if star else ''}{index})"
        case ["await" | "yield" | "yieldfrom" as kind, inner]:
            return f"{kind}({show(inner)})"
        case ["enter", context, is_async]:
            return f"{'async ' if is_async else ''}enter({show(context)})"
        case ["narrow", definition, test, positive]:
            return f"<{show(definition)} {'if' if positive else 'unless'} {show(test)}>"
        case ["matches", subject, pattern]:
            return f"{show(subject)} ~ {pattern_text(facts, pattern)}"
        case ["annotated", annotation, inner]:
            return f"({show(inner)}: {show(annotation)})"
        case ["and" | "or" as kind, operands]:
            return "(" + f" {kind} ".join(map(show, operands)) + ")"
        case ["not", inner]:
            return f"not {show(inner)}"
        case ["ifexp", test, first, second]:
            return f"({show(first)} if {show(test)} else {show(second)})"
        case ["compare", operators, operands]:
            pairs = (f" {operator} {show(operand)}" for operator, operand in zip(operators, operands[1:], strict=True))
            return show(operands[0]) + "".join(pairs)
        case ["binary", operator, left, right]:
            return f"({show(left)} {operator} {show(right)})"
        case ["unary", operator, inner]:
            return f"{operator}{show(inner)}"
        case ["augmented", operator, old, inner]:
            return f"({show(old)} {operator}= {show(inner)})"
        case ["exception", types]:
            return f"exception({show(types)})"
        case ["alias", inner]:
            return f"alias({show(inner)})"
        case ["typevar", kind, bound]:
            return f"{kind}({show(bound)})"
        case ["store_attr", base, name, inner]:
            return f"{show(base)}.{name} = {show(inner)}"
        case ["store_item", base, index, inner]:
            return f"{show(base)}[{show(index)}] = {show(inner)}"
        case ["delete_attr", base, name]:
            return f"del {show(base)}.{name}"
        case ["delete_item", base, index]:
            return f"del {show(base)}[{show(index)}]"
        case ["at", kind]:
            return f"at {kind}"
        case ["unknown", kind]:
            return f"unknown {kind}"
    raise AssertionError(f"not a node of the schema: {node}")


def pattern_text(facts: ModuleFacts, pattern: Any) -> str:
    match pattern:
        case ["value", node]:
            return value(facts, node)
        case ["class", node, positional, keywords]:
            inner = [pattern_text(facts, sub) for sub in positional]
            inner += [f"{name}={pattern_text(facts, sub)}" for name, sub in keywords]
            return f"{value(facts, node)}({', '.join(inner)})"
        case ["or", subs]:
            return " | ".join(pattern_text(facts, sub) for sub in subs)
        case ["capture", None]:
            return "_"
        case ["capture", sub]:
            return f"({pattern_text(facts, sub)} as _)"
        case ["sequence", subs]:
            return f"[{', '.join(pattern_text(facts, sub) for sub in subs)}]"
        case ["mapping", items]:
            return "{" + ", ".join(f"{value(facts, key)}: {pattern_text(facts, sub)}" for key, sub in items) + "}"
        case ["star"]:
            return "*_"
    raise AssertionError(f"not a pattern of the schema: {pattern}")


def steps(facts: ModuleFacts, block: list[Any]) -> str:
    """A block on one line: steps separated by `;`, inner blocks in braces."""

    def show(number: int) -> str:
        return value(facts, number)

    def one(step: list[Any]) -> str:
        match step:
            case ["call" | "attr" | "sub" | "await" | "yield" | "store" | "import" | "define" | "next" as kind, node]:
                return f"{kind} {show(node)}"
            case ["bind", name, node]:
                return f"{name} := {show(node)}"
            case ["if", test, then, other]:
                return f"if {show(test)} {steps(facts, then)} else {steps(facts, other)}"
            case ["loop", kind, head, test, body, other]:
                return f"{kind} {steps(facts, head)} {show(test)} {steps(facts, body)} else {steps(facts, other)}"
            case ["try", _, body, handlers, other, final, star]:
                clauses = "".join(
                    f" except{'*' if star else ''} {show(types)} as {name} {steps(facts, inner)}"
                    for types, name, inner in handlers
                )
                return f"try {steps(facts, body)}{clauses} else {steps(facts, other)} finally {steps(facts, final)}"
            case ["with", _, enter, body]:
                return f"with {show(enter)} {steps(facts, body)}"
            case ["match", _, subject, cases, exhaustive]:
                clauses = "".join(
                    f" case {show(test)} {steps(facts, guard_block)} guard {show(guard)} {steps(facts, inner)}"
                    for test, guard_block, guard, inner in cases
                )
                return f"match {show(subject)}{clauses}{' exhaustive' if exhaustive else ''}"
            case ["return", _, node]:
                return f"return {show(node)}"
            case ["raise", _, node, cause]:
                return f"raise {show(node)} from {show(cause)}"
            case ["break" | "continue" as kind, _]:
                return str(kind)
            case ["assert", _, test, fail]:
                return f"assert {show(test)} {steps(facts, fail)}"
        raise AssertionError(f"not a step of the schema: {step}")

    return "{" + "; ".join(map(one, block)) + "}"
