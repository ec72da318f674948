"""Changes: what is put into an object after it was made, found by the variable or attribute that holds it."""

from __future__ import annotations

from collections import defaultdict
from typing import TypeAlias

from governance.contract import Ref
from governance.index import Index
from governance.index.values import ClassId, FunctionId

Table: TypeAlias = "dict[tuple[int, str], list[tuple[int, int, str, int]]]"
"""(scope, name) -> the load of the name, what is put in or the call it is handed to, the attribute it is put into
("" if it is the object itself), and the call that puts it in (-1 if it is stored)."""

_ADDING = frozenset(
    "append add extend insert update setdefault appendleft push put put_nowait write __setitem__".split()
)
_DEPTH = 10


class Changes:
    """Stores and mutating calls of modules, by the function and name of what they change; built module by module."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._tables: dict[str, Table] = {}
        self._passed: dict[str, Table] = {}

    def into(self, ref: Ref, attribute: str = "") -> list[Ref]:
        """The values put into the object that a name, loaded here, may hold; attribute: not into any other."""
        node = self.index.project.node(ref)
        owner = self.index.project.owner(ref)[1]
        roots = self._roots(ref[0], ref[1])
        entries = self._table(ref[0]).get((owner, node[1]), [])
        if node[0] == "free" and self._is_of_module(ref[0], roots):
            entries = [each for (_, name), found in self._table(ref[0]).items() if name == node[1] for each in found]
        return [
            (ref[0], value)
            for base, value, put_into, call in entries
            if _meet(attribute, put_into)
            and roots & self._roots(ref[0], base)
            and (call < 0 or self._adds((ref[0], call)))
        ]

    def path(self, ref: Ref) -> tuple[Ref, str]:
        """The name an expression starts from and the attributes gone through: `request.state` -> request, "state"."""
        path: list[str] = []
        while (node := self.index.project.node(ref))[0] == "attr":
            path.insert(0, node[2])
            ref = (ref[0], node[1])
        return ref, ".".join(path)

    def _is_of_module(self, module: str, roots: frozenset[int]) -> bool:
        """Whether a name is a variable of the module, which every function of it may change."""
        owners = self.index.project.modules[module].facts.owner
        return any(owners[each] == 0 and self.index.project.node((module, each))[0] != "free" for each in roots)

    def _adds(self, call: Ref) -> bool:
        """Whether a method named like one that adds something keeps anything: `report.write(x)` may just log."""
        callees = self.index.callees(call)
        return not callees or any(self._keeps(callee.function) for callee in callees)

    def _keeps(self, function: FunctionId) -> bool:
        facts = self.index.project.modules[function[0]].facts
        for number, node in enumerate(facts.nodes):
            if facts.owner[number] == function[1]:
                called = facts.nodes[node[1]] if node[0] == "call" else node
                if node[0] in ("store_attr", "store_item") or (called[0] == "attr" and called[2] in _ADDING):
                    return True
        return False

    def passed(self, ref: Ref) -> list[tuple[Ref, int]]:
        """The calls that are handed the object a name may hold: (call, the argument)."""
        node = self.index.project.node(ref)
        owner = self.index.project.owner(ref)[1]
        self._table(ref[0])
        entries = self._passed[ref[0]].get((owner, node[1]), ())
        roots = self._roots(ref[0], ref[1]) if entries else frozenset()
        return [((ref[0], call), each) for each, call, _, _ in entries if roots & self._roots(ref[0], each)]

    def of_parameter(self, function: FunctionId, position: int) -> list[Ref]:
        """The values a function puts into the object it is handed as a parameter."""
        name = self.index.project.scope(function).params[position].name
        return [(function[0], value) for _, value, _, _ in self._table(function[0]).get((function[1], name), ())]

    def attribute(self, ref: Ref) -> list[Ref]:
        """The values stored into an attribute of that name in the same function, or of `self` in the same class."""
        project = self.index.project
        node = project.node(ref)
        function = project.owner(ref)
        mine = project.last_name((ref[0], node[1]))
        cls = project.owning_class(function)
        found: list[Ref] = []
        for store in project.attr_stores(node[2]):
            stored = project.node(store)
            if store[0] != ref[0] or stored[0] != "store_attr" or project.last_name((store[0], stored[1])) != mine:
                continue
            owner = project.owner(store)
            if owner == function or (cls is not None and project.owning_class(owner) == cls):
                found.append((store[0], stored[3]))
        return [*found, *self._added_by_methods(cls, mine, node[2])] or self._kept_by_methods(ref, node[2])

    def _kept_by_methods(self, ref: Ref, name: str) -> list[Ref]:
        """The values that the methods of an object's class store into an attribute of `self`."""
        project = self.index.project
        classes = {
            each for cls in self.index.classes_of((ref[0], project.node(ref)[1])) for each in self.index.mro(cls)
        }
        stores = project.attr_stores(name) if classes else ()
        return [
            (store[0], project.node(store)[3])
            for store in stores
            if project.node(store)[0] == "store_attr" and project.owning_class(project.owner(store)) in classes
        ]

    def _added_by_methods(self, cls: ClassId | None, name: str | None, attribute: str) -> list[Ref]:
        """The values that the methods of a class put into what an attribute of `self` holds."""
        methods = (
            [scope for scope in self.index.project.scopes("function") if name and scope[0] == cls[0]] if cls else []
        )
        return [
            (method[0], value)
            for method in methods
            if self.index.project.owning_class(method) == cls
            for _, value, put_into, call in self._table(method[0]).get((method[1], name or ""), ())
            if put_into.partition(".")[0] == attribute and call >= 0 and self._adds((method[0], call))
        ]

    def _table(self, module: str) -> Table:
        known = self._tables.get(module)
        if known is None:
            known = self._tables[module] = self._build(module)
        return known

    def _build(self, module: str) -> Table:
        facts = self.index.project.modules[module].facts
        found: defaultdict[tuple[int, str], list[tuple[int, int, str, int]]] = defaultdict(list)
        passed: defaultdict[tuple[int, str], list[tuple[int, int, str, int]]] = defaultdict(list)

        def note(number: int, base: int, value: int, attribute: str = "", call: int = -1) -> None:
            name = self._name(module, base, attribute)
            if name is not None:
                found[facts.owner[number], name[0]].append((name[1], value, name[2], call))

        for number, node in enumerate(facts.nodes):
            if node[0] in ("store_item", "store_attr"):
                note(number, node[1], node[3], node[2] if node[0] == "store_attr" else "")
            elif node[0] == "call":
                arguments = [*node[2], *(value for _, value in node[3])]
                callee = facts.nodes[node[1]]
                for argument in arguments if callee[0] == "attr" and callee[2] in _ADDING else ():
                    note(number, callee[1], argument, call=number)
                for name, target in node[3]:
                    for written in (number, *node[2]) if name == "file" else ():
                        note(number, target, written)
                for argument in arguments:
                    if facts.nodes[argument][0] in ("local", "free"):
                        passed[facts.owner[number], facts.nodes[argument][1]].append((argument, number, "", number))
        self._passed[module] = dict(passed)
        return dict(found)

    def _name(self, module: str, base: int, attribute: str) -> tuple[str, int, str] | None:
        """The variable an expression starts from, the node that loads it, and the attributes of it that are gone
        through first: `body["error"]["m"]` -> body, `state.errors[0]` -> state and errors."""
        for _ in range(_DEPTH):
            node = self.index.project.node((module, base))
            if node[0] in ("local", "free"):
                return str(node[1]), base, attribute
            if node[0] in ("sub", "attr", "narrow"):
                base = node[1]
                if node[0] == "attr":
                    attribute = f"{node[2]}.{attribute}" if attribute else node[2]
                elif node[0] == "sub":
                    attribute = ""
            elif node[0] == "call" and self.index.project.node((module, node[1]))[0] == "attr":
                base = self.index.project.node((module, node[1]))[1]
                attribute = ""
            else:
                return None
        return None

    def _roots(self, module: str, number: int) -> frozenset[int]:
        """The definitions a load may come from, joins and narrowing seen through."""
        found: set[int] = set()
        todo = [number]
        while todo:
            current = todo.pop()
            if current in found or current < 0:
                continue
            found.add(current)
            node = self.index.project.node((module, current))
            if node[0] == "local":
                todo.append(node[2])
            elif node[0] == "narrow":
                todo.append(node[1])
            elif node[0] == "phi":
                todo.extend(node[1])
            elif node[0] == "free":
                found.update(ref[1] for ref in self.index.names.binding((module, node[2]), node[1]) or ())
        seen_through = ("local", "narrow")
        return frozenset(each for each in found if self.index.project.node((module, each))[0] not in seen_through)


def _meet(one: str, other: str) -> bool:
    """Whether two paths of attributes lead to the same thing, or one to what the other is part of."""
    return all(
        first == second for first, second in zip(one.split("."), other.split("."), strict=False) if one and other
    )
