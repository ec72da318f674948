"""Everything, for programs. The shape is described in docs/reference/output.md and versioned by `schema`."""

from __future__ import annotations

from governance.render import View
from governance.render._text import document
from governance.result import ScanResult


def render(result: ScanResult, _view: View) -> str:
    """One JSON object."""
    return document(result.exit, result.to_json())
