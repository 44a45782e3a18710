"""Samples with labels."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Shaped


class Dataset(NamedTuple):
    """Samples along the leading axis with integer class labels: images scaled to [0, 1], sentences as rows of word
    numbers (0 fills them up), or windows of a text with the next symbol of every position as its label. `vocabulary` is
    what numbers stand for."""

    name: str
    x_train: Shaped[np.ndarray, "n_train ..."]
    y_train: Int[np.ndarray, "n_train ..."]
    x_test: Shaped[np.ndarray, "n_test ..."]
    y_test: Int[np.ndarray, "n_test ..."]
    vocabulary: tuple[str, ...] = ()

    @property
    def n_classes(self) -> int:
        """Number of classes; of a text, of its symbols."""
        return len(self.vocabulary) if self.y_train.ndim > 1 else int(self.y_train.max()) + 1
