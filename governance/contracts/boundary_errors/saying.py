"""Saying: the names of attributes and calls outside the project by what they do with the text of an exception."""

from __future__ import annotations

from typing import Final

SPEAKING: Final = frozenset(
    """args msg message strerror reason stderr stdout output doc __notes__ __traceback__ filename detail
    orig statement""".split()
)
"""Attributes of an exception that hold its text; `detail` only of classes that do not define it."""

SAYING: Final = frozenset(f"builtins.{name}" for name in ("str", "repr", "ascii", "format"))
CLEAN: Final = frozenset(
    f"builtins.{name}"
    for name in "type len hash id isinstance issubclass bool int float hasattr callable any all sum abs print".split()
)
CLEAN_ROOTS: Final = ("logging", "hashlib", "uuid", "time", "secrets", "hmac", "structlog", "loguru", "zlib")
DUMPING: Final = frozenset(
    """format_exc format_exception format_exception_only format_tb format_stack print_exc extract_tb
    jsonable_encoder""".split()
)
HOLDING: Final = frozenset(f"builtins.{name}" for name in ("dict", "list", "tuple", "set"))
RENDERING: Final = frozenset(
    "substitute safe_substitute render render_template render_template_string render_to_string jsonify dumps".split()
)
STRINGS: Final = frozenset(
    """strip lstrip rstrip lower upper title capitalize replace encode decode split rsplit splitlines partition
    rpartition removeprefix removesuffix ljust rjust center expandtabs casefold swapcase zfill translate copy
    model_dump model_dump_json dict json items values to_dict as_dict asdict serialize dump format_map""".split()
)
LOOKUPS: Final = frozenset(("get", "pop", "setdefault"))
LOG_METHODS: Final = frozenset("debug info warning warn error exception critical log".split())
QUESTIONS: Final = frozenset(
    "startswith endswith find index count isdigit isalpha match search fullmatch tell fileno".split()
)
