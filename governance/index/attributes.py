"""Attributes: what `value.name` may be."""

from __future__ import annotations

from typing import Final

from governance.contract import Ref
from governance.index import inherited, models, module_attributes, proxies, rows, special, stores, typing_forms
from governance.index.solver import ELSEWHERE, POSSIBLE, PROBABLE, Answer, Solver, add
from governance.index.values import ClassId, Key, Value, class_of, type_object

_HEIRS: Final = 40
_FAR: Final = 8
"""Attributes of attributes of external objects are told apart up to this depth."""


def load(solver: Solver, source: Key, name: str, out: Answer) -> None:
    """Everything `source.name` may be, for every value of source."""
    for value, evidence in solver.get(source).items():
        attribute(solver, source, value, evidence.grade, name, out)


def path(solver: Solver, source: Key, dotted: str) -> Answer:
    """What `source.a.b` may be, for a dotted "a.b"."""
    first, *others = dotted.split(".")
    found: Answer = {}
    load(solver, source, first, found)
    for name in others:
        held, found = found, {}
        for value, evidence in held.items():
            attribute(solver, evidence.source or source, value, evidence.grade, name, found)
    return found


def attribute(solver: Solver, source: Key, value: Value, grade: int, name: str, out: Answer) -> None:
    """Attribute `name` of one value."""
    kind = value[0]
    if name.isdigit():
        cls = class_of(value)
        named = solver.classes.positional(cls, int(name)) if cls is not None else ""
        if named:
            attribute(solver, source, value, grade, named, out)
    elif kind in ("inst", "self", "enum"):
        _of_instance(solver, source, value, grade, name, out)
    elif kind in ("cls", "selfcls"):
        _of_class(solver, source, value, grade, name, out)
    elif kind == "mod":
        module_attributes.of_module(solver, value[1], name, out, grade)
    elif kind == "ext":
        add(out, ("ext", f"{value[1]}.{name}"), grade, "attribute", source, value)
    elif kind == "xinst" and name == "param" and value[1] == "pytest.FixtureRequest":
        for key in value[2]:
            solver.copy(key, out, "fixture parameter", grade)
    elif kind == "xinst":
        add(out, ("xmeth", value[1], name, value[2]), grade, "attribute", source, value)
    elif kind == "xmeth":
        deep = value[1] == "*" or value[1].count(".") >= _FAR
        add(
            out, ELSEWHERE if deep else ("xmeth", f"{value[1]}.{value[2]}", name, ()), grade, "attribute", source, value
        )
    elif kind == "coro" and name == "result":
        add(out, ("callable", value[1]), grade, "attribute", source, value)
    elif kind == "cont":
        add(out, ("cmeth", value, name), grade, "attribute", source, value)
    elif kind == "const" and value[1] == "str":
        add(out, ("smeth", value[2], name), grade, "method", source, value)
    elif kind == "ns":
        _of_namespace(solver, source, value, grade, name, out)
    elif kind == "super":
        _of_super(solver, source, value, grade, name, out)
    elif kind == "bm" and name == "__self__":
        add(out, value[2], grade, "attribute", source, value)
    elif kind == "bm" and name == "__func__":
        add(out, ("fn", value[1]), grade, "attribute", source, value)
    elif kind == "partial" and name == "func":
        call = solver.project.node((value[1], value[2]))
        if call[2]:
            solver.copy(("n", value[1], call[2][0]), out, "partial.func", grade)
    elif kind == "tv":
        for key in typing_forms.bound(solver, value[1]):
            load(solver, key, name, out)


