"""Reading: source bytes -> what the rest of the scan needs of a file, as plain data that the cache can keep.

{"facts": ..., "error": [kind, message, line] or null, "suppressions": [[...]], "lines": n}
"""

from __future__ import annotations

from typing import Any

from governance import suppressions


def read(source: bytes) -> dict[str, Any]:
    """Everything the bytes alone say. What the file's author can mend is an `error`; all else is raised."""
    from governance.extract import ExtractError, extract

    entry: dict[str, Any] = {"facts": None, "error": None, "suppressions": [], "lines": count_lines(source)}
    try:
        entry["facts"] = extract(source).to_json()
        entry["suppressions"] = [each.to_json() for each in suppressions.find(source)]
    except ExtractError as error:
        entry["error"] = [error.kind, error.message, error.line]
    except RecursionError:
        entry["error"] = ["too-deep", "is nested too deeply to be analysed", 0]
    except suppressions.Unreadable as error:
        entry["error"] = ["comments", f"its comments cannot be told from its text ({error})", 0]
    return entry


def count_lines(source: bytes) -> int:
    """The number of lines, a last one without a line break included."""
    return source.count(b"\n") + (not source.endswith(b"\n") and bool(source))
