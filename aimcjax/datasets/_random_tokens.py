"""Tokens without meaning."""

import numpy as np

from ._types import Dataset


def random_tokens(vocab_size: int, length: int, *, n_train: int = 64, n_test: int = 8, seed: int = 0) -> Dataset:
    """`n_train` and `n_test` windows of `length` independent tokens, uniform below `vocab_size`, drawn from `seed`: to
    try out sizes and speed, nothing can be learned from them."""
    draw = np.random.default_rng(seed)
    windows = draw.integers(vocab_size, size=(n_train + n_test, length + 1), dtype=np.int32)
    (x_train, x_test), (y_train, y_test) = (np.split(part, [n_train]) for part in (windows[:, :-1], windows[:, 1:]))
    return Dataset("random tokens", x_train, y_train, x_test, y_test, tuple(map(str, range(vocab_size))))
