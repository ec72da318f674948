"""Running examples through the real steps, with a contract type small enough to see through."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from governance.contract import Broken, Report, Trail, Violation
from governance.contract_types import ContractType
from governance.findings import Grade
from governance.index import Index
from governance.testing import answer, examples, parse, run


@dataclass(frozen=True, slots=True)
class Options:
    """Calls of this function are findings; calls through an attribute of that name are possible ones."""

    function: str
    whole_files: bool = False


def check(index: Index, given: Options) -> Report:
    report = Report(sites=len(index.project.calls(given.function)))
    if not any(index.project.scope(each).name == given.function for each in index.project.scopes("function")):
        return Report(broken=[Broken("function", given.function, "names nothing", "nearest")])
    for ref in index.project.calls(given.function):
        direct = index.project.node((ref[0], index.project.node(ref)[1]))[0] != "attr"
        grade = Grade.DEFINITE if direct else Grade.POSSIBLE
        message = f"{index.project.text(ref)} is called"
        report.violations.append(Violation("call", message, grade, ref, chain=(Trail("because it is", ref),)))
    if given.whole_files:
        for module in index.project.modules.values():
            report.violations.append(Violation("file", f"{module.name} exists", Grade.DEFINITE, path=module.path))
    return report


def find_type(name: str) -> ContractType | None:
    return ContractType(name, Options, check) if name == "no-call" else None


PAGE = """# no-call

```toml
[quiet]
type = "no-call"
function = "f"
{options}
```

`pkg/__init__.py`:
```py
def f(x=0): ...
```

## One

{comment}

`pkg/m.py`: {note}
```py
from pkg import f

x = (
    f(1){first}
)
obj.f(){second}
```
"""


def mismatches(**texts: str) -> list[str]:
    given = dict.fromkeys(("options", "comment", "note", "first", "second"), "") | texts
    found = [each for example in parse(PAGE.format(**given), "page") for each in run(example, find_type)]
    return [str(each) for each in found]


RIGHT = {"first": "  # finding[call]: f(...) is called", "second": "  # possible: obj.f"}


def test_right_annotations_hold() -> None:
    (example,) = parse(PAGE.format(options="", comment="", note="", **RIGHT))
    assert run(example, find_type) == []
    assert [each.chain for each in answer(example, find_type).reported] == [("because it is",)] * 2


@pytest.mark.parametrize(
    ("expected", "texts"),
    [
        pytest.param("missed finding[call]: g()", {"first": "  # finding[call]: g()"}, id="wrong text"),
        pytest.param("missed finding[other]", {"first": "  # finding[other]: f"}, id="wrong check"),
        pytest.param("false alarm finding[call]: f(...) is called", {"first": ""}, id="annotation left out"),
        pytest.param("false alarm possible[call]", {"second": ""}, id="possible left out"),
        pytest.param("missed finding: obj.f", {"second": "  # finding: obj.f"}, id="possible taken for a finding"),
        pytest.param("missed finding: x", {"note": "<!-- finding: x -->"}, id="file that is not reported"),
        pytest.param("false alarm finding[file]: pkg.m exists", {"options": "whole-files = true"}, id="file"),
        pytest.param("'function' should name nothing", {"comment": "<!-- broken: function -->"}, id="not broken"),
        pytest.param("quiet.wrong: unknown key", {"options": "wrong = 1"}, id="unknown option"),
    ],
)
def test_wrong_annotations_fail(expected: str, texts: dict[str, str]) -> None:
    assert any(expected in each for each in mismatches(**RIGHT | texts))


@pytest.mark.parametrize(
    ("expected", "page"),
    [
        pytest.param("there is no contract type 'nothing'", 'type = "nothing"|f()', id="unknown type"),
        pytest.param("no-call.function: missing", 'type = "no-call"|f()', id="option missing"),
        pytest.param("m.py cannot be read", 'type = "no-call"\nfunction = "f"|def f(:', id="syntax error"),
        pytest.param("option 'function': g names nothing", 'type = "no-call"\nfunction = "g"|pass', id="anchor"),
        pytest.param("no-call looked at nothing", 'type = "no-call"\nfunction = "f"|def f(): ...', id="vacuous"),
    ],
)
def test_examples_that_prove_nothing_fail(expected: str, page: str) -> None:
    toml, code = page.split("|")
    (example,) = parse(f"```toml\n{toml}\n```\n## One\n`m.py`:\n```py\n{code}\n```\n", "page")
    (found,) = run(example, find_type)
    assert expected in str(found)


def test_fail_on_moves_the_level() -> None:
    texts = {"options": 'fail-on = "possible"', "first": RIGHT["first"], "second": "  # finding: obj.f"}
    assert mismatches(**texts) == []


def test_a_page_that_cannot_be_read_is_a_failing_example(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("## One\n```py\nf()\n```\n", encoding="utf-8")
    (tmp_path / "b.md").write_text(PAGE.format(options="", comment="", note="", **RIGHT), encoding="utf-8")
    unreadable, good = examples(tmp_path)
    assert (unreadable.id, good.id) == ("a: (unreadable page)", "b: One")
    assert "a:2: a Python block needs a file name" in str(run(unreadable, find_type)[0])
    assert run(good, find_type) == []


def test_a_page_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        examples(tmp_path / "missing.md")
