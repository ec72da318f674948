"""Facts: what one module says about itself, as plain data.

The extractor turns source bytes into one `ModuleFacts`; everything after it (index, contracts, cache) works on facts
alone. Facts depend on the bytes of the file only, never on its name or on other files, so they are cached by content.
They hold no positions: a node number leads back to its place through `governance.extract.locate`, on demand, because
positions cost more than everything else together and only findings and chains need them.

Value graph. `ModuleFacts.nodes` is a list of nodes `[op, operand, ...]`; other nodes are referred to by their number.
Local names are in static single assignment form: a load knows the definition that reaches it. `-1` means "none".
All identifiers are NFKC-normalised, as the interpreter does.

| node                                        | meaning |
|---------------------------------------------|---------|
| `["const", type, value]`                    | type: str int bool none bytes float complex ellipsis; value only for str, int, bool (else null); implicit concatenation is folded |
| `["fstring", [parts]]`                      | parts are nodes: const str pieces and the formatted values |
| `["local", name, definition]`               | load of a local name; definition is the node that reaches it, -1 if unbound on every path |
| `["free", name, scope]`                     | load of a name that must be looked up from `scope` outwards (closure, module, builtin) |
| `["param", scope, index]`                   | definition: parameter number `index` of that function scope |
| `["phi", [definitions]]`                    | definition: one of several, where paths join (may contain itself through a loop) |
| `["attr", base, name]`                      | attribute load |
| `["call", function, [args], [[kw, node]]]`  | kw is null for `**x`; a starred argument is a `star` node |
| `["star", node]`                            | `*x` in a call or display |
| `["sub", base, index]`                      | subscript load |
| `["slice", [parts]]`                        | parts: nodes of lower, upper, step that exist |
| `["import", level, module, name]`           | name null: `import module` bound to its first part, or to the module itself if written with `as` or without dots; name "*": star import |
| `["import_as", level, module, null]`        | `import a.b as c`: the module a.b itself |
| `["function", scope]`, `["class", scope]`   | definition: function, lambda or class with that scope number (decorators are in the scope) |
| `["tuple"/"list"/"set", [elements]]`        | displays; elements may be `star` |
| `["dict", [[key, value]]]`                  | key -1 for `**value` |
| `["comp", kind, element, value, source]`    | kind: list set dict generator; value -1 unless dict (then element is the key); source = item node of the first `for` |
| `["item", source, is_async]`                | an element obtained by iterating source |
| `["unpack", source, index, star]`           | element `index` of unpacking source (negative after a star; star=true: the starred list) |
| `["await", node]` `["yield", node]` `["yieldfrom", node]` | values of these expressions |
| `["enter", context, is_async]`              | value bound by `with context as ...` |
| `["narrow", definition, test, positive]`    | definition: the same value on the branch where node `test` was true (positive) or false |
| `["matches", subject, pattern]`             | the test of a `case`; pattern: ["value", node] ["class", node, [sub], [[attr, sub]]] ["or", [sub]] ["capture", sub or null] ["sequence", [sub]] ["mapping", [[key, sub]]] ["star"] |
| `["annotated", annotation, value]`          | definition `x: T = value` (value -1 if absent) |
| `["and"/"or", [operands]]` `["not", x]`     | boolean operations |
| `["ifexp", test, then, else]`               | conditional expression |
| `["compare", [ops], [operands]]`            | ops as written: == != < <= > >= is "is not" in "not in"; one operand more than ops |
| `["binary", op, left, right]` `["unary", op, x]` | op as written |
| `["augmented", op, old, value]`             | definition by `x op= value` |
| `["exception", types]`                      | definition by `except types as e` (types an `at` node for a bare one) |
| `["alias", value]`                          | definition by `type X = value` |
| `["typevar", kind, bound]`                  | PEP 695 type parameter |
| `["store_attr", base, name, value]`         | attribute store (augmented: value is an `augmented` node) |
| `["store_item", base, index, value]`        | subscript store |
| `["delete_attr", base, name]` `["delete_item", base, index]` | `del` |
| `["at", kind]`                              | a place without a value: the statement a step belongs to (return, raise, try ...) |
| `["unknown", kind]`                         | an expression the value graph has no use for |

Annotations, string annotations, `cast("T", x)`, `TypeVar(bound="T")` and base-class expressions are nodes of the same
kinds; in annotations names are always `free` (they may refer forward) and strings have been parsed (`Literal["x"]`
keeps its constants). Annotations, type aliases and type parameter bounds have no steps: nothing of them is sure to run.

Loads, precisely. In a function every name it binds is `local`; elsewhere, and where a module or class name may still be
unbound, the load is (or its phi contains) a `free` node, because the lookup goes on outside: from scope 0 in a module,
from the enclosing scope in a class. A PEP 695 type parameter is in `bindings` of its scope, and `free` names that mean it
start there. A walrus is a `bind` step and then a `local` load. A load that a test has narrowed is a `narrow` node: over
the definition for local names (inside the `local` node), over the `attr` or `free` node for dotted paths (`self.plugin`)
and free names; the test is any node, also a call such as `isinstance(x, C)` or the load itself (`if x:`).
In a pattern `C(a=p)` makes an `attr` node (the load of `a`), `C(p)` one of the attribute "0", a mapping pattern a `sub`, a sequence pattern an `unpack`.

Statements. `["bind", ...]` names are those of the scope itself or, if listed in global_names or nonlocal_names, those
of the scope meant there. `self.x: T` without a value is a `store_attr` whose value is an `annotated` node without value,
and has no step. The steps of an `except` clause's types open its handler block. A lambda's body ends in a return step.

Statement tree. `Scope.body` is a list of steps in evaluation order; a step is `[kind, ...]`; blocks are lists of steps.

| step                                                    | meaning |
|---------------------------------------------------------|---------|
| `["call", node]` `["await", node]` `["yield", node]`    | happens here (yieldfrom nodes are "yield" too) |
| `["attr", node]` `["sub", node]`                        | attribute or item load: may run code, may raise |
| `["bind", name, node]`                                  | a local name now holds node (a definition node) |
| `["store", node]`                                       | store_attr, store_item, delete_attr or delete_item |
| `["import", node]`                                      | an import runs |
| `["define", node]`                                      | function or class definition runs (decorator and default steps precede it; a class body is in its own scope) |
| `["if", test, then, else]`                              | also conditional expressions, `and`, `or`; steps of the test precede it |
| `["loop", kind, head, test, body, else]`                | kind: while for async-for comp; head runs before every round (while: the test's steps; for: `["next", item node]`); test -1 unless while |
| `["next", node]`                                        | the iterator is asked for one more item (may raise, may end the loop) |
| `["try", at, body, [[types, name, block]], else, finally, star]` | types an `at` node for a bare `except`, name null if absent, star true for `except*` |
| `["with", at, enter, body]`                             | one item each; the context expression's steps precede it; enter is the `enter` node |
| `["match", at, subject, [[test, guard_block, guard, block]], exhaustive]` | guard -1 if absent |
| `["return", at, value]` `["raise", at, exception, cause]` | value, exception, cause may be -1 |
| `["break", at]` `["continue", at]`                      | |
| `["assert", at, test, fail_block]`                      | fail_block evaluates the message |

Nested functions and lambdas appear as their definition only; their bodies are in their own scopes. Comprehensions have
no scope of their own: they run where they stand (a generator expression too), their targets are local names while they
run: no `bind` steps, and in `bindings` only if a lambda inside looks them up. Private names (`__x`) are not mangled.
A context manager is taken to let exceptions pass unless it is named `suppress`, `raises`, `ExitStack` or the like, or
nothing but its swallowing one could reach the code behind it.
"""  # noqa: E501

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, TypeAlias

