"""Everything that judges the code without running it; all of it runs, so that one round shows every complaint."""

from collections.abc import Sequence

from devtasks.failure import TaskFailure
from devtasks.tasks import program

CHECKS: tuple[tuple[str, ...], ...] = (
    ("ruff", "check", "--quiet"),
    ("ruff", "format", "--check", "--quiet"),
    ("mypy",),
    ("lint-imports", "--no-logo"),
    ("check-jsonschema", "--quiet", "--builtin-schema=vendor.github-workflows", ".github/workflows/execution-ci.yml"),
    ("check-jsonschema", "--quiet", "--builtin-schema=vendor.dependabot", ".github/dependabot.yml"),
    ("zizmor", "--offline", "--no-progress", "--quiet", ".github"),
)


def lint(arguments: Sequence[str]) -> int:
    """Run each check, or those of the programs named, and say which failed; 1 when one did."""
    programs = dict.fromkeys(words[0] for words in CHECKS)
    if unknown := [name for name in arguments if name not in programs]:
        raise TaskFailure(f"lint runs {', '.join(programs)}, not {', '.join(unknown)}")
    chosen = [words for words in CHECKS if not arguments or words[0] in arguments]
    failed = []
    for words in chosen:
        print(f"-- {' '.join(words)}", flush=True)
        if program(*words):
            failed.append(words[0])
    print(f"lint: failed: {', '.join(dict.fromkeys(failed))}" if failed else f"lint: {len(chosen)} checks passed")
    return 1 if failed else 0
