"""Chains: the derivation of a value, told in steps a reader can follow."""

from __future__ import annotations

from governance.contract import Ref, Trail
from governance.index.names import Names
from governance.index.project import Project
from governance.index.solver import Evidence, Solver
from governance.index.values import Key, Value

_SKIPPED = frozenset(("", "local", "name"))
_LENGTH = 12


def explain(solver: Solver, key: Key, value: Value) -> tuple[Trail, ...]:
    """From the question back to the declaration, assignment or import that answers it."""
    steps: list[Trail] = []
    seen: set[tuple[Key, Value]] = set()
    current: tuple[Key, Value] | None = (solver.plain(key), value)
    while current is not None and current not in seen and len(steps) < _LENGTH:
        seen.add(current)
        answer = solver.state.get(current[0], {})
        evidence = answer.get(current[1])
        if evidence is None:
            break
        step = _step(solver.project, current[0], current[1], evidence)
        if step is not None and (not steps or steps[-1] != step):
            steps.append(step)
        current = (
            (solver.plain(evidence.source), evidence.value)
            if evidence.source is not None and evidence.value is not None
            else None
        )
    return tuple(steps)


def _step(project: Project, key: Key, value: Value, evidence: Evidence) -> Trail | None:
    kind = key[0]
    if kind == "n":
        ref = (key[1], key[2])
        node = project.node(ref)
        if evidence.note in _SKIPPED or node[0] in ("phi", "narrow", "free", "local"):
            return None
        shown = project.text(ref)
        if node[0] in ("function", "class"):
            return Trail(f"{node[0]} {project.qualname((key[1], node[1]))} is defined here", ref)
        if node[0] in ("import", "import_as"):
            return Trail(f"{shown} is imported here", ref)
        if node[0] == "param":
            return Trail(f"parameter {shown} of {project.qualname((key[1], node[1])) or 'lambda'}", ref)
        if shown == "...":
            return Trail(
                f"this {_WORDS.get(node[0], 'expression')} is {describe(project, value)} ({evidence.note})", ref
            )
        return Trail(f"{shown} is {describe(project, value)} ({evidence.note})", ref)
    if kind == "param":
        function = (key[1], key[2])
        param = project.scope(function).params[key[3]]
        name = project.qualname(function) or "lambda"
        return Trail(
            f"parameter {param.name} of {name} is {describe(project, value)} ({evidence.note})", (key[1], param.node)
        )
    if kind in ("ret", "body", "yields"):
        function = (key[1], key[2])
        if kind == "body" and evidence.note == "returned":
            return None
        verb = "yields" if kind == "yields" else "returns"
        where = project.definition(function)
        return Trail(f"{project.qualname(function) or 'lambda'} {verb} {describe(project, value)}", where)
    if kind == "t":
        return Trail(f"annotation {project.text((key[1], key[2]))}", (key[1], key[2]))
    if kind == "attr":
        return Trail(f"attribute {project.scope(key[1]).name}.{key[2]} holds {describe(project, value)}", None)
    if kind in ("elem", "dval", "mutated", "nested"):
        return Trail(f"an element of the container made here is {describe(project, value)}", (key[1], key[2]))
    return None