SCHEMA: Final = 3
"""Raised with every change of meaning: cached facts of another schema are never read."""

Node: TypeAlias = "list[Any]"
Step: TypeAlias = "list[Any]"
Block: TypeAlias = "list[Step]"


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter. kind: positional (before `/`), normal, vararg, keyword, kwarg. Absent annotation/default: -1."""

    name: str
    kind: str
    annotation: int
    default: int
    node: int


@dataclass(frozen=True, slots=True)
class Scope:
    """A module, class, function or lambda (these words are the kinds). Scope 0 is the module; `parent` is -1 there.

    name: the bare name as written; "" for the module, "<lambda>" for a lambda.
    """

    kind: str
    name: str
    parent: int
    node: int
    """The `function`/`class` node that defines it, -1 for the module."""
    params: list[Param] = field(default_factory=list)
    returns: int = -1
    decorators: list[int] = field(default_factory=list)
    bases: list[int] = field(default_factory=list)
    keywords: list[tuple[str | None, int]] = field(default_factory=list)
    type_params: list[tuple[str, int]] = field(default_factory=list)
    bindings: dict[str, list[int]] = field(default_factory=dict)
    """Every definition of a name in this scope, in source order, those from `global`/`nonlocal` elsewhere included."""
    final: dict[str, int] = field(default_factory=dict)
    """The definition that reaches the end of the scope (of a function: the end of its body, not the returns)."""
    rebound: list[str] = field(default_factory=list)
    """Names that another scope assigns through `global`/`nonlocal`: `final` says not enough about them."""
    annotations: dict[str, int] = field(default_factory=dict)
    """The annotation of each name that is annotated in this scope (the last one written)."""
    global_names: list[str] = field(default_factory=list)
    nonlocal_names: list[str] = field(default_factory=list)
    star_imports: list[int] = field(default_factory=list)
    exports: list[str] | None = None
    """A literal `__all__` (module scope), None if absent or computed."""
    results: list[int] = field(default_factory=list)
    """The value nodes of all `return` statements (a lambda's expression); a bare return adds nothing."""
    yields: list[int] = field(default_factory=list)
    """The `yield` and `yieldfrom` nodes."""
    is_async: bool = False
    is_generator: bool = False
    body: Block = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ModuleFacts:
    """All facts of one file. `owner[n]` is the number of the scope in which node `n` stands."""

    nodes: list[Node]
    owner: list[int]
    scopes: list[Scope]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON-ready data; `from_json` restores it."""
        scopes = []
        for scope in self.scopes:  # not asdict: it copies every list, and recurses into long chains of branches
            raw = {item.name: getattr(scope, item.name) for item in fields(scope)}
            raw["params"] = [asdict(param) for param in scope.params]
            scopes.append(raw)
        return {"nodes": self.nodes, "owner": self.owner, "scopes": scopes}

    @staticmethod
    def from_json(data: dict[str, Any]) -> ModuleFacts:
        """Rebuild facts; raises KeyError or TypeError when the data is not what `to_json` wrote."""
        scopes = []
        for raw in data["scopes"]:
            fields = dict(raw)
            fields["params"] = [Param(**param) for param in raw["params"]]
            fields["keywords"] = [(name, node) for name, node in raw["keywords"]]
            fields["type_params"] = [(name, node) for name, node in raw["type_params"]]
            scopes.append(Scope(**fields))
        return ModuleFacts(data["nodes"], data["owner"], scopes)
