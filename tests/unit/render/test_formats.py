"""Every output format, to the letter."""

import json
from dataclasses import replace

import pytest

from governance import render
from governance.findings import WHOLE_FILE, ChainStep, Finding, Grade, Place, Problem, Span
from governance.render import View
from governance.result import Outcome, ScanResult

SOURCE = ["def retry_job(plugin):", "    return plugin.run({})"]
FINDING = Finding(
    "only-runner", "confined-call", "call", Place("src/jobs.py", Span(2, 12, 2, 22)), "retry_job",
    "plugin.run() is called in retry_job", Grade.DEFINITE, True, "it is not counted", "call ToolRunner.run",
    (ChainStep("parameter plugin of retry_job", Place("src/jobs.py", Span(1, 15, 1, 21))), ChainStep("so it is", None)),
)  # fmt: skip
WARNING = replace(FINDING, grade=Grade.POSSIBLE, fails=False, because="", instead="", chain=())
WHOLE = replace(FINDING, place=Place("src/jobs.py", WHOLE_FILE), chain=())
PROBLEM = Problem("parse", "invalid syntax", "src/bad.py", 7)
VACUOUS = Problem("vacuous", "examined nothing", contract="two", hint="look there")
KEPT = ScanResult((), (), (Outcome("one", "t", "kept", 3), Outcome("two", "t", "kept", 1)), 2, 20, {})
BROKEN = replace(
    KEPT,
    findings=(FINDING, WARNING),
    outcomes=(Outcome("only-runner", "t", "broken", 3, 2, 0, 1, 4), Outcome("two", "t", "kept", 1)),
)


def shown(name: str, result: ScanResult, lines: list[str] = SOURCE, colour: bool = False) -> str:
    return render.renderer(name)(result, View(lambda path: lines, colour))


def test_the_formats() -> None:
    assert render.formats() == ["concise", "full", "github", "json"]


@pytest.mark.requirement("R-073")
def test_kept() -> None:
    line = "Execution scanner OK: 2 files, 20 lines, 2 contracts kept, 4 sites proven\n"
    assert shown("full", KEPT) == line
    assert shown("concise", KEPT) == line
    assert shown("github", KEPT) == line


SUMMARIES = [
    (replace(KEPT, files=1, lines=1), "Execution scanner OK: 1 file, 1 line, 2 contracts kept, 4 sites proven"),
    (
        BROKEN,
        (
            "Execution scanner FAILED: 2 files, 20 lines, 1 finding of 1 contract, 1 contract kept, 4 sites examined, "
            "1 below the failing grade, 1 suppressed, 4 exempt"
        ),
    ),
    (
        replace(KEPT, problems=(PROBLEM, VACUOUS)),
        "Execution scanner INCOMPLETE: 2 files, 20 lines, 2 contracts kept, 4 sites examined, 2 problems",
    ),
    (
        replace(KEPT, problems=(Problem("crash", "x"),), disabled={"a": "b"}),
        "Execution scanner CRASHED: 2 files, 20 lines, 2 contracts kept, 4 sites examined, 1 switched off, 1 problem",
    ),
]


@pytest.mark.parametrize(("result", "expected"), SUMMARIES)
def test_summary(result: ScanResult, expected: str) -> None:
    assert render.summary(result) == expected


def test_full() -> None:
    result = replace(BROKEN, problems=(PROBLEM, VACUOUS), disabled={"three": "not yet"})
    assert shown("full", result).splitlines()[:-1] == [
        "src/jobs.py:2:12: only-runner (call, definite)",
        "    2 |     return plugin.run({})",
        "      |            ^^^^^^^^^^",
        "    what: plugin.run() is called in retry_job",
        "    chain: parameter plugin of retry_job (src/jobs.py:1:15)",
        "           so it is",
        "    why:  it is not counted",
        "    fix:  call ToolRunner.run",
        "",
        "src/jobs.py:2:12: only-runner (call, possible)",
        "    2 |     return plugin.run({})",
        "      |            ^^^^^^^^^^",
        "    what: plugin.run() is called in retry_job",
        "",
        "problem: src/bad.py:7: parse: invalid syntax",
        "problem: two: vacuous: examined nothing (look there)",
        "switched off: three: not yet",
        "",
    ]


def test_full_of_a_whole_file() -> None:
    lines = shown("full", replace(KEPT, findings=(WHOLE,))).splitlines()
    assert lines[:2] == ["src/jobs.py: only-runner (call, definite)", "    what: plugin.run() is called in retry_job"]


def frame(lines: list[str], span: Span) -> list[str]:
    finding = replace(FINDING, place=Place("a.py", span), chain=(), because="", instead="")
    return shown("full", replace(KEPT, findings=(finding,)), lines).splitlines()[1:-3]


