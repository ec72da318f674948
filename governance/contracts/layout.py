"""Layout: how files and identifiers may be called, which files must exist, and where tests stand.

Why: a name that tells when something was made, instead of what it is, misleads from the next change on.
Limits: names are compared as they are written; what a name means cannot be checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from governance.contract import Binding, Broken, Direction, Ref, Report, Violation, Weaker
from governance.facts import Scope
from governance.findings import Grade
from governance.globs import matcher, problem
from governance.index import Index

NAME: Final = "layout"
WEAKER: Final[Mapping[str, Direction]] = {
    "forbidden_names": Weaker.LESS,
    "identifiers": Weaker.LESS,
    "free": Weaker.MORE,
    "required": Weaker.LESS,
    "test_root": Weaker.MORE_OR_NONE,
    "test_files": Weaker.LESS,
    "counterparts": Weaker.LESS,
}

_PLACED: Final = frozenset(
    """item unpack enter exception param import import_as annotated function class typevar alias phi narrow
    augmented""".split()
)
"""Definitions whose place is the name, or a statement that begins with it."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked of names and places. Globs are those of the file settings."""

    forbidden_names: tuple[str, ...] = ()
    """Regular expressions that no part of a path, and no identifier, may contain."""
    identifiers: bool = True
    """Whether identifiers are looked at as well as paths."""
    free: tuple[str, ...] = ("docs/**", "*.md")
    """Globs of files whose names are free."""
    required: tuple[str, ...] = ()
    """Globs that at least one file each must match."""
    test_root: tuple[str, ...] = ()
    """Folders below which test files must stand; empty: they may stand anywhere."""
    test_files: tuple[str, ...] = ("test_*.py", "*_test.py")
    """Globs of what a test file is."""
    counterparts: dict[str, str] = field(default_factory=dict)
    """For files that match the glob on the left, a file that matches the one on the right must exist; there, {name}
    is the name without its suffix and {folder} the folder it stands in."""

    def __post_init__(self) -> None:
        if not (self.forbidden_names or self.required or self.test_root or self.counterparts):
            raise ValueError("nothing is asked: name forbidden-names, required, test-root or counterparts")
        for pattern in self.forbidden_names:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f'forbidden-names: "{pattern}" is not a regular expression ({error})') from None
        named = {"free": self.free, "required": self.required, "test-files": self.test_files}
        named |= {"counterparts": tuple(self.counterparts), "test-root": self.test_root}
        for option, patterns in named.items():
            for each in patterns:
                if why := problem(each):
                    raise ValueError(f'{option}: "{each}" {why}')
        for pattern in self.counterparts.values():
            try:
                pattern.format(name="name", folder="folder")
            except (KeyError, IndexError, ValueError):
                raise ValueError(f'counterparts: "{pattern}" may hold {{name}} and {{folder}} only') from None


def looks_at_everything(_: Options) -> bool:
    """Names and places are those of all files."""
    return True


def check(index: Index, options: Options) -> Report:
    """Look at every path, and at every identifier where it is defined."""
    paths = index.files.paths
    report = Report(bindings=[Binding("test root", root, path=root) for root in options.test_root])
    free = matcher(options.free)
    if options.forbidden_names:
        report.violations.extend(_paths(paths, options))
        for name, module in index.project.modules.items() if options.identifiers else ():
            if not free(module.path):
                report.violations.extend(_identifiers(index, name, options))
    report.violations.extend(_required(paths, options))
    report.violations.extend(_test_places(paths, options, report))
    report.violations.extend(_counterparts(index, options, report))
    return Report(report.violations, report.bindings, report.broken, len(paths))


def _forbidden(options: Options, name: str) -> str:
    """The forbidden piece of a name, "" if it has none."""
    for pattern in options.forbidden_names:
        found = re.search(pattern, name)
        if found:
            return found[0] or name
    return ""


def _paths(paths: tuple[str, ...], options: Options) -> Iterator[Violation]:
    free = matcher(options.free)
    for path in paths:
        parts = [] if free(path) else path.split("/")
        for part in parts:
            if piece := _forbidden(options, part):
                what = "folder" if part is not parts[-1] else "file"
                message = f'the {what} name {part} holds "{piece}", which no name may'
                yield Violation("path-name", message, Grade.DEFINITE, path=path, subject=part)
                break


