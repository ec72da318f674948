"""Runs inside the server and tells who called it."""

import sys
from types import FrameType
from typing import Any

from server.app.plugins.plugin import PluginSpec


class CallChain:
    spec = PluginSpec(
        name="call-chain",
        version="0",
        description="The functions on the stack, outermost first.",
        input_schema={"type": "object"},
        output_schema={"type": "object", "properties": {"frames": {"type": "array"}}, "required": ["frames"]},
        isolation="thread",
    )

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        frames: list[str] = []
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            frames.append(f"{frame.f_globals.get('__name__')}:{frame.f_code.co_qualname}")
            frame = frame.f_back
        return {"frames": frames[::-1]}


PLUGIN = CallChain
