"""Discovery: settings -> the Python files of a project and their module names. Nothing of the project is imported.

Inside a git work tree the list is git's (`git ls-files` with the inherited environment, so that a hook that runs under
a temporary index sees that index), plus files that are new and not ignored; elsewhere the folders are walked. What is
read is always the file on disk: hook runners put unstaged changes aside, so there the disk equals the index, and
anywhere else the disk is what the user looks at.

Python files are `*.py`, `*.pyw`, and executable files without a suffix whose first line calls Python.
Links to folders are not followed: inside the project the files are known under their own names already, and a link
that leads out of it is a problem, because what lies behind it was not looked at.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from governance import git
from governance.findings import Problem
from governance.globs import matcher
from governance.settings import FileSettings

SUFFIXES: Final = (".py", ".pyw")
SKIPPED: Final = frozenset({"node_modules", "__pycache__", "site-packages"})
_PROJECT_FILES: Final = ("pyproject.toml", "setup.py", "setup.cfg")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to analyse. path: relative to the root, forward slashes; module: its unique dotted name."""

    path: str
    module: str
    is_package: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """What was found. tracked: what git keeps (a cache that is in there is not ours); everything: the paths of all
    files, Python or not, some of which may be gone; note: a line for the user when the list comes from elsewhere than
    it should."""

    files: list[SourceFile]
    problems: list[Problem]
    tracked: frozenset[str]
    everything: tuple[str, ...] = ()
    note: str = ""


def discover(root: Path, settings: FileSettings) -> Listing:
    """All Python files of the project, sorted by path; what could not be looked at is among the problems."""
    problems: list[Problem] = []
    note = ""
    repository = "GIT_DIR" in os.environ or any((folder / ".git").exists() for folder in (root, *root.parents))
    listed = _git_files(root, problems) if repository else None
    if repository and listed is None:
        note = "git cannot list this repository; its folders were walked instead and nothing is cached"
    candidates = list(_walk(root, "", problems)) if listed is None else [path for part in listed for path in part]
    wanted = _selection(root, settings, problems)
    everything = tuple(path for path in dict.fromkeys(candidates) if wanted(path))
    paths = sorted(path for path in everything if _is_python(root, path, problems))
    if not paths:
        problems.append(Problem("no-files", "no Python file was found", hint="see paths and exclude"))
    projects = {""} | {path.rpartition("/")[0] for path in candidates if path.rpartition("/")[2] in _PROJECT_FILES}
    roots = list(settings.source_roots) or _source_roots(projects, paths)
    return Listing(_named(paths, roots), problems, frozenset(listed[0] if listed else ()), everything, note)


def _git_files(root: Path, problems: list[Problem]) -> tuple[list[str], list[str]] | None:
    """Tracked and untracked paths below the root; None if git cannot tell."""
    environment = git.environment()
    staged = git.ask(root, environment, "ls-files", "-s", "-t", "-z")
    untracked = git.ask(root, environment, "ls-files", "-z", "--others", "--exclude-standard")
    if staged is None or untracked is None:
        return None
    outside = {key: value for key, value in environment.items() if not key.startswith("GIT_")}
    tracked: list[str] = []
    absent: list[str] = []
    for entry in staged:
        status, _, path = entry.partition("\t")
        tag, mode = status.split(" ")[:2]
        if mode == "160000":
            tracked += _nested(root, outside, path)
        elif tag == "S" and path.endswith(SUFFIXES) and not os.path.lexists(f"{root}/{path}"):
            absent.append(path)
        else:
            tracked.append(path)
    if absent:
        message = f"{len(absent)} Python files are tracked but not checked out (sparse checkout), this is the first"
        problems.append(Problem("not-checked-out", message, absent[0]))
    fresh: list[str] = []
    for path in untracked:
        fresh += _nested(root, outside, path.rstrip("/")) if path.endswith("/") else [path]
    return list(dict.fromkeys(tracked)), fresh


