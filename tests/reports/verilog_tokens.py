"""Verilog-A text as tokens, taken one after the other: numbers, names, strings and signs."""

import re
from typing import Any


_TOKEN = re.compile(r"\s*(?:(\d+\.\d+(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+)|(\d+)|(\$?[A-Za-z_]\w*)|(\"[^\"\n]*\")"
                    r"|(<\+|<=|>=|==|!=|&&|\|\||\(\*|\*\)|[-+*/()<>?:;,=!@\[\]]))")  # fmt: skip


class Tokens:
    """Tokens and how far they have been read."""

    def __init__(self, text: str) -> None:
        self._tokens, self._at = _tokenised(text), 0

    def finished(self) -> bool:
        return self._at == len(self._tokens)

    def peek(self) -> Any:
        return self._tokens[self._at]

    def next(self) -> Any:
        self._at += 1
        return self._tokens[self._at - 1]

    def expect(self, word: str) -> None:
        found = self.next()
        assert found == word, f"expected {word}, found {self._tokens[max(self._at - 8, 0) : self._at]}"

    def names(self, end: str) -> list[str]:
        """Names with commas between them, up to the sign that ends them."""
        names = [self.next()]
        while (sign := self.next()) != end:
            assert sign == ","
            names.append(self.next())
        return names


def _tokenised(text: str) -> list[Any]:
    found, at, text = [], 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match, f"not a token: {text[at : at + 40]!r}"
        real, whole, *others = match.groups()
        found.append(float(real) if real else int(whole) if whole else next(part for part in others if part))
        at = match.end()
    return found
