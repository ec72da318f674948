"""What is in a table: its columns, their types, gaps, ranges and most frequent values.

Limits: CSV with a header line, up to 200 columns; a column has a type only if all its values agree on it.
"""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections import Counter
from datetime import datetime
from typing import Any, Final

from server.app.plugins.errors.exceptions import InputValidationError
from server.app.plugins.permit import GuardedPlugin
from server.app.plugins.plugin import PluginSpec

_MAX_COLUMNS: Final = 200
_MAX_FIELD: Final = 1_000_000
_MISSING: Final = frozenset({"", "na", "n/a", "nan", "null", "none"})
_BOOLEANS: Final = frozenset({"true", "false", "yes", "no"})


class TableProfile(GuardedPlugin):
    spec = PluginSpec(
        name="table-profile",
        version="1.0.0",
        description="Columns of a CSV table with types, missing values, ranges and frequent values.",
        input_schema={
            "type": "object",
            "properties": {
                "csv": {"type": "string", "minLength": 1, "maxLength": 10_000_000},
                "delimiter": {
                    "type": "string",
                    "enum": [",", ";", "\t", "|"],
                    "description": "Guessed from the first lines unless told.",
                },
            },
            "required": ["csv"],
            "additionalProperties": False,
        },
        output_schema={
            "type": "object",
            "properties": {
                "rows": {"type": "integer", "minimum": 0},
                "delimiter": {"type": "string"},
                "duplicate_rows": {"type": "integer", "minimum": 0},
                "columns": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "name": {"type": "string"},
                            "type": {"enum": ["integer", "number", "boolean", "date", "text", "empty"]},
                            "missing": {"type": "integer"},
                            "distinct": {"type": "integer"},
                            "minimum": {"type": ["number", "string"]},
                            "maximum": {"type": ["number", "string"]},
                            "mean": {"type": "number"},
                            "median": {"type": "number"},
                            "standard_deviation": {"type": "number"},
                            "frequent": {"type": "array"},
                        },
                        "required": ["name", "type", "missing", "distinct", "frequent"],
                        "additionalProperties": False,
                    },
                },
            },
            "required": ["rows", "columns", "delimiter", "duplicate_rows"],
            "additionalProperties": False,
        },
        timeout_seconds=30.0,
    )

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        text = str(payload["csv"]).removeprefix("\ufeff")
        delimiter = payload.get("delimiter") or _guessed_delimiter(text)
        header, rows = _table(text, delimiter)
        return {
            "rows": len(rows),
            "delimiter": delimiter,
            "duplicate_rows": len(rows) - len({tuple(row) for row in rows}),
            "columns": [_profile(name, [row[place] for row in rows]) for place, name in enumerate(header)],
        }


def _guessed_delimiter(text: str) -> str:
    first = text.split("\n", 1)[0]
    return max(",;\t|", key=first.count)


def _table(text: str, delimiter: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows; every row must be as long as the header."""
    csv.field_size_limit(_MAX_FIELD)
    try:
        lines = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if row]
    except csv.Error as error:
        raise InputValidationError("the table is not CSV", {"problem": str(error)}) from None
    if not lines:
        raise InputValidationError("the table has no header line")
    header, *rows = lines
    if len(header) > _MAX_COLUMNS:
        raise InputValidationError(f"the table has {len(header)} columns; at most {_MAX_COLUMNS} are allowed")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise InputValidationError(
                f"record {number} has {len(row)} fields, the header has {len(header)}", {"record": number}
            )
    return header, rows


def _profile(name: str, cells: list[str]) -> dict[str, Any]:
    values = [cell.strip() for cell in cells if cell.strip().lower() not in _MISSING]
    counts = Counter(values)
    kind = _type_of(values)
    profile: dict[str, Any] = {
        "name": name,
        "type": kind,
        "missing": len(cells) - len(values),
        "distinct": len(counts),
        "frequent": [{"value": value[:200], "count": count} for value, count in counts.most_common(3)],
    }
    if kind in ("integer", "number"):
        numbers = [float(value) for value in values]
        profile |= {
            "minimum": min(numbers),
            "maximum": max(numbers),
            "mean": statistics.fmean(numbers),
            "median": statistics.median(numbers),
            "standard_deviation": statistics.pstdev(numbers),
        }
    elif kind == "date":
        profile |= {"minimum": min(values), "maximum": max(values)}
    return profile


def _type_of(values: list[str]) -> str:
    if not values:
        return "empty"
    if all(map(_is_number, values)):
        return "integer" if all(value.lstrip("+-").isdigit() for value in values) else "number"
    if all(value.lower() in _BOOLEANS for value in values):
        return "boolean"
    if all(map(_is_date, values)):
        return "date"
    return "text"


def _is_number(value: str) -> bool:
    try:
        return math.isfinite(float(value)) and "_" not in value
    except ValueError:
        return False


def _is_date(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return len(value) >= len("2000-01-01")


PLUGIN = TableProfile
