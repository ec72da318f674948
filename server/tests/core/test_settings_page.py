"""The page of the settings lists each of them, with the default that it has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from server.app.core.settings import Settings

PAGE = Path(__file__).parents[3] / "docs/reference/settings.md"
ROW = re.compile(r"^\| `CTS_([A-Z_]+)` \| (.*?) \| \S.*\|$", re.MULTILINE)


def shown(value: object) -> str:
    """A default as the page writes it, which is as one would write it into the environment."""
    match value:
        case None | ():
            return ""
        case bool():
            return f"`{str(value).lower()}`"
        case tuple():
            return f"`{','.join(map(str, value))}`"
        case _:
            return f"`{value}`"


@pytest.mark.requirement("R-147", "R-219")
def test_the_page_lists_every_setting_with_its_default() -> None:
    fields = Settings.model_fields.items()
    defaults = {name: shown(field.default) for name, field in fields if field.default_factory is None}
    defaults["data_dir"] = "`~/.local/state/cts`"
    assert {name.lower(): default for name, default in ROW.findall(PAGE.read_text("utf-8"))} == defaults
