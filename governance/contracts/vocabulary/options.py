"""Options: what an instance of the contract is configured with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Options:
    """The vocabulary and the places that hold its words. At least one of enum, attributes, parameters and columns."""

    values: tuple[str, ...]
    """The words that exist."""
    enum: tuple[str, ...] = ()
    """Enumerations (class or functional syntax) or Literal aliases that define the vocabulary, `pkg.mod:Enum`."""
    forbidden: tuple[str, ...] = ()
    """Words that are reported as forbidden, and looked for where the receiver is not known."""
    attributes: tuple[str, ...] = ()
    """Attributes that hold words whatever their annotation says, `pkg.mod:Class.attr`."""
    parameters: tuple[str, ...] = ()
    """Parameters that take words whatever their annotation says, `pkg.mod:Class.method.param`; overrides included."""
    columns: tuple[str, ...] = ()
    """Columns of SQL tables that hold words, `table.column`."""
    match: Literal["names", "values"] = "names"
    """Whether the words are names of members or the strings that members are stored as."""

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("values must name at least one word")
        if not (self.enum or self.attributes or self.parameters or self.columns):
            raise ValueError("name what holds the words: enum, attributes, parameters or columns")
        both = sorted({*self.values} & {*self.forbidden})
        if both:
            raise ValueError(f"{', '.join(both)} cannot be in values and in forbidden")
        for column in self.columns:
            if column.count(".") != 1 or not all(column.split(".")):
                raise ValueError(f"columns are written table.column, not {column!r}")
