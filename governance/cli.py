"""The command line: the only module that reads arguments, prints, and decides the exit code."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from governance import __version__, config_file, render
from governance.cache import FOLDER, Cache
from governance.config_file import InvalidConfig
from governance.result import Exit

if TYPE_CHECKING:
    from governance.places import Places

INTERRUPTED: Final = 130
_UNWRITTEN: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))
"""What keeps output from being written though there is somebody to read it."""

_EPILOG: Final = """exit codes:
  0  every contract is kept and everything was looked at
  1  a contract is broken
  2  wrong usage or configuration
  3  incomplete: a file could not be analysed, a path is missing, a contract examined nothing
  4  internal error
When several apply, the first of 2, 4, 1, 3 is given."""


class UsageError(Exception):
    """The command line asks for something that does not exist; the text says what."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. No traceback reaches the user unless GOVERNANCE_DEBUG is set."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if sys.stdout is None:
        _tell("the output cannot be written: standard output is closed")
        return Exit.INCOMPLETE
    try:
        code = _run(_parser().parse_args(argv))
        sys.stdout.flush()
        return code
    except (InvalidConfig, UsageError) as error:
        for line in str(error).split("\n"):
            _tell(line)
        return Exit.USAGE
    except KeyboardInterrupt:
        _tell("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return Exit.INCOMPLETE
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _UNWRITTEN and error.filename is None:
            _drop_output()
            _tell(f"the output cannot be written: {error.strerror}")
            return Exit.INCOMPLETE
        if os.environ.get("GOVERNANCE_DEBUG"):
            raise
        _tell(f"internal error: {type(error).__name__}: {error}")
        _tell("set GOVERNANCE_DEBUG=1 to see where, and report it")
        return Exit.INTERNAL


def _tell(line: str) -> None:
    """Say something on standard error; if that cannot be written either, the exit code has to do."""
    with contextlib.suppress(OSError):
        print(f"governance: {render.printable(line)}", file=sys.stderr)


def _drop_output() -> None:
    """The reader has gone, or there is no room, and the output is incomplete: what is flushed at the end must not fail
    once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="governance",
        description="Proves execution-layer invariants over a whole Python code base.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"governance {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", help="the configuration, instead of the nearest one")
    common.add_argument("--root", type=Path, metavar="FOLDER", help="the project, instead of that file's folder")
    common.add_argument("--no-cache", action="store_true", help="neither read nor write the cache")

    check = commands.add_parser("check", parents=[common], help="check every contract", description=_CHECK)
    check.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="report findings in these only")
    check.add_argument("--format", choices=render.formats(), default="full", help="default: full")
    check.add_argument("--base", metavar="REV", help="find what has weakened the policy since; or set GOVERNANCE_BASE")
    check.add_argument("--all-files", action="store_true", help="read files too that no contract can be about")
    check.add_argument("--output", type=Path, metavar="FILE", help="write the report there, and the summary here")

    contracts = commands.add_parser("contracts", parents=[common], help="list the contracts", description=_CONTRACTS)
    contracts.add_argument("--bindings", action="store_true", help="also show the places each contract holds on to")

    explain = commands.add_parser("explain", parents=[common], help="what is known of a line", description=_EXPLAIN)
    explain.add_argument("place", metavar="FILE:LINE")

    trace = commands.add_parser("trace", parents=[common], help="who reaches a function or class", description=_TRACE)
    trace.add_argument("symbol", metavar="SYMBOL", help="pkg.mod:function, pkg.mod:Class or pkg.mod:Class.method")
    trace.add_argument(
        "--depth", type=_positive, default=_ALL, metavar="N", help="follow callers N steps; default: all"
    )
    trace.add_argument("--tests", action="store_true", help="look for callers in test files too")
    trace.add_argument("--format", choices=_REPORTS, default="text", help="default: text")

    spots = commands.add_parser("blind-spots", parents=[common], help="what cannot be decided", description=_SPOTS)
    spots.add_argument("--tests", action="store_true", help="list places in test files too")
    spots.add_argument("--format", choices=_REPORTS, default="text", help="default: text")
    return parser


def _positive(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError(f"{text} is not a number of steps")
    return int(text)


_CHECK: Final = "The whole project is analysed; PATHs restrict what is reported, never what is analysed."
_CONTRACTS: Final = "Lists the contracts that are configured: what they promise, and with --bindings what they bind to."
_EXPLAIN: Final = (
    "Shows calls, attributes, names and parameters of a line with what each may be, and how that is known."
)
_TRACE: Final = "Shows who calls a function or takes a reference to it, directly and through others, and which layers."
_SPOTS: Final = "Lists what the contracts cannot decide, where names are computed, and where the analysis gave up."
_REPORTS: Final = ("text", "json")
_ALL: Final = 10**9


def _run(arguments: argparse.Namespace) -> int:
    path = arguments.config or config_file.find((arguments.root or Path()).resolve())
    root = (arguments.root or path.parent).resolve()
    if not root.is_dir():
        raise UsageError(f"--root {root} is not a folder")
    command = {
        "check": _check,
        "contracts": _contracts,
        "explain": _explain,
        "trace": _trace,
        "blind-spots": _blind_spots,
    }[arguments.command]
    from governance.engine import without_garbage_collection

    with without_garbage_collection():
        return command(arguments, path, root)


def _check(arguments: argparse.Namespace, config: Path, root: Path) -> int:
    from governance.engine import scan

    paths = tuple(_relative(path, root) for path in arguments.paths)
    cache = _cache(arguments, root)
    base = os.environ.get("GOVERNANCE_BASE", "") if arguments.base is None else arguments.base
    if arguments.base == "":
        raise UsageError("--base needs a revision, such as origin/main")
    result = scan(root, config, cache, select=not arguments.all_files, base=base)
    if paths:
        result = result.only(paths)
    if cache.warning:
        _tell(f"warning: {cache.warning}")
    lines = _Sources(root).lines
    write = render.renderer(arguments.format)
    if arguments.output is None:
        sys.stdout.write(write(result, render.View(lines, _colour(sys.stdout))))
        return result.exit
    try:
        text = write(result, render.View(lines))
        arguments.output.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(f"--output {arguments.output} cannot be written: {error.strerror}") from error
    sys.stdout.write(render.summary(result) + "\n")
    return result.exit


def _contracts(arguments: argparse.Namespace, config: Path, root: Path) -> int:
    from governance.engine import read_settings
    from governance.inspection import describe_bindings, describe_contracts

    settings = read_settings(config, config_file.load(config))
    lines, sound = list(describe_contracts(settings)), True
    if arguments.bindings:
        lines, sound = describe_bindings(root, settings, _cache(arguments, root))
    print("\n".join(lines))
    return Exit.KEPT if sound else Exit.BROKEN


def _explain(arguments: argparse.Namespace, config: Path, root: Path) -> int:
    from governance.engine import read_settings
    from governance.inspection import explain

    name, _, line = arguments.place.rpartition(":")
    if not name or not re.fullmatch(r"[1-9][0-9]*", line):
        raise UsageError(f'"{arguments.place}" is not FILE:LINE')
    path = _relative(Path(name), root)
    settings = read_settings(config, config_file.load(config))
    answer = explain(root, settings, _cache(arguments, root), path, int(line))
    if answer is None:
        raise UsageError(f"{path} is not among the files that are analysed")
    rows, readable = answer
    for row in rows:
        print(row)
    return Exit.KEPT if readable else Exit.INCOMPLETE


def _trace(arguments: argparse.Namespace, config: Path, root: Path) -> int:
    from governance import trace
    from governance.engine import read_settings
    from governance.inspection import look

    settings = read_settings(config, config_file.load(config))
    places = look(root, settings, _cache(arguments, root))
    try:
        found = trace.trace(places, settings, arguments.symbol, arguments.depth, arguments.tests)
    except trace.UnknownSymbol as error:
        raise UsageError(str(error)) from error
    return _report(arguments, places, trace.to_json(found), trace.to_lines(found))


def _blind_spots(arguments: argparse.Namespace, config: Path, root: Path) -> int:
    from governance import blind_spots
    from governance.engine import read_settings
    from governance.inspection import look

    settings = read_settings(config, config_file.load(config))
    places = look(root, settings, _cache(arguments, root))
    found = blind_spots.blind_spots(places, settings, arguments.tests)
    return _report(arguments, places, blind_spots.to_json(found), blind_spots.to_lines(found))


def _report(arguments: argparse.Namespace, places: Places, data: dict[str, Any], lines: Iterable[str]) -> int:
    """Print an answer of the index and what kept it from being complete."""
    problems = sorted(places.problems, key=lambda each: (each.path, each.line, each.kind, each.message))
    crashed = any(problem.kind == "crash" for problem in problems)
    code = Exit.INTERNAL if crashed else Exit.INCOMPLETE if problems else Exit.KEPT
    if arguments.format == "json":
        print(render.document(code, {**data, "problems": [asdict(problem) for problem in problems]}), end="")
        return code
    for line in lines:
        print(line)
    for problem in problems:
        print(f"problem: {render.problem_line(problem)}")
    return code


def _cache(arguments: argparse.Namespace, root: Path) -> Cache:
    return Cache(None if arguments.no_cache else root / FOLDER)


def _relative(path: Path, root: Path) -> str:
    """A path as findings show it. Raises UsageError if it does not exist or lies outside of the project."""
    full = Path(os.path.normpath(Path.cwd() / path))
    if not full.exists():
        raise UsageError(f"{path} does not exist")
    for candidate in (full, full.resolve()):
        if candidate.is_relative_to(root):
            return candidate.relative_to(root).as_posix()
    raise UsageError(f"{path} lies outside of the project {root}")


def _colour(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class _Sources:
    """The lines of files, for the code that findings show."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, list[str]] = {}

    def lines(self, path: str) -> list[str]:
        """The lines of a file as Python counts them; none if it cannot be read any more."""
        if path not in self._known:
            self._known[path] = self._read(path)
        return self._known[path]

    def _read(self, path: str) -> list[str]:
        import tokenize

        try:
            with (self.root / path).open("rb") as file:
                encoding, _ = tokenize.detect_encoding(file.readline)
                file.seek(0)
                return re.split("\r\n|\r|\n", file.read().decode(encoding, "replace"))
        except (OSError, SyntaxError, LookupError):
            return []
