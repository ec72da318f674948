"""Imports by string: modules that are named by text instead of an import statement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from governance.contract import Ref, Violation
from governance.contracts.layers.layering import Layering, home_of
from governance.findings import Grade

_IMPORTERS: Final = {
    "importlib.import_module": "name",
    "importlib.__import__": "name",
    "builtins.__import__": "name",
    "importlib.util.find_spec": "",
    "pkgutil.resolve_name": "name",
    "pydoc.locate": "path",
    "runpy.run_module": "mod_name",
    "django.utils.module_loading.import_string": "dotted_path",
    "werkzeug.utils.import_string": "import_name",
}
"""Functions that import what their first argument names, with the keyword it goes by; "" for those that only look."""


@dataclass(frozen=True, slots=True)
class Named:
    """An expression that names a module. package: the argument a relative name starts from."""

    ref: Ref
    name: Ref
    package: Ref | None = None


def examine(layering: Layering) -> Iterator[Violation]:
    """Every import by string in the modules of a layer."""
    for named in sites(layering):
        layer = layering.layer(named.ref[0])
        if layer is None:
            continue
        words = texts(layering, named)
        if not words:
            where = layering.where(named.ref)
            message = f"a module is imported in {where} by a name that is not known before run time"
            yield Violation("string-import", message, Grade.UNRESOLVED, named.ref, subject=where)
        for word in words:
            yield from _judge(layering, layer, named, word)


def _judge(layering: Layering, layer: int, named: Named, word: str) -> Iterator[Violation]:
    for home, ref in _homes(layering, named, word):
        used = layering.layer(home)
        if used is None or layering.crossing(layer, used) is None:
            continue
        where, told = layering.where(named.ref), layering.told(layer, used)
        message = f'"{word}" is imported by name in {where}, layer {layering.name(layer)}: {told}'
        yield Violation("string-import", message, Grade.DEFINITE, ref, subject=word)
        return


def _homes(layering: Layering, named: Named, word: str) -> Iterator[tuple[str, Ref]]:
    """The module a text names, and the homes of what is then taken off it."""
    index = layering.index
    module, _, member = word.partition(":")
    home = resolved(layering, module)
    yield home, named.ref
    if layering.layer(home) is not None or home not in index.project.modules:
        return
    names = [member] if member else [module[len(home) + 1 :]] if len(module) > len(home) else []
    places = [(name.partition(".")[0], named.ref) for name in names]
    places += [(index.project.node(user)[2], user) for user in index.uses(named.ref) if _is_attr(layering, user)]
    for name, ref in places:
        for entity in index.names.member(home, name):
            owner = home_of(entity)
            if owner is not None:
                yield owner, ref


def _is_attr(layering: Layering, ref: Ref) -> bool:
    return bool(layering.index.project.node(ref)[0] == "attr")


def resolved(layering: Layering, word: str) -> str:
    """The longest module of the project that a dotted text starts with; the text itself if there is none."""
    parts = word.split(".")
    for count in range(len(parts), 0, -1):
        name = ".".join(parts[:count])
        if name in layering.index.project.modules:
            return name
    return word


def sites(layering: Layering) -> Iterator[Named]:
    """Every expression of the project that imports by text."""
    index, project = layering.index, layering.index.project
    for dotted, keyword in _IMPORTERS.items():
        called = dotted.rpartition(".")[2]
        if not keyword:
            continue
        for name in (called, *sorted(project.aliases.get(called, ()))):
            for ref in project.calls(name):
                if dotted in index.externals(ref) and (named := _call(layering, ref, keyword)):
                    yield named
    for ref in project.attr_loads("modules"):
        if "sys.modules" in index.names.dotted(ref):
            yield from _loaded(layering, ref)


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
