"""Path globs: which paths a list of patterns means.

`*` and `?` stay within one path part, `**` crosses parts. A pattern without a slash means that name anywhere; with one
it starts at the project root. A pattern that names a folder takes everything below it along.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable


def matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """A predicate over paths relative to the project root, written with forward slashes."""
    sources = [_regex(pattern) for pattern in patterns]
    if not sources:
        return lambda _: False
    match = re.compile("|".join(sources)).fullmatch
    return lambda path: match(path) is not None


def _regex(pattern: str) -> str:
    anchored = "/" in pattern.rstrip("/")
    parts = [part for part in pattern.removeprefix("./").strip("/").split("/") if part]
    out = "" if anchored else "(?:.*/)?"
    for position, part in enumerate(parts):
        last = position == len(parts) - 1
        if part == "**":
            out += ".*" if last else "(?:.*/)?"
        else:
            out += _part(part) + ("" if last else "/")
    return f"(?s:{out}(?:/.*)?)"


def _part(part: str) -> str:
    out, position = "", 0
    while position < len(part):
        char = part[position]
        close = part.find("]", position + 2) if char == "[" else -1
        if close > 0:
            inner = part[position + 1 : close].replace("\\", r"\\").replace("[", r"\[").replace("&", r"\&")
            inner = inner.replace("~", r"\~").replace("|", r"\|")
            out += "(?!/)[" + ("^" + inner[1:] if inner[0] == "!" else inner.replace("^", r"\^")) + "]"
            position = close
        else:
            out += {"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char))
        position += 1
    return out


def problem(pattern: str) -> str:
    """Why a pattern is refused, "" if it is fine."""
    if not pattern.strip("/."):
        return "names the whole project" if pattern else "is empty"
    if pattern.startswith("/") or ".." in pattern.split("/"):
        return "leads out of the project: patterns are relative to the project root"
    if "\\" in pattern:
        return "holds a backslash: patterns are written with forward slashes"
    try:
        re.compile(_regex(pattern))
    except re.error as error:
        return f"is not a glob ({error})"
    return ""
