"""Real data that come with the installation."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class Dataset(NamedTuple):
    """Samples along the leading axis, scaled to [0, 1], with integer class labels."""

    name: str
    x_train: Float[np.ndarray, "n_train ..."]
    y_train: Int[np.ndarray, " n_train"]
    x_test: Float[np.ndarray, "n_test ..."]
    y_test: Int[np.ndarray, " n_test"]

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return int(self.y_train.max()) + 1


def digits() -> Dataset:
    """8x8 grey images of handwritten digits: 1,437 to train and 360 to test, stratified, always the same split.

    **Reference:** Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI (1998); the part bundled with
    scikit-learn.
    """
    bunch: Any = load_digits()
    x = (bunch.images / 16.0).astype(np.float32)
    y = bunch.target.astype(np.int32)
    train, test = train_test_split(np.arange(len(y)), test_size=360, stratify=y, random_state=0)
    return Dataset("digits", x[train], y[train], x[test], y[test])
