"""Texts as sequences of characters."""

import platform
from pathlib import Path
from pydoc_data.topics import topics
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from ._folder import data_file, read_text
from ._types import Dataset


UNKNOWN = "\N{REPLACEMENT CHARACTER}"


class Text(NamedTuple):
    """A text in the order it was written, as numbers of its `symbols`: one part each to train, to validate, to test."""

    name: str
    symbols: tuple[str, ...]
    train: Int[np.ndarray, " n_train"]
    valid: Int[np.ndarray, " n_valid"]
    test: Int[np.ndarray, " n_test"]

    def encode(self, words: str) -> Int[np.ndarray, " n"]:
        """The numbers of the characters of `words`; those that the text does not have count as unknown.

        **Raises:** `ValueError` for a character that the text does not have, if it has no symbol for unknown ones.
        """
        return encode(words, self.symbols)

    def decode(self, numbers: Int[np.ndarray, " n"]) -> str:
        """The reverse of `encode`."""
        return "".join(self.symbols[int(number)] for number in numbers)

    def windows(self, length: int) -> Dataset:
        """The text cut into windows of `length` symbols, one after another; labels are the symbols that follow.

        **Raises:** `ValueError` if a part is shorter than a window.
        """
        (x_train, y_train), (x_test, y_test) = _cut(self.train, length), _cut(self.test, length)
        return Dataset(self.name, x_train, y_train, x_test, y_test, self.symbols)


def text(name: str, words: str) -> Text:
    """Any text by character (its `words`, under its `name`): the first 90 % to train, then 5 % to validate and 5 %
    to test."""
    if len(words) < 20:
        raise ValueError(f"{name} is too short to split: {len(words)} characters")
    symbols = tuple(sorted(set(words)))
    train, valid, test = np.split(encode(words, symbols), [len(words) * 18 // 20, len(words) * 19 // 20])
    return Text(name, symbols, train, valid, test)


def python_docs() -> Text:
    """The language reference that Python brings along for `help()`: half a million characters of technical English with
    code. It differs between versions of Python, as its name says.

    **Reference:** `pydoc_data.topics` of the running interpreter; Python Software Foundation License.
    """
    return text(
        f"documentation of Python {platform.python_version()}", "\n\n".join(topics[key] for key in sorted(topics))
    )


def tinyshakespeare(path: Path | str | None = None) -> Text:
    """One million characters of plays: `path`, or `tinyshakespeare.txt` in the folder of `AIMCJAX_DATA`.

    **Reference:** Karpathy, "The unreasonable effectiveness of recurrent neural networks" (2015); its split of 90 % to
    train and 5 % each to validate and test.
    """
    return text("tinyshakespeare", read_text(data_file("tinyshakespeare.txt") if path is None else Path(path)))


def _cut(part: Int[np.ndarray, " n"], length: int) -> tuple[np.ndarray, np.ndarray]:
    n = (len(part) - 1) // length if length > 0 else 0
    if n < 1:
        raise ValueError(f"a window has from 1 to {len(part) - 1} symbols of a part of {len(part)}, got {length}")
    return part[: n * length].reshape(n, length), part[1 : n * length + 1].reshape(n, length)


def encode(words: str, symbols: tuple[str, ...]) -> Int[np.ndarray, " n"]:
    """The numbers of the characters of `words` among `symbols`; see `Text.encode`."""
    codes = np.frombuffer(words.encode("utf-32-le"), np.uint32)
    known = np.asarray([ord(symbol) for symbol in symbols], np.uint32)
    order = np.argsort(known)
    at = order[np.searchsorted(known, codes, sorter=order).clip(max=len(known) - 1)]
    found = known[at] == codes
    if not found.all():
        if UNKNOWN not in symbols:
            raise ValueError(f"the text has no character {chr(codes[~found][0])!r}")
        at = np.where(found, at, symbols.index(UNKNOWN))
    return at.astype(np.int32)
