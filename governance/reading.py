"""Reading: source bytes -> what the rest of the scan needs of a file, as plain data that the cache can keep.

{"facts": ..., "error": [kind, message, line] or null, "suppressions": [[...]], "lines": n}

`serve` does it in a child process (see `isolation`): one request per line, one answer per line.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO, Final

from governance import suppressions
from governance.digest import digest
from governance.limits import limited

READY: Final = b"ready\n"
_COLLECT_EVERY: Final = 100


def read(source: bytes) -> dict[str, Any]:
    """Everything the bytes alone say. What the file's author can mend is an `error`; all else is raised."""
    from governance.extract import ExtractError, extract

    entry: dict[str, Any] = {"facts": None, "error": None, "suppressions": [], "lines": count_lines(source)}
    try:
        entry["facts"] = extract(source).to_json()
        entry["suppressions"] = [each.to_json() for each in suppressions.find(source)]
    except ExtractError as error:
        entry["error"] = [error.kind, error.message, error.line]
    except suppressions.Unreadable as error:
        entry["error"] = ["comments", f"its comments cannot be told from its text ({error})", 0]
    return entry


def count_lines(source: bytes) -> int:
    """The number of lines, a last one without a line break included."""
    return source.count(b"\n") + (not source.endswith(b"\n") and bool(source))


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the requests end. Request: a path as JSON. Answer: `key entry`, the key that of the bytes read, or
    `- [kind, message]` when there is no entry."""
    importlib.import_module("governance.extract.module")  # now, so that no file is blamed for what this takes
    gc.disable()
    answers.write(READY)
    answers.flush()
    for number, request in enumerate(requests, 1):
        answers.write(_answer(Path(json.loads(request))) + b"\n")
        answers.flush()
        if number % _COLLECT_EVERY == 0:
            gc.collect()


def _answer(path: Path) -> bytes:
    try:
        source = path.read_bytes()
        with limited(len(source)):
            return digest(source).encode() + b" " + json.dumps(read(source), separators=(",", ":")).encode()
    except MemoryError:
        failure = ["too-much-memory", "takes more memory to analyse than a file of its size may"]
    except OSError as error:
        failure = ["unreadable", f"cannot be read: {error.strerror}"]
    except Exception as error:  # noqa: BLE001  # whatever it is, it is reported by name and the next file is read
        failure = ["crash", f"the extractor failed: {type(error).__name__}: {error}"]
    return b"- " + json.dumps(failure).encode()


if __name__ == "__main__":
    # What libraries print must not end up among the answers, so those get a descriptor of their own.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, out)
