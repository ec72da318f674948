"""Expressions: the rule for every kind of node of the value graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from governance.contract import Ref
from governance.facts import Node
from governance.index import (
    additions,
    attributes,
    calls,
    concurrency,
    containers,
    definitions,
    externals,
    generators,
    inherited,
    iterables,
    keywords,
    mappings,
    module_attributes,
    narrowing,
    operators,
    parameters,
    passing,
    reaching,
    references,
    rows,
    stores,
    texts,
    typing_forms,
)
from governance.index.project import Project
from governance.index.solver import PROBABLE, Answer, Rule, Solver, add
from governance.index.values import Key

NodeRule: TypeAlias = "Callable[[Solver, Ref, Node, Answer], None]"


def repeats(project: Project, key: Key) -> Key | None:
    """The key that a local name only repeats: what was assigned to it, where it cannot be anything else."""
    if key[0] != "n":
        return None
    module = key[1]
    facts = project.modules[module].facts
    node = facts.nodes[key[2]]
    if node[0] == "local" and node[2] >= 0 and node[1] not in facts.scopes[facts.owner[key[2]]].rebound:
        return ("n", module, node[2])
    return None


def rule_node(solver: Solver, key: Key, out: Answer) -> None:
    """("n", module, node)."""
    ref = (key[1], key[2])
    node = solver.project.node(ref)
    rule = _NODES.get(node[0])
    if rule is not None:
        rule(solver, ref, node, out)
    for value in [each for each in out if each[0] == "tv"]:
        for bound in typing_forms.bound(solver, value[1]):
            solver.copy(bound, out, "bound of the type variable", out[value].grade)


def _const(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    if node[1] in ("str", "int", "bool", "none"):
        add(out, ("const", node[1], node[2]), note="constant")
    else:
        add(out, ("xinst", f"builtins.{node[1]}", ()), note="constant")


def _external(dotted: str) -> NodeRule:
    def rule(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
        add(out, ("xinst", dotted, ()), note="expression")

    return rule


def _operands(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    for each in node[1]:
        solver.copy(("n", ref[0], each), out, "")


def _attr(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    base: Key = ("n", ref[0], node[1])
    attributes.load(solver, base, node[2], out)
    holder = solver.project.node((ref[0], node[1]))
    if holder[0] == "attr" and holder[2] == "state" and not any(value[0] != "xmeth" for value in out):
        # Web frameworks hang shared objects on `app.state`; the store and the load share only the names.
        for store in solver.project.attr_stores(node[2]):
            stored = solver.project.node(store)
            if stored[0] == "store_attr" and solver.project.node((store[0], stored[1]))[-1] == "state":
                solver.copy(("n", store[0], stored[3]), out, "application state", PROBABLE)


def _sub(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    containers.subscript(solver, ref, node, out)
    texts.piece(solver, ref, node, out)
    attributes.namespace_item(solver, ref[0], node[1], node[2], out)


def _tuple(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    if any(solver.project.node((ref[0], each))[0] == "star" for each in node[1]):
        add(out, ("cont", "seq", (("elem", *ref),)), note="display")
    else:
        add(out, ("cont", "tuple", tuple(("n", ref[0], each) for each in node[1])), note="display")


def _sequence(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    add(out, ("cont", "seq", (("elem", *ref),)), note="display")


def _dict(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    add(out, ("cont", "dict", (("dkey", *ref), ("dval", *ref))), note="display")


def _comp(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    (_dict if node[1] == "dict" else _sequence)(solver, ref, node, out)


def _item(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    containers.items(solver, ("n", ref[0], node[1]), out)


def _unpack(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    containers.unpack(solver, ("n", ref[0], node[1]), node[2], bool(node[3]), out)


def _await(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    containers.awaited(solver, ("n", ref[0], node[1]), out)
    call = solver.project.node((ref[0], node[1]))
    if call[0] == "call":
        calls.awaited(solver, ref, call, out)


def _yield(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    """What a generator is sent: by its annotation, and by the calls of `send`."""
    generator = solver.project.owner(ref)
    returns = solver.project.scope(generator).returns
    written: Node = solver.project.node((ref[0], returns)) if returns >= 0 else ["none"]
    arguments = solver.classes.arguments((ref[0], written[2])) if written[0] == "sub" else []
    if len(arguments) > 1:
        typing_forms.concrete(solver, ("t", *arguments[1], ()), out, "annotation")
    for name in ("send", "asend") if not arguments else ():
        for call in solver.project.calls(name):
            callee, given = solver.project.node(call)[1:3]
            base = solver.project.node((call[0], callee))
            if base[0] == "attr" and given:
                sent = solver.get(("n", call[0], base[1]))
                if any(value[:3] == ("cont", "seq", (("yields", *generator),)) for value in sent):
                    solver.copy(("n", call[0], given[0]), out, "sent", PROBABLE)


def _enter(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    containers.entered(solver, ("n", ref[0], node[1]), out)


def _narrow(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    narrowing.narrow(solver, ref[0], node[1], node[2], bool(node[3]), out)


def _annotated(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    declared: Answer = {}
    typing_forms.concrete(solver, ("t", ref[0], node[1], ()), declared, "annotation")
    for value, evidence in declared.items():
        add(out, value, evidence.grade, evidence.note, evidence.source, evidence.value)
    if node[2] >= 0:
        assigned = solver.get(("n", ref[0], node[2]))
        generic = any(value[0] == "xinst" and value[2] for value in declared)
        if not typing_forms.informative(declared) or any(value[0] in ("cls", "enum", "const") for value in assigned):
            for value, evidence in assigned.items():
                if not (generic and value[0] == "xinst"):
                    add(out, value, evidence.grade, "assigned", ("n", ref[0], node[2]), value)
        else:
            for value, evidence in assigned.items():
                # A container literal under a declared container type: both say what its elements are.
                if value[0] in ("inst", "fn", "bm", "cont", "partial"):
                    add(out, value, evidence.grade, "assigned", ("n", ref[0], node[2]), value)


def _ifexp(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    solver.copy(("n", ref[0], node[2]), out, "")
    solver.copy(("n", ref[0], node[3]), out, "")


def _exception(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    if node[1] < 0:
        return
    for value, evidence in solver.get(("n", ref[0], node[1])).items():
        if value[0] == "cls":
            add(out, ("inst", value[1], ()), evidence.grade, "caught", ("n", ref[0], node[1]), value)
        elif value[0] == "ext":
            add(out, ("xinst", value[1], ()), evidence.grade, "caught", ("n", ref[0], node[1]), value)
        elif value[0] == "cont":
            for key in value[2]:
                for inner in solver.get(key):
                    if inner[0] == "cls":
                        add(out, ("inst", inner[1], ()), evidence.grade, "caught", key, inner)
                    elif inner[0] == "ext":
                        add(out, ("xinst", inner[1], ()), evidence.grade, "caught", key, inner)


_NODES: Final[dict[str, NodeRule]] = {
    "const": _const,
    "fstring": operators.rule_fstring,
    "local": references.rule_local,
    "free": references.rule_free,
    "param": references.rule_param,
    "phi": _operands,
    "attr": _attr,
    "call": calls.rule_call,
    "sub": _sub,
    "import": references.rule_import,
    "import_as": references.rule_import,
    "function": definitions.rule_function,
    "class": definitions.rule_class,
    "tuple": _tuple,
    "list": _sequence,
    "set": _sequence,
    "dict": _dict,
    "comp": _comp,
    "item": _item,
    "unpack": _unpack,
    "await": _await,
    "yield": _yield,
    "yieldfrom": generators.rule_yieldfrom,
    "enter": _enter,
    "narrow": _narrow,
    "annotated": _annotated,
    "or": operators.rule_or,
    "and": _operands,
    "not": _external("builtins.bool"),
    "compare": _external("builtins.bool"),
    "matches": _external("builtins.bool"),
    "unary": operators.rule_unary,
    "ifexp": _ifexp,
    "binary": operators.rule_binary,
    "augmented": operators.rule_augmented,
    "exception": _exception,
}


def _rule_items(solver: Solver, key: Key, out: Answer) -> None:
    containers.items(solver, ("n", key[1], key[2]), out)


def _rule_entered(solver: Solver, key: Key, out: Answer) -> None:
    containers.entered(solver, ("n", key[1], key[2]), out)


def _rule_none(solver: Solver, key: Key, out: Answer) -> None:
    """A position of a tuple that holds nothing of interest."""


RULES: Final[dict[str, Rule]] = {
    "n": rule_node,
    "t": typing_forms.rule_type,
    "glob": module_attributes.rule_global,
    "attr": stores.rule_stored,
    "stores": stores.rule_stores,
    "setattrs": stores.rule_setattrs,
    "store": stores.rule_store,
    "subclasses": attributes.rule_subclasses,
    "subclass": attributes.rule_subclass,
    "classes": attributes.rule_classes,
    "ret": calls.rule_return,
    "body": calls.rule_body,
    "own": passing.rule_own,
    "yields": calls.rule_yields,
    "elem": containers.rule_elements,
    "fields": inherited.rule_fields,
    "dkey": mappings.rule_keys,
    "dval": mappings.rule_values,
    "mutated": additions.rule_mutated,
    "nested": additions.rule_mutated,
    "entry": additions.rule_mutated,
    "unkeyed": additions.rule_mutated,
    "additions": additions.rule_additions,
    "addition": additions.rule_addition,
    "pair": containers.rule_pair,
    "items": _rule_items,
    "entered": _rule_entered,
    "row": rows.rule_row,
    "flat": iterables.rule_flat,
    "listed": iterables.rule_listed,
    "none": _rule_none,
    "called": externals.rule_called,
    "gathered": concurrency.rule_gathered,
    "awaited": concurrency.rule_awaited,
    "dflt": externals.rule_default,
    "param": parameters.rule_param,
    "keyword": keywords.rule_keyword,
    "varargs": parameters.rule_varargs,
    "callers": reaching.rule_callers,
    "calls": reaching.rule_calls,
    "decorations": reaching.rule_decorations,
    "indirect": reaching.rule_indirect,
    "flow": parameters.rule_flow,
    "made": parameters.rule_made,
    "decorate": reaching.rule_decorate,
}
