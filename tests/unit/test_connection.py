"""Connection is told from bytes: no spelling of an import escapes it, and no mere word makes one."""

from dataclasses import replace
from pathlib import Path

import pytest

from governance import connection
from governance.cache import Cache
from governance.connection import named
from governance.engine import scan
from tests.functional.conftest import BYPASS, FILES

MODULES = {"app", "app.base", "lib", "lib.x"}
NAMED = [
    ("import app", {"app"}),
    ("import os, app.base as b", {"os", "app"}),
    ("from app.base import Plugin", {"app"}),
    ("if x: import app", {"app"}),
    ("x = 1; from app import base", {"app"}),
    ("from \\\n  app \\\n  import base", {"app"}),
    ("from app . base import (\n  Plugin,\n)", {"app"}),
    ("import \uff41pp", {"app"}),
    ('importlib.import_module("app")', {"app"}),
    ('load("app.base:Plugin")', {"app"}),
    ("load('app/base.py')", {"app"}),
    (r'load("\x61pp.base")', {"app"}),
    ("# adapted from lib\nimport app", {"app"}),
    ("# values taken from .\nimport app", {"app"}),
    ('"""Made from lib\n"""\nimport app.base', {"app"}),
    ("import_module(u'app')", {"app"}),
    ("__import__('app')", {"app"}),
    ("from importlib import import_module as load\nload('app')", {"app", "importlib"}),
    ("import importlib\nN = 'app'\nimportlib.import_module(N)", {"app", "importlib"}),
    ("import importlib\nN = {'kind': 'app'}\nimportlib.import_module(N['kind'])", {"app", "importlib", "kind"}),
    ("import importlib\nif n == 'app':\n    importlib.import_module(n)", {"app", "importlib"}),
    ("import importlib\nif n == 'app': importlib.import_module(n)", {"app", "importlib"}),
    ("import importlib\nmatch n:\n    case 'app': importlib.import_module(n)", {"app", "importlib"}),
    ("import importlib\nfor n in 'core', 'app':  # both\n    importlib.import_module(n)", {"core", "app", "importlib"}),
    ("import importlib\nN = {\n    'app' : 1, 'core': 2\n}", {"importlib"}),
    ("import importlib\nSCOPE = {'app': 1, 'other' : 2}", {"importlib"}),
    ("import sys\nsys.modules['app'].base", {"app", "sys"}),
    ("from . import base", set()),
    ('load("app.other")', set()),
    ("# the app of from", set()),
    ('say("app")', set()),
]


@pytest.mark.parametrize(("text", "found"), NAMED, ids=[row[0] for row in NAMED])
def test_what_a_text_names(text: str, found: set[str]) -> None:
    assert named(text, MODULES) == found


FAR = "def go(plugin):\n    return plugin.run({})\n"
CONNECTING = [
    ("nothing", b"", False),
    ("an import of the package", b"import app\n", True),
    ("an import in another encoding", "# coding: utf-7\nimport app".encode("utf-7").replace(b"+AAo-", b"\n"), True),
    ("a file that cannot be decoded", b"x = '\xe9'\n", True),
    ("a word", b"# app\napp = 1\n", False),
]


def project(root: Path, **more: bytes) -> Path:
    files = {path: text.encode() for path, text in FILES.items()}
    files |= {"app/jobs.py": BYPASS.encode(), "far/__init__.py": b"", "far/go.py": FAR.encode()}
    for path, content in {**files, **{name.replace("__", "/") + ".py": text for name, text in more.items()}}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


@pytest.mark.parametrize(("content", "read"), [row[1:] for row in CONNECTING], ids=[row[0] for row in CONNECTING])
def test_a_package_is_read_if_it_is_connected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, read: bool
) -> None:
    monkeypatch.setattr(connection, "WORTH", 1)
    root = project(tmp_path, far__link=content)
    result = scan(root, root / "governance.toml", Cache(None))
    assert (result.left_out == 0) is read
    assert any(finding.place.path == "far/go.py" for finding in result.findings) is read


def test_the_way_may_lead_through_others_and_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WORTH", 1)
    root = project(tmp_path, app__use=b"import tools.one\n", tools__one=b"", tools__two=b"", far__x=b"import tools\n")
    assert scan(root, root / "governance.toml", Cache(None)).left_out == 0


def test_little_is_read_anyway(tmp_path: Path) -> None:
    root = project(tmp_path)
    assert scan(root, root / "governance.toml", Cache(None)).left_out == 0


def test_a_change_where_no_contract_looks_keeps_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WORTH", 1)
    root = project(tmp_path)
    before = scan(root, root / "governance.toml", Cache(root / ".governance_cache"))

    def unwanted(*_: object) -> None:
        raise AssertionError("the contracts were evaluated")

    with monkeypatch.context() as patched:
        patched.setattr("governance.engine.analyse", unwanted)
        (root / "far" / "more.py").write_bytes(FAR.encode())
        after = scan(root, root / "governance.toml", Cache(root / ".governance_cache"))
        assert after == replace(before, files=before.files + 1, left_out=before.left_out + 1)
        assert scan(root, root / "governance.toml", Cache(root / ".governance_cache")) == after
        (root / "app" / "jobs.py").write_bytes(b"x = 1\n")
        with pytest.raises(AssertionError, match="evaluated"):
            scan(root, root / "governance.toml", Cache(root / ".governance_cache"))
    (root / "far" / "more.py").write_bytes(b"import app\n" + FAR.encode())
    connected = scan(root, root / "governance.toml", Cache(root / ".governance_cache"))
    assert connected == scan(root, root / "governance.toml", Cache(None))
    assert connected.left_out == 0


def test_the_findings_of_a_scan_of_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WORTH", 1)
    root = project(
        tmp_path, far__other=b"def run(x):\n    return x\n", far__marked=b"x = 1  # governance: except[a] b\n"
    )
    cache = Cache(root / ".governance_cache")
    some = scan(root, root / "governance.toml", cache)
    every = scan(root, root / "governance.toml", Cache(None), select=False)
    assert (some.left_out, every.left_out) == (3, 0)
    assert some.findings == every.findings
    assert [finding.place.path for finding in some.findings].count("far/go.py") == 0
    again = scan(root, root / "governance.toml", Cache(root / ".governance_cache"))
    assert again == some
    (root / "far" / "go.py").write_bytes(b"from app.jobs import retry\n\n" + FAR.encode())
    changed = scan(root, root / "governance.toml", Cache(root / ".governance_cache"))
    assert changed.left_out == 0
    assert len(changed.findings) == len(some.findings) + 1
