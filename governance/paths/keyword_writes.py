"""Keyword writes: functions that take fields as `**fields` and give them to an object, so that a call of one writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from governance.contract import Ref
from governance.facts import Node
from governance.index import Index
from governance.index.values import ClassId, FunctionId

if TYPE_CHECKING:
    from collections.abc import Iterator

How: TypeAlias = Literal["made", "copied", "stored"]
"""What is done with the fields: a new object is made of them, one is copied but for them, or they are stored in one."""

COPIERS: Final = frozenset(("replace", "evolve", "model_copy", "_replace", "copy"))
_COPIES: Final = frozenset(("dict", "list", "tuple", "sorted", "reversed", "iter"))


class KeywordWrites:
    """Which functions of the project do so for objects of some classes, an attribute of theirs among the fields."""

    def __init__(self, index: Index, classes: frozenset[ClassId], attribute: str) -> None:
        self._attribute = attribute
        self._index = index
        self._project = index.project
        self._classes = classes
        self._known: dict[FunctionId, How | None] = {}

    def of_callee(self, callee: Ref) -> How | None:
        """What a call of an expression does with the fields that it hands over by keyword."""
        found = (self.of(each.function) for each in self._index.runs(callee))
        return next((how for how in found if how is not None), None)

    def of(self, function: FunctionId) -> How | None:
        """What a function does with its `**fields`."""
        if function not in self._known:
            self._known[function] = None  # one that calls itself adds nothing
            scope = self._project.scope(function)
            fields = next((param.node for param in scope.params if param.kind == "kwarg"), None)
            apart = any(param.name == self._attribute for param in scope.params)
            if fields is not None and not apart and not self._looks_into(function, (function[0], fields)):
                found = self._done(function, (function[0], fields))
                self._known[function] = next((how for how in found if how is not None), None)
        return self._known[function]

    def _done(self, function: FunctionId, fields: Ref) -> Iterator[How | None]:
        """What each call and each store of a namespace does with the fields."""
        for number in self._project.calls_in(function):
            yield self._given((function[0], number), self._project.node((function[0], number)), fields)
        for ref in self._project.attr_stores("__dict__"):
            if self._project.owner(ref) == function and (node := self._project.node(ref))[0] == "store_attr":
                value = self._project.node((ref[0], node[3]))
                added = value[3] if value[0] == "augmented" else node[3]
                yield self._kept((ref[0], node[1])) if self._holds((ref[0], added), fields) else None

    def _looks_into(self, function: FunctionId, fields: Ref) -> bool:
        """Whether a function asks for single fields or takes some out: what it stores is for it to say."""
        todo = [fields]
        while todo:
            for user in self._index.uses(todo.pop()):
                node = self._project.node(user)
                if node[0] == "attr" and node[2] not in ("items", "keys", "copy"):
                    return True
                if node[0] == "sub" and not self._is_name_of((user[0], node[2]), fields):
                    return True
                if node[0] in ("store_item", "delete_item", "compare"):
                    return True
                if node[0] == "attr" and node[2] == "copy":
                    todo += self._project.users(user)
                elif node[0] == "call" and self._copier(user) is not None:
                    todo.append(user)
        compared = (ref for ref in self._project.nodes("compare") if self._project.owner(ref) == function)
        return any(self._is_name_of((ref[0], each), fields) for ref in compared for each in self._project.node(ref)[2])

    def _copier(self, call: Ref) -> Node | None:
        """A call that copies a mapping, or goes through it in some order."""
        node = self._project.node(call)
        callee = self._project.node((call[0], node[1])) if node[0] == "call" else node
        return node if node[0] == "call" and callee[0] == "free" and callee[1] in _COPIES else None

    def _given(self, call: Ref, node: Node, fields: Ref) -> How | None:
        module = call[0]
        callee = self._project.node((module, node[1]))
        name = callee[2] if callee[0] == "attr" else callee[1] if callee[0] in ("free", "local") else ""
        if name in ("setattr", "__setattr__"):
            receiver = [callee[1]] if callee[0] == "attr" and len(node[2]) == 2 else []
            return self._each_stored(module, [*receiver, *node[2]], fields)
        spread = [each for key, each in node[3] if key is None and self._holds((module, each), fields)]
        handed = [each for each in node[2] if self._holds((module, each), fields)]
        if name == "update" and callee[0] == "attr" and (spread or handed):
            return self._updated((module, callee[1]))
        if name in COPIERS and (
            spread or any(key == "update" and self._holds((module, at), fields) for key, at in node[3])
        ):
            sources = [*node[2][:1], *([callee[1]] if callee[0] == "attr" else [])]
            return "copied" if any(self._governed((module, each)) for each in sources) else None
        if spread and any(cls in self._classes for cls in self._index.type_objects((module, node[1]))):
            alone = all(self._is((module, each), fields) for key, each in node[3] if key is None)
            return "made" if alone else "copied"
        return self.of_callee((module, node[1])) if spread else None

    def _each_stored(self, module: str, arguments: list[int], fields: Ref) -> How | None:
        """`for name, value in fields.items(): setattr(job, name, value)`."""
        if len(arguments) != 3 or not self._governed((module, arguments[0])):
            return None
        return "stored" if self._is_name_of((module, arguments[1]), fields) else None

    def _is_name_of(self, name: Ref, fields: Ref) -> bool:
        """Whether an expression is the name of each field in turn: `for name, value in sorted(fields.items())`."""
        for _ in range(12):
            node = self._project.node(name)
            if (copier := self._copier(name)) is not None and copier[2]:
                name = (name[0], copier[2][0])
                continue
            if node[0] == "call":
                node = self._project.node((name[0], node[1]))
            if node[0] in ("item", "attr") or (node[0] == "unpack" and node[2] == 0):
                name = (name[0], node[1])
            elif node[0] == "local" and node[2] >= 0:
                name = (name[0], node[2])
            else:
                break
        return name == fields

    def _updated(self, namespace: Ref) -> How | None:
        """`vars(job).update(**fields)`: of an object that was handed in, or of one that is made here."""
        node = self._project.node(namespace)
        held = -1
        if node[0] == "attr" and node[2] == "__dict__":
            held = node[1]
        elif node[0] == "call" and len(node[2]) == 1:
            callee = self._project.node((namespace[0], node[1]))
            held = node[2][0] if callee[:2] == ["free", "vars"] else -1
        return self._kept((namespace[0], held)) if held >= 0 else None

    def _kept(self, held: Ref) -> How | None:
        if not self._governed(held):
            return None
        return "stored" if self._project.node(self._origin(held))[0] == "param" else "copied"

    def _holds(self, ref: Ref, fields: Ref) -> bool:
        """Whether a mapping is the fields, or is made with them: `{**vars(job), **fields}`, `vars(job) | fields`."""
        return any(self._is(each, fields) for each in self._parts(ref))

    def _parts(self, ref: Ref, depth: int = 6) -> Iterator[Ref]:
        ref = self._origin(ref)
        node = self._project.node(ref)
        inner: list[int] = []
        if node[0] == "dict":
            for key, value in reversed(node[1]):
                if key >= 0:  # what follows the fields, and is named, may be the attribute itself
                    break
                inner.append(value)
        elif node[0] == "binary" and node[1] == "|":
            inner = node[2:4]
        elif node[0] == "call" and (callee := self._project.node((ref[0], node[1])))[0] == "attr":
            inner = [callee[1]] if callee[2] == "copy" else []
        elif (copier := self._copier(ref)) is not None:
            named = any(key == self._attribute for key, _ in copier[3])
            inner = [] if named else [*copier[2], *(value for key, value in copier[3] if key is None)]
        else:
            yield ref
        for each in inner if depth else ():
            yield from self._parts((ref[0], each), depth - 1)

    def _is(self, ref: Ref, fields: Ref) -> bool:
        return self._origin(ref) == fields

    def _origin(self, ref: Ref) -> Ref:
        for _ in range(20):
            node = self._project.node(ref)
            if node[0] != "local" or node[2] < 0:
                break
            ref = (ref[0], node[2])
        return ref

    def _governed(self, ref: Ref) -> bool:
        return any(cls in self._classes for cls in self._index.classes_of(ref))
