"""Pictures for requests."""

from __future__ import annotations

import base64
import io

from PIL import Image, ImageDraw


def png_base64(width: int = 8, height: int = 6) -> str:
    """A red picture with a blue edge at its left."""
    return image_base64("PNG", width, height)


def image_base64(kind: str, width: int = 8, height: int = 6) -> str:
    image = Image.new("RGB", (width, height), "#c81e1e")
    ImageDraw.Draw(image).line((0, 0, 0, height - 1), fill="#1e1ec8")
    target = io.BytesIO()
    image.save(target, kind)
    return base64.b64encode(target.getvalue()).decode("ascii")