def question(project: Project, key: Key) -> Trail | None:
    """What a key asks, and where; None for one that has no place."""
    kind = key[0]
    if kind in ("param", "varargs", "keyword"):
        param = project.scope((key[1], key[2])).params[key[3]]
        return Trail(
            f"parameter {param.name} of {project.qualname((key[1], key[2])) or 'lambda'}", (key[1], param.node)
        )
    if kind in ("ret", "body", "own", "yields", "callers", "made", "subclasses", "subclass"):
        words = {"callers": "the callers of", "made": "what makes", "yields": "what is yielded by"}.get(kind, "")
        words = words or ("the subclasses of" if kind.startswith("sub") else "the result of")
        scope = (key[1], key[2])
        return Trail(f"{words} {project.qualname(scope) or 'a lambda'}", project.definition(scope))
    if kind in ("calls", "indirect"):
        what = f"all calls of {key[1]}" if kind == "calls" else "all calls of variables"
        return Trail(f"{what}, seen from module {key[-1]}", (key[-1], 0))
    if kind == "attr":
        return Trail(f"attribute {project.qualname(key[1])}.{key[2]}", project.definition(key[1]))
    if kind == "glob":
        return Trail(f"{key[2]} of module {key[1]}", project.definition((key[1], 0)) or (key[1], 0))
    if len(key) > 2 and isinstance(key[1], str) and isinstance(key[2], int):
        return Trail(f"{project.text((key[1], key[2]))}", (key[1], key[2]))
    return None


_WORDS = {
    "item": "loop variable",
    "unpack": "unpacked element",
    "enter": "context value",
    "comp": "comprehension",
    "dict": "dict",
    "list": "list",
    "tuple": "tuple",
    "annotated": "declared name",
    "exception": "exception",
}


def describe(project: Project, value: Value) -> str:
    """A value in words."""
    kind = value[0]
    if kind in ("inst", "self"):
        return f"an instance of {project.qualname(value[1])}"
    if kind in ("cls", "selfcls"):
        return f"the class {project.qualname(value[1])}"
    if kind == "fn":
        return f"the function {project.qualname(value[1])}"
    if kind in ("bm", "decorated"):
        return f"the method {project.qualname(value[1])}"
    if kind == "mod":
        return f"the module {value[1]}"
    if kind == "ext":
        return str(value[1]).removeprefix("builtins.")
    if kind == "xinst":
        return f"an instance of {str(value[1]).removeprefix('builtins.')}"
    if kind == "xmeth":
        return f"{value[1]}.{value[2]}"
    if kind == "enum":
        return f"{project.qualname(value[1])}.{value[2]}"
    if kind == "const":
        return "None" if value[1] == "none" else repr(value[2])
    if kind == "cont":
        return {"seq": "a sequence", "dict": "a mapping", "tuple": "a tuple"}.get(value[1], "a container")
    return {
        "cmeth": "a method of a container",
        "coro": "an awaitable",
        "gencm": "a context manager",
        "partial": "a partial function",
        "super": "super()",
        "callable": "a callable",
        "smeth": "a method of text",
        "ns": "a namespace object",
        "tv": "a type variable",
        "tvcls": "the class of a type variable",
    }.get(kind, "a value")


def reason(project: Project, names: Names, ref: Ref) -> str:
    """Why nothing is known about a node, from what kind of expression it ends in."""
    module, number = ref
    for _ in range(20):
        facts = project.modules[module].facts
        node = facts.nodes[number]
        op = node[0]
        if op in ("local", "narrow"):
            number = node[2] if op == "local" else node[1]
            if number < 0:
                return "the name is unbound here"
            continue
        if op == "param":
            scope = facts.scopes[node[1]]
            param = scope.params[node[2]]
            missing = "has no annotation" if param.annotation < 0 else "has an annotation that says nothing"
            return f"parameter {param.name} of {scope.name or 'lambda'} {missing} and no call gives it a known value"
        if op == "attr":
            return f"nothing known is stored in attribute {node[2]}"
        if op == "call":
            return f"what {project.text((module, node[1]))}(...) returns is not known"
        if op == "free":
            found = names.binding((module, node[2]), node[1])
            if not found:
                return f"the name {node[1]} is not defined in the project"
            module, number = found[-1]
            continue
        if op == "sub":
            return f"the elements of {project.text((module, node[1]))} are not known"
        if op in ("item", "unpack"):
            return f"the elements of {project.text((module, node[1]))} are not known"
        if op == "phi":
            return "none of the definitions that reach this place is known"
        if op in ("await", "enter"):
            number = node[1]
            continue
        return f"a {op} expression is not followed"
    return "not followed"
