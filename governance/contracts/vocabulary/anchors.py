"""Anchors: the symbols of a vocabulary contract, resolved in the project."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from governance.contract import Broken, Ref
from governance.contracts.vocabulary import arguments, members
from governance.contracts.vocabulary.options import Options
from governance.contracts.vocabulary.words import Vocabulary
from governance.facts import ModuleFacts, Param
from governance.index import Index, graph
from governance.index.values import ClassId, FunctionId, last_part


def enum_classes(index: Index, symbol: str) -> tuple[set[ClassId], set[Ref]]:
    """What an `enum` symbol names: classes with their subclasses, and definitions of other kinds."""
    scope = index.find(symbol)
    if scope is not None and index.project.scope(scope).kind == "class":
        return set(index.subclasses(scope)), set()
    module, rest = index.project.split(symbol)
    first, *others = rest.split(".") if rest else [""]
    entities = index.names.member(module, first) if module in index.project.modules and first else []
    for name in others:
        entities = [found for entity in entities for found in index.names.attribute(entity, name)]
    classes = {cls for entity in entities if entity[0] == "cls" for cls in index.subclasses(entity[1])}
    nodes = {(entity[1], entity[2]) for entity in entities if entity[0] == "node"}
    return classes, {ref for ref in nodes if members.functional(index, ref) is not None or members.literal(index, ref)}


def attributes(index: Index, symbols: Iterable[str], broken: list[Broken]) -> dict[str, tuple[ClassId, ...]]:
    """`pkg.mod:Class.attr` -> {attr: classes that have it}, subclasses included."""
    found: dict[str, set[ClassId]] = {}
    for symbol in symbols:
        owner, _, name = symbol.rpartition(".")
        cls = index.find(owner) if owner else None
        if cls is None or index.project.scope(cls).kind != "class":
            broken.append(_nothing(index, "attributes", symbol, owner, "the class of this attribute"))
        elif not _has(index, cls, name):
            known = sorted(_known_attributes(index, cls))
            text = f"{index.project.qualname(cls)} has no attribute {name}; it has {', '.join(known) or 'none'}"
            broken.append(Broken("attributes", symbol, text))
        else:
            found.setdefault(name, set()).update(index.subclasses(cls))
    return {name: tuple(sorted(classes)) for name, classes in found.items()}


def parameters(index: Index, symbols: Iterable[str], broken: list[Broken]) -> dict[FunctionId, frozenset[int]]:
    """`pkg.mod:func.param` -> positions of that parameter in the function and in everything that overrides it."""
    found: dict[FunctionId, set[int]] = {}
    for symbol in symbols:
        owner, _, name = symbol.rpartition(".")
        function = index.find(owner) if owner else None
        if function is None or index.project.scope(function).kind != "function":
            broken.append(_nothing(index, "parameters", symbol, owner, "the function of this parameter"))
            continue
        bound = False
        for each in index.overrides(function):
            for position, param in enumerate(index.project.scope(each).params):
                if param.name == name:
                    found.setdefault(each, set()).add(position)
                    bound = bound or each == function
        if not bound:
            names = ", ".join(param.name for param in index.project.scope(function).params) or "none"
            text = f"{index.project.qualname(function)} has no parameter {name}; it has {names}"
            broken.append(Broken("parameters", symbol, text))
    return {function: frozenset(positions) for function, positions in found.items()}


def _nothing(index: Index, option: str, symbol: str, owner: str, what: str) -> Broken:
    near = index.suggest(owner) if owner else ""
    suggestion = f"{near}.{symbol.rpartition('.')[2]}" if near else ""
    return Broken(option, symbol, f"{what} names nothing in the project", suggestion)


def _has(index: Index, cls: ClassId, name: str) -> bool:
    return name in _known_attributes(index, cls)


def _known_attributes(index: Index, cls: ClassId) -> set[str]:
    """Attributes of a class: bound or annotated in its body, or stored through `self` in one of its methods."""
    names: set[str] = set()
    line = index.mro(cls)
    for each in line:
        scope = index.project.scope(each)
        names.update(scope.bindings)
        names.update(scope.annotations)
        facts = index.project.modules[each[0]].facts
        for number, node in enumerate(facts.nodes):
            if node[0] == "store_attr" and index.project.owning_class((each[0], facts.owner[number])) == each:
                names.add(str(node[2]))
    return names


def aliases(index: Index, names: Iterable[str]) -> frozenset[str]:
    """Every name under which the enum is imported, rebound, wrapped in a type or handed on, found by names alone."""
    known = set(names)
    while True:
        found = {alias for name in known for alias in index.project.aliases.get(name, ())}
        for module in index.project.modules.values():
            facts = module.facts
            for scope in facts.scopes:
                bound = ((name, number) for name, numbers in scope.bindings.items() for number in numbers)
                found.update(name for name, number in bound if name not in known and _rebinds(facts, number, known))
                found.update(param.name for param in scope.params if _takes_class(facts, param, known))
            for node in facts.nodes:
                if node[0] == "store_attr" and node[2] not in known and _names(facts, node[3], known, 0):
                    found.add(node[2])
        for call in [call for name in known for call in index.project.mentions(name)]:
            found.update(_handed_to(index, call, known))
        if found <= known:
            return frozenset(known)
        known |= found


def _takes_class(facts: ModuleFacts, param: Param, known: set[str]) -> bool:
    """`words: type[State]` and `words=State`."""
    if param.default >= 0 and _names(facts, param.default, known, 0):
        return True
    if param.annotation < 0 or facts.nodes[param.annotation][0] != "sub":
        return False
    _, base, inner = facts.nodes[param.annotation]
    return graph.last_name(facts, base) in ("type", "Type") and _names(facts, inner, known, 2)


def _handed_to(index: Index, call: Ref, known: set[str]) -> set[str]:
    """Parameters that a call hands the enum itself."""
    facts = index.project.modules[call[0]].facts
    found = set()
    for callee in index.callees(call):
        scope = index.project.scope(callee.function)
        for position, given in arguments.to_parameters(index, call, scope, int(callee.receiver is not None)):
            if given.ref[0] == call[0] and _names(facts, given.ref[1], known, 0):
                found.add(scope.params[position].name)
    return found


def _rebinds(facts: ModuleFacts, number: int, known: set[str]) -> bool:
    """`State = DroneState`, `States = list[DroneState]`, `type S = ...`, and a TypedDict with a field typed so."""
    if number < 0:
        return False
    node = facts.nodes[number]
    if node[0] == "class":
        scope = facts.scopes[node[1]]
        typed = any(graph.last_name(facts, base) == "TypedDict" for base in scope.bases)
        return typed and any(_names(facts, each, known, 6) for each in scope.annotations.values())
    if node[0] in ("annotated", "alias"):
        number = node[-1]
    elif node[0] == "call" and graph.last_name(facts, node[1]) != "NewType":
        return False
    return number >= 0 and _names(facts, number, known, 6)


def _names(facts: ModuleFacts, number: int, known: Collection[str], depth: int) -> bool:
    node = facts.nodes[number]
    if node[0] in ("free", "local"):
        return node[1] in known
    if node[0] == "attr":
        return node[2] in known
    if depth and node[0] in ("sub", "binary", "tuple", "call", "phi", "or", "ifexp"):
        return any(_names(facts, each, known, depth - 1) for each in graph.operands(node))
    return False


def resolve(index: Index, options: Options) -> tuple[Vocabulary, list[Broken]]:
    """The vocabulary and the anchors that name nothing."""
    broken: list[Broken] = []
    classes: set[ClassId] = set()
    definitions: set[Ref] = set()
    for symbol in options.enum:
        own_classes, own_definitions = enum_classes(index, symbol)
        if not own_classes and not own_definitions:
            broken.append(
                Broken("enum", symbol, "no enum, functional enum or Literal has this name", index.suggest(symbol))
            )
        classes |= own_classes
        definitions |= own_definitions
    defined: dict[str, str | None] = {}
    for cls in classes:
        defined |= {name: text for name, (_, text) in members.of_class(index, cls).items()}
    for ref in definitions:
        defined |= {name: text for name, (_, text) in members.of_definition(index, ref).items()}
    words = frozenset(options.values)
    if options.match == "values":
        names = frozenset(name for name, text in defined.items() if text in words)
        strings = words
    else:
        names = words
        strings = frozenset(text if (text := defined.get(name)) is not None else name for name in words)
    last = [last_part(symbol.replace(":", ".")) for symbol in options.enum]
    known = {index.project.scope(cls).name for cls in classes} | set(last)
    vocabulary = Vocabulary(
        shown=last[0] if last else "the vocabulary",
        names=names,
        strings=strings,
        forbidden=frozenset(options.forbidden),
        classes=frozenset(classes),
        definitions=frozenset(definitions),
        members=defined,
        attributes=attributes(index, options.attributes, broken),
        parameters=parameters(index, options.parameters, broken),
        aliases=aliases(index, known) if known else frozenset(),
    )
    return vocabulary, broken
