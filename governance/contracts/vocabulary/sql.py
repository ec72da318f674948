"""SQL text: words written into statements about columns that hold them, where the statement says so itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from governance.contract import Ref, Violation
from governance.contracts.vocabulary.sites import Scene
from governance.findings import Grade
from governance.index import Index

_STATEMENT: Final = re.compile(r"\b(select|insert|update|delete|create\s+table|alter\s+table)\b", re.IGNORECASE)
_NAME: Final = r"[\"`\[]?(?:\w+[\"`\]]?\.)?[\"`\[]?{}[\"`\]]?"
_STRING: Final = r"'((?:[^']|'')*)'"


class Text(NamedTuple):
    """A statement that names the table and the column."""

    ref: Ref
    sql: str
    table: str
    column: str


def texts(index: Index, columns: Iterable[str]) -> list[Text]:
    """Constant strings that are statements about one of the columns."""
    found = []
    for each in columns:
        table, _, column = each.partition(".")
        names = [re.compile(rf"\b{re.escape(name)}\b", re.IGNORECASE) for name in (table, column)]
        for ref in index.project.nodes("const"):
            node = index.project.node(ref)
            if node[1] == "str" and all(name.search(node[2]) for name in names) and _STATEMENT.search(node[2]):
                found.append(Text(ref, node[2], table, column))
    return found


def violations(scene: Scene, statements: Iterable[Text]) -> Iterator[Violation]:
    """Words outside the vocabulary that a statement compares with, or stores in, the column."""
    for text in statements:
        tables = _tables(text.sql)
        if tables != {text.table.casefold()}:
            continue
        for word in dict.fromkeys([*_assigned(text), *_inserted(text)]):
            if not scene.vocabulary.valid_string(word):
                message = f"SQL uses {word!r} for {text.table}.{text.column} in {scene.where(text.ref)}"
                yield Violation(
                    "sql",
                    f"{message}: {scene.vocabulary.verdict(word)}",
                    Grade.DEFINITE,
                    text.ref,
                    subject=f"{word} {text.table}.{text.column}",
                )


def _tables(sql: str) -> set[str]:
    """Tables a statement works on; with more than one, an unqualified column is ambiguous."""
    pattern = r"\b(?:from|join|into|update|table)\s+(?:if\s+not\s+exists\s+)?[\"`\[]?(?:\w+[\"`\]]?\.)?[\"`\[]?(\w+)"
    return {match.casefold() for match in re.findall(pattern, sql, re.IGNORECASE)}


def _assigned(text: Text) -> list[str]:
    """`column = 'X'`, `column <> 'X'`, `column IN ('X', 'Y')`, `column text DEFAULT 'X'`."""
    column = _NAME.format(re.escape(text.column))
    found = re.findall(rf"\b{column}\s*(?:=|<>|!=|==|is(?:\s+not)?)\s*{_STRING}", text.sql, re.IGNORECASE)
    for listed in re.findall(rf"\b{column}\s+(?:not\s+)?in\s*\(([^()]*)\)", text.sql, re.IGNORECASE):
        found.extend(re.findall(_STRING, listed))
    found.extend(re.findall(rf"\b{column}\s+\w+[^,'()]*\bdefault\s+{_STRING}", text.sql, re.IGNORECASE))
    return found


def _inserted(text: Text) -> list[str]:
    """`INSERT INTO table (a, column) VALUES ('a', 'X')`: the string in the column's place of every row."""
    match = re.search(r"\binto\s+[^\s(]+\s*\(([^()]*)\)\s*values\s*(.*)", text.sql, re.IGNORECASE | re.DOTALL)
    if match is None:
        return []
    names = [name.strip(' "`[]').casefold() for name in match[1].split(",")]
    if text.column.casefold() not in names:
        return []
    position = names.index(text.column.casefold())
    found = []
    for row in re.findall(r"\(((?:[^()']|'(?:[^']|'')*')*)\)", match[2]):
        cells = re.findall(r"((?:[^,']|'(?:[^']|'')*')+)", row)
        if len(cells) == len(names):
            found.extend(re.findall(rf"^\s*{_STRING}\s*$", cells[position]))
    return found
