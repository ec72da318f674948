"""The Markdown case page: prose with annotated example projects in it, read into plain data.

A section with files or expectations is an example, unless its subsections are: then it holds what they share, and
each of them may replace a file by one of the same name. Everything outside of these forms is prose:

| form                                  | meaning |
|---------------------------------------|---------|
| a `toml` block                        | the contracts of this and all following examples, until the next such block |
| `` `pkg/mod.py`: `` and a code block  | a file of the example |
| `# finding: text` at the end of a line | this line must be reported, and the message must contain the text |
| `# finding[check]: text`              | the same, and by that check |
| `# possible: text`                    | reported below the level that fails the run |
| `# finding: text \\| possible: text`   | several findings on one line |
| `` `pkg/mod.py`: <!-- finding: text --> `` | the file as a whole must be reported |
| `` `pkg/mod.py`: <!-- absent --> ``   | no block follows: a file of a section above is not here |
| `` `pkg/mod.py`: <!-- absent \\| finding: text --> `` | the same, and its absence must be reported |
| `` `pkg/mod.py`: <!-- at main --> ``  | what the file held at revision `main` of the repository |
| `<!-- broken: option -->`             | an anchor of that option names nothing |
| `<!-- broken: option: text -->`       | the same, and its message contains the text |
| `<!-- vacuous -->`                    | the contract has nothing to hold on to here |
| `<!-- skipped: text -->`              | a contract is not asked here, and its reason contains the text |

A code block of Python without a file name is an error: it would look like a case and never run.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_HEADING: Final = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*$")
_FENCE: Final = re.compile(r"(?P<indent> {0,3})(?P<ticks>`{3,}|~{3,})\s*(?P<language>[\w+-]*)\s*$")
_FILE: Final = re.compile(r"`(?P<path>[^`\s]+)`:\s*(?:<!--\s*(?P<note>.*?)\s*-->)?\s*$")
_COMMENT: Final = re.compile(r"<!--\s*(?P<word>[\w-]+)\s*(?::\s*(?P<rest>.*?))?\s*-->\s*$")
_NOTE: Final = re.compile(r"#\s*(?P<note>(?:finding|possible)s?\b.*)$", re.IGNORECASE)
_PART: Final = re.compile(r"(?P<level>finding|possible)(?:\[(?P<check>[\w-]+)\])?:\s*(?P<text>\S.*)$")


class PageError(ValueError):
    """A page that cannot be read as cases; the message starts with the page and the 1-based line."""

    def __init__(self, page: str, line: int, message: str) -> None:
        super().__init__(f"{page or 'page'}:{line}: {message}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Expected:
    """One annotated finding. line: in the file, 1-based, 0 for the whole file; check: "" for any."""

    line: int
    text: str
    check: str = ""
    fails: bool = True

    def __str__(self) -> str:
        level = "finding" if self.fails else "possible"
        return f"{level}{f'[{self.check}]' if self.check else ''}: {self.text}"


@dataclass(frozen=True, slots=True)
class File:
    """One file of an example. page_line: the line of the page on which its text starts, 1-based; absent: it is named
    because it does not exist; at: the revision at which it was so, "" for now."""

    path: str
    text: str
    page_line: int
    expected: tuple[Expected, ...] = ()
    absent: bool = False
    at: str = ""


@dataclass(frozen=True, slots=True)
class Anchor:
    """An option of a contract that is expected to name nothing."""

    option: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """One small project, the contracts it is checked against, and what must come out.

    title: the headings above and of the example, joined by " / ", the title of the page left out.
    contracts: the tables by contract id, `type` included.
    """

    page: str
    title: str
    line: int
    contracts: Mapping[str, Mapping[str, Any]]
    files: tuple[File, ...]
    broken: tuple[Anchor, ...] = ()
    vacuous: bool = False
    skipped: tuple[str, ...] = ()
    error: str = ""
    """Why the page could not be read: such an example stands for its page and always fails."""

    @property
    def id(self) -> str:
        """The name a test of this example goes by."""
        return f"{self.page}: {self.title}" if self.page else self.title


@dataclass(slots=True)
class _Section:
    level: int
    title: str
    line: int
    files: dict[str, File] = field(default_factory=dict)
    contracts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Those that held when the first file was read: a toml block after it is for what follows."""
    broken: list[Anchor] = field(default_factory=list)
    vacuous: bool = False
    skipped: list[str] = field(default_factory=list)
    example: Example | None = None
    shared: bool = False


def parse(text: str, page: str = "") -> list[Example]:
    """All examples of a page, in order; raises PageError. page: its name, for ids and messages."""
    reader = _Reader(text.splitlines(), page)
    reader.read()
    return [each.example for each in reader.closed if each.example is not None and not each.shared]


