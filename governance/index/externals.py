"""Externals: what calls of well-known functions outside the project give, as far as values of the project pass through.

Everything not listed gives ("xinst", dotted, ()): an external object that no contract on project classes is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from governance.contract import Ref
from governance.facts import Node
from governance.index import (
    attributes,
    calls,
    concurrency,
    containers,
    dependencies,
    iterables,
    passing,
    rows,
    texts,
    typing_forms,
    wrappers,
)
from governance.index.binding import COPIES
from governance.index.solver import PROBABLE, Answer, Solver, add
from governance.index.values import Key, Value, class_of, last_part, type_object

Summary: TypeAlias = "Callable[[Solver, Ref, Node, int, Answer], None]"


_NAMED_TUPLE: Final = "collections.namedtuple"
_GETTERS: Final = frozenset(("operator.attrgetter", "operator.methodcaller", "operator.itemgetter"))


def call(solver: Solver, ref: Ref, node: Node, source: Key, value: Value, grade: int, out: Answer) -> None:
    """The result of calling something outside the project."""
    if value[0] == "xmeth":
        _method(solver, ref, node, source, value, grade, out)
        return
    dotted: str = value[1]
    if value[0] == "xinst":
        if last_part(dotted) in ("wraps", "update_wrapper", "lru_cache", "cache") and node[2]:
            solver.copy(("n", ref[0], node[2][0]), out, "decorated", grade)
        elif dotted in _GETTERS and node[2]:
            _getter(solver, ref, node, source, value, grade, out)
        elif dotted == _NAMED_TUPLE and value[2]:
            _tuple(solver, ref, node, value, grade, out)
        elif value[2]:
            solver.copy(value[2][0], out, "type argument", min(grade, PROBABLE))
        elif dotted.startswith("unittest.mock."):
            add(out, value, grade, "mock", source, value)
        return
    if dotted == "builtins.object.__new__" and node[2]:
        for each, evidence in solver.get(("n", ref[0], node[2][0])).items():
            calls.result(solver, ref, ["call", node[1], [], []], source, each, min(grade, evidence.grade), out)
        return
    summary = _SUMMARIES.get(dotted) or _BY_LAST.get(last_part(dotted))
    if summary is not None:
        summary(solver, ref, node, grade, out)
    else:
        targs: tuple[Key, ...] = ()
        if dotted in _GETTERS:
            targs = tuple(("n", ref[0], each) for each in node[2][:1])
        elif dotted == _NAMED_TUPLE:
            targs = (("n", *ref),)
        add(out, ("xinst", dotted, targs), grade, "external call", source, value)


def _tuple(solver: Solver, ref: Ref, node: Node, value: Value, grade: int, out: Answer) -> None:
    """`Entry("a", x)` of a named tuple: a tuple, and an object with these fields."""
    _, module, number = value[2][0]
    fields = solver.classes.tuple_fields((module, number))
    keywords = dict(node[3])
    keys: list[Key] = []
    for position, name in enumerate(fields):
        argument = node[2][position] if position < len(node[2]) else keywords.get(name, -1)
        keys.append(("n", ref[0], argument) if argument >= 0 else ("none",))
    add(out, ("cont", "tuple", tuple(keys)), grade, "named tuple")
    add(out, ("ns", *ref, *fields), grade, "named tuple")


def _getter(solver: Solver, ref: Ref, node: Node, source: Key, value: Value, grade: int, out: Answer) -> None:
    """`attrgetter("a")(x)` is `x.a`; `methodcaller("m")(x)` is `x.m()`; `itemgetter(0)(x)` is `x[0]`."""
    base: Key = ("n", ref[0], node[2][0])
    if value[1] == "operator.itemgetter":
        if value[2] and value[2][0][1] == ref[0]:
            containers.subscript(solver, ref, ["sub", node[2][0], value[2][0][2]], out)
        return
    for name in solver.get(value[2][0]) if value[2] else ():
        if name[0] == "const" and name[1] == "str":
            loaded = attributes.path(solver, base, str(name[2]))
            for each, evidence in loaded.items():
                if value[1] == "operator.attrgetter":
                    add(out, each, min(grade, evidence.grade), "attrgetter", base, each)
                else:
                    calls.result(solver, ref, node, base, each, min(grade, evidence.grade), out)


def _method(solver: Solver, ref: Ref, node: Node, source: Key, value: Value, grade: int, out: Answer) -> None:
    _, dotted, name, targs = value
    if rows.method(solver, ref, node, value, grade, out):
        return
    if name in ("get", "result", "get_nowait", "unwrap", "load", "acquire", "pop") and targs:
        solver.copy(targs[0], out, name, grade)
    elif name == "submit" and node[2]:
        add(out, ("xinst", "concurrent.futures.Future", (("called", *ref, 0),)), grade, name, source, value)
    elif name in ("map", "imap", "imap_unordered", "starmap") and node[2]:
        add(out, ("cont", "seq", (("called", *ref, 0),)), grade, name, source, value)
    elif name == "run_in_executor" and len(node[2]) > 1:
        add(out, ("coro", ("called", *ref, 1)), grade, name, source, value)
    elif name in ("create_task", "ensure_future", "run_until_complete", "start_soon") and node[2]:
        if name == "run_until_complete":
            containers.awaited(solver, ("n", ref[0], node[2][0]), out)
        else:
            solver.copy(("n", ref[0], node[2][0]), out, name, grade)
    elif name in ("enter_context", "enter_async_context") and node[2]:
        entered: Key = ("entered", ref[0], node[2][0])
        if name == "enter_context":
            solver.copy(entered, out, name, grade)
        else:
            add(out, ("coro", entered), grade, name, source, value)
    elif dotted == "builtins.str" and name in texts.GIVING:
        add(out, ("xinst", dotted, ()), grade, name, source, value)
    else:
        # `query.where(a).where(b)`: more of the same is the same.
        made = dotted if dotted.endswith(f".{name}") else f"{dotted}.{name}"
        add(out, ("xinst", made, ()), grade, "external call", source, value)


def _argument(position: int, note: str) -> Summary:
    def summary(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
        if len(node[2]) > position:
            solver.copy(("n", ref[0], node[2][position]), out, note, grade)

    return summary


def _namespace(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    add(out, ("ns", *ref), grade, "namespace")


def _field(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    """A field of a dataclass or model: its default, or what its factory makes."""
    written = [("default", each) for each in node[2][:1] if solver.project.node((ref[0], each))[1] != "ellipsis"]
    for name, argument in (*written, *node[3]):
        source: Key = ("n", ref[0], argument)
        if name == "default":
            solver.copy(source, out, "default", grade)
        elif name in ("default_factory", "factory"):
            bare: Node = ["call", argument, [], []]
            for value, evidence in solver.get(source).items():
                calls.result(solver, ref, bare, source, value, min(grade, evidence.grade), out)


def _mapping(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    add(out, ("cont", "dict", (("dkey", *ref), ("dval", *ref))), grade, "container")


def _from_keys(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    if node[2]:
        entry: Key = ("n", ref[0], node[2][1]) if len(node[2]) > 1 else ("none",)
        add(out, ("cont", "dict", (("items", ref[0], node[2][0]), entry)), grade, "container")


def _default_mapping(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    add(out, ("cont", "dict", (("dkey", *ref), ("dflt", *ref))), grade, "container")


def _getattr(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    if len(node[2]) < 2:
        return
    base: Key = ("n", ref[0], node[2][0])
    for value in solver.get(("n", ref[0], node[2][1])):
        if value[0] == "const" and value[1] == "str":
            loaded: Answer = {}
            attributes.load(solver, base, str(value[2]), loaded)
            for each, evidence in loaded.items():
                add(out, each, min(grade, evidence.grade), "getattr", base, each)
    for default in node[2][2:]:
        solver.copy(("n", ref[0], default), out, "default", grade)


def _type(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    if len(node[2]) == 3:
        # A class made on the spot: what it inherits is what contracts can be about.
        bases: Answer = {}
        containers.items(solver, ("n", ref[0], node[2][1]), bases)
        for value, evidence in bases.items():
            if value[0] in ("cls", "selfcls"):
                add(out, ("cls", value[1]), min(grade, evidence.grade), "base class", evidence.source, evidence.value)
    if len(node[2]) != 1:
        return
    source: Key = ("n", ref[0], node[2][0])
    for value, evidence in solver.get(source).items():
        cls = class_of(value)
        if cls is not None:
            add(
                out,
                ("selfcls" if value[0] == "self" else "cls", cls),
                min(grade, evidence.grade),
                "type",
                source,
                value,
            )


def _super(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    project = solver.project
    if len(node[2]) == 2:
        for cls in solver.get(("n", ref[0], node[2][0])):
            owner = type_object(cls)
            for receiver in solver.get(("n", ref[0], node[2][1])):
                if owner is not None:
                    add(out, ("super", owner, receiver), grade, "super")
        return
    for scope in project.enclosing(project.owner(ref)):
        owner = project.owning_class(scope)
        if owner is not None:
            if project.scope(scope).params:
                for receiver in solver.get(("param", *scope, 0)):
                    add(out, ("super", owner, receiver), grade, "super")
            else:
                add(out, ("super", owner, ("self", owner)), grade, "super")
            return


def _partial(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    add(out, ("partial", *ref), grade, "partial")


def _cast(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    if len(node[2]) == 2:
        declared: Answer = {}
        typing_forms.concrete(solver, ("t", ref[0], node[2][0], ()), declared, "cast")
        for value, evidence in declared.items():
            add(out, value, min(grade, evidence.grade), "cast", evidence.source, evidence.value)
        if not typing_forms.informative(declared):
            solver.copy(("n", ref[0], node[2][1]), out, "cast", grade)


def _manager(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    for each in node[2][:1]:
        add(out, ("gencm", ("n", ref[0], each)), grade, "context manager")


def _weak_reference(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    for each in node[2][:1]:
        add(out, ("callable", ("n", ref[0], each)), grade, "weak reference")


def _import_module(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    for each in node[2][:1]:
        for value in solver.get(("n", ref[0], each)):
            for name in _absolute(solver, ref, node, str(value[2])) if value[:2] == ("const", "str") else ():
                add(out, solver.names.module(name), grade, "import_module")


def _absolute(solver: Solver, ref: Ref, node: Node, name: str) -> Iterator[str]:
    """A module's name as given to `import_module`, relative to the package that is given with it."""
    stem = name.lstrip(".")
    if stem == name:
        yield name
        return
    package = [*node[2][1:2], *(argument for keyword, argument in node[3] if keyword == "package")]
    for value in solver.get(("n", ref[0], package[0])) if package else ():
        parts = str(value[2]).split(".") if value[:2] == ("const", "str") else []
        kept = len(parts) - (len(name) - len(stem) - 1)
        if kept > 0:
            yield ".".join([*parts[:kept], stem] if stem else parts[:kept])


