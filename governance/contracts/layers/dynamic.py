"""Imports by string: modules that are named by text instead of an import statement."""

from __future__ import annotations

from collections.abc import Iterator

from governance.contract import Ref, Violation
from governance.contracts.layers.dependence import argument, dependence
from governance.contracts.layers.layering import Layering, home_of
from governance.contracts.layers.named import Named, imported_by, sites, texts
from governance.contracts.layers.takers import takers
from governance.findings import Grade


def examine(layering: Layering) -> Iterator[Violation]:
    """Every import by string in the modules of a layer, or by a function in no layer that a layer calls."""
    for named in sites(layering):
        layer = layering.layer(named.ref[0])
        if layer is None:
            for passed in _passed(layering, named):
                yield from _reported(layering, passed)
        else:
            yield from _reported(layering, named)
    yield from _executed(layering)


def _passed(layering: Layering, named: Named) -> Iterator[Named]:
    """Calls in a layer that hand the name to a function in no layer which imports it."""
    seen = set()
    todo = [dependence(layering, named.name)]
    while todo:
        on = todo.pop()
        if on is None or on in seen or on.path:
            continue
        seen.add(on)
        for taken in takers(layering, on.function):
            given = argument(layering, on, taken)
            if given is None or taken.call is None:
                continue
            if layering.layer(taken.ref[0]) is None:
                todo.append(dependence(layering, given))
            elif any(value[:2] == ("const", "str") for value in layering.index.values(given)):
                yield Named(taken.call, given)


def _executed(layering: Layering) -> Iterator[Violation]:
    """`exec("from pkg.module import Name")`, as far as the text is known."""
    project = layering.index.project
    for called in ("exec", "eval", "compile"):
        for ref in project.calls(called):
            layer = layering.layer(ref[0])
            node = project.node(ref)
            if layer is None or not node[2] or f"builtins.{called}" not in layering.index.externals(ref):
                continue
            for value in layering.index.values((ref[0], node[2][0])):
                for word in imported_by(value[2]) if value[:2] == ("const", "str") else ():
                    yield from _judge(layering, layer, Named(ref, ref), word)


def _reported(layering: Layering, named: Named) -> Iterator[Violation]:
    layer = layering.layer(named.ref[0])
    if layer is not None:
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
