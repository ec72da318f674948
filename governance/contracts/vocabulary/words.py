"""The vocabulary itself: which words it has, where it is defined, which attributes and parameters hold its words."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from governance.contract import Ref
from governance.index.values import ClassId, FunctionId


class Form(StrEnum):
    """How a governed string shows a word: the value of a member, its name, or either (a position typed with it)."""

    ANY = "any"
    NAME = "name"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A resolved vocabulary.

    classes: enum classes, subclasses included; definitions: nodes that define it otherwise (a functional enum, a
    Literal alias); names: names of valid members; strings: what valid members are stored as; members: every defined
    member with its string value, None if it is not a constant string.
    """

    shown: str
    names: frozenset[str]
    strings: frozenset[str]
    forbidden: frozenset[str]
    classes: frozenset[ClassId] = frozenset()
    definitions: frozenset[Ref] = frozenset()
    members: dict[str, str | None] = field(default_factory=dict)
    attributes: dict[str, tuple[ClassId, ...]] = field(default_factory=dict)
    parameters: dict[FunctionId, frozenset[int]] = field(default_factory=dict)
    aliases: frozenset[str] = frozenset()
    """Names the enum goes by anywhere in the project: a text that holds none of them cannot mean it statically."""

    def valid_name(self, name: str) -> bool:
        """Whether a member may have that name."""
        return name in self.names

    def valid_string(self, text: str, form: Form = Form.ANY, fold: str = "") -> bool:
        """Whether a string may stand in a governed position. fold: the name of a case method applied to the word."""
        text = text.removeprefix(f"{self.shown}.") if form is Form.ANY and not fold else text
        allowed = {
            Form.NAME: self.names,
            Form.VALUE: self.strings,
            Form.ANY: self.strings,
        }[form]
        return text in ({getattr(word, fold)() for word in allowed} if fold else allowed)

    def verdict(self, text: str) -> str:
        """Why a word is refused, for messages."""
        if text in self.forbidden:
            return f"{text!r} is forbidden in {self.shown}"
        if text in self.names:
            value = self.members.get(text)
            return f"{text!r} is the name of a member of {self.shown}, its value is {value!r}"
        near = next((word for word in sorted(self.strings | self.names) if word.casefold() == text.casefold()), "")
        return f"{text!r} is not a word of {self.shown}" + (f", {near!r} is" if near else "")
