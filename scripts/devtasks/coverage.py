"""All tests under branch coverage, and a floor for each part of the code."""

from collections.abc import Sequence

from devtasks.tasks import program, spread

FLOORS = {
    "governance/*": 95,
    "server/app/*": 90,
    "server/app/plugins/runtime/*": 95,
    "server/app/services/*": 95,
}


def coverage(arguments: Sequence[str]) -> int:
    """Run the tests, child processes included, and compare with the floors; 1 below one, else pytest's exit code."""
    program("coverage", "erase")
    if tested := program("coverage", "run", "-m", "pytest", *spread(arguments), *arguments):
        return tested
    program("coverage", "combine", "--quiet")
    program("coverage", "xml", "--quiet")
    below = [part for part, floor in FLOORS.items() if not _reaches(part, floor)]
    print(f"coverage: below the floor: {', '.join(below)}" if below else "coverage: every floor is reached")
    return 1 if below else 0


def _reaches(part: str, floor: int) -> bool:
    print(f"-- {part}: at least {floor} %", flush=True)
    return program("coverage", "report", f"--include={part}", f"--fail-under={floor}") == 0
