"""Bytes to text to facts: encodings, line ends, odd but legal files; and what is refused, with its reason and line."""

from __future__ import annotations

import codecs
import json
from typing import Any

import pytest

from governance.extract import ExtractError, extract, locate
from governance.facts import ModuleFacts

LEGAL = {
    "plain": b"plugin.run()\n",
    "no line end": b"plugin.run()",
    "CRLF": b"\r\nplugin.run()\r\n",
    "CR": b"\rplugin.run()\r",
    "mixed line ends": b"a\r\nb\rc\nplugin.run()",
    "UTF-8 mark": codecs.BOM_UTF8 + b"plugin.run()\n",
    "UTF-8 mark and cookie": codecs.BOM_UTF8 + b"# coding: utf-8\nplugin.run()\n",
    "form feed": b"\x0cplugin.run()\n\x0c\n",
    "tab indentation": b"if x:\n\tif y:\n\t\tplugin.run()\n",
    "mixed indentation": b"if x:\n\tplugin.run()\nif y:\n    pass\n",
    "continuation": b"plugin \\\n  .run \\\n()\n",
    "continuation with CRLF": b"plugin \\\r\n  .run()\r\n",
    "chain over lines": b"(plugin\n  # why\n  .run()\n)\n",
    "full-width": "plugin.ｒｕｎ()\n".encode(),  # noqa: RUF001
    "ligature": "pluﬁn = plugin\nplugin.run()\n".encode(),
    "latin-1 cookie": "# -*- coding: latin-1 -*-\nx = 'é'; plugin.run()\n".encode("latin-1"),
    "cookie on the second line": b"#!/usr/bin/env python\n# vim: set fileencoding=cp1252 :\nx = '\x80'; plugin.run()\n",
    "cookie behind CR": b"#!x\r# coding=latin-1\rx = '\xe9'\rplugin.run()\r",
    "utf-7 cookie": b"# coding: utf-7\nplugin.+AHIAdQBu-()\n",
    "shift-jis": "# coding: shift_jis\nx = '表'\nplugin.run()\n".encode("shift_jis"),
    "no cookie on the third line": b"\n\n# coding: ascii\nx = '\xc3\xa9'; plugin.run()\n",
    "no cookie behind code": b"x = 1\n# coding: ascii\ny = '\xc3\xa9'; plugin.run()\n",
    "end of file within a comment": b"plugin.run()\n# end",
    "semicolons": b"a; plugin.run(); b;\n",
    "one-line suites": b"if a: plugin.run()\nelse: pass\n",
    "escaped attribute name": b"getattr(plugin, 'r\\x75n')\nplugin.run()\n",
    "except without parentheses": b"try: plugin.run()\nexcept A, B: pass\n",
    "except star": b"try: plugin.run()\nexcept* A: pass\n",
    "nested quotes": b"x = f'{plugin.run()}' f'{'a'}'\n",
    "template string": b"x = t'{plugin.run()}'\n",
    "type parameters": b"class A[T = int, *U, **V]: plugin.run()\ntype X[T] = T\n",
    "unpacking in a comprehension": b"[*x for x in y]\nplugin.run()\n",
    "lazy import": b"lazy import a\nplugin.run()\n",
}


@pytest.mark.parametrize("source", LEGAL.values(), ids=LEGAL)
def test_legal_text(source: bytes) -> None:
    facts = extract(source)
    calls = [
        number
        for number, node in enumerate(facts.nodes)
        if node[0] == "call" and facts.nodes[node[1]][0] == "attr" and facts.nodes[node[1]][2] == "run"
    ]
    assert len(calls) == 1
    before = source[: max(source.find(b"plugin"), source.find(b"plugin \\"))]
    assert locate(source, calls)[calls[0]].line >= before.count(b"\n")
    assert ModuleFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


@pytest.mark.parametrize("source", [b"", b"\n", b"# only a comment", b"'only a docstring'\n", codecs.BOM_UTF8])
def test_nothing_to_say(source: bytes) -> None:
    facts = extract(source)
    assert len(facts.scopes) == 1
    assert facts.scopes[0].body == []


REFUSED: dict[str, tuple[bytes, str, int]] = {
    "syntax": (b"x = 1\ny = (\n", "parse", 2),
    "Python 2": (b"print 'x'\n", "parse", 1),
    "not UTF-8": (b"x = 1\ny = '\xff'\n", "decode", 2),
    "not what the cookie says": (b"# coding: ascii\ny = '\xc3\xa9'\n", "decode", 2),
    "unknown encoding": (b"#!x\n# coding: nonsense\n", "decode", 2),
    "an encoding that is not of text": (b"# coding: rot13\n", "decode", 1),
    "hexadecimal": (b"# coding: hex\n", "decode", 1),
    "mark and another cookie": (codecs.BOM_UTF8 + b"# coding: latin-1\n", "decode", 1),
    "UTF-16": ("plugin.run()\n".encode("utf-16"), "decode", 1),
    "UTF-32": ("plugin.run()\n".encode("utf-32"), "decode", 1),
    "NUL": (b"x = 1\ny = '\0'\n", "decode", 2),
    "utf-16 by cookie": (b"# coding: utf-16\nx = 1\n", "decode", 2),
    "idna": (b"# coding: idna\n\xff\n", "decode", 2),
    "too large": (b"#" * 16_000_001, "too-large", 0),
}


@pytest.mark.parametrize(("source", "kind", "line"), REFUSED.values(), ids=REFUSED)
def test_refused_with_its_reason(source: bytes, kind: str, line: int) -> None:
    with pytest.raises(ExtractError) as caught:
        extract(source)
    assert (caught.value.kind, caught.value.line) == (kind, line)
    assert caught.value.message


def test_a_file_of_five_megabytes_gets_facts() -> None:
    facts = extract(b"x = '" + b"y" * 5_000_000 + b"'\nplugin.run()\n")
    assert any(node[0] == "call" for node in facts.nodes)


CONSTANTS: dict[str, tuple[str, Any]] = {
    "lone surrogate": (r"'\ud800'", "\ud800"),
    "largest int": (str(2**63 - 1), 2**63 - 1),
    "larger int": (str(2**63), None),
    "huge int": ("1" * 5_000, None),
    "float": ("1e400", None),
    "NUL by escape": (r"'\0'", "\0"),
}


@pytest.mark.parametrize(("source", "expected"), CONSTANTS.values(), ids=CONSTANTS)
def test_constants_survive_json(source: str, expected: Any) -> None:
    facts = extract(f"x = {source}\n".encode())
    assert facts.nodes[0][2] == expected
    assert ModuleFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts
