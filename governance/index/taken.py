"""Taken: every place that may take an attribute of a given name off an object, in whatever spelling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from governance.contract import Ref
from governance.index.index import Index
from governance.index.project import Project

_GETATTR: Final = frozenset(("builtins.getattr", "inspect.getattr_static"))


@dataclass(frozen=True, slots=True)
class Site:
    """One place. name: the node of the attribute's name where it is a value, None where it is written out.

    calls: the place also calls what it takes (`methodcaller`); each: the attribute is taken off every element of the
    receiver (`map(attrgetter(...), plugins)`).
    """

    ref: Ref
    receiver: Ref
    name: Ref | None = None
    calls: bool = False
    each: bool = False


def sites(index: Index, name: str) -> Iterator[Site]:
    """All places that take `name`, or a name that is not written out, off something."""
    for ref in index.project.attr_loads(name):
        yield Site(ref, (ref[0], index.project.node(ref)[1]))
    yield from _getattrs(index)
    yield from _namespaces(index.project)
    yield from _getters(index)
    yield from _members(index)


def _getattrs(index: Index) -> Iterator[Site]:
    project = index.project
    for called in ("getattr", "getattr_static", *project.aliases.get("getattr", ())):
        for ref in project.calls(called):
            arguments = project.node(ref)[2]
            if len(arguments) >= 2 and index.externals(ref) & _GETATTR:
                yield Site(ref, (ref[0], arguments[0]), (ref[0], arguments[1]))
    for ref in project.calls("partial"):
        arguments = project.node(ref)[2]
        if len(arguments) >= 3 and ("ext", "builtins.getattr") in index.values((ref[0], arguments[0])):
            yield Site(ref, (ref[0], arguments[1]), (ref[0], arguments[2]))
    for ref in project.calls("__getattribute__"):
        node = project.node(ref)
        callee = project.node((ref[0], node[1]))
        if callee[0] == "attr" and node[2]:
            receiver = node[2][0] if len(node[2]) > 1 else callee[1]
            yield Site(ref, (ref[0], receiver), (ref[0], node[2][-1]))


def _namespaces(project: Project) -> Iterator[Site]:
    """`Class.__dict__["run"]`, `vars(Class)["run"]`, and `.get("run")` of either."""
    spaces = [(ref, project.node(ref)[1]) for ref in project.attr_loads("__dict__")]
    spaces += [(ref, node[2][0]) for ref in project.calls("vars") if (node := project.node(ref))[2]]
    for ref, receiver in spaces:
        for user in project.users(ref):
            node = project.node(user)
            if node[0] == "sub" and node[1] == ref[1]:
                yield Site(user, (ref[0], receiver), (ref[0], node[2]))
            elif node[0] == "attr" and node[2] in ("get", "pop", "__getitem__"):
                for call in project.users(user):
                    inner = project.node(call)
                    if inner[0] == "call" and inner[1] == user[1] and inner[2]:
                        yield Site(call, (ref[0], receiver), (ref[0], inner[2][0]))


def _getters(index: Index) -> Iterator[Site]:
    """`methodcaller("run")(plugin)`, `attrgetter("run")(plugin)`, and either handed to map and its like."""
    project = index.project
    for called in ("methodcaller", "attrgetter"):
        for ref in {
            *project.calls(called),
            *(each for name in project.aliases.get(called, ()) for each in project.calls(name)),
        }:
            made = project.node(ref)
            if not made[2] or f"operator.{called}" not in index.externals(ref):
                continue
            names = made[2] if called == "attrgetter" else made[2][:1]
            for user, getter in _applied(index, ref):
                node = project.node(user)
                direct = getter == node[1]
                for argument in node[2]:
                    for name in names if argument != getter else ():
                        each = (ref[0], name)
                        yield Site(user, (user[0], argument), each, called == "methodcaller", not direct)


def _applied(index: Index, made: Ref) -> Iterator[tuple[Ref, int]]:
    """The calls of a getter or with it as an argument: the call, and the node that is the getter there."""
    project = index.project
    calls = dict.fromkeys(index.uses(made))
    for name in project.site_names(made):
        calls.update(dict.fromkeys((*project.calls(name), *project.mentions(name))))
    own = index.values(made)
    for call in calls:
        node = project.node(call)
        for each in (node[1], *node[2]) if node[0] == "call" else ():
            if (call[0], each) == made or not own.keys().isdisjoint(index.values((call[0], each))):
                yield call, each
                break


def _members(index: Index) -> Iterator[Site]:
    """`inspect.getmembers(plugin)` takes every attribute there is."""
    for called in ("getmembers", "getmembers_static", *index.project.aliases.get("getmembers", ())):
        for ref in index.project.calls(called):
            arguments = index.project.node(ref)[2]
            if arguments and f"inspect.{called}" in {*index.externals(ref), "inspect.getmembers"}:
                yield Site(ref, (ref[0], arguments[0]), ref)
