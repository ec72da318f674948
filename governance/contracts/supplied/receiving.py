"""Receiving: which arguments of a call are for a parameter, or a field, of one of the names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from governance.contract import Ref
from governance.contracts.supplied.texts import texts
from governance.facts import Node
from governance.index import Index
from governance.index.binding import FOLLOWED
from governance.index.values import ClassId

_OWN_CLASS: Final = ("cls", "__class__", "type")
"""What a class goes by in its own methods; `type(self)` goes by the name of what is called."""


class Receiving:
    """The functions and generated constructors of a project that take something by one of the names."""

    def __init__(self, index: Index, names: frozenset[str]) -> None:
        self.index, self.names = index, names
        project, classes = index.project, index.classes
        self._makers: dict[ClassId, list[str]] = {}
        """Classes whose constructor is made of their fields, with these."""
        spelled: set[str] = set()
        for function in project.scopes("function"):
            scope = project.scope(function)
            if any(param.name in names for param in scope.params):
                owner = project.owning_class(function)
                made = classes.subclasses(owner) if owner and scope.name in ("__init__", "__new__", "__call__") else ()
                spelled |= {scope.name, *(project.scope(each).name for each in made), *(_OWN_CLASS if made else ())}
        for cls in project.scopes("class"):
            fields = classes.fields(cls)
            if names.intersection(fields) and classes.is_dataclass(cls) and not classes.lookup(cls, "__init__"):
                self._makers[cls] = fields
                spelled |= {project.scope(cls).name, *_OWN_CLASS}
        self._spelled = index.spelling.bound_to(spelled)

    def arguments(self, call: Ref) -> Iterator[tuple[str, Ref]]:
        """(name, value) of the arguments without a keyword that reach a parameter or field of one of the names."""
        node = self.index.project.node(call)
        yield from self._given(call[0], node[1], node[2])
        count = FOLLOWED.get(self.index.project.last_name((call[0], node[1])) or "", 0)
        if count and len(node[2]) > count:
            yield from self._given(call[0], node[2][count - 1], node[2][count:])
        target = next((value for keyword, value in node[3] if keyword == "target"), -1)
        for keyword, value in node[3] if target >= 0 else ():
            handed = self.index.project.node((call[0], value))
            if keyword == "args" and handed[0] in ("tuple", "list"):
                yield from self._given(call[0], target, handed[1])

    def _given(self, module: str, callee: int, given: Sequence[int]) -> Iterator[tuple[str, Ref]]:
        if not given or not self._may_concern(module, callee, given):
            return
        project = self.index.project
        for each in self.index.runs((module, callee)):
            params = project.scope(each.function).params[int(each.receiver is not None) :]
            taken = [param.name if param.kind in ("normal", "positional") else "" for param in params]
            yield from self._paired(module, taken, given)
        for cls in self.index.type_objects((module, callee)) if self._makers else ():
            yield from self._paired(module, self._makers.get(cls, ()), given)

    def _may_concern(self, module: str, callee: int, given: Sequence[int]) -> bool:
        """A cheap test. What goes by no name, or is an object that is called, is only asked about where it matters."""
        known = self.index.project.last_name((module, callee))
        if known is not None and known in self._spelled:
            return True
        nameless = known is None or "__call__" in self._spelled
        return nameless and any(True for each in given for _ in texts(self.index, (module, each)))

    def _paired(self, module: str, taken: Sequence[str], given: Sequence[int]) -> Iterator[tuple[str, Ref]]:
        for name, value in zip(taken, given, strict=False):
            node: Node = self.index.project.node((module, value))
            if not name or node[0] == "star":
                return
            if name in self.names:
                yield name, (module, value)
