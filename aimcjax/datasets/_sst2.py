"""Sentences of film reviews and whether they praise."""

from collections import Counter
from pathlib import Path

import numpy as np
from jaxtyping import Int

from ._folder import data_file, read_text
from ._types import Dataset


PADDING, UNKNOWN = "<pad>", "<unk>"


def sst2(folder: Path | str | None = None, *, length: int = 48, rarest: int = 2) -> Dataset:
    """SST-2 by word: sentences as `length` word numbers (0 fills up, longer ones are cut), labels 1 where they praise;
    trained on `train.tsv`, tested on `test.tsv`.

    **Arguments:** `folder` with both files, a sentence, a tab and its label on each line; default `sst2` in the folder
    of `AIMCJAX_DATA`; `length`; `rarest`, words that occur less often to train on are unknown.

    **Raises:** `FileNotFoundError`; `ValueError` for a line that is none.

    **Reference:** Socher et al., EMNLP 2013.
    """
    folder = data_file("sst2") if folder is None else Path(folder)
    (train, y_train), (test, y_test) = (_read(folder / f"{part}.tsv") for part in ("train", "test"))
    counts = Counter(word for sentence in train for word in sentence)
    words = sorted((word for word, count in counts.items() if count >= rarest), key=lambda word: (-counts[word], word))
    vocabulary = (PADDING, UNKNOWN, *words)
    number = {word: k for k, word in enumerate(vocabulary)}

    def rows(sentences: list[list[str]]) -> Int[np.ndarray, "n length"]:
        x = np.zeros((len(sentences), length), np.int32)
        for row, sentence in zip(x, sentences, strict=True):
            found = [number.get(word, 1) for word in sentence[:length]]
            row[: len(found)] = found
        return x

    return Dataset("sst2", rows(train), y_train, rows(test), y_test, vocabulary)


def _read(path: Path) -> tuple[list[list[str]], Int[np.ndarray, " n"]]:
    if not path.is_file():
        raise FileNotFoundError(f"no {path.name} in {path.parent}")
    sentences, labels = [], []
    for n, line in enumerate(read_text(path).splitlines(), start=1):
        sentence, tab, label = line.rpartition("\t")
        if not tab or label not in ("0", "1"):
            raise ValueError(f"{path}, line {n}: expected a sentence, a tab and 0 or 1, got {line[-40:]!r}")
        sentences.append(sentence.split())
        labels.append(int(label))
    return sentences, np.asarray(labels, np.int32)
