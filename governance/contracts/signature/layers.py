"""Layers: what decorators and assignments put in the place of a function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from governance.contract import Ref
from governance.findings import Grade
from governance.index import Index
from governance.index.values import ClassId, FunctionId, Value, last_part

_TRANSPARENT: Final = frozenset(
    """abstractmethod override final overload no_type_check lru_cache cache deprecated contextmanager
    asynccontextmanager singledispatch singledispatchmethod abstractclassmethod abstractstaticmethod wraps
    runtime_checkable typechecked validate_call inject""".split()
)
"""External decorators that leave the signature as it is, or keep it by `functools.wraps`."""

_BINDING: Final = {"staticmethod": "a static method", "classmethod": "a class method"}
_ATTRIBUTES: Final = frozenset("property cached_property abstractproperty hybrid_property setter getter".split())
_KEEPERS: Final = frozenset(("functools.wraps", "functools.update_wrapper", "wrapt.decorator", "decorator.decorator"))


@dataclass(frozen=True, slots=True)
class Layer:
    """Something that is called in the place of the function.

    at: the decorator or assignment. wrapper: the function that is called instead, None if it is not known which.
    kept: it carries the signature of what it wraps. fault: why it can be no replacement at all, "" if it can.
    """

    at: Ref
    name: str
    wrapper: FunctionId | None
    kept: bool
    grade: Grade
    fault: str = ""


def layers(index: Index, function: FunctionId, bound_first: str) -> Iterator[Layer]:
    """The layers over a function, outermost first. bound_first: the name of its first parameter, as declared."""
    for decorator in index.project.scope(function).decorators:
        yield from _decorator(index, function, (function[0], decorator), bound_first)
    yield from _assigned(index, function)


def _decorator(index: Index, function: FunctionId, ref: Ref, bound_first: str) -> Iterator[Layer]:
    node = index.project.node(ref)
    name_ref = (ref[0], node[1]) if node[0] == "call" else ref
    name = index.project.text(name_ref)
    words = {last_part(dotted) for dotted in index.names.dotted(name_ref)}
    if words & _TRANSPARENT:
        return
    if words & _ATTRIBUTES or (node[0] == "attr" and node[2] in ("setter", "getter", "deleter")):
        yield Layer(ref, name, None, False, Grade.DEFINITE, "turns it into an attribute")
        return
    for word in words & set(_BINDING):
        if bound_first == "self" or (bound_first == "cls" and word == "staticmethod"):
            yield Layer(ref, name, None, False, Grade.DEFINITE, f"turns it into {_BINDING[word]}")
        return
    values = index.values(ref)
    known = False
    for value, evidence in values.items():
        if value[0] in ("fn", "bm"):
            known = True
            yield from _by_function(index, function, ref, name, value[1], Grade(evidence.grade))
        elif value[0] == "cls":
            known = True
            yield from _by_class(index, function, ref, name, value[1], Grade(evidence.grade))
        elif value[0] in ("inst", "self"):
            found = index.classes.lookup(value[1], "__call__")
            for each in found[1] if found else ():
                known = True
                target = index.project.node(each)
                if target[0] == "function":
                    yield from _by_function(index, function, ref, name, (each[0], target[1]), Grade(evidence.grade))
    if not known:
        yield Layer(ref, name, None, False, Grade.POSSIBLE, "comes from outside and may replace it")


def _by_function(
    index: Index, function: FunctionId, ref: Ref, name: str, decorator: FunctionId, grade: Grade
) -> Iterator[Layer]:
    if _external(index, decorator) & _KEEPERS:
        return
    # A parameter that comes back is what is decorated: nobody has to ask what else is passed to this decorator.
    results = [each for each in index.project.scope(decorator).results if not _is_parameter(index, decorator, each)]
    returned = [value for each in results for value in index.values((decorator[0], each))]
    for value in dict.fromkeys(returned):
        yield from _result(index, function, ref, name, decorator, value, grade)


def _is_parameter(index: Index, function: FunctionId, number: int) -> bool:
    node = index.project.node((function[0], number))
    while node[0] == "local" and node[2] >= 0:
        node = index.project.node((function[0], node[2]))
    return bool(node[:2] == ["param", function[1]])


def _result(
    index: Index, function: FunctionId, ref: Ref, name: str, decorator: FunctionId, value: Value, grade: Grade
) -> Iterator[Layer]:
    if value[0] in ("fn", "bm", "decorated"):
        wrapper: FunctionId = value[1]
        # Another function the decorator is put on: the decorator gives back what it was given.
        if wrapper == function or not _inside(index, wrapper, decorator):
            return
        yield Layer(ref, name, wrapper, _keeps(index, wrapper, decorator), grade)
    elif value[0] in ("inst", "self") and index.classes.lookup(value[1], "__call__"):
        yield from _by_class(index, function, ref, name, value[1], grade)
    elif value[0] == "const":
        yield Layer(ref, name, None, False, grade, f"puts {value[2]!r} in its place")


def _by_class(index: Index, function: FunctionId, ref: Ref, name: str, cls: ClassId, grade: Grade) -> Iterator[Layer]:
    found = index.classes.lookup(cls, "__call__")
    is_method = index.project.owning_class(function) is not None
    if found is None:
        yield Layer(ref, name, None, False, grade, "puts an object that cannot be called in its place")
    elif is_method and index.classes.lookup(cls, "__get__") is None:
        yield Layer(ref, name, None, False, grade, "puts an object in its place that is not bound to its instance")
    else:
        made = index.classes.lookup(cls, "__init__")
        kept = any(
            _calls(index, (each[0], index.project.node(each)[1]), "functools.update_wrapper")
            for each in (made[1] if made else ())
            if index.project.node(each)[0] == "function"
        )
        if not kept:
            yield Layer(ref, name, None, False, grade, "puts an object with a signature of its own in its place")


def _inside(index: Index, inner: FunctionId, outer: FunctionId) -> bool:
    return inner[0] == outer[0] and inner != outer and outer in list(index.project.enclosing(inner))


def _keeps(index: Index, wrapper: FunctionId, decorator: FunctionId) -> bool:
    """Whether the wrapper carries the signature of what it wraps."""
    if _external(index, wrapper) & _KEEPERS:
        return True
    if _calls(index, decorator, "functools.update_wrapper") or _calls(index, decorator, "functools.wraps"):
        return True
    stores = [*index.project.attr_stores("__wrapped__"), *index.project.attr_stores("__signature__")]
    return any(index.project.owner(store) == decorator for store in stores)


def _external(index: Index, function: FunctionId) -> set[str]:
    """Dotted names of the external decorators of a function, called or not, partial applications followed."""
    found: set[str] = set()
    for decorator in index.project.scope(function).decorators:
        node = index.project.node((function[0], decorator))
        ref = (function[0], node[1] if node[0] == "call" else decorator)
        found |= index.names.dotted(ref)
        found |= {value[1] for value in index.values(ref) if value[0] == "ext"}
    return found


def _calls(index: Index, function: FunctionId, dotted: str) -> bool:
    return any(
        index.project.owner(call) == function and dotted in index.externals(call)
        for call in index.project.calls(last_part(dotted))
    )


def _assigned(index: Index, function: FunctionId) -> Iterator[Layer]:
    """`Class.method = other` from outside replaces the method."""
    cls = index.project.owning_class(function)
    if cls is None:
        return
    for store in index.project.attr_stores(index.project.scope(function).name):
        node = index.project.node(store)
        if node[0] != "store_attr":
            continue
        bases = index.values((store[0], node[1]))
        for value, evidence in bases.items():
            if value[0] in ("cls", "selfcls") and value[1] in index.mro(cls)[:1]:
                grade = Grade(evidence.grade)
                others = [each for each in index.values((store[0], node[3])) if each[0] in ("fn", "bm")]
                for other in others:
                    if other[1] != function:
                        yield Layer(store, index.project.text((store[0], node[3])), other[1], False, grade)
                if not others:
                    yield Layer(store, "an assignment", None, False, min(grade, Grade.PROBABLE), "replaces it")
