"""What an image is and looks like: format, size, colours, brightness, sharpness, EXIF.

Limits: PNG, JPEG, GIF, WebP, BMP, TIFF, ICO and PPM; the first frame of an animation. An image of more than
50 million pixels is refused unread.
"""

from __future__ import annotations

import base64
import io
import struct
import warnings
from dataclasses import dataclass
from typing import Any, Final

from PIL import ExifTags, Image, ImageFilter, ImageOps, ImageStat

from server.app.plugins.errors.exceptions import InputValidationError
from server.app.plugins.permit import GuardedPlugin
from server.app.plugins.plugin import PluginSpec
from server.app.plugins.validation.input_validator import IMAGE_INPUT

MAX_PIXELS: Final = 50_000_000
_SAMPLE: Final = 256
_MAX_EXIF_TEXT: Final = 200
_FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "ICO", "PPM")
_UNDECODABLE: Final = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    TypeError,
    LookupError,
    ArithmeticError,
    struct.error,
)


class ImageAnalysis(GuardedPlugin):
    spec = PluginSpec(
        name="image-analysis",
        version="1.0.0",
        description="Format, size, dominant colours, histogram, sharpness and EXIF of an image.",
        input_schema={
            "type": "object",
            "properties": {
                **IMAGE_INPUT,
                "colors": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 16,
                    "description": "How many dominant colours to report; 5 unless told.",
                },
            },
            "required": ["image", "mime_type"],
            "additionalProperties": False,
        },
        output_schema={
            "type": "object",
            "properties": {
                "format": {"type": "string"},
                "mime_type": {"type": "string"},
                "mime_type_matches": {"type": "boolean"},
                "width": {"type": "integer", "minimum": 1},
                "height": {"type": "integer", "minimum": 1},
                "mode": {"type": "string"},
                "has_alpha": {"type": "boolean"},
                "frames": {"type": "integer", "minimum": 1},
                "dominant_colors": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "hex": {"type": "string", "pattern": "^#[0-9a-f]{6}$"},
                            "share": {"type": "number", "minimum": 0, "maximum": 1},
                        },
                        "required": ["hex", "share"],
                    },
                },
                "brightness": {"type": "number", "minimum": 0, "maximum": 1},
                "contrast": {"type": "number", "minimum": 0},
                "sharpness": {"type": "number", "minimum": 0},
                "histogram": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "array",
                        "items": {"type": "integer"},
                        "minItems": 16,
                        "maxItems": 16,
                    },
                },
                "exif": {"type": "object"},
            },
            "required": ["format", "width", "height", "mode", "dominant_colors", "histogram", "sharpness", "exif"],
            "additionalProperties": False,
        },
        timeout_seconds=30.0,
    )

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged file makes Pillow warn; what counts is whether it decodes
            picture = _opened(base64.b64decode(payload["image"]))
        image, upright = picture.image, picture.upright
        grey = upright.convert("L")
        statistics = ImageStat.Stat(grey)
        kind = image.format or "unknown"
        mime_type = Image.MIME.get(kind, "application/octet-stream")
        return {
            "format": kind,
            "mime_type": mime_type,
            "mime_type_matches": mime_type == payload["mime_type"],
            "width": image.width,
            "height": image.height,
            "mode": image.mode,
            "has_alpha": image.has_transparency_data,
            "frames": picture.frames,
            "dominant_colors": _dominant_colors(upright, int(payload.get("colors", 5))),
            "brightness": round(statistics.mean[0] / 255, 4),
            "contrast": round(statistics.stddev[0] / 255, 4),
            "sharpness": _sharpness(grey),
            "histogram": _histogram(upright),
            "exif": picture.exif,
        }


@dataclass(frozen=True)
class _Picture:
    """A decoded image; ``upright`` is it in RGB, turned as its EXIF says."""

    image: Image.Image
    upright: Image.Image
    frames: int
    exif: dict[str, str]


def _opened(data: bytes) -> _Picture:
    """The picture, if the data are one and not too large to decode."""
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise Image.DecompressionBombError
        image.load()
        exif = _readable(image.getexif())
        return _Picture(image, ImageOps.exif_transpose(image).convert("RGB"), _frames(image), exif)
    except Image.DecompressionBombError:
        raise InputValidationError(f"the image has more than {MAX_PIXELS} pixels") from None
    except _UNDECODABLE:
        raise InputValidationError("the image cannot be decoded; it is damaged or of an unknown format") from None


def _frames(image: Image.Image) -> int:
    return int(getattr(image, "n_frames", 1))  # only formats that can hold several have it


def _dominant_colors(image: Image.Image, count: int) -> list[dict[str, Any]]:
    small = image.copy()
    small.thumbnail((_SAMPLE, _SAMPLE))
    reduced = small.quantize(colors=count)
    palette = reduced.getpalette() or []
    total = small.width * small.height
    found = sorted(reduced.getcolors(maxcolors=256) or [], key=lambda item: item[0], reverse=True)
    return [
        {"hex": "#{:02x}{:02x}{:02x}".format(*palette[3 * index : 3 * index + 3]), "share": round(pixels / total, 4)}
        for pixels, index in found
        if isinstance(index, int)
    ]


def _sharpness(grey: Image.Image) -> float:
    """Variance of the Laplacian: near 0 for a flat or blurred image, hundreds and more for a crisp one."""
    if grey.width < 3 or grey.height < 3:
        return 0.0
    kernel = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128)
    inner = grey.filter(kernel).crop((1, 1, grey.width - 1, grey.height - 1))
    return round(ImageStat.Stat(inner).var[0], 3)


def _histogram(image: Image.Image) -> dict[str, list[int]]:
    """Pixels per channel in 16 equal steps from dark to bright."""
    counts = image.histogram()
    return {
        channel: [sum(counts[256 * place + 16 * step : 256 * place + 16 * step + 16]) for step in range(16)]
        for place, channel in enumerate(("red", "green", "blue"))
    }


def _readable(exif: Image.Exif) -> dict[str, str]:
    """Entries by name; binary ones are left out."""
    named: dict[str, str] = {}
    for tag, value in exif.items():
        if not isinstance(value, bytes):
            text = str(value).encode("utf-8", "replace").decode("utf-8").replace("\x00", "").strip()
            named[ExifTags.TAGS.get(tag, f"tag_{tag}")] = text[:_MAX_EXIF_TEXT]
    return named


PLUGIN = ImageAnalysis
