"""Named modules: the expressions that import a module by its name as text, and what that text is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from governance.contract import Ref
from governance.contracts.layers.layering import Layering

_IMPORTERS: Final = {
    "importlib.import_module": "name",
    "importlib.__import__": "name",
    "builtins.__import__": "name",
    "pkgutil.resolve_name": "name",
    "pydoc.locate": "path",
    "runpy.run_module": "mod_name",
    "django.utils.module_loading.import_string": "dotted_path",
    "werkzeug.utils.import_string": "import_name",
}
"""Functions that import what their first argument names, with the keyword it goes by."""
_CALLED: Final = frozenset(dotted.rpartition(".")[2] for dotted in _IMPORTERS)
_NAMED: Final = frozenset(("free", "local"))


@dataclass(frozen=True, slots=True)
class Named:
    """An expression that names a module. package: the argument a relative name starts from."""

    ref: Ref
    name: Ref
    package: Ref | None = None


def sites(layering: Layering) -> Iterator[Named]:
    """Every expression of the project that imports by text."""
    index, project = layering.index, layering.index.project
    names = set(_CALLED)
    names |= {alias for name in names for alias in project.aliases.get(name, ())}
    calls = [ref for name in sorted(names) for ref in project.calls(name)]
    if _kept(layering, names):
        calls += [ref for ref in project.all_calls if layering.layer(ref[0]) is not None]
    for ref in dict.fromkeys(calls):
        for dotted in sorted(index.externals(ref) & _IMPORTERS.keys()):
            named = _call(layering, ref, _IMPORTERS[dotted])
            if named is not None:
                yield named
                break
    for ref in project.attr_loads("modules"):
        if "sys.modules" in index.names.dotted(ref):
            yield from _loaded(layering, ref)


def _kept(layering: Layering, names: set[str]) -> bool:
    """Whether an importing function is anywhere kept or handed over, instead of being called by its name."""
    project = layering.index.project
    loads = [ref for name in names for ref in project.attr_loads(name)]
    for module in project.modules.values():
        nodes = module.facts.nodes
        loads += [(module.name, at) for at, node in enumerate(nodes) if node[0] in _NAMED and node[1] in names]
    importing = [ref for ref in loads if layering.index.names.dotted(ref) & _IMPORTERS.keys()]
    getters = [ref for called in ("getattr", "attrgetter") for ref in project.calls(called)]
    return any(_names_one(layering, ref) for ref in getters) or any(
        project.node(user)[0] != "call" or project.node(user)[1] != ref[1]
        for ref in importing
        for user in project.users(ref)
    )


def _names_one(layering: Layering, call: Ref) -> bool:
    """`getattr(importlib, "import_module")`."""
    project = layering.index.project
    constants = [project.node((call[0], argument)) for argument in project.node(call)[2]]
    return any(node[:2] == ["const", "str"] and node[2] in _CALLED for node in constants)


def _call(layering: Layering, ref: Ref, keyword: str) -> Named | None:
    node = layering.index.project.node(ref)
    keywords = {name: value for name, value in node[3] if name}
    positional = [*node[2], *(keywords[key] for key in (keyword,) if key in keywords)]
    if not positional:
        return None
    package = keywords.get("package", node[2][1] if len(node[2]) > 1 else None)
    return Named(ref, (ref[0], positional[0]), None if package is None else (ref[0], package))


def _loaded(layering: Layering, table: Ref) -> Iterator[Named]:
    """`sys.modules["name"]` and `sys.modules.get("name")`."""
    project = layering.index.project
    for user in project.users(table):
        node = project.node(user)
        if node[0] == "sub" and node[1] == table[1]:
            yield Named(user, (user[0], node[2]))
        elif node[0] == "attr" and node[2] in ("get", "pop", "__getitem__"):
            for call in project.users(user):
                inner = project.node(call)
                if inner[0] == "call" and inner[1] == user[1] and inner[2]:
                    yield Named(call, (call[0], inner[2][0]))


def texts(layering: Layering, named: Named) -> list[str]:
    """The absolute names an expression may give; empty if none is known."""
    index = layering.index
    found = []
    for value in index.values(named.name):
        if value[:2] != ("const", "str"):
            continue
        word = str(value[2])
        if word.startswith("."):
            word = _absolute(layering, named, word)
        if word:
            found.append(word)
    return sorted(set(found))


def _absolute(layering: Layering, named: Named, word: str) -> str:
    """`.jobs` from the package it is relative to; "" if that is not known."""
    index = layering.index
    for value in index.values(named.package) if named.package else ():
        if value[:2] == ("const", "str"):
            parts = str(value[2]).split(".")
            level = len(word) - len(word.lstrip("."))
            kept = parts[: len(parts) - (level - 1)]
            return ".".join([*kept, word.lstrip(".")])
    return ""


def imported_by(text: str) -> list[str]:
    """The modules that a piece of code imports; none if it is no code."""
    try:
        tree = ast.parse(text.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [f"{node.module}:{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("__import__", "import_module"):
                found.append(str(node.args[0].value))
    return found
