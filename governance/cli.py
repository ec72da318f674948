"""The command line: the only module that reads arguments, prints, and decides the exit code."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TextIO

from governance import __version__, config_file, render
from governance.cache import FOLDER, Cache
from governance.config_file import InvalidConfig
from governance.result import Exit

INTERRUPTED: Final = 130

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
    try:
        code = _run(_parser().parse_args(argv))
        sys.stdout.flush()
        return code
    except (InvalidConfig, UsageError) as error:
        print(f"governance: {error}".replace("\n", "\ngovernance: "), file=sys.stderr)
        return Exit.USAGE
    except KeyboardInterrupt:
        print("governance: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone, the output is incomplete; what Python flushes at exit must not fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.INCOMPLETE
    except Exception as error:
        if os.environ.get("GOVERNANCE_DEBUG"):
            raise
        print(f"governance: internal error: {type(error).__name__}: {error}", file=sys.stderr)
        print("governance: set GOVERNANCE_DEBUG=1 to see where, and report it", file=sys.stderr)
        return Exit.INTERNAL


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
    check.add_argument("--output", type=Path, metavar="FILE", help="write the report there, and the summary here")

    contracts = commands.add_parser("contracts", parents=[common], help="list the contracts", description=_CONTRACTS)
    contracts.add_argument("--bindings", action="store_true", help="also show the places each contract holds on to")

    explain = commands.add_parser("explain", parents=[common], help="what is known of a line", description=_EXPLAIN)
    explain.add_argument("place", metavar="FILE:LINE")
    return parser


_CHECK: Final = "The whole project is analysed; PATHs restrict what is reported, never what is analysed."
_CONTRACTS: Final = "Lists the contracts that are configured: what they promise, and with --bindings what they bind to."
_EXPLAIN: Final = "Shows every call and attribute of a line with the values it may have, and how that is known."


def _run(arguments: argparse.Namespace) -> int:
    path = arguments.config or config_file.find((arguments.root or Path()).resolve())
    root = (arguments.root or path.parent).resolve()
    if not root.is_dir():
        raise UsageError(f"--root {root} is not a folder")
    command = {"check": _check, "contracts": _contracts, "explain": _explain}[arguments.command]
    return command(arguments, path, root)


def _check(arguments: argparse.Namespace, config: Path, root: Path) -> int:
    from governance.engine import scan

    paths = tuple(_relative(path, root) for path in arguments.paths)
    cache = _cache(arguments, root)
    result = scan(root, config, cache)
    if paths:
        result = result.only(paths)
    if cache.warning:
        print(f"governance: warning: {cache.warning}", file=sys.stderr)
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
    for row in answer:
        print(row)
    return Exit.KEPT


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