_SUMMARIES: Final[dict[str, Summary]] = {
    **concurrency.SUMMARIES,
    **iterables.SUMMARIES,
    **wrappers.SUMMARIES,
    **dict.fromkeys(("types.SimpleNamespace", "threading.local", "argparse.Namespace"), _namespace),
    **dict.fromkeys(("dataclasses.field", "attrs.field", "attr.ib", "pydantic.Field", "sqlmodel.Field"), _field),
    **dict.fromkeys(
        ("builtins.dict", "collections.OrderedDict", "types.MappingProxyType", "weakref.WeakValueDictionary"), _mapping
    ),
    "collections.defaultdict": _default_mapping,
    "collections.ChainMap": _mapping,
    "builtins.dict.fromkeys": _from_keys,
    "builtins.getattr": _getattr,
    **dict.fromkeys(rows.STATEMENTS, rows.statement),
    "builtins.type": _type,
    "builtins.super": _super,
    **dict.fromkeys(("functools.partial", "functools.partialmethod"), _partial),
    **dict.fromkeys(("copy.copy", "copy.deepcopy", "weakref.proxy", *COPIES), _argument(0, "copy")),
    "typing.assert_type": _argument(0, "assert_type"),
    **dict.fromkeys(("typing.cast", "typing_extensions.cast"), _cast),
    **dict.fromkeys((f"contextlib.{name}" for name in ("closing", "nullcontext", "aclosing")), _manager),
    **dict.fromkeys(("weakref.ref", "weakref.WeakMethod"), _weak_reference),
    **dict.fromkeys(("importlib.import_module", "builtins.__import__"), _import_module),
}

