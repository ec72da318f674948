"""How long, how varied and how readable a text is.

Limits: syllables are estimated by English spelling, so the two readability scores speak of English only.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Final

from server.app.plugins.permit import GuardedPlugin
from server.app.plugins.plugin import PluginSpec

_WORD: Final = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_SENTENCE_END: Final = re.compile(r"[.!?\u2026]+(?=\s|$|[\"'\u201d\u2019)])|[\u3002\uff01\uff1f]+")
_PARAGRAPH: Final = re.compile(r"\n\s*\n")
_VOWELS: Final = re.compile(r"[aeiouy]+")
_WORDS_PER_MINUTE: Final = 238


class TextStatistics(GuardedPlugin):
    spec = PluginSpec(
        name="text-statistics",
        version="1.0.0",
        description="Counts, vocabulary, most frequent words and readability of a text.",
        input_schema={
            "type": "object",
            "properties": {
                "text": {"type": "string", "minLength": 1, "maxLength": 5_000_000},
                "top": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 100,
                    "description": "How many of the most frequent words to list; 10 unless told.",
                },
            },
            "required": ["text"],
            "additionalProperties": False,
        },
        output_schema={
            "type": "object",
            "properties": {
                "characters": {"type": "integer"},
                "characters_without_spaces": {"type": "integer"},
                "words": {"type": "integer"},
                "distinct_words": {"type": "integer"},
                "sentences": {"type": "integer"},
                "paragraphs": {"type": "integer"},
                "lines": {"type": "integer"},
                "average_word_length": {"type": "number"},
                "average_sentence_length": {"type": "number"},
                "vocabulary_richness": {"type": "number", "minimum": 0, "maximum": 1},
                "reading_time_seconds": {"type": "number"},
                "flesch_reading_ease": {"type": ["number", "null"]},
                "flesch_kincaid_grade": {"type": ["number", "null"]},
                "top_words": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"word": {"type": "string"}, "count": {"type": "integer"}},
                        "required": ["word", "count"],
                    },
                },
            },
            "required": ["characters", "words", "sentences", "top_words"],
            "additionalProperties": False,
        },
        timeout_seconds=30.0,
    )

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        text: str = payload["text"]
        words = _WORD.findall(text.casefold())
        counts = Counter(words)
        sentences = _sentences(text) if words else 0
        ease, grade = _readability(words, sentences)
        return {
            "characters": len(text),
            "characters_without_spaces": sum(not character.isspace() for character in text),
            "words": len(words),
            "distinct_words": len(counts),
            "sentences": sentences,
            "paragraphs": sum(bool(part.strip()) for part in _PARAGRAPH.split(text)),
            "lines": len(text.splitlines()),
            "average_word_length": _ratio(sum(map(len, words)), len(words)),
            "average_sentence_length": _ratio(len(words), sentences),
            "vocabulary_richness": _ratio(len(counts), len(words)),
            "reading_time_seconds": round(60 * len(words) / _WORDS_PER_MINUTE, 1),
            "flesch_reading_ease": ease,
            "flesch_kincaid_grade": grade,
            "top_words": [
                {"word": word, "count": count}
                for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[
                    : payload.get("top", 10)
                ]
            ],
        }


def _sentences(text: str) -> int:
    """Sentences that hold a word; a last one without a full stop counts."""
    return max(1, sum(_WORD.search(part) is not None for part in _SENTENCE_END.split(text)))


def _readability(words: list[str], sentences: int) -> tuple[float | None, float | None]:
    if not words:
        return None, None
    per_sentence = len(words) / sentences
    per_word = sum(map(_syllables, words)) / len(words)
    ease = 206.835 - 1.015 * per_sentence - 84.6 * per_word
    grade = 0.39 * per_sentence + 11.8 * per_word - 15.59
    return round(ease, 2), round(grade, 2)


def _syllables(word: str) -> int:
    groups = len(_VOWELS.findall(word))
    silent = word.endswith("e") and not word.endswith(("le", "ee", "ye", "oe")) and groups > 1
    return max(1, groups - silent)


def _ratio(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0


PLUGIN = TextStatistics
