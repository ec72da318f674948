"""Options that contradict themselves are refused before anything is looked at."""

from __future__ import annotations

import re

import pytest

from governance.contracts import layers

ORDER = ("web", "ledger")
APART = {"web": ("shop.web",), "ledger": ("shop.ledger",)}


@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("order must name at least two layers", {"order": ("web",), "modules": {"web": ("shop.web",)}}),
        ("order must name at least two layers", {"order": ("web", "web"), "modules": {"web": ("shop.web",)}}),
        ("no more and no less: ledger", {"order": ORDER, "modules": {"web": ("shop.web",)}}),
        ("entry names books", {"order": ORDER, "modules": APART, "entry": {"books": ("shop.books:post",)}}),
        ("names nothing for ledger", {"order": ORDER, "modules": {**APART, "ledger": ()}}),
        ("shop.web into more than one layer", {"order": ORDER, "modules": {**APART, "ledger": ("shop.web",)}}),
    ],
)
def test_layers_that_contradict_themselves(message: str, options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        layers.Options(**options)  # type: ignore[arg-type]  # a table of options


def test_a_module_may_be_named_twice_in_its_layer() -> None:
    assert layers.Options(ORDER, {**APART, "web": ("shop.web", "shop.web")}).order == ORDER