def namespace_item(solver: Solver, module: str, base: int, index: int, out: Answer) -> None:
    """`x.__dict__["name"]` and `vars(x)["name"]` are `x.name`; `globals()` and `sys.modules` are looked up likewise."""
    node = solver.project.node((module, base))
    owner = node[1] if node[0] == "attr" and node[2] == "__dict__" else -1
    space = ""
    if node[0] == "call" and len(node[2]) < 2:
        called = solver.names.dotted((module, node[1]))
        owner = node[2][0] if node[2] and "builtins.vars" in called else -1
        space = "globals" if "builtins.globals" in called else ""
    elif "modules" in node[1:3] and "sys.modules" in solver.names.dotted((module, base)):
        space = "modules"
    for value in solver.get(("n", module, index)) if owner >= 0 or space else ():
        if value[:2] != ("const", "str"):
            continue
        if space == "modules":
            add(out, solver.names.module(value[2]), note="sys.modules")
        elif space:
            module_attributes.of_module(solver, module, value[2], out)
        else:
            load(solver, ("n", module, owner), value[2], out)


def _bind(solver: Solver, source: Key, value: Value, found: Value, grade: int, out: Answer, key: Key) -> None:
    """What reading a class attribute through an instance gives: functions bind, properties are called."""
    kind = found[0]
    if kind == "fn":
        add(out, ("bm", found[1], value), grade, "method", key, found)
    elif kind == "decorated":
        wrapper = found[2]
        if wrapper == "property":
            special.returned(solver, value, ("ret", *found[1]), grade, "property", out)
        elif wrapper == "staticmethod":
            add(out, ("fn", found[1]), grade, "method", key, found)
        elif wrapper == "classmethod":
            cls = class_of(value) or type_object(value)
            add(out, ("bm", found[1], ("cls", cls)), grade, "method", key, found)
        else:
            add(out, (*found[:3], value), grade, "method", key, found)
    elif kind in ("inst", "self") and solver.classes.lookup(found[1], "__get__") is not None:
        special.result(solver, found, "__get__", grade, "descriptor", out)
    else:
        add(out, found, grade, "class attribute", key, found)


def _of_instance(solver: Solver, source: Key, value: Value, grade: int, name: str, out: Answer) -> None:
    cls: ClassId = value[1]
    if name == "__class__":
        add(out, ("selfcls", cls) if value[0] == "self" else ("cls", cls), grade, "class", source, value)
        return
    classes = solver.classes
    found = classes.lookup(cls, name)
    if found is not None:
        for ref in found[1]:
            key: Key = ("n", *ref)
            for each, evidence in solver.get(key).items():
                _bind(solver, source, value, each, min(grade, evidence.grade), out, key)
        if value[0] == "self":
            _of_heirs(solver, cls, name, found[1], grade, out)
    elif value[0] == "enum" and name in ("value", "_value_"):
        member = classes.lookup(cls, value[2])
        for ref in member[1] if member else ():
            solver.copy(("n", *ref), out, "enum value", grade)
        return
    elif value[0] != "enum" and name in ("value", "_value_") and classes.is_enum(cls):
        for _, ref in members(solver, cls):
            for each, evidence in solver.get(("n", *ref)).items():
                if each[0] != "const":  # of plain values which member it is decides, of objects that they are there
                    add(out, each, min(grade, evidence.grade), "enum value", ("n", *ref), each)
        return
    elif value[0] == "enum" and name in ("name", "_name_"):
        add(out, ("const", "str", value[2]), grade, "enum name", source, value)
        return
    declared: Answer = {}
    written = classes.annotation(cls, name)
    if written is not None:
        owner, ref = written
        env = classes.environment(cls, value[2] if value[0] == "inst" else (), owner)
        typing_forms.concrete(solver, ("t", *ref, env), declared, "annotation")
        for each, evidence in declared.items():
            add(out, each, min(grade, evidence.grade), evidence.note, evidence.source, evidence.value)
    if value[0] == "inst" and value[2] and written is None:
        for ref in _generic_stores(solver, cls, name):
            env = classes.environment(cls, value[2], solver.project.owning_class(solver.project.owner(ref)) or cls)
            typing_forms.concrete(solver, ("t", *ref, env), declared, "annotation")
        for each, evidence in declared.items():
            add(out, each, min(grade, evidence.grade), evidence.note, evidence.source, evidence.value)
    if not typing_forms.informative(declared) or weak(solver, declared):
        solver.copy(("attr", cls, name), out, "stored", grade)
    if found is None and written is None:
        _inherited(solver, source, value, grade, name, out)
    if not out and found is None and written is None and not name.startswith("__"):
        proxy = classes.lookup(cls, "__getattr__")
        for ref in proxy[1] if proxy else ():
            node = solver.project.node(ref)
            if node[0] == "function":
                solver.copy(("ret", ref[0], node[1]), out, "__getattr__", min(grade, POSSIBLE))
        for behind in proxies.forwards(solver, cls):
            load(solver, behind, name, out)


