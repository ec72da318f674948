"""Vetting: a word that was tested to be one of the vocabulary before it is used is no finding."""

from __future__ import annotations

from governance.contract import Ref
from governance.contracts.vocabulary.mentions import Mentions
from governance.contracts.vocabulary.words import Vocabulary
from governance.index import Index

_STEPS = 12


class Vetting:
    """Reads the tests that narrow a name."""

    def __init__(self, index: Index, vocabulary: Vocabulary, mentions: Mentions) -> None:
        self.index = index
        self.vocabulary = vocabulary
        self.mentions = mentions

    def vetted(self, ref: Ref) -> bool:
        """Whether an expression is a name on a branch where it can only be a word of the vocabulary."""
        for _ in range(_STEPS):
            node = self.index.project.node(ref)
            if node[0] == "local" and node[2] >= 0:
                ref = (ref[0], node[2])
            elif node[0] == "narrow":
                if self._vets((ref[0], node[2]), bool(node[3])):
                    return True
                ref = (ref[0], node[1])
            else:
                return False
        return False

    def _vets(self, test: Ref, positive: bool) -> bool:
        """`word in Enum.__members__`, `word in VALID` and `hasattr(Enum, word)`."""
        node = self.index.project.node(test)
        if node[0] == "not":
            return self._vets((test[0], node[1]), not positive)
        if node[0] == "and" and positive:
            return any(self._vets((test[0], each), True) for each in node[1])
        if node[0] == "compare" and node[1] == ["in" if positive else "not in"]:
            return self._holds_words((test[0], node[2][1]))
        if node[0] == "call" and positive and len(node[2]) == 2:
            facts = self.index.project.modules[test[0]].facts
            return self.index.project.last_name((test[0], node[1])) == "hasattr" and self.mentions.enum(
                facts, node[2][0]
            )
        return False

    def _holds_words(self, ref: Ref) -> bool:
        """The enumeration, something made of it, or a container of valid words only."""
        if self.mentions.enum(self.index.project.modules[ref[0]].facts, ref[1]):
            return True
        held = self.index.elements(ref)
        words = [value[2] for value in held if value[:2] == ("const", "str")]
        return bool(words) and len(words) == len(held) and all(self.vocabulary.valid_string(word) for word in words)
