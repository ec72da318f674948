"""Peers: other tools in environments of their own, each with the rule of its kind that comes nearest to ours.

None of them can say what the contracts say. ruff only reads the files (`E9`: syntax errors); ast-grep, Semgrep and
Fixit report every `.run(...)`, whose method it is they do not know; import-linter forbids an import between packages.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.scan.corpora import BUILD, GOVERNED, Corpus, environment

SEMGREP: Final = """rules:
  - id: nobody-calls-run
    languages: [python]
    severity: ERROR
    message: nobody calls run
    pattern: $PLUGIN.run(...)
"""
FIXIT: Final = '''"""Nobody calls run."""

import libcst as cst
from fixit import LintRule


class NobodyCallsRun(LintRule):
    VALID = []
    INVALID = []

    def visit_Call(self, node: cst.Call) -> None:
        if isinstance(node.func, cst.Attribute) and node.func.attr.value == "run":
            self.report(node, "nobody calls run")
'''


@dataclass(frozen=True)
class Peer:
    """A tool as it is run in a corpus; largest: the corpus beyond which nobody would wait for it."""

    name: str
    says: str
    requirement: str
    codes: tuple[int, ...]
    largest: str = "large"

    def install(self) -> str:
        """Why it cannot be had; empty if it is there."""
        return environment(self.requirement.partition("==")[0], self.requirement)

    def command(self, corpus: Corpus) -> Sequence[str | Path]:
        """The words that run it on a corpus; what it needs is written first."""
        home = BUILD / "peers" / self.requirement.partition("==")[0] / "bin"
        rules = BUILD / "rules"
        rules.mkdir(exist_ok=True)
        if self.name == "ast-grep":
            return [home / "ast-grep", "run", "--lang", "python", "--pattern", "$PLUGIN.run($$$)", "--json=stream", "."]
        if self.name == "Semgrep":
            (rules / "run.yml").write_text(SEMGREP, encoding="utf-8")
            options = ["--metrics=off", "--disable-version-check", "--quiet", "--json", "--max-target-bytes=0"]
            return [home / "semgrep", "scan", *options, "--config", rules / "run.yml", "."]
        if self.name == "import-linter":
            return [home / "lint-imports", "--config", self._imports(corpus, rules), "--no-cache"]
        package = rules / "fixit_rules"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").touch()
        (package / "run.py").write_text(FIXIT, encoding="utf-8")
        return [home / "python", "-m", "fixit", "--quiet", "--rules", "fixit_rules.run:NobodyCallsRun", "lint", "."]

    def _imports(self, corpus: Corpus, rules: Path) -> Path:
        config = rules / f"{corpus.name}.importlinter"
        packages = "\n    ".join([GOVERNED, *corpus.packages])
        forbidden = (
            f"source_modules =\n    {GOVERNED}.app.api\nforbidden_modules =\n    {GOVERNED}.app.plugins.runtime\n"
        )
        text = f"[importlinter]\nroot_packages =\n    {packages}\n\n[importlinter:contract:1]\n"
        config.write_text(f"{text}name = nobody imports the runner\ntype = forbidden\n{forbidden}", encoding="utf-8")
        return config


PEERS: Final = (
    Peer("ast-grep", "every `.run(...)`", "ast-grep-cli==0.51.1", (0, 1)),
    Peer("import-linter", "a forbidden import", "import-linter==2.16", (0, 1)),
    Peer("Semgrep", "every `.run(...)`", "semgrep==1.185.0", (0, 1)),
    Peer("Fixit", "every `.run(...)`", "fixit==2.2.1", (0, 1), "small"),
)
RUFF: Final = "ruff==0.17.5"


def ruff(corpus: Corpus, *, cold: bool) -> Sequence[str | Path]:
    """ruff looking for syntax errors; cold: without what it remembers."""
    home = BUILD / "peers" / "ruff" / "bin" / "ruff"
    remember = ["--no-cache"] if cold else ["--cache-dir", BUILD / "ruff-cache" / corpus.name]
    return [home, "check", "--isolated", "--select", "E9", "--exit-zero", "--quiet", *remember, "."]


def forget(corpus: Corpus) -> None:
    """Nothing that ruff remembers of a corpus is left."""
    shutil.rmtree(BUILD / "ruff-cache" / corpus.name, ignore_errors=True)
