"""A pull request that weakens what judges it: `governance check --base` in a real repository."""

import shutil
from pathlib import Path

import pytest

from governance.cache import FOLDER, Cache
from governance.engine import scan
from governance.findings import GUARD
from tests.functional.conftest import BYPASS, CONFIG, Project

WORKFLOW = "jobs:\n  gate:\n    steps:\n      - run: governance check --base origin/main\n"
LAYOUT = '\n[contracts.names]\ntype = "layout"\nrequired = ["README.md"]\nbecause = "it is read first"\n'
GUARDED = '\n[contracts.guard]\ntype = "policy"\nbecause = "it judges"\n'


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is known of the files of these projects: to find it out anew takes longer than all else here."""
    project = Project(tmp_path_factory.mktemp("known"))
    for number, text in enumerate((BYPASS, SUPPRESSED)):
        project.write(f"app/more{number}.py", text)
    scan(project.root, project.root / "governance.toml", Cache(project.root / FOLDER))
    return next((project.root / FOLDER).glob("facts-*"))


@pytest.fixture
def branch(project: Project, facts: Path) -> Project:
    """A branch that began at `main`, on which nothing has happened yet."""
    shutil.copytree(facts, project.root / FOLDER / facts.name)
    project.write(f"{FOLDER}/.gitignore", "*\n")
    project.write("governance.toml", CONFIG + LAYOUT)
    project.write("README.md", "# Demo\n")
    project.write(".github/workflows/ci.yml", WORKFLOW)
    project.git("init", "-q", "-b", "main")
    project.git("add", "-A")
    assert project.git("commit", "-q", "-m", "one").returncode == 0
    project.git("switch", "-q", "-c", "work")
    return project


def found(project: Project, config: str = "governance.toml", base: str = "main") -> list[str]:
    """`path:line message` of what the guard reports, without a process for each answer."""
    result = scan(project.root, project.root / config, Cache(project.root / FOLDER), base=base)
    findings = [each for each in result.findings if each.type == GUARD]
    return [f"{each.place.path}:{each.place.span.line} {each.message}" for each in findings]


def told(project: Project, *arguments: str, **environment: str) -> list[str]:
    """The same from the command line."""
    answer = project.check("--format", "json", *arguments, **environment)
    findings = [each for each in answer.json()["findings"] if each["type"] == GUARD]
    assert answer.code == (1 if findings else 0)
    return [f"{each['path']}:{each['line']} {each['message']}" for each in findings]


ALLOWED = 'allowed = ["app.runner:Runner.run"]'
CONFIGURED = CONFIG + LAYOUT


def changed(new: str) -> str:
    """The configuration with its allow list changed, or something put below it."""
    return CONFIGURED.replace(ALLOWED, new if new.startswith("allowed") else f"{ALLOWED}\n{new}")


MORE = CONFIGURED + LAYOUT.replace("names", "more")
OTHER = CONFIGURED.replace("only-runner", "other").replace("Plugin.run", "Plugin")
SUPPRESSED = BYPASS.replace("run({})", "run({})  # governance: except[only-runner] once")
RUNNER = "governance.toml:2 contract only-runner: "
SCAN = "run: governance check --base origin/main"


@pytest.mark.requirement("R-221")
@pytest.mark.parametrize(
    ("expected", "path", "text"),
    [
        pytest.param("", "governance.toml", CONFIGURED, id="nothing"),
        pytest.param("", "governance.toml", MORE, id="a contract more"),
        pytest.param("governance.toml:0 contract names is gone", "governance.toml", CONFIG, id="contract removed"),
        pytest.param("governance.toml:0 contract only-runner is gone", "governance.toml", OTHER, id="replaced"),
        pytest.param(
            f'{RUNNER}allowed was widened by "app.jobs"',
            "governance.toml",
            changed('allowed = ["app.runner:Runner.run", "app.jobs"]'),
            id="allow list",
        ),
        pytest.param(
            f'{RUNNER}exclude was widened by "app/jobs.py"',
            "governance.toml",
            changed('exclude = ["app/jobs.py"]'),
            id="exclude of a contract",
        ),
        pytest.param(
            f'{RUNNER}fail-on was lowered from "probable" to "definite"',
            "governance.toml",
            changed('fail-on = "definite"'),
            id="fail-on",
        ),
        pytest.param(
            'governance.toml:0 exclude was widened by "app/jobs.py"',
            "governance.toml",
            f'exclude = ["app/jobs.py"]\n{CONFIGURED}',
            id="exclude",
        ),
        pytest.param(
            'app/jobs.py:5 a suppression of "only-runner" was added: once',
            "app/jobs.py",
            SUPPRESSED,
            id="suppression",
        ),
        pytest.param(
            f".github/workflows/ci.yml:0 a line that has to do with the scanner is gone: {SCAN}",
            ".github/workflows/ci.yml",
            "jobs: {}\n",
            id="workflow",
        ),
    ],
)
def test_every_weakening_is_a_finding(branch: Project, expected: str, path: str, text: str) -> None:
    branch.write(path, text)
    assert found(branch) == ([expected] if expected else [])


def test_the_base_comes_from_the_command_line_or_the_environment(branch: Project) -> None:
    branch.write("governance.toml", CONFIG)
    branch.git("commit", "-q", "-a", "-m", "weaker")
    lines = ["governance.toml:0 contract names is gone"]
    assert told(branch, "--base", "main") == lines
    assert told(branch, GOVERNANCE_BASE="main") == lines
    assert told(branch, "--base", "HEAD", GOVERNANCE_BASE="main") == []
    assert told(branch, "--base", "main", "README.md") == lines, "paths restrict findings about code only"


def test_what_main_did_since_is_not_held_against_the_branch(branch: Project) -> None:
    branch.git("switch", "-q", "main")
    branch.write("governance.toml", CONFIGURED.replace(ALLOWED, "allowed = []"))
    branch.git("commit", "-q", "-a", "-m", "stricter")
    branch.git("switch", "-q", "work")
    assert found(branch) == []


def test_a_kept_result_knows_what_it_was_compared_with(branch: Project) -> None:
    branch.write("governance.toml", CONFIG)
    assert found(branch) == found(branch) != []
    assert found(branch, base="") == []
    branch.git("commit", "-q", "-a", "-m", "weaker")
    assert found(branch, base="HEAD") == []
    branch.git("branch", "-q", "-f", "main", "work")
    assert found(branch) == []


def test_a_kept_result_sees_suppressions_wherever_they_are_added(branch: Project) -> None:
    branch.write("app/jobs.py", BYPASS)
    assert found(branch) == found(branch) == []
    branch.write("app/jobs.py", SUPPRESSED)
    assert found(branch) == ['app/jobs.py:5 a suppression of "only-runner" was added: once']
    branch.write("other/jobs.py", BYPASS)
    branch.write("app/jobs.py", BYPASS)
    assert found(branch) == found(branch) == []
    branch.write("other/jobs.py", SUPPRESSED)
    assert found(branch) == ['other/jobs.py:5 a suppression of "only-runner" was added: once']


@pytest.mark.parametrize(
    "guard",
    [
        pytest.param("", id="no guard was configured"),
        pytest.param(GUARDED.replace("]\n", "]\ngates = []\ncommands = []\n", 1), id="a guard that is blind"),
    ],
)
def test_a_change_does_not_choose_its_judge(branch: Project, guard: str) -> None:
    branch.write("governance.toml", CONFIG + guard)
    branch.write(".github/workflows/ci.yml", "jobs: {}\n")
    assert len(found(branch)) == 2


def test_a_guard_that_is_taken_out_still_judges(branch: Project) -> None:
    branch.write("governance.toml", CONFIGURED + GUARDED)
    branch.git("commit", "-q", "-a", "-m", "guarded")
    branch.git("branch", "-q", "-f", "main", "work")
    branch.write("governance.toml", CONFIG)
    assert found(branch) == [
        "governance.toml:0 contract guard is gone",
        "governance.toml:0 contract names is gone",
    ]


def test_what_it_finds_cannot_be_suppressed(branch: Project) -> None:
    comments = "    # governance: except[only-runner] once\n    # governance: except[policy] and that too\n"
    branch.write("app/jobs.py", BYPASS.replace("    return", f"{comments}    return"))
    answer = branch.check("--base", "main", "--format", "concise")
    assert answer.code == 1
    assert answer.out.splitlines()[:-1] == [
        'app/jobs.py:5:1 policy a suppression of "only-runner" was added: once',
        'app/jobs.py:6:1 policy a suppression of "policy" was added: and that too',
        'app/jobs.py:6:5 suppressions what "policy" finds cannot be suppressed',
    ]


@pytest.mark.parametrize("key", ['exclude = ["governance.toml"]', 'tests = "exempt"'])
def test_what_it_finds_cannot_be_exempted(branch: Project, key: str) -> None:
    branch.write("governance.toml", CONFIGURED + GUARDED + key + "\n")
    answer = branch.check("--base", "main")
    assert answer.code == 2
    assert f"contracts.guard.{key.partition(' ')[0]}: what this contract finds cannot be exempted" in answer.err


@pytest.mark.parametrize("base", ["nowhere", "--all", "main:README.md"])
def test_a_base_that_is_none_is_no_way_out(branch: Project, base: str) -> None:
    answer = branch.check(f"--base={base}")
    assert answer.code == 1
    assert f'base = "{base}": git knows no common history with {base} here' in answer.out


def test_outside_of_a_repository_there_is_no_base(project: Project, tmp_path: Path) -> None:
    answer = project.check("--base", "main", GIT_CEILING_DIRECTORIES=str(tmp_path))
    assert answer.code == 1
    assert "git knows no common history with main here" in answer.out


def test_no_base_is_said_in_every_format(branch: Project) -> None:
    branch.write("governance.toml", CONFIGURED + GUARDED)
    reason = "not compared: there is no base; give one with --base REV or GOVERNANCE_BASE"
    for format_, line in (
        ("full", f"skipped: guard: {reason}"),
        ("concise", f"skipped: guard: {reason}"),
        ("github", f"::notice title=guard::{reason}"),
    ):
        answer = branch.check("--format", format_, GOVERNANCE_BASE="")
        assert (answer.code, line in answer.out.splitlines()) == (0, True)
        assert answer.out.endswith(", 2 contracts kept, 7 sites proven, 1 skipped\n")
    guard = next(each for each in branch.check("--format", "json").json()["contracts"] if each["id"] == "guard")
    assert (guard["state"], guard["note"]) == ("skipped", reason)
    assert f"    skipped: {reason}" in branch.run("contracts", "--bindings").out.splitlines()


def test_an_empty_base_is_a_mistake(branch: Project) -> None:
    answer = branch.check("--base", "")
    assert (answer.code, answer.err) == (2, "governance: --base needs a revision, such as origin/main\n")


def test_a_configuration_outside_of_the_project_has_no_past(branch: Project, tmp_path: Path) -> None:
    (tmp_path / "strict.toml").write_text(CONFIGURED, encoding="utf-8")
    answer = branch.run("check", "--config", "../strict.toml", "--root", ".", "--base", "main")
    assert answer.code == 1
    assert "the configuration in use lies outside of the project" in answer.out


def test_a_configuration_in_a_folder_is_compared_with_its_own_past(branch: Project) -> None:
    branch.write("ci/strict.toml", CONFIGURED)
    branch.git("add", "-A")
    branch.git("commit", "-q", "-m", "strict")
    branch.git("branch", "-q", "-f", "main", "work")
    branch.write("ci/strict.toml", CONFIG)
    assert found(branch, "ci/strict.toml") == ["ci/strict.toml:0 contract names is gone"]


def test_the_first_configuration_weakens_nothing(branch: Project) -> None:
    branch.git("rm", "-q", "--cached", "governance.toml")
    branch.git("commit", "-q", "-m", "none")
    branch.git("branch", "-q", "-f", "main", "work")
    assert found(branch) == []


def test_two_configurations_of_one_name_have_an_answer_each(branch: Project) -> None:
    strict = CONFIGURED.replace(ALLOWED, "allowed = []")
    branch.write("strict/governance.toml", strict)
    branch.git("add", "-A")
    assert branch.git("commit", "-q", "-m", "strict").returncode == 0
    branch.git("branch", "-f", "main")
    branch.write("strict/governance.toml", CONFIGURED)
    assert found(branch) == []
    assert len(found(branch, "strict/governance.toml")) == 1


def test_a_configuration_that_is_a_link_is_read_where_it_leads(branch: Project) -> None:
    (branch.root / "governance.toml").rename(branch.root / "real.toml")
    (branch.root / "governance.toml").symlink_to("real.toml")
    branch.git("add", "-A")
    assert branch.git("commit", "-q", "-m", "linked").returncode == 0
    branch.git("branch", "-f", "main")
    assert found(branch) == []
    branch.write("real.toml", CONFIGURED.replace(ALLOWED, 'allowed = ["app.runner:Runner.run", "app"]'))
    assert len(found(branch)) == 1
