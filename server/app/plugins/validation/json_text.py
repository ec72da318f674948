"""Strict JSON: what every JSON reader, database and terminal will accept as well."""

from __future__ import annotations

import json
from typing import Any, Final

MAX_DEPTH: Final = 200
"""Writers and readers give up at depths of their own, pydantic above 250: what one takes would stop at the next."""

_ENCODER: Final = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def to_json_text(value: object) -> str:
    """``value`` as JSON text.

    Raises:
        ValueError: it holds NaN or infinity, a lone surrogate, a loop, a type that JSON lacks, or is
            nested more than ``MAX_DEPTH`` deep. The message says which, without quoting the value.
    """
    try:
        text = _ENCODER.encode(value)
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("a text in it is not valid Unicode") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except TypeError:
        raise ValueError("it holds a value that JSON cannot express") from None
    except ValueError:
        raise ValueError("it holds NaN, infinity or a reference to itself") from None
    # Counting the brackets takes a fraction of what writing them took.
    if text.count("{") + text.count("[") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        raise ValueError("it is nested too deeply")
    return text


def _is_deeper(value: object, most: int) -> bool:
    level: list[Any] = [value]
    for _ in range(most):
        parts = (part for whole in level for part in (whole.values() if isinstance(whole, dict) else whole))
        level = [part for part in parts if isinstance(part, dict | list | tuple)]
        if not level:
            return False
    return True


def as_json(value: object) -> Any:
    """``value`` as a JSON reader will see it: tuples become lists, keys become texts."""
    return json.loads(to_json_text(value))
