"""The plugins that come with the server, run the only way there is: by ToolRunner."""

from __future__ import annotations

import base64
import functools
import io
import random
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from server.app.plugins.builtin.image_analysis import ImageAnalysis
from server.app.plugins.builtin.table_profile import TableProfile
from server.app.plugins.builtin.text_statistics import TextStatistics
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.plugins.runtime.tool_runner import ToolRunner

pytestmark = pytest.mark.requirement("R-094")


@functools.cache
def runner() -> ToolRunner:
    registry = PluginRegistry()
    for kind in (ImageAnalysis, TableProfile, TextStatistics):
        registry.register(kind())
    return ToolRunner(registry)


def execute(plugin: str, payload: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    result, envelope = runner().run(plugin, payload)
    return result, envelope.get("error", {})


def succeed(plugin: str, **payload: Any) -> dict[str, Any]:
    result, error = execute(plugin, payload)
    assert error == {}
    return result


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> str:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return base64.b64encode(target.getvalue()).decode()


def analyse(image: Image.Image, kind: str = "PNG", mime_type: str = "image/png", **payload: Any) -> dict[str, Any]:
    return succeed("image-analysis", image=encoded(image, kind), mime_type=mime_type, **payload)


class TestImageAnalysis:
    @pytest.mark.parametrize(
        ("kind", "mime_type"),
        [
            ("PNG", "image/png"),
            ("JPEG", "image/jpeg"),
            ("GIF", "image/gif"),
            ("WEBP", "image/webp"),
            ("BMP", "image/bmp"),
        ],
    )
    def test_format_and_size(self, kind: str, mime_type: str) -> None:
        result = analyse(Image.new("RGB", (30, 20), "red"), kind, mime_type)
        assert (result["format"], result["width"], result["height"]) == (kind, 30, 20)
        assert result["mime_type_matches"] is True

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
    def test_every_mode(self, mode: str) -> None:
        result = analyse(Image.new(mode, (10, 10)))
        assert (result["mode"], result["brightness"]) == (mode, 0.0)
        assert result["has_alpha"] == mode.endswith("A")

    def test_a_type_that_does_not_match_is_told(self) -> None:
        assert analyse(Image.new("RGB", (5, 5)), "PNG", "image/jpeg")["mime_type_matches"] is False

    def test_dominant_colours_by_share(self) -> None:
        image = Image.new("RGB", (100, 100), "#ff0000")
        image.paste("#0000ff", (0, 0, 25, 100))
        colors = analyse(image, colors=2)["dominant_colors"]
        assert colors == [{"hex": "#ff0000", "share": 0.75}, {"hex": "#0000ff", "share": 0.25}]

    def test_the_histogram_counts_every_pixel(self) -> None:
        histogram = analyse(Image.new("RGB", (10, 10), (255, 0, 128)))["histogram"]
        assert histogram["red"] == [0] * 15 + [100]
        assert histogram["green"] == [100] + [0] * 15
        assert (histogram["blue"][8], sum(histogram["blue"])) == (100, 100)

    def test_blur_lowers_sharpness(self) -> None:
        noise = Image.frombytes("L", (64, 64), random.Random(1).randbytes(64 * 64))
        sharp, blurred = analyse(noise)["sharpness"], analyse(noise.filter(ImageFilter.GaussianBlur(2)))["sharpness"]
        assert sharp > 100 * blurred > 0
        assert analyse(Image.new("L", (64, 64), 77))["sharpness"] == 0

    def test_exif_by_name(self) -> None:
        image = Image.new("RGB", (5, 5))
        exif = image.getexif()
        exif[0x010F] = "Maker\x00"
        exif[0x0112] = 6
        exif[0x9999] = "x" * 1000
        result = succeed("image-analysis", image=encoded(image, "JPEG", exif=exif), mime_type="image/jpeg")
        assert (result["exif"]["Make"], result["exif"]["Orientation"]) == ("Maker", "6")
        assert max(map(len, result["exif"].values())) <= 200

    def test_an_animation_has_frames(self) -> None:
        frames = [Image.new("RGB", (5, 5), color) for color in ("red", "green", "blue")]
        image = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
        assert succeed("image-analysis", image=image, mime_type="image/gif")["frames"] == 3

    def test_one_pixel(self) -> None:
        result = analyse(Image.new("RGB", (1, 1), "white"))
        assert (result["sharpness"], result["brightness"]) == (0, 1)

    @pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (8000, 8000)])
    def test_a_bomb_is_refused_unread(self, width: int, height: int) -> None:
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        chunk = b"IHDR" + header
        png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
        png += struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
        _, error = execute("image-analysis", {"image": base64.b64encode(png).decode(), "mime_type": "image/png"})
        assert (error["type"], "50000000 pixels" in error["message"]) == ("ValidationError", True)

    @given(cut=st.integers(0, 400), change=st.integers(0, 400), value=st.integers(0, 255))
    @settings(deadline=None, max_examples=150)
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF"])
    def test_a_damaged_image_never_breaks_it(self, kind: str, cut: int, change: int, value: int) -> None:
        target = io.BytesIO()
        Image.linear_gradient("L").resize((16, 16)).convert("RGB").save(target, kind)
        data = bytearray(target.getvalue())
        data[change % len(data)] = value
        damaged = bytes(data[: max(1, len(data) - cut)])
        payload = {"image": base64.b64encode(damaged).decode(), "mime_type": "image/png"}
        _, error = execute("image-analysis", payload)
        assert error == {} or error["type"] == "ValidationError"


