"""The value domain: what a name, attribute or expression may be, as small hashable tuples.

| value                        | meaning |
|------------------------------|---------|
| ("inst", C, targs)           | an instance of project class C (or of a subclass); targs: keys of its type arguments |
| ("self", C)                  | the receiver inside a method of C: an instance of C, replaced by the real receiver on return |
| ("cls", C) / ("selfcls", C)  | class object; the `cls` of a classmethod of C |
| ("fn", F)                    | function or lambda F |
| ("bm", F, receiver)          | F bound to a receiver value |
| ("mod", name)                | project module |
| ("ext", dotted)              | a name that lies outside the project |
| ("xinst", dotted, targs)     | an instance of an external class, or what calling an external function gives |
| ("enum", C, member)          | enum member |
| ("const", type, value)       | str, int, bool or None constant |
| ("cont", kind, keys)         | container; kind seq (element), dict (key, value), tuple (one key each) |
| ("cmeth", container, name)   | a method of such a container |
| ("xmeth", dotted, name, targs) | an attribute or method of an external instance |
| ("smeth", text, name)        | a method of a constant string |
| ("ns", module, node, *fields) | the namespace object made there: SimpleNamespace, threading.local, a named tuple ... |
| ("callable", key)            | something whose call gives key; a third part: the types of its parameters |
| ("coro", key)                | awaiting it gives key |
| ("gencm", key)               | entering it gives key |
| ("partial", module, node)    | what functools.partial(...) at that call returns |
| ("super", C, receiver)       | super() inside class C |
| ("tv", T)                    | a type variable that nothing has bound |
| ("tvcls", T)                 | the class object such a variable stands for (`type[T]`) |
| ("decorated", F, wrapper, receiver) | F seen through property, staticmethod, classmethod or contextmanager |

C, F and T are (module name, scope or node number). A *key* is a question for the solver, see `solver`.
An empty set of values after the fixpoint means: not known.
"""  # noqa: E501

from __future__ import annotations

from typing import Any, Final, TypeAlias

Value: TypeAlias = "tuple[Any, ...]"
Key: TypeAlias = "tuple[Any, ...]"
ClassId: TypeAlias = "tuple[str, int]"
FunctionId: TypeAlias = "tuple[str, int]"

NONE: Final[Value] = ("const", "none", None)

SEQUENCES: Final = frozenset(
    "list set frozenset deque List Set FrozenSet Deque Sequence MutableSequence Iterable Iterator AsyncIterable "
    "AsyncIterator AbstractSet MutableSet Collection Container Reversible KeysView ValuesView Generator AsyncGenerator "
    "Queue SimpleQueue LifoQueue PriorityQueue WeakSet UserList".split()
)
"""Type names whose first argument is what iteration (or get) yields."""

MAPPINGS: Final = frozenset(
    "dict Dict Mapping MutableMapping defaultdict DefaultDict OrderedDict ChainMap WeakValueDictionary "
    "WeakKeyDictionary MappingProxyType ItemsView UserDict".split()
)


def instance(cls: ClassId, targs: tuple[Key, ...] = ()) -> Value:
    """The value for an instance of a project class."""
    return ("inst", cls, targs)


def class_of(value: Value) -> ClassId | None:
    """The project class a value is an instance of, None for everything else."""
    kind = value[0]
    if kind in ("inst", "self", "enum"):
        cls: ClassId = value[1]
        return cls
    return None


def type_object(value: Value) -> ClassId | None:
    """The project class a value *is*."""
    if value[0] in ("cls", "selfcls"):
        cls: ClassId = value[1]
        return cls
    return None


def last_part(dotted: str) -> str:
    """`typing.List` -> `List`."""
    return dotted.rpartition(".")[2]
