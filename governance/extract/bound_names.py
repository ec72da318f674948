"""Which names a scope binds, and which of them (and which dotted paths) each of its loops assigns.

Known before the scope is walked: a load needs to know whether its name is local at all, and a loop head needs a phi for
exactly the names that a later part of the loop assigns. Looks at statements and targets only, and into expressions only
where the source has a walrus somewhere.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from typing import Any

import libcst as cst


def identifier(name: str) -> str:
    """The name as the interpreter sees it."""
    return name if name.isascii() else unicodedata.normalize("NFKC", name)


def dotted(node: Any) -> str:
    """`a.b.c` of a name or an attribute chain on a name, "" for anything else."""
    parts: list[str] = []
    while type(node) is cst.Attribute:
        parts.append(identifier(node.attr.value))
        node = node.value
    if type(node) is not cst.Name:
        return ""
    parts.append(identifier(node.value))
    return ".".join(reversed(parts))


class Names:
    """bound: local names; outer: those declared global or nonlocal; loops: id(loop node) -> names and paths stored."""

    __slots__ = ("_open", "_walrus", "bound", "global_names", "loops", "nonlocal_names")

    def __init__(self, walrus: bool) -> None:
        self.bound: set[str] = set()
        self.global_names: list[str] = []
        self.nonlocal_names: list[str] = []
        self.loops: dict[int, set[str]] = {}
        self._open: list[set[str]] = []
        self._walrus = walrus

    def finish(self) -> Names:
        """Take the declared names out of the bound ones."""
        self.bound.difference_update(self.global_names, self.nonlocal_names)
        return self

    def name(self, name: str) -> None:
        """`name` is bound here."""
        name = identifier(name)
        self.bound.add(name)
        for loop in self._open:
            loop.add(name)

    def target(self, node: Any) -> None:
        """A target of an assignment, `for`, `with` or `del`."""
        kind = type(node)
        if kind is cst.Name:
            self.name(node.value)
        elif kind is cst.Attribute:
            path = dotted(node)
            if path:
                for loop in self._open:
                    loop.add(path)
            else:
                self.expression(node.value)
        elif kind is cst.Tuple or kind is cst.List:
            for element in node.elements:
                self.target(element.value)
        elif kind is cst.StarredElement:
            self.target(node.value)
        else:
            self.expression(node)

    def expression(self, node: Any) -> None:
        """Find walrus targets, nested scopes excepted."""
        if not self._walrus or node is None:
            return
        kind = type(node)
        if kind is cst.NamedExpr:
            self.target(node.target)
            self.expression(node.value)
        elif kind is cst.Lambda:
            for param in _parameters(node.params):
                self.expression(param.default)
        elif kind in _COMPREHENSIONS:
            self._loop(node, lambda: self._children(node))
        else:
            self._children(node)

    def _children(self, node: Any) -> None:
        for name in _fields(type(node)):
            child = getattr(node, name)
            if isinstance(child, (list, tuple)):
                for item in child:
                    if isinstance(item, cst.CSTNode):
                        self.expression(item)
            elif isinstance(child, cst.CSTNode):
                self.expression(child)

    def _loop(self, node: Any, inside: Any) -> None:
        names: set[str] = set()
        self._open.append(names)
        inside()
        self._open.pop()
        self.loops[id(node)] = names

    def block(self, body: Any) -> None:
        """Every statement of a suite, a module or a handler's body."""
        for statement in body.body:
            self._statement(statement)

    def _statement(self, node: Any) -> None:
        kind = type(node)
        if kind is cst.SimpleStatementLine:
            for small in node.body:
                self._small(small)
        elif kind is cst.If:
            self._if(node)
        elif kind is cst.For or kind is cst.While:
            self._loop_statement(node)
        elif kind is cst.Try or kind is cst.TryStar:
            self._try(node)
        elif kind is cst.With:
            for item in node.items:
                self.expression(item.item)
                if item.asname is not None:
                    self.target(item.asname.name)
            self.block(node.body)
        elif kind is cst.FunctionDef:
            self._definition(node, [param.default for param in _parameters(node.params)])
        elif kind is cst.ClassDef:
            self._definition(node, [argument.value for argument in (*node.bases, *node.keywords)])
        elif kind is cst.Match:
            self.expression(node.subject)
            for case in node.cases:
                self._pattern(case.pattern)
                self.expression(case.guard)
                self.block(case.body)
        else:
            self._small(node)  # a suite on the line of its header

    def _if(self, node: Any) -> None:
        while type(node) is cst.If:
            self.expression(node.test)
            self.block(node.body)
            node = node.orelse
        if node is not None:
            self.block(node.body)

    def _loop_statement(self, node: Any) -> None:
        def inside() -> None:
            if type(node) is cst.For:
                self.target(node.target)
            else:
                self.expression(node.test)
            self.block(node.body)

        if type(node) is cst.For:
            self.expression(node.iter)
        self._loop(node, inside)
        if node.orelse is not None:
            self.block(node.orelse.body)

    def _try(self, node: Any) -> None:
        self.block(node.body)
        for handler in node.handlers:
            self.expression(handler.type)
            if handler.name is not None:
                self.target(handler.name.name)
            self.block(handler.body)
        for part in (node.orelse, node.finalbody):
            if part is not None:
                self.block(part.body)

    def _definition(self, node: Any, parts: list[Any]) -> None:
        for decorator in node.decorators:
            self.expression(decorator.decorator)
        for part in parts:
            self.expression(part)
        self.name(node.name.value)

    def _pattern(self, node: Any) -> None:
        kind = type(node)
        if kind is cst.MatchAs or kind is cst.MatchStar:
            if node.name is not None:
                self.name(node.name.value)
            if kind is cst.MatchAs and node.pattern is not None:
                self._pattern(node.pattern)
        elif kind is cst.MatchMapping:
            if node.rest is not None:
                self.name(node.rest.value)
            for element in node.elements:
                self._pattern(element.pattern)
        elif kind is cst.MatchClass:
            for element in node.patterns:
                self._pattern(element.value)
            for keyword in node.kwds:
                self._pattern(keyword.pattern)
        elif kind is cst.MatchOr:
            for element in node.patterns:
                self._pattern(element.pattern)
        elif kind is cst.MatchList or kind is cst.MatchTuple:
            for element in node.patterns:
                self._pattern(element if type(element) is cst.MatchStar else element.value)

    def _small(self, node: Any) -> None:
        kind = type(node)
        if kind is cst.Assign:
            self.expression(node.value)
            for target in node.targets:
                self.target(target.target)
        elif kind is cst.AugAssign or kind is cst.AnnAssign:
            self.expression(node.value)
            self.target(node.target)
        elif kind is cst.Del:
            self.target(node.target)
        elif kind in _IMPORTS:
            self._import(node)
        elif kind is cst.Global or kind is cst.Nonlocal:
            declared = self.global_names if kind is cst.Global else self.nonlocal_names
            declared += [identifier(item.name.value) for item in node.names]
        elif kind is cst.TypeAlias:
            self.name(node.name.value)
        elif self._walrus:
            self._children(node)

    def _import(self, node: Any) -> None:
        if isinstance(node.names, cst.ImportStar):
            return
        plain = type(node) in (cst.Import, cst.LazyImport)
        for alias in node.names:
            if alias.asname is not None:
                self.target(alias.asname.name)
            else:
                first = alias.name
                while plain and type(first) is cst.Attribute:
                    first = first.value
                self.name(first.value)


_IMPORTS = frozenset({cst.Import, cst.ImportFrom, cst.LazyImport, cst.LazyImportFrom})
_COMPREHENSIONS = frozenset(
    {cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp, getattr(cst, "StarredDictComp", cst.DictComp)}
)
_FIELDS: dict[type, tuple[str, ...]] = {}


def _fields(kind: type) -> tuple[str, ...]:
    found = _FIELDS.get(kind)
    if found is None:
        names = [item.name for item in dataclasses.fields(kind)]
        found = _FIELDS[kind] = tuple(
            name for name in names if not name.startswith(("whitespace", "lpar", "rpar", "leading"))
        )
    return found


def _parameters(params: cst.Parameters) -> list[cst.Param]:
    """All parameters in the order of their kinds."""
    found = [*params.posonly_params, *params.params]
    if isinstance(params.star_arg, cst.Param):
        found.append(params.star_arg)
    found += params.kwonly_params
    if params.star_kwarg is not None:
        found.append(params.star_kwarg)
    return found
