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
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from governance import git
from governance.findings import Problem
from governance.globs import matcher
from governance.settings import FileSettings

SUFFIXES: Final = (".py", ".pyw")
SKIPPED: Final = frozenset({"node_modules", "__pycache__", "site-packages"})
_PROJECT_FILES: Final = ("/pyproject.toml", "/setup.py", "/setup.cfg")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to analyse. path: relative to the root, forward slashes; module: its unique dotted name."""

    path: str
    module: str
    is_package: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """What was found.

    tracked: what git keeps (a cache that is in there is not ours); everything: the paths of all files, Python or not,
    some of which may be gone; status: size and times of each Python file; note: a line for the user when the list comes
    from elsewhere than it should.
    """

    files: list[SourceFile]
    problems: list[Problem]
    tracked: frozenset[str]
    everything: tuple[str, ...]
    status: dict[str, os.stat_result]
    note: str = ""
    from_git: bool = False


def discover(root: Path, settings: FileSettings) -> Listing:
    """All Python files of the project, sorted by path; what could not be looked at is among the problems."""
    problems: list[Problem] = []
    note = ""
    repository = "GIT_DIR" in os.environ or any((folder / ".git").exists() for folder in (root, *root.parents))
    listed = _git_files(root, problems) if repository else None
    if repository and listed is None:
        note = "git cannot list this repository; its folders were walked instead and nothing is cached"
    candidates = _walk(root, problems) if listed is None else [path for part in listed for path in part]
    everything = _selected(candidates, root, settings, problems)
    status = {path: known for path in sorted(everything) if (known := _python_status(root, path, problems))}
    if not status:
        problems.append(Problem("no-files", "no Python file was found", hint="see paths and exclude"))
    projects = {""} | {path.rpartition("/")[0] for path in candidates if path.endswith(_PROJECT_FILES)}
    roots = list(settings.source_roots) or _source_roots(projects, status)
    tracked = frozenset(listed[0] if listed else ())
    return Listing(_named(status, roots), problems, tracked, everything, status, note, listed is not None)


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


def _walk(root: Path, problems: list[Problem]) -> list[str]:
    found: list[str] = []
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(f"{root}/{folder}") as entries:
                names = [
                    (f"{folder}{entry.name}", entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries
                ]
        except OSError as error:
            problems.append(Problem("unreadable", f"folder cannot be listed: {error.strerror}", folder.rstrip("/")))
            continue
        if folder and any(name == "pyvenv.cfg" for _, name, _ in names):
            continue
        for path, name, is_folder in names:
            if not is_folder:
                found.append(path)
            elif not name.startswith(".") and name not in SKIPPED:
                folders.append(f"{path}/")
    return found


def _selected(candidates: list[str], root: Path, settings: FileSettings, problems: list[Problem]) -> tuple[str, ...]:
    named = (*settings.paths, *settings.source_roots)
    message = "the configuration names a path that does not exist"
    problems += [Problem("missing-path", message, path) for path in named if not (root / path).exists()]
    starts = [_clean(path) for path in settings.paths]
    paths: Iterable[str] = dict.fromkeys(candidates)
    if "" not in starts:
        paths = [path for path in paths if any(path == start or path.startswith(f"{start}/") for start in starts)]
    if settings.exclude:
        excluded = matcher(settings.exclude)
        paths = [path for path in paths if not excluded(path)]
    return tuple(paths)


def _python_status(root: Path, path: str, problems: list[Problem]) -> os.stat_result | None:
    """Size and times of a Python file, None for any other; what looks like one and cannot be read is a problem."""
    named_so = path.endswith(SUFFIXES)
    if not named_so and "." in path.rpartition("/")[2].lstrip("."):
        return None
    full = f"{root}/{path}"
    try:
        status = os.lstat(full)
        if stat.S_ISLNK(status.st_mode):
            status = os.stat(full)  # noqa: PTH116  # a Path for every file of a large project takes longer than the scan
            if stat.S_ISDIR(status.st_mode):
                _check_link(root, path, problems)
                return None
        if stat.S_ISREG(status.st_mode):
            return status if named_so or (status.st_mode & 0o111 and _calls_python(full)) else None
        why = "" if stat.S_ISDIR(status.st_mode) else "is not a regular file"
    except OSError as error:
        gone = isinstance(error, FileNotFoundError) and not os.path.lexists(full)
        why = "" if gone else f"cannot be read: {error.strerror}"
    if why and named_so:
        problems.append(Problem("unreadable", why, path))
    return None


def _calls_python(full: str) -> bool:
    with Path(full).open("rb") as file:
        first = file.readline(200)
    return first.startswith(b"#!") and b"python" in first


def _check_link(root: Path, path: str, problems: list[Problem]) -> None:
    if not (root / path).resolve().is_relative_to(root.resolve()):
        hint = "exclude it, or make what it holds part of the project"
        problems.append(Problem("outside", "is a link to a folder outside of the project", path, hint=hint))


def _source_roots(projects: set[str], paths: Iterable[str]) -> list[str]:
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


def _named(paths: Iterable[str], roots: list[str]) -> list[SourceFile]:
    """Module names, each used once: the file that an import would find keeps it, others are named by their path."""
    order = {_clean(root): number for number, root in reversed(list(enumerate(roots)))}
    folders: dict[str, tuple[int, str]] = {}
    ranked = []
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder not in folders:
            folders[folder] = _package(folder, order)
        rank, package = folders[folder]
        module, is_package = _module_name(package, name)
        ranked.append((rank, not is_package, path, module))
    taken: dict[str, SourceFile] = {}
    for _, plain, path, module in sorted(ranked):
        folder, _, file_name = path.rpartition("/")
        names = (module, _module_name(folder.replace("/", "."), file_name)[0], path) if module in taken else (module,)
        name = next(name for name in names if name not in taken)
        taken[name] = SourceFile(path, name, not plain)
    return sorted(taken.values(), key=lambda file: file.path)


def _clean(root: str) -> str:
    return "" if root in (".", "./") else root.removeprefix("./").rstrip("/")


def _package(folder: str, order: dict[str, int]) -> tuple[int, str]:
    """Which source root a folder lies in (the deepest), and its dotted name from there."""
    root = folder
    while root not in order and root:
        root = root.rpartition("/")[0]
    inside = folder[len(root) + 1 :] if root else folder
    return order.get(root, len(order)), inside.replace("/", ".")


def _module_name(package: str, name: str) -> tuple[str, bool]:
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    if name == "__init__" and package:
        return package, True
    return f"{package}.{name}" if package else name, False