def _nested(root: Path, environment: dict[str, str], path: str) -> list[str]:
    """The files of a submodule, or of a repository inside this one that is not part of it."""
    inner = git.ask(root / path, environment, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return [f"{path}/{name}" for name in inner or ()]


def _walk(root: Path, folder: str, problems: list[Problem]) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
    except OSError as error:
        problems.append(Problem("unreadable", f"folder cannot be listed: {error.strerror}", folder))
        return
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        if not entry.is_dir(follow_symlinks=False):
            yield path
        elif not (entry.name.startswith(".") or entry.name in SKIPPED or Path(entry.path, "pyvenv.cfg").exists()):
            yield from _walk(root, path, problems)


def _selection(root: Path, settings: FileSettings, problems: list[Problem]) -> Callable[[str], bool]:
    excluded = matcher(settings.exclude)
    named = (*settings.paths, *settings.source_roots)
    message = "the configuration names a path that does not exist"
    problems += [Problem("missing-path", message, path) for path in named if not (root / path).exists()]
    starts = tuple(path.strip("/").removeprefix("./") for path in settings.paths)

    def wanted(path: str) -> bool:
        below = any(start in (".", "", path) or path.startswith(f"{start}/") for start in starts)
        return below and not excluded(path)

    return wanted


def _is_python(root: Path, path: str, problems: list[Problem]) -> bool:
    named_so = path.endswith(SUFFIXES)
    if not named_so and "." in path.rpartition("/")[2].lstrip("."):
        return False
    full = f"{root}/{path}"
    try:
        mode = os.lstat(full).st_mode
        if stat.S_ISLNK(mode):
            mode = Path(full).stat().st_mode
            if stat.S_ISDIR(mode):
                return _link_to_folder(root, path, problems)
        if stat.S_ISREG(mode):
            return named_so or bool(mode & 0o111 and _calls_python(full))
        why = "" if stat.S_ISDIR(mode) else "is not a regular file"
    except OSError as error:
        gone = isinstance(error, FileNotFoundError) and not os.path.lexists(full)
        why = "" if gone else f"cannot be read: {error.strerror}"
    if why and named_so:
        problems.append(Problem("unreadable", why, path))
    return False


def _calls_python(full: str) -> bool:
    with Path(full).open("rb") as file:
        first = file.readline(200)
    return first.startswith(b"#!") and b"python" in first


def _link_to_folder(root: Path, path: str, problems: list[Problem]) -> bool:
    if not (root / path).resolve().is_relative_to(root.resolve()):
        hint = "exclude it, or make what it holds part of the project"
        problems.append(Problem("outside", "is a link to a folder outside of the project", path, hint=hint))
    return False


def _source_roots(projects: set[str], paths: list[str]) -> list[str]:
    """`src` of every project folder that has one, and the folder itself; the outer project first."""
    folders = {path.rpartition("/")[0] for path in paths}
    parents = {"/".join(folder.split("/")[:count]) for folder in folders for count in range(1, folder.count("/") + 2)}
    packages = {path.rpartition("/")[0] for path in paths if path.endswith("__init__.py")}
    roots: list[str] = []
    for project in sorted(projects, key=lambda folder: (folder.count("/") + bool(folder), folder)):
        if project in packages and project:
            continue
        source = f"{project}/src" if project else "src"
        if source in parents and source not in packages:
            roots.append(source)
        roots.append(project or ".")
    return roots


def _named(paths: list[str], roots: list[str]) -> list[SourceFile]:
    """Module names, each used once: the file that an import would find keeps it, others are named by their path."""
    order = {_clean(root): number for number, root in reversed(list(enumerate(roots)))}
    ranked = []
    for path in paths:
        parts = path.split("/")
        parents = ["/".join(parts[:count]) for count in range(len(parts) - 1, -1, -1)]
        own = next((parent for parent in parents if parent in order), "")
        module, is_package = _module_name(path[len(own) :].lstrip("/"))
        ranked.append((order.get(own, len(order)), not is_package, path, module))
    taken: dict[str, SourceFile] = {}
    for _, plain, path, module in sorted(ranked):
        names: Iterable[str] = (module, _module_name(path)[0], path)
        name = next(name for name in names if name not in taken)
        taken[name] = SourceFile(path, name, not plain)
    return sorted(taken.values(), key=lambda file: file.path)


def _clean(root: str) -> str:
    return "" if root in (".", "./") else root.removeprefix("./").rstrip("/")


def _module_name(path: str) -> tuple[str, bool]:
    parts = path.split("/")
    for suffix in SUFFIXES:
        parts[-1] = parts[-1].removesuffix(suffix)
    if parts[-1] == "__init__" and len(parts) > 1:
        return ".".join(parts[:-1]), True
    return ".".join(parts), False
