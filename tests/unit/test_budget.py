"""A scan that ran out of its budget says so, and is never a pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.cache import Cache
from governance.engine import scan
from governance.index import solver
from governance.result import Exit

CONFIG = """
[contracts.only-run-goes]
type = "confined-call"
methods = ["m:A.go"]
allowed = ["m:run"]
because = "there is one door"
"""
SOURCE = "class A:\n    def go(self): ...\n\n\ndef run(a: A):\n    a.go()\n"


@pytest.mark.parametrize(("budget", "code"), [(solver.BUDGET, Exit.KEPT), (0, Exit.INCOMPLETE)], ids=["enough", "none"])
def test_a_used_up_budget_is_incomplete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: int, code: Exit
) -> None:
    (tmp_path / "m.py").write_text(SOURCE, encoding="utf-8")
    config = tmp_path / "governance.toml"
    config.write_text(CONFIG, encoding="utf-8")
    monkeypatch.setattr(solver, "BUDGET", budget)
    result = scan(tmp_path, config, Cache(None))
    assert [problem.kind for problem in result.problems if problem.kind == "budget"] == ["budget"] * (budget == 0)
    assert result.exit == code
