"""Exception objects: which expressions are exceptions, and which of their attributes are public by intention."""

from __future__ import annotations

from typing import Final, TypeAlias

from governance.contract import Ref
from governance.contracts.boundary_errors.application import is_http
from governance.contracts.boundary_errors.territory import is_test
from governance.facts import Node
from governance.index import Index, constructed
from governance.index.values import FunctionId, Value, last_part
from governance.paths.exceptions import Exceptions

Marks: TypeAlias = "frozenset[tuple[int, str]]"
"""What is known of parameters: the position, and "object", "text", or "holder": some attribute of it is a text."""

OBJECT: Final = "object"
TEXT: Final = "text"
HOLDER: Final = "holder"
NO_MARKS: Final[Marks] = frozenset()

_MORE: Final = frozenset(("__cause__", "__context__", "exceptions", "orig", "original", "inner"))
"""Attributes of an exception that are exceptions."""


class ExceptionObjects:
    """Answers for one project."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.exceptions = Exceptions(index)
        self._exception_values: dict[Value, bool] = {}

    def is_exception(self, ref: Ref, marks: Marks = NO_MARKS) -> bool:
        """Whether an expression is an exception object."""
        node, number = self.origin(ref)
        if node[0] == "exception":
            return True
        if node[0] == "param" and (node[2], OBJECT) in marks and self._owner((ref[0], number)) is not None:
            return True
        if node[0] == "phi" and any(self.index.project.node((ref[0], each))[0] == "exception" for each in node[1]):
            return True
        if node[0] in ("or", "and", "ifexp"):
            operands = node[1] if node[0] != "ifexp" else node[2:4]
            return any(self.is_exception((ref[0], each), marks) for each in operands)
        if node[0] == "attr" and node[2] in _MORE and self.is_exception((ref[0], node[1]), marks):
            return True
        if node[0] in ("sub", "unpack", "item"):
            return self._is_element((ref[0], node[1]), marks)
        if node[0] == "call" and last_part(self.index.project.text((ref[0], node[1]))) == "exception":
            return any(last_part(each) == "exception" for each in self.index.externals((ref[0], number)))
        return any(self._is_exception_value(value) for value in self.index.values(ref))

    def _is_element(self, container: Ref, marks: Marks) -> bool:
        """Whether what is taken out of a container is an exception: of exc_info(), of a group, of a list of them."""
        node, number = self.origin(container)
        if node[0] == "call" and "sys.exc_info" in self.index.externals((container[0], number)):
            return True
        if node[0] == "attr" and node[2] == "exceptions":
            return self.is_exception((container[0], node[1]), marks)
        if node[0] in ("tuple", "list", "set"):
            return any(self.is_exception((container[0], each), marks) for each in node[1])
        values = self.index.elements(container)
        return any(self._is_exception_value(value) for value in values)

    def _is_exception_value(self, value: Value) -> bool:
        known = self._exception_values.get(value)
        if known is None:
            known = self._exception_values[value] = self._judged_by_class(value)
        return known

    def _judged_by_class(self, value: Value) -> bool:
        if value[0] == "xinst":
            kind = self.exceptions.of_dotted(value[1])
            if kind is None:
                return False
            return kind[0] == "builtin" or last_part(value[1]).endswith(("Error", "Exception"))
        if value[0] in ("inst", "self"):
            bases = self.index.external_bases(value[1])
            return any(base.startswith("builtins.") and self.exceptions.of_dotted(base) for base in bases) or any(
                last_part(base).endswith(("Error", "Exception")) for base in bases
            )
        return False

    def origin(self, ref: Ref) -> tuple[Node, int]:
        number = ref[1]
        node = self.index.project.node(ref)
        for _ in range(12):
            if node[0] == "local" and node[2] >= 0:
                number = node[2]
            elif node[0] == "narrow":
                number = node[1]
            elif node[0] == "annotated" and node[2] >= 0:
                number = node[2]
            elif node[0] == "free":
                found = self.index.names.binding((ref[0], node[2]), node[1])
                if not found or len(found) != 1 or found[0][0] != ref[0]:
                    break
                number = found[0][1]
            else:
                break
            node = self.index.project.node((ref[0], number))
        return node, number

    def _owner(self, ref: Ref) -> FunctionId | None:
        node = self.index.project.node(ref)
        return (ref[0], node[1]) if node[0] == "param" else None

    def says_itself(self, base: Ref, name: str) -> bool:
        """Whether what an attribute holds was chosen by the project, not by whatever failed."""
        return self.is_own(base, name) or self.is_public(base, name)

    def given(self, base: Ref, name: str) -> list[Ref]:
        """What the project's exceptions of these classes are given for an attribute where they are made."""
        project = self.index.project
        calls = [call for cls in self.index.classes_of(base) for call in project.calls(project.scope(cls).name)]
        held = [constructed.held(self.index, call).get(name) for call in dict.fromkeys(calls) if not is_test(call[0])]
        return [ref for ref in held if ref is not None]

    def is_public(self, base: Ref, name: str) -> bool:
        """`error.detail` of an HTTP exception: what was written for the client, and judged where it was made."""
        node, _ = self.origin(base)
        if name == "detail" and node[0] == "param":
            values = self.index.values(base)
            return bool(values) and all(value[0] == "xinst" and is_http(value[1]) for value in values)
        if name != "detail" or node[0] != "exception":
            return False
        kinds = self.exceptions.of_handler(base[0], node[1])
        return bool(kinds) and all(kind is not None and kind[0] == "external" and is_http(kind[1]) for kind in kinds)

    def is_own(self, base: Ref, name: str) -> bool:
        """Whether the project's own class says what an attribute holds."""
        classes = self.index.classes_of(base)
        node, _ = self.origin(base)
        if node[0] == "exception" and any(
            kind is None or kind[0] != "project" for kind in self.exceptions.of_handler(base[0], node[1])
        ):
            return False  # `except (Ours, Theirs) as error`
        return bool(classes) and all(
            self.index.classes.lookup(cls, name) is not None
            or self.index.classes.annotation(cls, name) is not None
            or bool(self.index.attribute(cls, name))
            for cls in classes
        )
