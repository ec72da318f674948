"""The whole command on input that nobody wrote: an answer with an exit code, never a crash, never a traceback."""

from __future__ import annotations

import random
import shutil
import typing
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance import cli, contract_types, presets
from governance.contracts.policy import promises
from governance.contracts.policy.strength import weakenings
from governance.options import key_of
from governance.settings import FileSettings, Terms
from tests.unit.extract.programs import program
from tests.unit.extract.test_never_crashes import edited

ROOT = Path(__file__).parents[2]


@dataclass
class Said:
    """What a run answered."""

    code: int
    out: str
    err: str


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> Said:
    """The command line in this process; whatever it is asked, it answers."""
    code = cli.main([*arguments])
    out, err = capsys.readouterr()
    assert code in (0, 1, 2, 3), out + err
    assert "Traceback" not in out + err
    assert all(line.startswith("governance: ") for line in err.splitlines())
    assert bool(err) >= (code == 2)
    return Said(code, out, err)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the server with its contracts: code that every part of the engine looks at closely."""
    shutil.copytree(ROOT / "server/app", tmp_path / "server/app")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GOVERNANCE_DEBUG", raising=False)
    return tmp_path


def disturb(server: Path, choices: random.Random, count: int) -> list[str]:
    """Edit some files at random, and put a random program beside them."""
    paths = [
        server / path.relative_to(ROOT) for path in choices.sample(sorted((ROOT / "server/app").rglob("*.py")), count)
    ]
    for path in paths:
        text = edited((ROOT / path.relative_to(server)).read_text("utf-8"), choices)
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
    extra = server / f"server/app/extra_{choices.randrange(3)}.py"
    extra.write_text(program(choices.randrange(10**6), "function"), encoding="utf-8")
    return [path.relative_to(server).as_posix() for path in paths]


def look_at_edits(server: Path, capsys: pytest.CaptureFixture[str], seeds: range) -> None:
    for seed in seeds:
        choices = random.Random(seed)
        paths = disturb(server, choices, 6)
        assert run(capsys, "check", "--format", "json").out
        run(capsys, "explain", f"{choices.choice(paths)}:{choices.randint(1, 60)}")
        if seed % 10 == 0:
            run(capsys, "blind-spots")
            run(capsys, "trace", "server.app.plugins.plugin:Plugin.run")


def test_edited_files(server: Path, capsys: pytest.CaptureFixture[str]) -> None:
    look_at_edits(server, capsys, range(1, 2))


@pytest.mark.slow
@pytest.mark.parametrize("start", range(100, 200, 10))
def test_many_edited_files(server: Path, capsys: pytest.CaptureFixture[str], start: int) -> None:
    look_at_edits(server, capsys, range(start, start + 10))


def kinds() -> Iterator[tuple[str, dict[str, Any]]]:
    """The types with their options and the kind of value each takes."""
    for name in contract_types.own_types():
        kind = contract_types.load(name)
        assert kind is not None
        hints = typing.get_type_hints(kind.options)
        yield name, {key_of(field): hints[field.name] for field in fields(kind.options)}


KINDS = dict(kinds())
SYMBOLS = (
    "app.base:Plugin.run",
    "app.runner:Runner",
    "app",
    "app.*",
    "no.such:thing",
    "app.base:Plugin.",
    ":",
    "",
    "**",
)
TEXTS = (
    *SYMBOLS,
    "checked",
    "exempt",
    "finding",
    "definite",
    "unresolved",
    "after",
    "a",
    "RUNNING",
    "main",
    "[",
    "../x",
    "/",
    "\x00",
)
texts = st.one_of(st.sampled_from(TEXTS), st.text(max_size=5))
plain = st.one_of(texts, texts, st.integers(), st.booleans(), st.floats())
lists = st.lists(st.one_of(texts, plain), max_size=3)
values: st.SearchStrategy[Any] = st.one_of(
    plain,
    lists,
    st.dictionaries(texts, st.one_of(texts, lists), max_size=3),
    st.lists(st.lists(texts, max_size=1), max_size=1),
)
TERMS = [key_of(field) for field in fields(Terms)]
FILES = [key_of(field) for field in fields(FileSettings)]


def fitting(hint: Any) -> st.SearchStrategy[Any]:
    """Values of the right kind that may name something."""
    symbols = st.sampled_from(SYMBOLS[:5])
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return st.lists(symbols, min_size=1, max_size=2, unique=True)
    if origin is dict:
        return st.dictionaries(symbols, fitting(arguments[1]), min_size=1, max_size=2)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    return {bool: st.booleans(), int: st.integers(0, 500)}.get(hint, symbols)


@st.composite
def contract(draw: st.DrawFn) -> dict[str, Any]:
    """One that is right, or nearly so."""
    name = draw(st.sampled_from(sorted(KINDS)))
    table: dict[str, Any] = {key: draw(fitting(hint)) for key, hint in KINDS[name].items()}
    if name == "layers":
        table["modules"] = {layer: ["app.*"] for layer in table["order"]}
    table = {key: table[key] for key in draw(st.lists(st.sampled_from([*table]), unique=True))} or table
    table |= {"type": name, "because": "so"}
    if draw(st.integers(0, 2)) == 0:
        wrong = draw(st.lists(st.sampled_from([*KINDS[name], *TERMS]), max_size=2))
        table |= {key: draw(values) for key in wrong}
    return table


contracts = st.dictionaries(st.sampled_from(["one", "two", "only-runner"]), contract(), min_size=1, max_size=2)
blanks = st.dictionaries(st.sampled_from(["runner", "plugin-run", "layers", "x"]), values)
documents = st.one_of(
    st.fixed_dictionaries({"contracts": contracts}),
    st.fixed_dictionaries(
        {"contracts": st.one_of(contracts, st.dictionaries(texts, contract(), max_size=1))},
        optional={
            **dict.fromkeys(FILES, values),
            "presets": st.one_of(st.just(presets.names()), values),
            **dict.fromkeys(presets.names(), blanks),
            "unheard-of": values,
        },
    ),
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose facts are in the cache, so that a run costs no process."""
    root = tmp_path_factory.mktemp("small")
    (root / "app").mkdir()
    (root / "app/base.py").write_text("class Plugin:\n    def run(self): ...\n", encoding="utf-8")
    (root / "app/runner.py").write_text(
        "from app.base import Plugin\nclass Runner:\n    def run(self, p: Plugin):\n        p.run()\n", encoding="utf-8"
    )
    return root


