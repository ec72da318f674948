"""Layers: the decorators around a function, each a wrapper function of the project, a context manager, or nothing.

A decorator from outside the project is taken to leave the function as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from governance.facts import Node
from governance.index.values import ClassId, FunctionId, Value
from governance.paths.frames import ALL, Slot, Work

if TYPE_CHECKING:
    from governance.index import Index

_DEPTH = 6


class Layer(NamedTuple):
    """One decorator that matters. wrapper: what is run instead, with the slot that holds the decorated function.

    manager: the decorator node, when it is a context manager used as a decorator.
    decorator: the function that made the wrapper. applied: the node of the decorator, as it is written.
    """

    wrapper: FunctionId | None = None
    slot: Slot | None = None
    receiver: ClassId | None = None
    manager: int = -1
    decorator: FunctionId | None = None
    applied: int = -1


class Layers:
    """Decorators of the functions of a project."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._known: dict[FunctionId, tuple[Layer, ...]] = {}

    def of(self, function: FunctionId) -> tuple[Layer, ...]:
        """The layers around a function, innermost first."""
        known = self._known.get(function)
        if known is None:
            self._known[function] = ()  # a decorator that decorates itself
            scope = self.index.project.scope(function)
            found = [self._layer(function, decorator) for decorator in reversed(scope.decorators)]
            known = self._known[function] = tuple(each for each in found if each is not None)
        return known

    def inside(self, function: FunctionId, decorator: int) -> int:
        """How many layers are around a function where one of its decorators gets it."""
        below = self.index.project.scope(function).decorators
        below = below[below.index(decorator) + 1 :] if decorator in below else below
        return sum(1 for each in below if self._layer(function, each) is not None)

    def applied(self, work: Work) -> tuple[Layer, Work] | None:
        """The outermost layer still around a function, and the function without it; None if it is bare."""
        layers = self.of(work.function)
        count = len(layers) if work.layers == ALL else work.layers
        if count <= 0:
            return None
        return layers[count - 1], work._replace(layers=count - 1)

    def wrapped(self, layer: Layer, inner: Work) -> Work:
        """What runs for a wrapper layer."""
        assert layer.wrapper is not None
        callables = dict(inner.callables)
        if layer.slot is not None:
            callables[layer.slot] = (inner,)
        receiver = layer.receiver or inner.receiver
        this = inner.this if layer.receiver is None else None
        ordered = tuple(sorted(callables.items(), key=lambda item: item[0]))
        stands_in = layer.receiver is None and self.index.project.owning_class(inner.function) is not None
        return Work(layer.wrapper, receiver, this, None, ordered, inner.grade, stands_in=stands_in)

    def surface(self, work: Work) -> FunctionId:
        """The function whose kind (plain, coroutine, generator) a caller sees."""
        for _ in range(_DEPTH):
            step = self.applied(work)
            if step is None:
                return work.function
            layer, inner = step
            if layer.wrapper is not None:
                return layer.wrapper
            work = inner
        return work.function

    def _layer(self, function: FunctionId, decorator: int) -> Layer | None:
        module = function[0]
        node = self.index.project.node((module, decorator))
        if node[0] == "call":
            for value in self.index.values((module, node[1])):
                if value[0] in ("cls", "selfcls") and self._is_decorating_manager(value[1]):
                    return Layer(manager=decorator)
                if value[0] == "decorated" and value[2] == "contextmanager":
                    return Layer(manager=decorator)
        around = set(self.index.project.enclosing(function))
        for value in self.index.values((module, decorator)):
            layer = self._by_value(value)
            if layer is not None and layer.decorator not in around:
                return layer._replace(applied=decorator)
        return None

    def _is_decorating_manager(self, cls: ClassId) -> bool:
        bases = self.index.external_bases(cls)
        return any(base.rpartition(".")[2] in ("ContextDecorator", "AsyncContextDecorator") for base in bases)

    def _by_value(self, value: Value) -> Layer | None:
        if value[0] in ("fn", "bm"):
            return self._by_function(value[1], 1 if value[0] == "bm" else 0)
        if value[0] == "decorated" and value[2] == "staticmethod":
            return self._by_function(value[1], 0)
        if value[0] == "cls":
            return self._by_class(value[1])
        if value[0] in ("inst", "self"):
            call = self._method(value[1], "__call__")
            return self._by_function(call, 1) if call is not None else None
        return None

    def _by_function(self, decorator: FunctionId, position: int) -> Layer | None:
        """`def decorator(function): def wrapper(...): ...; return wrapper`."""
        scope = self.index.project.scope(decorator)
        if len(scope.params) <= position:
            return None
        slot = (decorator, scope.params[position].name)
        for result in scope.results:
            for arm in self._arms(decorator[0], result):
                wrapper = self._inner_function(decorator, arm)
                if wrapper is None:
                    continue
                if not self.index.solver.decorated.is_applied_within(wrapper, decorator):
                    return Layer(wrapper, slot, decorator=decorator)
                # `def counted(function=None, *, enabled=True)`: put on a function, it gives what its inner one gives.
                layer = self._by_function(wrapper, 0)
                if layer is not None:
                    return layer
        return None

    def _arms(self, module: str, node: int) -> Iterator[int]:
        """What an expression may be; of `around(function)` what is called, too."""
        fact: Node = self.index.project.node((module, node)) if node >= 0 else ["none"]
        if fact[0] == "ifexp":
            yield from (*self._arms(module, fact[2]), *self._arms(module, fact[3]))
        elif fact[0] == "call":
            yield from (node, fact[1])
        else:
            yield node

    def _inner_function(self, decorator: FunctionId, node: int) -> FunctionId | None:
        """The function, defined inside the decorator, that an expression is."""
        module = decorator[0]
        for _ in range(_DEPTH):
            fact = self.index.project.node((module, node))
            if fact[0] == "function":
                inner = (module, int(fact[1]))
                return inner if self.index.project.scope(inner).parent == decorator[1] else None
            if fact[0] == "local" and fact[2] >= 0:
                node = fact[2]
            elif fact[0] in ("narrow", "annotated"):
                node = fact[1] if fact[0] == "narrow" else fact[2]
            elif fact[0] == "call" and fact[2]:
                node = fact[2][-1]  # cast(F, wrapper), wraps(function)(wrapper), update_wrapper(wrapper, function)
                if self.index.project.text((module, fact[1])).endswith("update_wrapper"):
                    node = fact[2][0]
            else:
                return None
            if node < 0:
                return None
        return None

    def _by_class(self, cls: ClassId) -> Layer | None:
        """A class whose instances keep the function and run it in `__call__`."""
        init, call = self._method(cls, "__init__"), self._method(cls, "__call__")
        if init is None or call is None:
            return None
        scope = self.index.project.scope(init)
        if len(scope.params) < 2:
            return None
        wanted = scope.params[1].name
        for number, node in enumerate(self.index.project.modules[init[0]].facts.nodes):
            if node[0] == "store_attr" and self.index.project.owner((init[0], number)) == init:
                value = self.index.project.node((init[0], node[3]))
                if value[0] == "local" and value[1] == wanted:
                    owner = self.index.project.owning_class(call) or cls
                    return Layer(call, (owner, f".{node[2]}"), cls, decorator=init)
        return None

    def _method(self, cls: ClassId, name: str) -> FunctionId | None:
        bound = self.index.classes.lookup(cls, name)
        for ref in bound[1] if bound else ():
            node = self.index.project.node(ref)
            if node[0] == "function":
                return (ref[0], int(node[1]))
        return None
