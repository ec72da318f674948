"""Contract types: found by name, imported when a contract of that type is configured.

Our own are the modules of `governance.contracts`; others come from installed distributions through the entry-point
group `governance.contracts` (name = the type's name, value = a module shaped like ours).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from types import ModuleType

GROUP: Final = "governance.contracts"
OUTSIDE_OPTIONS: Final = frozenset({"type", "because", "instead", "fail_on", "exclude", "tests", "enabled"})
"""Names that belong to every contract and so cannot be options of a type."""


class UnusableType(Exception):
    """A contract type exists but cannot be used; the text says which and why."""


@dataclass(frozen=True, slots=True)
class ContractType:
    """A contract type ready for use. `source` is the file it was loaded from when it is not one of our own."""

    name: str
    options: type[Any]
    check: Callable[[Any, Any], Any]
    source: str = ""
    looks_at_everything: Callable[[Any], bool] = lambda _: True
    """Whether a contract with these options is about files that have nothing to do with the symbols it names."""
    weaker: Mapping[str, Any] = field(default_factory=dict)
    """By the name of an option, the `governance.contract.Direction` in which it makes a contract weaker."""


def own_types() -> list[str]:
    """The names of the types that come with the tool."""
    package = importlib.import_module(GROUP)
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(package.__path__))


def foreign_types() -> list[str]:
    """The names of the types that other installed distributions add."""
    from importlib.metadata import entry_points

    return sorted(point.name for point in entry_points(group=GROUP))


def load(name: str) -> ContractType | None:
    """The type of that name, None if there is none. Raises UnusableType."""
    if name in own_types():
        return _checked(importlib.import_module(f"{GROUP}.{name.replace('-', '_')}"), name, own=True)
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP, name=name):
        origin = f'contract type "{name}" of {point.dist.name if point.dist else point.value}'
        try:
            module = point.load()
        except Exception as error:
            raise UnusableType(f"{origin} cannot be loaded: {type(error).__name__}: {error}") from error
        return _checked(module, name, own=False)
    return None


def _checked(module: ModuleType, name: str, own: bool) -> ContractType:
    options = getattr(module, "Options", None)
    if getattr(module, "NAME", None) != name or not callable(getattr(module, "check", None)):
        raise UnusableType(f'{module.__name__} must define NAME = "{name}" and a function check(index, options)')
    if not (isinstance(options, type) and is_dataclass(options)):
        raise UnusableType(f"{module.__name__} must define a dataclass Options")
    taken = sorted(OUTSIDE_OPTIONS.intersection(field.name for field in fields(options)))
    if taken:
        raise UnusableType(f"{module.__name__}.Options has fields that every contract has already: {', '.join(taken)}")
    source = "" if own else module.__file__ or module.__name__
    everything = getattr(module, "looks_at_everything", None) or (_no if own else _yes)
    return ContractType(name, options, module.check, source, everything, getattr(module, "WEAKER", {}))


def _no(_: object) -> bool:
    return False


def _yes(_: object) -> bool:
    return True