class _Reader:
    def __init__(self, lines: list[str], page: str) -> None:
        self.lines = lines
        self.page = page
        self.closed: list[_Section] = []
        self.stack: list[_Section] = [_Section(0, "", 1)]
        self.contracts: dict[str, dict[str, Any]] = {}

    def read(self) -> None:
        number = 0
        pending: tuple[int, str, str] | None = None
        while number < len(self.lines):
            line = self.lines[number]
            if heading := _HEADING.match(line):
                self._demand_block(pending)
                self._close()
                self._open(len(heading[1]), heading[2], number + 1)
            elif fence := _FENCE.match(line):
                number = self._block(number, fence, pending)
                pending = None
            elif line.strip():
                self._demand_block(pending)
                pending = self._prose(line, number)
            number += 1
        self._demand_block(pending)
        self._close()

    def fail(self, number: int, message: str) -> PageError:
        return PageError(self.page, number + 1, message)

    def _demand_block(self, pending: tuple[int, str, str] | None) -> None:
        if pending is not None:
            raise self.fail(pending[0], f"no code block follows the file name `{pending[1]}`")

    def _open(self, level: int, title: str, line: int) -> None:
        while self.stack[-1].level >= level:
            self.stack.pop()
        self.stack.append(_Section(level, title, line))

    def _close(self) -> None:
        """The text of the innermost section ends here; its subsections may follow."""
        section = self.stack[-1]
        if not (section.files or section.broken or section.vacuous or section.skipped):
            return
        for above in self.stack[:-1]:
            above.shared = True
        files: dict[str, File] = {}
        for each in self.stack:
            files |= each.files
        contracts = section.contracts or self.contracts
        if not contracts:
            raise self.fail(section.line - 1, f"example {section.title!r} has no contract: put a toml block before it")
        title = " / ".join(each.title for each in self.stack if each.level > 1) or section.title
        if any(each.example is not None and each.example.title == title for each in self.closed):
            raise self.fail(section.line - 1, f"a second example is called {title!r}")
        self.closed.append(section)
        section.example = Example(
            self.page,
            title,
            section.line,
            dict(contracts),
            tuple(files.values()),
            tuple(section.broken),
            section.vacuous,
            tuple(section.skipped),
        )

    def _prose(self, line: str, number: int) -> tuple[int, str, str] | None:
        if named := _FILE.match(line):
            note = named["note"] or ""
            if note.partition("|")[0].strip() != "absent":
                return (number, named["path"], note)
            said = note.partition("|")[2].strip()
            missed = tuple(self._expected(said, 0, number)) if said else ()
            self._add(number, File(named["path"], "", number + 2, missed, absent=True))
            return None
        if comment := _COMMENT.match(line):
            word, rest = comment["word"], comment["rest"] or ""
            section = self.stack[-1]
            if word == "broken" and rest:
                option, _, expected = rest.partition(":")
                section.broken.append(Anchor(option.strip(), expected.strip()))
            elif word == "vacuous" and not rest:
                section.vacuous = True
            elif word == "skipped" and rest:
                section.skipped.append(rest.strip())
            elif word in ("broken", "vacuous", "skipped", "finding", "possible"):
                raise self.fail(number, f"cannot read {line.strip()!r}: write <!-- broken: option -->")
        return None

    def _block(self, start: int, fence: re.Match[str], pending: tuple[int, str, str] | None) -> int:
        end = start + 1
        closing = re.compile(rf" {{0,3}}{re.escape(fence['ticks'][0])}{{{len(fence['ticks'])},}}\s*$")
        while end < len(self.lines) and not closing.match(self.lines[end]):
            end += 1
        if end == len(self.lines):
            raise self.fail(start, "this code block is never closed")
        body = self.lines[start + 1 : end]
        text = "".join(line + "\n" for line in body)
        if pending is not None:
            self._file(start, pending[1], pending[2], text, body)
        elif fence["language"] == "toml":
            self.contracts = self._contracts(text, start)
        elif fence["language"] in ("py", "python", "pyi"):
            raise self.fail(start, "a Python block needs a file name in front of it: `path/file.py`:")
        return end

    def _file(self, start: int, path: str, note: str, text: str, body: list[str]) -> None:
        if note.startswith("at "):
            self._add(start, File(path, text, start + 2, at=note.removeprefix("at ").strip()))
            return
        expected = [*self._expected(note, 0, start)] if note else []
        for offset, line in enumerate(body):
            if found := _NOTE.search(line):
                expected.extend(self._expected(found["note"], offset + 1, start + 1 + offset))
        self._add(start, File(path, text, start + 2, tuple(expected)))

    def _add(self, number: int, file: File) -> None:
        section = self.stack[-1]
        key = f"{file.at}:{file.path}"
        if key in section.files:
            raise self.fail(number, f"a second file is called `{file.path}` in this section")
        section.contracts = section.contracts or self.contracts
        section.files[key] = file

    def _expected(self, note: str, line: int, number: int) -> list[Expected]:
        expected: list[Expected] = []
        for part in note.split(" | "):
            found = _PART.match(part.strip())
            if found is None and expected:
                found = _PART.match(f"{'finding' if expected[-1].fails else 'possible'}: {part.strip()}")
            if found is None:
                raise self.fail(number, f"cannot read {note!r}: write `# finding: part of the message`")
            expected.append(Expected(line, found["text"].strip(), found["check"] or "", found["level"] == "finding"))
        return expected

    def _contracts(self, text: str, start: int) -> dict[str, dict[str, Any]]:
        try:
            table: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise self.fail(start, f"this toml block cannot be read: {error}") from error
        for key in ("tool", "governance", "contracts"):
            inner = table.get(key)
            if isinstance(inner, dict) and "type" not in inner:
                table = inner
        if isinstance(table.get("type"), str):
            return {str(table["type"]): table}
        contracts = {name: each for name, each in table.items() if isinstance(each, dict) and "type" in each}
        if not contracts:
            raise self.fail(start, "this toml block configures no contract: it needs a table with `type`")
        return contracts