def judge(small: Path, capsys: pytest.CaptureFixture[str], document: dict[str, Any], keep: str) -> None:
    (small / "governance.toml").write_bytes("\n".join(toml(document)).encode("utf-8", "surrogatepass"))
    arguments = ["--root", str(small), "--config", str(small / "governance.toml")]
    said = run(capsys, "check", *arguments, "--format", keep)
    if said.code == 2:
        assert said.out == ""
    else:
        assert run(capsys, "contracts", *arguments, "--bindings").code in (0, 1)


reasonable = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@settings(reasonable, max_examples=60)
@given(documents, st.sampled_from(["full", "json", "github", "concise"]))
def test_any_configuration(
    small: Path, capsys: pytest.CaptureFixture[str], document: dict[str, Any], keep: str
) -> None:
    judge(small, capsys, document, keep)


@pytest.mark.slow
@settings(reasonable, max_examples=2_000)
@given(documents, st.sampled_from(["full", "json", "github", "concise"]))
def test_many_configurations(
    small: Path, capsys: pytest.CaptureFixture[str], document: dict[str, Any], keep: str
) -> None:
    judge(small, capsys, document, keep)


@settings(reasonable, max_examples=60)
@given(documents)
def test_any_configuration_at_the_base(document: dict[str, Any]) -> None:
    content = "\n".join(toml(document)).encode("utf-8", "surrogatepass")
    try:
        policy = promises.read("governance.toml", content, lambda _: None)
    except promises.Unreadable:
        return
    odd = {name for name, promise in policy.promises.items() if promise.mistake}
    assert {each.contract for each in weakenings(policy, policy)} == odd


def toml(table: dict[str, Any]) -> Iterator[str]:
    """TOML text; tables inside are written inline, so that keys can be anything."""
    for key, value in table.items():
        if key != "contracts":
            yield f"{quoted(key)} = {written(value)}"
    for name, inner in table["contracts"].items():
        yield f"[contracts.{quoted(name)}]"
        yield from (f"{quoted(key)} = {written(value)}" for key, value in inner.items())


def written(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return quoted(value)
        case list():
            return f"[{', '.join(map(written, value))}]"
        case dict():
            return f"{{{', '.join(f'{quoted(key)} = {written(each)}' for key, each in value.items())}}}"
        case _:
            return str(value).replace("e+", "e")


def quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(char):08X}" for char in text) + '"'
