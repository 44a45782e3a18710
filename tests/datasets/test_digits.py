"""The bundled digits: real, scaled, split once and for all."""

import zlib

import numpy as np
from sklearn.datasets import load_digits

from aimcjax import datasets


def test_digits_have_the_documented_sizes_and_scale() -> None:
    data = datasets.digits()
    assert data.x_train.shape == (1437, 8, 8)
    assert data.x_test.shape == (360, 8, 8)
    assert data.x_train.dtype == data.x_test.dtype == np.float32
    assert data.y_train.dtype == data.y_test.dtype == np.int32
    assert data.x_train.min() == 0.0
    assert data.x_train.max() == 1.0
    assert data.n_classes == 10
    assert data.name == "digits"


def test_train_and_test_are_all_of_the_data_and_share_nothing() -> None:
    data, bunch = datasets.digits(), load_digits(return_X_y=True)
    rows = lambda x, y: sorted(
        (*(16 * image).round().ravel().tolist(), label) for image, label in zip(x, y, strict=True)
    )
    parts = rows(data.x_train, data.y_train.tolist()) + rows(data.x_test, data.y_test.tolist())
    assert sorted(parts) == sorted((*image.tolist(), label) for image, label in zip(bunch[0], bunch[1], strict=True))


def test_split_is_stratified() -> None:
    data = datasets.digits()
    train, test = np.bincount(data.y_train), np.bincount(data.y_test)
    assert np.all(np.abs(test - (train + test) * 360 / 1797) < 1)


def test_split_is_always_the_same() -> None:
    first, second = datasets.digits(), datasets.digits()
    assert np.array_equal(first.x_test, second.x_test)
    assert np.array_equal(first.y_train, second.y_train)
    # Frozen: a new version of scikit-learn that splits otherwise would change every accuracy ever reported.
    labels = zlib.crc32(first.y_test.astype(np.uint8).tobytes())
    pixels = zlib.crc32((16 * first.x_test).round().astype(np.uint8).tobytes())
    assert (labels, pixels) == (1897342685, 1814970648)
