"""Watched: the places that decide which files a project has, so nothing new is found unless one changes."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from governance import git
from governance.discovery import SKIPPED


def places(root: Path, *, by_git: bool) -> list[str] | None:
    """The folders whose entries decide what is listed, and the files whose content does, there or not; relative to the
    root or absolute. by_git: whether git lists the files. None if it cannot be told."""
    if not by_git:
        folders = _folders(root, (), by_git=False)
        return None if folders is None else [*folders[0], *(str(parent / ".git") for parent in root.parents)]
    asked, ignored = _git_places(root), _ignored(root)
    folders = None if asked is None or ignored is None else _folders(root, ignored, by_git=True)
    return None if asked is None or folders is None else [*folders[0], *folders[1], *asked]


def _ignored(root: Path) -> frozenset[str] | None:
    """The folders that git ignores as a whole; None if it cannot tell."""
    words = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    listed = git.ask(root, git.environment(), *words)
    if listed is None:
        return None
    # Listed as well, though not ignored, are folders that happen to hold nothing but ignored files.
    return git.ignored(root, git.environment(), [path.rstrip("/") for path in listed if path.endswith("/")])


def _folders(root: Path, ignored: Collection[str], *, by_git: bool) -> tuple[list[str], list[str]] | None:
    """The folders in which listed files are or could appear, "." first, and the files with ignore rules in them; None
    where a link leads to a folder, or a repository lies within: what is listed there depends on other places."""
    found, rules = ["."], []
    todo = [""]
    while todo:
        folder = todo.pop()
        try:
            with os.scandir(f"{root}/{folder}") as entries:
                listed = [(entry.name, entry.is_symlink(), entry.is_dir()) for entry in entries]
        except OSError:
            return None
        names = {name for name, _, _ in listed}
        if any(link and is_folder for _, link, is_folder in listed) or (folder and by_git and ".git" in names):
            return None
        if folder and not by_git and "pyvenv.cfg" in names:
            continue
        if by_git and ".gitignore" in names:
            rules.append(f"{folder}.gitignore")
        for name, _, is_folder in listed:
            path = f"{folder}{name}"
            skipped = path in ignored or name == ".git" if by_git else name.startswith(".") or name in SKIPPED
            if is_folder and not skipped:
                found.append(path)
                todo.append(f"{path}/")
    return found, rules


def _git_places(root: Path) -> list[str] | None:
    """The files, there or not, that git's list of a repository's files rests on."""
    environment = git.environment()
    parts = ("index", "HEAD", "info/exclude", "config", "config.worktree", "info/sparse-checkout")
    options = [word for part in parts for word in ("--git-path", part)]
    told = git.ask(root, environment, "rev-parse", "--path-format=absolute", "--show-toplevel", *options)
    lines = "".join(told or ()).splitlines()
    if len(lines) != len(parts) + 1:
        return None
    top = Path(lines[0])
    origins = git.ask(root, environment, "config", "--list", "--show-origin", "--name-only", "-z") or []
    named = git.ask(root, environment, "config", "--type=path", "-z", "--get", "core.excludesFile") or []
    home = Path(os.environ.get("HOME") or "/")
    own = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "git"
    configured = [top / origin.removeprefix("file:") for origin in origins if origin.startswith("file:")]
    usual = [home / ".gitconfig", own / "config", own / "ignore", Path("/etc/gitconfig")]
    above = [folder / name for folder in root.parents if folder.is_relative_to(top) for name in (".gitignore", ".git")]
    return [*lines[1:], *map(str, (*configured, *(top / name for name in named), *usual, *above))]