def _identifiers(index: Index, module: str, options: Options) -> Iterator[Violation]:
    seen: set[str] = set()
    for number, scope in enumerate(index.project.modules[module].facts.scopes):
        for name, ref, kind in _defined(index, module, number, scope, seen):
            if piece := _forbidden(options, name):
                message = f'the {kind} name {name} holds "{piece}", which no name may'
                plain = kind == "variable" and index.project.node(ref)[0] not in _PLACED
                yield Violation(
                    "identifier-name",
                    message,
                    Grade.DEFINITE,
                    ref,
                    subject=f"{kind} {name}",
                    name=name if plain else "",
                )


def _defined(index: Index, module: str, number: int, scope: Scope, seen: set[str]) -> Iterator[tuple[str, Ref, str]]:
    """The identifiers a scope defines, each with the place that defines it first."""
    nodes = index.project.modules[module].facts.nodes
    parameters = {param.name for param in scope.params}
    for param in scope.params:
        yield param.name, (module, param.node), "parameter"
    for name, definitions in scope.bindings.items():
        if name in parameters or name in scope.global_names or name in scope.nonlocal_names:
            continue
        defining = [each for each in definitions if nodes[each][0] in ("function", "class")]
        for each in defining:
            yield name, (module, each), str(nodes[each][0])
        others = [each for each in definitions if each not in defining and not _imported(nodes[each], name)]
        if others and not defining:
            yield name, (module, others[0]), "variable"
    for name, annotation in scope.annotations.items():
        if name not in scope.bindings:
            yield name, (module, annotation), "variable"
    for name, node in scope.type_params:
        yield name, (module, node), "type parameter"
    yield from _elsewhere(index, module, seen) if number == 0 else ()


def _elsewhere(index: Index, module: str, seen: set[str]) -> Iterator[tuple[str, Ref, str]]:
    """Attributes where they are first stored, and the variables of comprehensions, which no scope lists."""
    facts = index.project.modules[module].facts
    for at, node in enumerate(facts.nodes):
        if node[0] == "store_attr" and node[2] not in seen:
            seen.add(node[2])
            yield node[2], (module, at), "attribute"
        elif node[0] == "local" and node[2] >= 0 and f"{node[2]} {node[1]}" not in seen:
            seen.add(f"{node[2]} {node[1]}")
            scope = facts.scopes[facts.owner[at]]
            if node[1] not in scope.bindings and all(node[1] != param.name for param in scope.params):
                yield node[1], (module, node[2]), "variable"


def _imported(node: list[object], name: str) -> bool:
    """Whether a definition is an import under the name the thing has anyway."""
    if node[0] == "import":
        return node[3] in (name, None) and (node[3] is not None or str(node[2]).partition(".")[0] == name)
    return node[0] == "import_as" and str(node[2]).rpartition(".")[2] == name


def _required(paths: tuple[str, ...], options: Options) -> Iterator[Violation]:
    for pattern in options.required:
        matches = matcher([pattern])
        if not any(matches(path) for path in paths):
            yield Violation("missing-file", f"required file {pattern} does not exist", Grade.DEFINITE, path=pattern)


def _test_places(paths: tuple[str, ...], options: Options, report: Report) -> Iterator[Violation]:
    if not options.test_root:
        return
    roots = [root.removeprefix("./").strip("/") for root in options.test_root]
    for root in roots:
        if not any(path.startswith(f"{root}/") for path in paths):
            message = f"no file of this project stands below the test root {root}"
            report.broken.append(Broken("test-root", root, message))
    is_test = matcher(options.test_files)
    for path in paths:
        if is_test(path) and not any(path.startswith(f"{root}/") for root in roots):
            message = f"test file {path} does not stand below {' or '.join(roots)}"
            yield Violation("test-location", message, Grade.DEFINITE, path=path)


def _counterparts(index: Index, options: Options, report: Report) -> Iterator[Violation]:
    paths = index.files.paths
    for sources, wanted in options.counterparts.items():
        matches = matcher([sources])
        held = [path for path in paths if matches(path)]
        if not held:
            message = f"no file of this project matches {sources}"
            report.broken.append(Broken("counterparts", sources, message))
        for path in held:
            pure = PurePosixPath(path)
            if pure.name == "__init__.py" and not (index.files.read(path) or b"").strip():
                continue
            name = wanted.format(name=pure.stem, folder=str(pure.parent))
            exists = matcher([name])
            report.bindings.append(Binding("counterpart", f"{path} -> {name}", path=path))
            if not any(exists(each) for each in paths):
                yield Violation("missing-counterpart", f"{path} has no counterpart {name}", Grade.DEFINITE, path=path)
