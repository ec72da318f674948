"""The steps of a scan, with contract types made for the purpose over real extraction and a real index."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from governance import engine
from governance.cache import Cache
from governance.config_file import InvalidConfig
from governance.contract import Binding, Broken, Report, Trail, Violation
from governance.contract_types import ContractType
from governance.findings import WHOLE_FILE, Grade, Span
from governance.index import Index
from governance.result import Exit, Outcome, ScanResult


@dataclass(frozen=True)
class Options:
    grade: str = "definite"


def calls(index: Index, options: Options) -> Report:
    """Every call is a violation."""
    found = []
    for name, module in index.project.modules.items():
        for number, node in enumerate(module.facts.nodes):
            if node[0] == "call":
                trail = (Trail("here", (name, number)), Trail("and so", None))
                found.append(Violation("call", "a call", Grade[options.grade.upper()], (name, number), "", trail, "s"))
    return Report(found, [Binding("b", "t")], [], len(found) + 1)


def crash(index: Index, options: Options) -> Report:
    raise ZeroDivisionError("by zero")


def vacuous(index: Index, options: Options) -> Report:
    return Report()


def anchorless(index: Index, options: Options) -> Report:
    return Report(broken=[Broken("runner", "m:f", "names nothing", "m:g")])


def twice(index: Index, options: Options) -> Report:
    report = calls(index, options)
    return replace(report, violations=report.violations * 2)


def whole_file(index: Index, options: Options) -> Report:
    return Report([Violation("name", "a bad name", Grade.DEFINITE, None, "a.py")], sites=1)


def nonsense(index: Index, options: Options) -> Report:
    return Report([Violation("call", "m", Grade.DEFINITE, ("a", 0), "", (Trail("t", ("no.such.module", 3)),))], sites=1)


CHECKS: dict[str, Callable[[Index, Options], Report]] = {
    check.__name__.replace("_", "-"): check
    for check in (calls, crash, vacuous, anchorless, twice, whole_file, nonsense)
}


def find_type(name: str) -> ContractType | None:
    return ContractType(name, Options, CHECKS[name]) if name in CHECKS else None


def scan(root: Path, contracts: dict[str, str], files: dict[str, str], head: str = "") -> ScanResult:
    """Scan files under contracts: id -> the lines of its table; the type is the id unless they say otherwise."""
    text = head
    for name, lines in contracts.items():
        kind = "" if "type =" in lines else f'type = "{name}"\n'
        text += f'[contracts.{name}]\n{kind}because = "why"\n{lines}\n'
    (root / "governance.toml").write_text(text, encoding="utf-8")
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content, encoding="utf-8")
    return engine.scan(root, root / "governance.toml", Cache(None), find_type)


def outcome(result: ScanResult, name: str) -> Outcome:
    return next(each for each in result.outcomes if each.id == name)


def test_findings_get_places_symbols_and_chains(tmp_path: Path) -> None:
    result = scan(tmp_path, {"calls": 'instead = "do"'}, {"a.py": "class A:\n    def m(self):\n        print(1)\n"})
    (finding,) = result.findings
    assert finding.place.path == "a.py"
    assert finding.place.span.line == 3
    assert (finding.contract, finding.type, finding.check, finding.symbol) == ("calls", "calls", "call", "A.m")
    assert (finding.because, finding.instead, finding.subject, finding.fails) == ("why", "do", "s", True)
    assert [(step.text, step.place and step.place.span.line) for step in finding.chain] == [
        ("here", 3),
        ("and so", None),
    ]
    assert outcome(result, "calls") == Outcome("calls", "calls", "broken", sites=2, findings=1)
    assert (result.exit, result.files, result.lines) == (Exit.BROKEN, 1, 3)


def test_one_crash_leaves_the_others_standing(tmp_path: Path) -> None:
    result = scan(tmp_path, {"crash": "", "calls": "", "nonsense": ""}, {"a.py": "f()\n"})
    assert result.exit is Exit.INTERNAL
    assert [finding.contract for finding in result.findings] == ["calls"]
    assert [(problem.kind, problem.contract) for problem in result.problems] == [
        ("crash", "crash"),
        ("crash", "nonsense"),
    ]
    assert "ZeroDivisionError: by zero (test_engine.py:" in result.problems[0].message
    assert [each.state for each in result.outcomes] == ["broken", "crashed", "crashed"]


def test_vacuous(tmp_path: Path) -> None:
    result = scan(tmp_path, {"vacuous": ""}, {"a.py": ""})
    assert result.exit is Exit.INCOMPLETE
    assert [(problem.kind, problem.contract) for problem in result.problems] == [("vacuous", "vacuous")]


@pytest.mark.requirement("R-074")
def test_an_anchor_that_names_nothing_is_a_finding_in_the_configuration(tmp_path: Path) -> None:
    result = scan(tmp_path, {"anchorless": ""}, {"a.py": ""})
    (finding,) = result.findings
    assert result.exit is Exit.BROKEN
    assert (finding.check, finding.place.path, finding.place.span) == ("anchor", "governance.toml", Span(1, 1, 1, 1))
    assert finding.message == 'runner = "m:f": names nothing'
    assert finding.instead == "did you mean m:g?"
    assert outcome(result, "anchorless").state == "broken"


def test_the_same_finding_is_reported_once(tmp_path: Path) -> None:
    assert len(scan(tmp_path, {"twice": ""}, {"a.py": "f()\n"}).findings) == 1


def test_a_whole_file(tmp_path: Path) -> None:
    (finding,) = scan(tmp_path, {"whole-file": ""}, {"a.py": "f()\n"}).findings
    assert (finding.place.path, finding.place.span, finding.symbol) == ("a.py", WHOLE_FILE, "")


@pytest.mark.parametrize(
    ("grade", "fail_on", "code"),
    [
        ("definite", "definite", Exit.BROKEN),
        ("probable", "definite", Exit.KEPT),
        ("probable", "probable", Exit.BROKEN),
        ("possible", "probable", Exit.KEPT),
        ("possible", "possible", Exit.BROKEN),
        ("unresolved", "possible", Exit.KEPT),
        ("unresolved", "unresolved", Exit.BROKEN),
    ],
)
def test_the_grade_that_fails(tmp_path: Path, grade: str, fail_on: str, code: Exit) -> None:
    result = scan(tmp_path, {"calls": f'grade = "{grade}"\nfail-on = "{fail_on}"'}, {"a.py": "f()\n"})
    assert result.exit is code
    assert len(result.findings) == 1
    assert outcome(result, "calls").unresolved == (grade == "unresolved")


EXEMPTIONS = [
    ("", ["a.py", "old/b.py", "pkg/test_d.py", "tests/c.py"]),
    ('exclude = ["old"]', ["a.py", "pkg/test_d.py", "tests/c.py"]),
    ('tests = "exempt"', ["a.py", "old/b.py"]),
    ('tests = "exempt"\nexclude = ["old/*.py", "a.py"]', []),
]


@pytest.mark.parametrize(("lines", "found"), EXEMPTIONS)
def test_exempt_files(tmp_path: Path, lines: str, found: list[str]) -> None:
    files = dict.fromkeys(("a.py", "old/b.py", "tests/c.py", "pkg/test_d.py"), "f()\n")
    result = scan(tmp_path, {"calls": lines}, files)
    assert [finding.place.path for finding in result.findings] == found
    assert outcome(result, "calls").exempt == 4 - len(found)


def test_suppressions_are_counted_and_unused_ones_reported(tmp_path: Path) -> None:
    text = "f()  # governance: except[calls] why not\nx = 1  # governance: except[calls] why not\n"
    result = scan(tmp_path, {"calls": ""}, {"a.py": text})
    assert [(finding.contract, finding.check) for finding in result.findings] == [("suppressions", "unused")]
    assert outcome(result, "calls").suppressed == 1
    assert result.exit is Exit.BROKEN


def test_suppressions_of_a_crashed_contract_are_left_alone(tmp_path: Path) -> None:
    assert scan(tmp_path, {"crash": ""}, {"a.py": "f()  # governance: except[crash] why\n"}).findings == ()


def test_findings_are_in_order(tmp_path: Path) -> None:
    files = {"b.py": "f()\ng(h())\n", "a.py": "f()\n", "a/b.py": "f()\n"}
    result = scan(tmp_path, {"twice": "", "calls": ""}, files)
    keys = [(finding.place.path, finding.place.span.line, finding.contract) for finding in result.findings]
    assert keys == sorted(keys, key=lambda key: key[:2])
    assert len(keys) == 10


def test_a_file_that_cannot_be_parsed_leaves_the_others_standing(tmp_path: Path) -> None:
    result = scan(tmp_path, {"calls": ""}, {"a.py": "def", "b.py": "f()\n"})
    assert [problem.path for problem in result.problems] == ["a.py"]
    assert [finding.place.path for finding in result.findings] == ["b.py"]


def test_a_file_that_changes_during_the_scan(tmp_path: Path) -> None:
    def check(index: Index, options: Options) -> Report:
        (tmp_path / "a.py").write_text("def", encoding="utf-8")
        return calls(index, options)

    CHECKS["changing"] = check
    try:
        result = scan(tmp_path, {"changing": ""}, {"a.py": "f()\n"})
    finally:
        del CHECKS["changing"]
    assert [(problem.kind, problem.path) for problem in result.problems] == [("changed", "a.py")]
    assert [finding.place.span for finding in result.findings] == [WHOLE_FILE]


def test_too_large(tmp_path: Path) -> None:
    files = {"a.py": "f()\n" * 1024, "b.py": "f()\n" * 256}
    result = scan(tmp_path, {"calls": ""}, files, head="max-file-kilobytes = 1\n")
    assert [(problem.kind, problem.path) for problem in result.problems] == [("too-large", "a.py")]
    assert {finding.place.path for finding in result.findings} == {"b.py"}


def test_wrong_configuration(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="no contract type is named"):
        scan(tmp_path, {"unknown": ""}, {})
