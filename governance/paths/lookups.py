"""Lookups: methods and properties of classes, and whether a subscript finds something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from governance.facts import Block, Node
from governance.findings import Grade
from governance.index import graph
from governance.index.callees import Callee
from governance.index.values import ClassId, Value, class_of
from governance.paths import natures
from governance.paths.frames import Frame, Work
from governance.paths.tracked import blocks

if TYPE_CHECKING:
    from governance.index import Index


def method(index: Index, cls: ClassId, name: str) -> Work | None:
    """A method of a class or of its bases."""
    bound = index.classes.lookup(cls, name)
    for ref in bound[1] if bound else ():
        node = index.project.node(ref)
        if node[0] == "function":
            return Work((ref[0], node[1]), cls)
    return None


def through_receiver(index: Index, frame: Frame, callee: int) -> list[Callee]:
    """The methods that `self.a.b.method` may be, where only the frame knows the class of `self`."""
    names: list[str] = []
    node = frame.origin(callee)
    while frame.facts.nodes[node][0] == "attr":
        names.append(frame.facts.nodes[node][2])
        node = frame.origin(frame.facts.nodes[node][1])
    name = frame.name_of(node)
    owner = frame.self_frame(name) if name is not None else None
    if owner is None or owner.receiver is None or not names:
        return []
    classes: dict[ClassId, Grade] = {owner.receiver: Grade.DEFINITE}
    for attribute in reversed(names[1:]):
        following: dict[ClassId, Grade] = {}
        for cls, grade in classes.items():
            for value, evidence in index.attribute(cls, attribute).items():
                inner = class_of(value)
                if inner is not None:
                    following[inner] = max(min(grade, Grade(evidence.grade)), following.get(inner, Grade.UNRESOLVED))
        classes = following
    found: list[Callee] = []
    for cls, grade in classes.items():
        work = method(index, cls, names[0])
        for function in sorted(index.overrides(work.function)) if work else ():
            certain = work is not None and function == work.function
            found.append(Callee(function, grade if certain else min(grade, Grade.PROBABLE), ("inst", cls, ())))
    return found


def properties(index: Index, frame: Frame, number: int) -> list[Work]:
    """The property functions of the project that an attribute load may run."""
    fact = frame.facts.nodes[number]
    found: list[Work] = []
    owner = frame.self_frame(frame.name_of(fact[1]) or "")
    if owner is not None and owner.receiver is not None:
        work = _property(index, owner.receiver, fact[2])
        return [work._replace(this=owner.this)] if work else []
    if not any(index.project.children(cls, fact[2]) for cls in _classes_with(index, fact[2])):
        return []
    for cls, (grade, _) in index.classes_of(frame.ref(fact[1])).items():
        work = _property(index, cls, fact[2])
        if work is not None:
            found.append(work._replace(grade=int(grade)))
    return found


def _classes_with(index: Index, name: str) -> list[ClassId]:
    """Classes in whose body a name is bound: asked first, because most attributes are bound in none."""
    table: dict[str, list[ClassId]] | None = getattr(index, "_bound_in_classes", None)
    if table is None:
        table = {}
        for cls in index.project.scopes("class"):
            for bound in index.project.scope(cls).bindings:
                table.setdefault(bound, []).append(cls)
        index._bound_in_classes = table  # type: ignore[attr-defined]
    return table.get(name, [])


def _property(index: Index, cls: ClassId, name: str) -> Work | None:
    work = method(index, cls, name)
    if work is not None and natures.is_property(index, work.function):
        return work
    return None


def has_item(index: Index, frame: Frame, number: int) -> bool:
    """Whether `base[index]` is sure not to raise: a type, a slice, an item of a display, a default dictionary."""
    fact = frame.facts.nodes[number]
    key = frame.facts.nodes[fact[2]]
    if key[:2] == ["unary", "-"] and frame.facts.nodes[key[2]][:2] == ["const", "int"]:
        key = ["const", "int", -(frame.facts.nodes[key[2]][2] or 0)]
    if key[0] == "slice" or (fact[0] == "delete_item" and _put_before(frame, number)):
        return True
    base = frame.facts.nodes[frame.origin(fact[1])]
    if base[0] in ("dict", "list", "tuple"):
        if key[0] == "const":
            return _in_display(frame.facts.nodes, base, key)
        keys = index.values(frame.ref(fact[2]))
        return bool(keys) and all(_in_display(frame.facts.nodes, base, list(each)) for each in keys)
    if base[0] == "param" and _always_given(frame, base, key):
        return True
    if base[0] == "call" and (
        _in_parts(frame.facts.nodes, base, key) or _makes_defaults(index, frame.ref(frame.origin(fact[1])))
    ):
        return True
    values = index.values(frame.ref(fact[1]))
    return bool(values) and all(_value_has(index, value, key) for value in values)


def _put_before(frame: Frame, number: int) -> bool:
    """`del busy[key]` where every path has passed `busy[key] = ...` in the same function."""
    facts = frame.facts
    wanted = [graph.text(facts, each) for each in facts.nodes[number][1:3]]
    stores = (facts.nodes[each] for each in _stores_before(frame.scope.body, number, []) or ())
    return any(node[0] == "store_item" and [graph.text(facts, part) for part in node[1:3]] == wanted for node in stores)


def _stores_before(body: Block, number: int, passed: list[int]) -> list[int] | None:
    """The stores in the blocks around a store step, before it; None if it is not in there."""
    for step in body:
        if step[:2] == ["store", number]:
            return passed
        for inner in blocks(step):
            found = _stores_before(inner, number, list(passed))
            if found is not None:
                return found
        passed += [each[1] for each in (step[3] if step[0] == "with" else [step]) if each[0] == "store"]
    return None


def _always_given(frame: Frame, base: Node, key: Node) -> bool:
    """`exc[0]` in `def __exit__(self, *exc)`: there are always three. `args[0]` in the wrapper that a decorator makes:
    the receiver of the method that it wraps."""
    scope = frame.facts.scopes[base[1]]
    if scope.params[base[2]].kind != "vararg" or key[:2] != ["const", "int"] or key[2] is None:
        return False
    is_exit = scope.name in ("__exit__", "__aexit__") and base[2] == 1
    is_inner = frame.facts.scopes[scope.parent].kind in ("function", "lambda")
    return (is_exit and -3 <= key[2] < 3) or (is_inner and key[2] >= 0)


def _makes_defaults(index: Index, call: tuple[str, int]) -> bool:
    return any(name.rpartition(".")[2] in ("defaultdict", "Counter") for name in index.externals(call))


def _in_parts(nodes: list[list[Any]], call: list[Any], key: list[Any]) -> bool:
    """`text.split(...)[0]` and `text.partition(...)[2]` are always there."""
    callee = nodes[call[1]]
    if callee[0] != "attr" or key[0] != "const" or not isinstance(key[2], int):
        return False
    if callee[2] in ("split", "rsplit"):
        return key[2] in (0, -1)
    return callee[2] in ("partition", "rpartition") and -3 <= key[2] < 3


def _in_display(nodes: list[list[Any]], display: list[Any], key: list[Any]) -> bool:
    if key[0] != "const" or key[2] is None:
        return False
    if display[0] == "dict":
        return any(each >= 0 and nodes[each][0] == "const" and nodes[each][2] == key[2] for each, _ in display[1])
    size = len(display[1])
    return isinstance(key[2], int) and -size <= key[2] < size


def _value_has(index: Index, value: Value, key: list[Any]) -> bool:
    if value[0] in ("cls", "selfcls", "ext", "tvcls"):
        return True
    if value[0] == "xinst":
        return value[1].rpartition(".")[2] in ("defaultdict", "Counter")
    if value[0] in ("inst", "self"):
        return bool(index.external_bases(value[1]) & {"typing.TypedDict", "typing_extensions.TypedDict"})
    if value[0] == "cont":
        if value[1] == "tuple":
            return key[0] == "const" and isinstance(key[2], int) and -len(value[2]) <= key[2] < len(value[2])
        for site in value[2]:
            if len(site) == 3 and isinstance(site[1], str) and isinstance(site[2], int):
                made = index.project.node((site[1], site[2]))
                if made[0] == "dict":
                    return _in_display(index.project.modules[site[1]].facts.nodes, made, key)
                if made[0] == "call":
                    return _makes_defaults(index, (site[1], site[2]))
    return False