FRAMES = [
    ("tab", ["\tf(x)"], Span(1, 2, 1, 6), ["    1 |     f(x)", "      |     ^^^^"]),
    ("tab inside", ["f(\tx)"], Span(1, 1, 1, 6), ["    1 | f(    x)", "      | ^^^^^^^^"]),
    ("wide", ["プ.\uff52\uff55\uff4e()"], Span(1, 3, 1, 6), ["    1 | プ.\uff52\uff55\uff4e()", "      |    ^^^^^^"]),
    ("combining", ["e\u0301.run()"], Span(1, 4, 1, 7), ["    1 | e\u0301.run()", "      |   ^^^"]),
    ("escape codes", ["f('\x1b[2J')"], Span(1, 1, 1, 9), ["    1 | f('\ufffd[2J')", "      | ^^^^^^^^"]),
    ("form feed", ["\x0cf()"], Span(1, 2, 1, 5), ["    1 | \ufffdf()", "      |  ^^^"]),
    ("two lines", ["f(", "  x)"], Span(1, 1, 2, 5), ["    1 | f(", "      | ^^", "    2 |   x)", "      |   ^^"]),
    ("blank line within", ["f(", "", ")"], Span(1, 1, 3, 2),
     ["    1 | f(", "      | ^^", "    2 | ", "    3 | )", "      | ^"]),
    ("many lines", ["f(", "1,", "2,", "3,", "4)"], Span(1, 1, 5, 3),
     ["    1 | f(", "      | ^^", "    . |", "    5 | 4)", "      | ^^"]),
    ("empty span", ["f()"], Span(1, 2, 1, 2), ["    1 | f()", "      |  ^"]),
    ("file is shorter now", ["f()"], Span(2, 1, 2, 2), []),
    ("line is shorter now", ["f()"], Span(1, 9, 1, 12), ["    1 | f()", "      |    ^"]),
    ("file is gone", [], Span(1, 1, 1, 2), []),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "span", "expected"), [row[1:] for row in FRAMES], ids=[row[0] for row in FRAMES])
def test_frames(lines: list[str], span: Span, expected: list[str]) -> None:
    assert frame(lines, span) == expected


def test_colours_only_when_welcome() -> None:
    assert "\x1b" not in shown("full", BROKEN)
    coloured = shown("full", BROKEN, colour=True)
    assert "\x1b[31monly-runner\x1b[0m" in coloured
    assert "\x1b[33monly-runner\x1b[0m" in coloured
    assert "\x1b[32mExecution scanner OK" in shown("full", KEPT, colour=True)


@pytest.mark.requirement("R-073")
def test_concise() -> None:
    result = replace(BROKEN, findings=(*BROKEN.findings, WHOLE), problems=(PROBLEM,))
    assert shown("concise", result).splitlines()[:-1] == [
        "src/jobs.py:2:12 only-runner plugin.run() is called in retry_job",
        "src/jobs.py:2:12 only-runner plugin.run() is called in retry_job [possible]",
        "src/jobs.py:0:0 only-runner plugin.run() is called in retry_job",
        "src/bad.py:7: parse: invalid syntax",
    ]


@pytest.mark.parametrize("name", ["full", "concise"])
def test_names_cannot_act_on_a_terminal(name: str) -> None:
    place = Place("a\x1b[2J\n.py", Span(1, 1, 1, 2))
    evil = replace(FINDING, place=place, message="m\r\x07", chain=(ChainStep("\x9b", place),), because="\x00")
    text = shown(name, replace(KEPT, findings=(evil,), problems=(Problem("parse", "\x1b", "\x1b"),)))
    assert not {char for char in text if not char.isprintable()} - {"\n"}
    assert "a\\x1b[2J\\n.py" in text


@pytest.mark.requirement("R-088")
def test_github() -> None:
    odd = replace(FINDING, place=Place("a:b,c%.py", Span(2, 3, 4, 1)), message="50%\r\nof", chain=(), contract="z")
    result = replace(BROKEN, findings=(WARNING, FINDING, odd, WHOLE), problems=(PROBLEM, VACUOUS))
    assert shown("github", result).splitlines()[:-1] == [
        (
            "::error title=only-runner,file=src/jobs.py,line=2,endLine=2,col=12,endColumn=22::"
            "plugin.run() is called in retry_job%0Aparameter plugin of retry_job (src/jobs.py:1:15)%0Aso it is%0A"
            "it is not counted%0Acall ToolRunner.run"
        ),
        (
            "::error title=z,file=a%3Ab%2Cc%25.py,line=2,endLine=4,col=3::50%25%0D%0Aof%0Ait is not counted%0A"
            "call ToolRunner.run"
        ),
        (
            "::error title=only-runner,file=src/jobs.py::plugin.run() is called in retry_job%0Ait is not counted%0A"
            "call ToolRunner.run"
        ),
        (
            "::warning title=only-runner,file=src/jobs.py,line=2,endLine=2,col=12,endColumn=22::"
            "plugin.run() is called in retry_job"
        ),
        "::error title=parse,file=src/bad.py,line=7::invalid syntax",
        "::error title=two::examined nothing%0Alook there",
    ]


def test_json() -> None:
    report = json.loads(shown("json", replace(BROKEN, problems=(PROBLEM,))))
    assert (report["schema"], report["exit"], report["files"], report["lines"]) == (1, 1, 2, 20)
    assert report["tool"].startswith("governance ")
    finding = report["findings"][0]
    assert finding["fingerprint"] == FINDING.fingerprint
    assert (finding["path"], finding["line"], finding["column"]) == ("src/jobs.py", 2, 12)
    assert (finding["end_line"], finding["end_column"], finding["grade"], finding["fails"]) == (2, 22, "definite", True)
    assert finding["chain"][1] == {"text": "so it is", "place": None}
    assert report["problems"][0]["kind"] == "parse"
    assert report["contracts"][0] == {
        "id": "only-runner", "type": "t", "state": "broken", "sites": 3, "findings": 2, "unresolved": 0,
        "suppressed": 1, "exempt": 4, "note": "",
    }  # fmt: skip
