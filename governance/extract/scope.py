"""A scope, and a loop, while they are being walked."""

from __future__ import annotations

from governance.extract.bound_names import Names
from governance.extract.environment import Env
from governance.facts import Block, Param, Scope


class Building:
    """A scope while its body is walked; `finish` makes the fact of it. Fields as in `governance.facts.Scope`."""

    def __init__(self, number: int, kind: str, name: str, parent: Building | None, node: int, names: Names) -> None:
        self.number = number
        self.kind = kind
        self.name = name
        self.parent = parent
        self.node = node
        self.names = names
        self.outside = kind in ("module", "class")
        self.params: list[Param] = []
        self.returns = -1
        self.decorators: list[int] = []
        self.bases: list[int] = []
        self.keywords: list[tuple[str | None, int]] = []
        self.type_params: list[tuple[str, int]] = []
        self.bindings: dict[str, list[int]] = {}
        self.final: dict[str, int] = {}
        self.rebound: list[str] = []
        self.annotations: dict[str, int] = {}
        self.star_imports: list[int] = []
        self.exports: list[str] | None = None
        self.results: list[int] = []
        self.yields: list[int] = []
        self.is_async = False
        self.is_generator = False
        self.body: Block = []
        self.temporaries: list[dict[str, int]] = []
        """Targets of the comprehensions that are open around the present place."""

    def finish(self) -> Scope:
        """The fact."""
        return Scope(
            kind=self.kind,
            name=self.name,
            parent=self.parent.number if self.parent else -1,
            node=self.node,
            params=self.params,
            returns=self.returns,
            decorators=self.decorators,
            bases=self.bases,
            keywords=self.keywords,
            type_params=self.type_params,
            bindings=self.bindings,
            final=self.final,
            rebound=self.rebound,
            annotations=self.annotations,
            global_names=self.names.global_names,
            nonlocal_names=self.names.nonlocal_names,
            star_imports=self.star_imports,
            exports=self.exports,
            results=self.results,
            yields=self.yields,
            is_async=self.is_async,
            is_generator=self.is_generator,
            body=self.body,
        )


class Loop:
    """The environments in which a loop is left by `break` or taken up again by `continue`."""

    __slots__ = ("breaks", "continues")

    def __init__(self) -> None:
        self.breaks: list[Env] = []
        self.continues: list[Env] = []
