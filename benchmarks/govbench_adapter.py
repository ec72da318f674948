"""Runs the scanner on labelled cases: `govbench_adapter.py CASE_DIR` or `govbench_adapter.py --batch ROOT`.

A case is a small project with a `govbench.json` that says what its maintainers would configure. It is written as an
ordinary `governance.toml`, the ordinary scan runs, and its failing findings are printed as
`{"findings": [{"kind", "file", "line"}]}`. Nothing here or in the scanner knows a case.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from governance.cache import Cache
from governance.engine import scan
from governance.findings import Finding

Table = dict[str, Any]

KINDS = {
    "call-confinement": {"": "call-confinement"},
    "metrics-finally": {"": "metrics-finally"},
    "lifecycle": {"": "lifecycle-vocabulary"},
    "jobs": {"": "job-transition", "foreign-writer": "state-ownership"},
    "layering": {"": "layering"},
    "runner-contract": {"": "runner-contract"},
    "runner-metrics": {"": "runner-contract"},
    "api-errors": {"": "", "unlisted-status": "", "http-below-boundary": ""},
    "layout": {"": "layout-name", "test-location": "test-location"},
    "frozen": {"": "frozen-file"},
}
"""Contract id -> check -> kind of finding; "" as a key: every other check; "" as a value: the check is the kind."""


def contracts(case: Table) -> Iterator[tuple[str, Table]]:
    """The contracts that the maintainers of a case would write, by id."""
    if "call_confinement" in case:
        it = case["call_confinement"]
        yield "call-confinement", {
            "type": "confined-call", "methods": it["confined"], "allowed": it["allowed"], "tests": it["tests"],
        }  # fmt: skip
    if "metrics_finally" in case:
        it = case["metrics_finally"]
        mode = {"after-call": "after"}.get(it["scope"], it["scope"])
        yield "metrics-finally", {
            "type": "must-call", "function": [it["runner"]], "call": [it["metrics"]], "trigger": [it["confined"]],
            "mode": mode,
        }  # fmt: skip
    if "lifecycle" in case:
        it = case["lifecycle"]
        yield "lifecycle", {
            "type": "vocabulary", "enum": [it["enum"]], "values": it["valid"], "forbidden": it["forbidden"],
            "attributes": it["attributes"], "tests": it["tests"],
            "parameters": [each.replace(":", ".") for each in it["parameters"]],
        }  # fmt: skip
    if "jobs" in case:
        it = case["jobs"]
        table = {**{to: [] for many in it["transitions"].values() for to in many}, **it["transitions"]}
        yield "jobs", {
            "type": "state-machine", "attribute": it["attribute"], "enum": [it["enum"]], "initial": [it["initial"]],
            "owners": it["owners"], "transitions": table, "unguarded": "probable",
        }  # fmt: skip
    if "layers" in case:
        outside = [dotted(path, case["source_roots"]) for path in case["test_paths"]]
        yield "layering", {**_layers(case["layers"]), "outside": outside}
    if "runner_contract" in case:
        yield "runner-contract", _runner(case["runner_contract"])
    if "api_errors" in case:
        it = case["api_errors"]
        yield "api-errors", {
            "type": "boundary-errors", "routes": it["route_packages"], "services": [it["service_package"]],
            "wrapper": [it["wrapper"]], "domain-errors": [it["domain_error"]], "tests": "exempt",
        }  # fmt: skip
    if "layout" in case:
        it = case["layout"]
        yield "layout", {
            "type": "layout", "forbidden-names": [it["forbidden_name"]], "identifiers": it["identifiers_too"],
            "test-root": [it["test_root"]],
        }  # fmt: skip
        if it["frozen"]:
            yield "frozen", {"type": "frozen", "files": it["frozen"]}


def _layers(it: Table) -> Table:
    return {
        "type": "layers",
        "order": it["order"],
        "modules": it["modules"],
        "entry": {layer: [symbol] for layer, symbol in it["entry"].items()},
        "composition-roots": it["composition_roots"],
        "type-checking-imports": it["type_checking_imports"],
        "undeclared": it["modules_in_no_layer"],
        "tests": it["tests"],
    }


def dotted(path: str, roots: list[str]) -> str:
    """The module that a folder is."""
    for root in roots:
        path = path.removeprefix(f"{root}/")
    return path.strip("/").replace("/", ".")


def _runner(it: Table) -> Table:
    names = [f"{name}: {it['annotations'][name]}" if name in it["annotations"] else name for name in it["parameters"]]
    start = "async def" if it["async"] else "def"
    return {
        "type": "signature",
        "functions": [f"{it['class']}.{it['method']}"],
        "signature": f"{start} {it['method']}({', '.join(names)}) -> {it['returns']}",
        "handles": [it["require_except"]] if it["require_try"] else [],
        "requires-finally": it["require_finally"],
    }


def toml(value: Any) -> str:
    """A value as TOML, tables inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def configuration(case: Table) -> str:
    """The governance.toml of a case."""
    lines = [f"source-roots = {toml(case['source_roots'])}", f"test-files = {toml([*case['test_paths']])}"]
    for slug, table in contracts(case):
        lines.append(f'\n[contracts.{slug}]\nbecause = "the maintainers say so"')
        lines += [f"{key} = {toml(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def findings(root: Path) -> Iterator[dict[str, str | int]]:
    """What the scanner reports on one case."""
    case = json.loads((root / "govbench.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "governance.toml"
        config.write_text(configuration(case), encoding="utf-8")
        result = scan(root, config, Cache(None))
    for problem in result.problems:
        sys.stderr.write(f"{root.name}: {problem.kind}: {problem.message}\n")
    for finding in result.findings:
        if finding.fails and finding.check != "anchor":
            yield {"kind": kind(finding), "file": finding.place.path, "line": finding.place.span.line}
        elif finding.check == "anchor" and finding.contract in ("metrics-finally", "runner-contract"):
            # A runner that is not there has no place of its own: the finding is about the file it should be in.
            yield {"kind": kind(finding), "file": home(root, case, finding), "line": 0}


def kind(finding: Finding) -> str:
    """The kind of a finding."""
    table = KINDS[finding.contract]
    return table.get(finding.check, table[""]) or finding.check


def home(root: Path, case: Table, finding: Finding) -> str:
    """The file that the longest existing prefix of a symbol names."""
    parts = finding.subject.replace(":", ".").split(".")
    for source in case["source_roots"]:
        for count in range(len(parts), 0, -1):
            path = Path(source, *parts[:count]).with_suffix(".py")
            if (root / path).is_file():
                return path.as_posix()
    return finding.place.path


def main(arguments: list[str]) -> int:
    """Print the findings of one case, or of every case below a folder."""
    if len(arguments) == 1 and arguments[0] != "--batch":
        found = list(findings(Path(arguments[0]).resolve()))
    elif len(arguments) == 2 and arguments[0] == "--batch":
        root = Path(arguments[1]).resolve()
        found = [
            {**each, "file": f"{case.name}/{each['file']}"}
            for case in sorted(root.iterdir())
            if (case / "govbench.json").is_file()
            for each in findings(case)
        ]
    else:
        sys.stderr.write(f"{__doc__}")
        return 2
    json.dump({"findings": found}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
