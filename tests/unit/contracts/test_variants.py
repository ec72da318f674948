"""Adversarial variants of what the contract pages show, annotated like them, kept apart to keep the pages short."""

from __future__ import annotations

from pathlib import Path

from governance.testing import Example, parametrize, run


@parametrize(Path(__file__).parent / "variants")
def test_variant(example: Example) -> None:
    assert not (mismatches := run(example)), "\n" + "\n".join(map(str, mismatches))