def _generic_stores(solver: Solver, cls: ClassId, name: str) -> list[Ref]:
    """Annotations of the parameters that methods of a generic class store in an attribute, if they store nothing else.

    They say what the attribute holds in terms of the type arguments of one instance.
    """
    project = solver.project
    found: list[Ref] = []
    for ref in project.attr_stores(name):
        function = project.owner(ref)
        owner = project.owning_class(function)
        if owner is None or owner not in solver.classes.mro(cls):
            continue
        node = project.node(ref)
        stored = project.node((ref[0], node[3])) if node[0] == "store_attr" else node
        origin = project.node((ref[0], stored[2])) if stored[0] == "local" and stored[2] >= 0 else stored
        written = project.scope(function).params[origin[2]].annotation if origin[:2] == ["param", function[1]] else -1
        if written < 0:
            return []
        found.append((ref[0], written))
    return found


def _of_heirs(solver: Solver, cls: ClassId, name: str, own: list[Ref], grade: int, out: Answer) -> None:
    """A class attribute read off `self` may be the one a subclass puts in its place; methods are followed by calls."""
    heirs = solver.classes.subclasses(cls)
    if len(heirs) > _HEIRS or any(solver.project.node(ref)[0] == "function" for ref in own):
        return
    for heir in heirs:
        for number in solver.project.scope(heir).bindings.get(name, ()) if heir != cls else ():
            if number >= 0 and solver.project.node((heir[0], number))[0] != "function":
                solver.copy(("n", heir[0], number), out, "class attribute of a subclass", min(grade, PROBABLE))


def weak(solver: Solver, answer: Answer) -> bool:
    return any(value[0] == "inst" and solver.classes.is_protocol(value[1]) for value in answer)


def _of_class(solver: Solver, source: Key, value: Value, grade: int, name: str, out: Answer) -> None:
    cls: ClassId = value[1]
    classes = solver.classes
    found = classes.lookup(cls, name)
    if found is not None:
        owner, refs = found
        enum = classes.is_enum(owner)
        for ref in refs:
            key: Key = ("n", *ref)
            if enum and solver.project.node(ref)[0] not in ("function", "class"):
                add(out, ("enum", cls, name), grade, "member", source, value)
                continue
            for each, evidence in solver.get(key).items():
                if each[0] == "decorated" and each[2] == "classmethod":
                    add(out, ("bm", each[1], value), min(grade, evidence.grade), "method", key, each)
                elif each[0] == "decorated" and each[2] == "staticmethod":
                    add(out, ("fn", each[1]), min(grade, evidence.grade), "method", key, each)
                else:
                    add(out, each, min(grade, evidence.grade), "class attribute", key, each)
    if name == "__members__":
        return
    if name == "__new__" and found is None:
        add(out, ("ext", "builtins.object.__new__"), grade, "inherited", source, value)
    if name == "__subclasses__":
        add(out, ("callable", ("subclasses", *cls)), grade, "subclasses", source, value)
    written = classes.annotation(cls, name)
    if written is not None:
        typing_forms.concrete(solver, ("t", *written[1], ()), out, "annotation")
    elif found is None:
        _inherited(solver, source, value, grade, name, out)
    solver.copy(("attr", cls, name), out, "stored", grade)


