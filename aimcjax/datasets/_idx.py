"""Images in the IDX format of MNIST."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from ._types import Dataset


_DTYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def idx_images(folder: Path | str) -> Dataset:
    """Images and labels of a `folder` in the format of MNIST (Fashion-MNIST, KMNIST, ...), compressed or not, in [0,
    1].

    Reads `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the same with `t10k`. Where there is only the
    part called `t10k`, its first four fifths are to train and the rest to test, and the name says so.

    **Raises:** `FileNotFoundError` if images or labels are missing; `ValueError` for a damaged file, or another number
    of labels than of images.

    **Reference:** LeCun, Cortes and Burges, "The MNIST database of handwritten digits" (1998), for the format.
    """
    folder = Path(folder)
    x, y = _part(folder, "t10k")
    if not _exists(folder, "train-images-idx3-ubyte"):
        split = len(x) * 4 // 5
        return Dataset(
            f"{folder.name} (test part, first {split:,} to train)", x[:split], y[:split], x[split:], y[split:]
        )
    x_train, y_train = _part(folder, "train")
    return Dataset(folder.name, x_train, y_train, x, y)


def read_idx(path: Path) -> Shaped[np.ndarray, "..."]:
    """The array of one IDX file, compressed (`.gz`) or not, in its own dtype and the byte order of the machine.

    **Raises:** `ValueError` if the file is damaged.
    """
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is not a readable gzip file: {error}") from None
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _DTYPES or len(data) < 4 + 4 * data[3]:
        raise ValueError(f"{path} is not an IDX file: it does not begin with the sizes of an array")
    shape = tuple(np.frombuffer(data, ">u4", data[3], 4).tolist())
    dtype, start = np.dtype(_DTYPES[data[2]]), 4 + 4 * data[3]
    expected = start + dtype.itemsize * math.prod(shape)
    if len(data) != expected:
        raise ValueError(f"{path} is damaged: an array of {shape} has {expected:,} bytes, the file {len(data):,}")
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def _part(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    images = read_idx(_find(folder, f"{part}-images-idx3-ubyte"))
    labels = read_idx(_find(folder, f"{part}-labels-idx1-ubyte"))
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"{folder}: expected images[n, height, width] and labels[n], got shapes {images.shape} and {labels.shape}"
        )
    return (images / 255.0).astype(np.float32), labels.astype(np.int32)


def _exists(folder: Path, name: str) -> bool:
    return any((folder / f"{name}{end}").is_file() for end in ("", ".gz"))


def _find(folder: Path, name: str) -> Path:
    for end in ("", ".gz"):
        if (folder / f"{name}{end}").is_file():
            return folder / f"{name}{end}"
    raise FileNotFoundError(f"no {name} or {name}.gz in {folder}")
