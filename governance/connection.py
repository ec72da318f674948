"""Connection: which files contracts can be about at all, told from bytes, before anything is parsed.

The unit is the top-level package. Two of them are connected when a file of one imports the other, or spells the name of
one of its modules out in a text. A contract speaks of the packages it names and of everything connected with them,
directly or through others. What lies outside shares no code with them: it cannot make, get or hand on their objects but
through an import that is computed, or through a library in between. In a file that imports by name,
every name in quotes counts, keys of dictionaries aside.

What is left out must be worth it: less than `WORTH` bytes are read anyway, and so is every module that stands alone.
A file that cannot be decoded counts as connected with everything.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from governance.discovery import SourceFile

WORTH: Final = 2_000_000
"""About sixty thousand lines, three seconds of work."""

_NAME: Final = r"[^\W\d]\w*"
_GAP: Final = r"(?:\s|\\\r?\n)"
_SPACE: Final = r"(?:[ \t\f]|\\\r?\n)"
"""Where a statement goes on; at the end of a line only behind a backslash, so that no comment swallows the next."""
_DOTTED: Final = rf"{_NAME}(?:{_GAP}*\.{_GAP}*{_NAME})*"
_FROM: Final = re.compile(rf"\bfrom{_SPACE}+({_NAME})(?:{_SPACE}*\.{_SPACE}*{_NAME})*{_SPACE}+import\b")
_RELATIVE: Final = re.compile(rf"\bfrom{_SPACE}*\.(?:[.\w]|{_SPACE})*?\bimport\b")
_IMPORT: Final = re.compile(rf"\bimport{_GAP}+({_DOTTED}(?:{_GAP}+as{_GAP}+{_NAME})?(?:{_GAP}*,[^\r\n;#]*)?)")
_CALLED: Final = re.compile(rf"\b(?:import_module|__import__)\({_GAP}*[\"']({_NAME})[\"']")
_IMPORTING: Final = ("importlib", "import_module", "__import__", "sys.modules")
_ALONE: Final = re.compile(rf"[\"']({_NAME})[\"'.]")
_KEY: Final = re.compile(rf"(?:^[ \t]*|[{{,][ \t]*)[rRuU]?[\"']{_NAME}[\"'][ \t]*:(?=[ \t]*[^\s#])", re.MULTILINE)
"""A key of a dictionary, among which words like "server" and "app" abound. What stands in front tells it from the end
of `if name == "app":`, what follows from that of `for name in "core", "app":`."""
_QUOTED: Final = re.compile(rf"[\"']({_NAME})[./]({_NAME})(?=[./:\"'])")
MARK: Final = "governance:"
"""What suppressions begin with: a file that holds one is read, so that it can be told that it is not needed."""
ESCAPED: Final = re.compile(rb"\\[xuU0-7]")
"""Where a text may spell a name in other characters than its own."""
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3}))")

Found = dict[str, list[str]]
"""By the key of a content: the packages that it was found to name."""


def anchored(symbols: Iterable[str], tops: Collection[str]) -> bool:
    """Whether one of the symbols lies in a known package; a pattern that begins with a star says nothing."""
    return any(re.split(r"[.:]", symbol)[0] in tops for symbol in symbols)


def by_package(files: Iterable[SourceFile]) -> dict[str, list[SourceFile]]:
    """The files by the top-level package of their module name."""
    groups: defaultdict[str, list[SourceFile]] = defaultdict(list)
    for file in files:
        groups[file.module.partition(".")[0]].append(file)
    return dict(groups)


def connected(
    groups: Mapping[str, Sequence[SourceFile]],
    symbols: Iterable[str],
    text: Callable[[str, Collection[str]], str | None],
    known: dict[str, Found],
    keys: Mapping[str, str],
) -> set[str]:
    """The packages that are connected with those of the symbols.

    text: the text of a file by its path, "" if it cannot hold any of the names given, None if nobody can tell.
    known: by package, what was found out before; what is found out now is added.
    """
    children = {file.module for files in groups.values() for file in files}
    inside = {re.split(r"[.:]", symbol)[0] for symbol in symbols} & groups.keys()
    fresh = set(inside)
    while fresh:
        joined: set[str] = set()
        for top in sorted(groups):
            asked = groups.keys() - inside if top in fresh else fresh if top not in inside else set()
            if asked and (met := _met(groups[top], asked, text, known, keys, children, top in fresh)):
                joined |= met if top in fresh else {top}
        fresh = joined - inside
        inside |= fresh
    return inside


def _met(
    files: Sequence[SourceFile],
    asked: Collection[str],
    text: Callable[[str, Collection[str]], str | None],
    known: dict[str, Found],
    keys: Mapping[str, str],
    modules: Collection[str],
    whole: bool,
) -> set[str]:
    """Which of the packages asked for the files name."""
    met: set[str] = set()
    question = "*" if whole else " ".join(sorted(asked))
    before = known.setdefault(question, {})
    for file in files:
        key = keys[file.path]
        names = before.get(key)
        if names is None:
            content = text(file.path, () if whole else asked)
            if content is None:
                return set(asked)
            names = before[key] = sorted(named(content, modules)) if content else []
        met.update(names)
    return met & set(asked)


def named(text: str, modules: Collection[str]) -> set[str]:
    """The top-level packages that a text imports, or of whose modules it spells one out."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    found: set[str] = set()
    if "import" in text:
        found.update(_FROM.findall(text))
        for listed in _IMPORT.findall(_RELATIVE.sub(" ", _FROM.sub(" ", text))):
            found.update(re.findall(rf"(?:^|,)[\s\\]*({_NAME})", listed))
    if "\\" in text and (plain := _ESCAPE.sub(_character, text)) != text:
        text += "\n" + plain
    if MARK in text:
        found.add(MARK)
    found.update(_CALLED.findall(text))
    if any(word in text for word in _IMPORTING):  # under whatever name, and with a name kept anywhere
        found.update(_ALONE.findall(_KEY.sub(" ", text)))
    found.update(top for top, child in _QUOTED.findall(text) if f"{top}.{child}" in modules)
    return found


def _character(escape: re.Match[str]) -> str:
    digits = next(group for group in escape.groups() if group)
    number = int(digits, 8 if escape[4] else 16)
    return chr(number) if number < 0x110000 else ""


def symbols_of(options: object) -> Iterator[str]:
    """Every text among the options of a contract, at any depth."""
    if isinstance(options, str):
        yield options
    elif isinstance(options, Mapping):
        for each in (*options.keys(), *options.values()):
            yield from symbols_of(each)
    elif isinstance(options, (tuple, list, set, frozenset)):
        for each in options:
            yield from symbols_of(each)
    else:
        for name in getattr(options, "__dataclass_fields__", ()):
            yield from symbols_of(getattr(options, name))
