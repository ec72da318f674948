"""From the words on the command line to a task and its exit code."""

import difflib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from devtasks import tasks
from devtasks.audit import audit
from devtasks.bench import bench
from devtasks.ci import ci
from devtasks.coverage import coverage
from devtasks.failure import TaskFailure
from devtasks.lint import lint
from devtasks.lock import lock


@dataclass(frozen=True)
class Task:
    run: Callable[[Sequence[str]], int]
    text: str


TASKS = {
    "setup": Task(tasks.setup, "make .venv and install the locked packages (every other task does this first)"),
    "check": Task(tasks.check, "the scanner over this repository; more words go to `governance check`"),
    "test": Task(tasks.test, "all tests but the slow ones; more words go to pytest"),
    "serve": Task(tasks.serve, "the reference server; more words go to it, for example --port 9000"),
    "keys": Task(tasks.keys, "the server's API keys: create NAME, list, revoke ID"),
    "worker": Task(tasks.worker, "a worker without a server, for jobs in CTS_DATABASE_URL; --jobs N at a time"),
    "lint": Task(lint, "rules, formatting, types, import contracts, workflow files; or only the programs named"),
    "coverage": Task(coverage, "the tests under branch coverage, with a floor for each part"),
    "audit": Task(audit, "all tests, then which requirement rows have a passing check"),
    "bench": Task(bench, "the benchmarks but the longest, or those named"),
    "lock": Task(lock, "write requirements/*.txt anew from pyproject.toml; --upgrade takes newer versions"),
    "ci": Task(ci, "every step of the workflow in a clean clone; --here runs them in this checkout"),
}


def main(arguments: Sequence[str]) -> int:
    """Run one task and give its exit code; 2 when it could not be started, 130 when interrupted."""
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(usage())
        return 0 if arguments else 2
    name, *rest = arguments
    if name not in TASKS:
        close = difflib.get_close_matches(name, TASKS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(TASKS)}"
        print(f"dev.py: there is no task {name}; {hint}", file=sys.stderr)
        return 2
    # Tasks start hundreds of interpreters; compiling our modules anew in each would be most of their work.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        return TASKS[name].run(rest)
    except TaskFailure as failure:
        print(f"dev.py: {failure}", file=sys.stderr)
        return failure.exit_code
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        print(f"dev.py: {what}; mend that, or remove .venv, and run the same command again", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("dev.py: interrupted; the next run starts where it is safe", file=sys.stderr)
        return 130


def usage() -> str:
    width = max(map(len, TASKS))
    rows = [f"  {name:<{width}}  {task.text}" for name, task in TASKS.items()]
    return "\n".join(["usage: python3 scripts/dev.py TASK [more words]", "", *rows])