_BY_LAST: Final[dict[str, Summary]] = {
    "Depends": dependencies.dependency,
    "Security": dependencies.dependency,
    **concurrency.BY_LAST,
}


def rule_called(solver: Solver, key: Key, out: Answer) -> None:
    """("called", module, call, position): what calling the argument at that position gives."""
    _, module, number, position = key
    node = solver.project.node((module, number))
    if position < len(node[2]):
        source: Key = ("n", module, node[2][position])
        bare: Node = ["call", node[2][position], [], []]
        for value, evidence in solver.get(source).items():
            calls.result(solver, (module, number), bare, source, value, min(evidence.grade, PROBABLE), out)
            if value[0] in ("fn", "bm") and passing.passing(solver, value[1]).parameters:
                solver.copy(("ret", *value[1]), out, "returned", min(evidence.grade, PROBABLE))


def rule_default(solver: Solver, key: Key, out: Answer) -> None:
    """("dflt", module, call): values of a defaultdict: what is stored and what the factory makes."""
    _, module, number = key
    node = solver.project.node((module, number))
    solver.copy(("mutated", module, number), out, "stored entry")
    for each in node[2][:1]:
        for value, evidence in solver.get(("n", module, each)).items():
            if value[0] == "ext" and last_part(value[1]) in ("list", "set", "deque"):
                add(out, ("cont", "seq", (("nested", module, number),)), evidence.grade, "default factory")
            elif value[0] in ("fn", "cls", "bm", "partial"):
                solver.copy(("called", module, number, 0), out, "default factory")


__all__ = ["call", "rule_called", "rule_default"]