def _inherited(solver: Solver, source: Key, value: Value, grade: int, name: str, out: Answer) -> None:
    """An attribute that only an external base class can have: an object of its library, whatever it is."""
    held = inherited.containers(solver, value) if value[0] in ("inst", "self") else []
    for each in held:
        add(out, ("cmeth", each, name), grade, "inherited", source, value)
    if held:
        return
    external = solver.classes.external_bases(value[1])
    if "?" in external or name.startswith("__") or stores_itself(solver, value[1], name):
        return
    if value[0] in ("cls", "selfcls") and external and rows.manager(solver, value[1], name, grade, out):
        return
    if external and models.makes(solver, value[1], name, grade, out):
        return
    for base in sorted(external):
        if base.rpartition(".")[0] not in ("abc", "typing", "typing_extensions", "enum") and base != "builtins.object":
            add(out, ("xmeth", base, name, ()), grade, "inherited", source, value)


def stores_itself(solver: Solver, cls: ClassId, name: str) -> bool:
    """Whether methods of a class or of its bases store an attribute: then no external base need have it."""
    project, line = solver.project, solver.classes.mro(cls)
    return any(project.owning_class(project.owner(ref)) in line for ref in project.attr_stores(name))


def _of_super(solver: Solver, source: Key, value: Value, grade: int, name: str, out: Answer) -> None:
    _, cls, receiver = value
    start = class_of(receiver) or type_object(receiver) or cls
    found = solver.classes.lookup(start, name, after=cls) or solver.classes.lookup(cls, name, after=cls)
    for ref in found[1] if found else ():
        key: Key = ("n", *ref)
        for each, evidence in solver.get(key).items():
            _bind(solver, source, receiver, each, min(grade, evidence.grade), out, key)
    if not found and name == "__new__" and solver.classes.made_by(cls):
        add(out, ("callable", ("classes", *cls)), grade, "class made by a metaclass", source, value)


def _of_namespace(solver: Solver, source: Key, value: Value, grade: int, name: str, out: Answer) -> None:
    """SimpleNamespace and its like: constructor keywords, and what is stored on this very object."""
    _, module, number, *fields = value
    call = solver.project.node((module, number))
    for keyword, argument in (*zip(fields, call[2], strict=False), *call[3]):
        if keyword == name:
            solver.copy(("n", module, argument), out, "keyword", grade)
    stores.copy(solver, value, name, out, "stored", grade)


def rule_subclasses(solver: Solver, key: Key, out: Answer) -> None:
    """("subclasses", module, scope): a sequence of the direct subclasses."""
    add(out, ("cont", "seq", (("subclass", *key[1:]),)), note="subclasses")


def rule_subclass(solver: Solver, key: Key, out: Answer) -> None:
    """("subclass", module, scope): each of them."""
    cls = (key[1], key[2])
    for each in solver.classes.subclasses(cls):
        if any(base == cls for base, _ in solver.classes.bases(each)):
            add(out, ("cls", each), note="subclass")


def rule_classes(solver: Solver, key: Key, out: Answer) -> None:
    """("classes", module, scope): the classes that a metaclass makes."""
    for each in solver.classes.made_by((key[1], key[2])):
        for cls in solver.classes.subclasses(each):
            add(out, ("cls", cls), note="class made by a metaclass")


def members(solver: Solver, cls: ClassId) -> list[tuple[str, Ref]]:
    """Names and definitions of the members of an enum class (its own body; methods, private names left out)."""
    scope = solver.project.scope(cls)
    result = []
    for name, numbers in scope.bindings.items():
        for number in numbers:
            node = solver.project.node((cls[0], number))
            if node[0] in ("function", "class", "import") or (name.startswith("_") and name.endswith("_")):
                continue
            result.append((name, (cls[0], number)))
    return result
