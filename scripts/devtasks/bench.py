"""The figures: every script in benchmarks/ is a command that prints its own table."""

from collections.abc import Sequence

from devtasks.environment import ROOT
from devtasks.failure import TaskFailure
from devtasks.tasks import python

FOLDER = ROOT / "benchmarks"
ONLY_BY_NAME = frozenset(
    {"crash_runs", "crash_runs_postgres", "field_samples", "malformed_requests", "several_machines", "soak"}
)
"""They kill servers for many minutes, want namespaces of their own, or print samples to be read by somebody."""

WITH_WORDS = frozenset({"call_graph_oracle", "govbench_adapter"})
"""They have to be told what to look at, so they are started by hand or by other programs."""


def bench(arguments: Sequence[str]) -> int:
    """Run the benchmarks named, or all but ONLY_BY_NAME; 1 when one fails, TaskFailure when there is none to run."""
    known = {path.stem: path for path in sorted(FOLDER.glob("[!_]*.py")) if path.stem not in WITH_WORDS}
    unknown = [name for name in arguments if name not in known]
    if unknown or not known:
        asked = f"no benchmark named {', '.join(unknown)}" if unknown else f"no benchmark in {FOLDER.name}/"
        raise TaskFailure(f"{asked}; there are: {', '.join(known) or 'none'}")
    failed = [name for name in arguments or sorted(known.keys() - ONLY_BY_NAME) if _fails(name)]
    if failed:
        print(f"bench: failed: {', '.join(failed)}")
    return 1 if failed else 0


def _fails(name: str) -> bool:
    print(f"-- {name}", flush=True)
    return python(str(FOLDER / f"{name}.py")) != 0