class TestTextStatistics:
    def test_a_text(self) -> None:
        text = "The cat sat. The dog ran!\n\nIs it so? Yes."
        result = succeed("text-statistics", text=text, top=2)
        counted = ("words", "distinct_words", "sentences", "paragraphs", "lines", "characters")
        assert [result[key] for key in counted] == [10, 9, 4, 2, 3, len(text)]
        assert result["top_words"] == [{"word": "the", "count": 2}, {"word": "cat", "count": 1}]
        assert result["average_sentence_length"] == 2.5

    def test_readability_orders_texts(self) -> None:
        easy = succeed("text-statistics", text="The cat sat on the mat. It was fat.")
        hard = succeed(
            "text-statistics",
            text="Institutional heterogeneity systematically undermines organizational considerations.",
        )
        assert easy["flesch_reading_ease"] > 90
        assert hard["flesch_reading_ease"] < 30
        assert easy["flesch_kincaid_grade"] < hard["flesch_kincaid_grade"]

    def test_other_scripts(self) -> None:
        result = succeed("text-statistics", text="Größe zählt。これは文です。 Ещё одно предложение!")
        assert (result["sentences"], result["words"]) == (3, 6)

    def test_a_text_without_words(self) -> None:
        result = succeed("text-statistics", text="123 ... !!!")
        assert (result["words"], result["sentences"], result["flesch_reading_ease"]) == (0, 0, None)

    @given(text=st.text(min_size=1))
    @settings(deadline=None)
    def test_any_text_fits_the_schema(self, text: str) -> None:
        result = succeed("text-statistics", text=text)
        assert result["characters_without_spaces"] <= result["characters"] == len(text)
        assert result["distinct_words"] <= result["words"]


class TestTableProfile:
    def test_a_table(self) -> None:
        rows = ["id;price;day;name;ok;none", "1;1.5;2024-01-31;Ann;yes;", "2;;2024-02-01;Bob;no;"]
        result = succeed("table-profile", csv="\n".join([*rows, "3;2.5;2023-12-01;Ann;yes;"]))
        columns = {column["name"]: column for column in result["columns"]}
        assert (result["rows"], result["delimiter"], result["duplicate_rows"]) == (3, ";", 0)
        kinds = [column["type"] for column in result["columns"]]
        assert kinds == ["integer", "number", "date", "text", "boolean", "empty"]
        assert (columns["id"]["mean"], columns["id"]["median"], columns["id"]["maximum"]) == (2, 2, 3)
        assert (columns["price"]["missing"], columns["price"]["standard_deviation"]) == (1, 0.5)
        assert (columns["day"]["minimum"], columns["day"]["maximum"]) == ("2023-12-01", "2024-02-01")
        assert columns["name"]["frequent"][0] == {"value": "Ann", "count": 2}

    def test_quotes_line_breaks_and_a_byte_order_mark(self) -> None:
        result = succeed("table-profile", csv='\ufeffa,b\r\n"x,1","two\r\nlines"\r\n', delimiter=",")
        assert [column["name"] for column in result["columns"]] == ["a", "b"]
        assert result["columns"][0]["frequent"] == [{"value": "x,1", "count": 1}]

    @pytest.mark.parametrize(
        ("message", "table"),
        [
            ("no header", "\n\n"),
            ("record 3 has 1 fields, the header has 2", "a,b\n1,2\n3\n"),
            ("not CSV", 'a,b\n"open'),
            ("201 columns", ",".join("c" * 201) + "\n"),
        ],
    )
    def test_what_is_no_table_is_refused(self, message: str, table: str) -> None:
        _, error = execute("table-profile", {"csv": table})
        assert (error["type"], message in error["message"]) == ("ValidationError", True)

    @pytest.mark.parametrize("value", ["1e999", "١٢", "1_000", "-", "²", "0x10", "inf", "+5", "-0", "1e5"])
    def test_odd_numbers_break_nothing(self, value: str) -> None:
        column = succeed("table-profile", csv=f"a\n{value}\n")["columns"][0]
        assert column["type"] in ("integer", "number", "text")

    @given(table=st.text(min_size=1))
    @settings(deadline=None)
    def test_any_text_is_answered(self, table: str) -> None:
        _, error = execute("table-profile", {"csv": table})
        assert error == {} or error["type"] == "ValidationError"
