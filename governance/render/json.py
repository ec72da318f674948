"""Everything, for programs. The shape is described in docs/reference/output.md and versioned by `schema`."""

from __future__ import annotations

import json

from governance import __version__
from governance.render import View
from governance.result import ScanResult

SCHEMA = 1


def render(result: ScanResult, _view: View) -> str:
    """One JSON object."""
    report = {"schema": SCHEMA, "tool": f"governance {__version__}", "exit": int(result.exit), **result.to_json()}
    return json.dumps(report, indent=2) + "\n"
