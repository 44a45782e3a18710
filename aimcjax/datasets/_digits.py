"""The digits that come with scikit-learn."""

from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from ._types import Dataset


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
