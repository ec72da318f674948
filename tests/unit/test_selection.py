"""A scan of the selected files finds what a scan of all files finds, on every contract page.

Beside each example stands its twin: the same files under other package names, which the contracts do not speak of and
nothing connects with the example. It is full of receivers nobody knows and of classes with the governed methods.
"""

import json
import re
from pathlib import Path

import pytest

from governance import connection, engine, reading
from governance.cache import Cache
from governance.contract_types import load
from governance.digest import digest
from governance.findings import Finding
from governance.settings import FileSettings, Settings
from governance.testing import Example, examples
from governance.testing.run import contract_of

PAGES = Path(__file__).parents[2] / "docs/reference/contracts"
EVERYTHING = {"frozen", "layout", "policy"}
"""Pages whose contracts are not about code, or look at all of it by their nature."""
EXAMPLES = [example for example in examples(PAGES) if example.contracts]


def written(example: Example, root: Path, cache: Cache) -> set[str]:
    """Write an example and its twin, what they say into the cache too; the packages of the twin."""
    files = {file.path: file.text for file in example.files if not (file.absent or file.at)}
    tops = {path.partition("/")[0] for path in files if "/" in path and path.endswith(".py")}
    words = re.compile(rf"\b({'|'.join(map(re.escape, tops))})\b") if tops else None
    if words is not None:
        files |= {
            words.sub(r"\1_twin", path): words.sub(r"\1_twin", text)
            for path, text in files.items()
            if path.endswith(".py") and path.partition("/")[0] in tops
        }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
        source = text.encode()
        if path.endswith(".py") and cache.facts(digest(source)) is None:
            cache.keep_facts(digest(source), json.dumps(reading.read(source)).encode())
    return {f"{top}_twin" for top in tops}


def found(root: Path, settings: Settings, cache: Cache, *, select: bool) -> tuple[tuple[Finding, ...], set[str]]:
    """The findings, and the packages that were not read."""
    inventory = engine.take_inventory(root, settings.files, cache)
    chosen = engine.choose(root, engine.names(settings, None), inventory, cache)
    read = chosen if select else inventory.readable
    result = engine.analyse(root, settings, inventory, chosen, read, cache)
    return result.findings, {file.module.partition(".")[0] for file in set(inventory.readable) - set(read)}


@pytest.mark.parametrize("page", sorted({example.page for example in EXAMPLES}))
def test_what_is_left_out_holds_no_finding(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WORTH", 1)
    cache = Cache(tmp_path / "cache")
    left_out = 0
    for number, example in enumerate(each for each in EXAMPLES if each.page == page):
        root = tmp_path / str(number)
        root.mkdir()
        twin = written(example, root, cache)
        contracts = tuple(contract_of(name, table, load) for name, table in example.contracts.items())
        settings = Settings("governance.toml", FileSettings(), contracts, {})
        some, missing = found(root, settings, cache, select=True)
        if missing:
            every, nothing = found(root, settings, cache, select=False)
            assert nothing == set()
            assert some == every, example.title
        assert missing <= twin
        left_out += bool(missing)
    assert (left_out > 0) is (page not in EVERYTHING)
