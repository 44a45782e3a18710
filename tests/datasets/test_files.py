"""Data from files: formats, splits, and what is said of a missing or damaged file."""

import gzip
import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from aimcjax import datasets


def _write_idx(path: Path, values: np.ndarray) -> None:
    data = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def _folder(path: Path, parts: tuple[str, ...] = ("train", "t10k"), end: str = "") -> Path:
    random = np.random.default_rng(0)
    for part in parts:
        _write_idx(path / f"{part}-images-idx3-ubyte{end}", random.integers(0, 256, (10, 4, 3)))
        _write_idx(path / f"{part}-labels-idx1-ubyte{end}", np.arange(10) % 3)
    return path


@pytest.mark.parametrize("end", ["", ".gz"])
def test_images_are_what_was_written(tmp_path: Path, end: str) -> None:
    data = datasets.idx_images(_folder(tmp_path, end=end))
    written = np.random.default_rng(0).integers(0, 256, (10, 4, 3))
    np.testing.assert_allclose(data.x_train, written / 255.0, rtol=1e-6)
    np.testing.assert_array_equal(data.y_test, np.arange(10) % 3)
    assert data.n_classes == 3


def test_the_test_part_alone_is_split_and_says_so(tmp_path: Path) -> None:
    data = datasets.idx_images(_folder(tmp_path, parts=("t10k",)))
    written = np.random.default_rng(0).integers(0, 256, (10, 4, 3)) / 255.0
    np.testing.assert_allclose(data.x_train, written[:8], rtol=1e-6)
    np.testing.assert_allclose(data.x_test, written[8:], rtol=1e-6)
    np.testing.assert_array_equal(np.append(data.y_train, data.y_test), np.arange(10) % 3)
    assert len(data.y_test) == 2
    assert "first 8 to train" in data.name


def test_damaged_images_are_named(tmp_path: Path) -> None:
    images = _folder(tmp_path) / "t10k-images-idx3-ubyte"
    whole = images.read_bytes()
    for damaged, message in (
        (whole[:-5], r"is damaged: an array of \(10, 4, 3\) has 136 bytes, the file 131"),
        (b"GIF89a", "is not an IDX file"),
        (b"", "is not an IDX file"),
    ):
        images.write_bytes(damaged)
        with pytest.raises(ValueError, match=message):
            datasets.idx_images(tmp_path)
    (tmp_path / "x.gz").write_bytes(gzip.compress(whole)[:-20])
    with pytest.raises(ValueError, match="not a readable gzip file"):
        datasets.read_idx(tmp_path / "x.gz")
    images.unlink()
    with pytest.raises(FileNotFoundError, match="no t10k-images-idx3-ubyte or"):
        datasets.idx_images(tmp_path)
    _write_idx(images, np.zeros((9, 4, 3)))
    with pytest.raises(ValueError, match=r"got shapes \(9, 4, 3\) and \(10,\)"):
        datasets.idx_images(tmp_path)


def test_text_is_read_back_as_written() -> None:
    words = "to be, or not to be: that is the question.\n" * 20
    text = datasets.text("hamlet", words)
    assert "".join(text.decode(part) for part in (text.train, text.valid, text.test)) == words
    assert len(text.train) == len(words) * 18 // 20
    assert text.decode(text.encode("the question")) == "the question"
    with pytest.raises(ValueError, match="no character 'Z'"):
        text.encode("Z")
    with pytest.raises(ValueError, match="too short"):
        datasets.text("nothing", "short")


def test_windows_are_followed_by_their_labels_and_parts_stay_apart() -> None:
    words = "".join(chr(0x4E00 + k) for k in range(400))  # every character once: its number is its place
    data = datasets.text("places", words).windows(9)
    np.testing.assert_array_equal(data.x_train, np.arange(351).reshape(39, 9))  # of 360 to train; the last has none
    np.testing.assert_array_equal(data.y_train, data.x_train + 1)
    np.testing.assert_array_equal(data.x_test, 380 + np.arange(18).reshape(2, 9))
    np.testing.assert_array_equal(data.y_test, data.x_test + 1)


def test_articles_to_train_to_validate_and_to_test_are_apart(tmp_path: Path) -> None:
    (tmp_path / "valid.txt").write_text("ab" * 190 + "ba" * 10)
    (tmp_path / "test.txt").write_text("abz")
    text = datasets.wikitext2(tmp_path)
    assert [text.decode(part) for part in (text.train, text.valid)] == ["ab" * 190, "ba" * 10]
    assert text.decode(text.test) == "ab\N{REPLACEMENT CHARACTER}"


def test_documentation_of_python_is_always_there() -> None:
    docs = datasets.python_docs()
    assert len(docs.train) > 200_000
    assert "assert" in docs.decode(docs.train)
    assert max(docs.train.max(), docs.test.max()) < len(docs.symbols)


def test_missing_data_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AIMCJAX_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="AIMCJAX_DATA names, which is not set"):
        datasets.tinyshakespeare()
    monkeypatch.setenv("AIMCJAX_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="is it the folder that holds sst2"):
        datasets.sst2()
    (tmp_path / "tinyshakespeare.txt").write_bytes(b"\xff\xfe" * 30)
    with pytest.raises(ValueError, match="not text in UTF-8"):
        datasets.tinyshakespeare()


def test_sentences_as_word_numbers(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("a fine film\t1\na film\t0\n")
    (tmp_path / "test.tsv").write_text("film a masterpiece masterpiece a a\t1\n")
    data = datasets.sst2(tmp_path, length=4)
    assert data.vocabulary == ("<pad>", "<unk>", "a", "film")
    np.testing.assert_array_equal(data.x_train, [[2, 1, 3, 0], [2, 3, 0, 0]])
    np.testing.assert_array_equal(data.x_test, [[3, 2, 1, 1]])
    np.testing.assert_array_equal(data.y_train, [1, 0])
    (tmp_path / "test.tsv").write_text("no label\n")
    with pytest.raises(ValueError, match="line 1: expected a sentence, a tab and 0 or 1"):
        datasets.sst2(tmp_path)


def test_the_real_files(data_folder: str) -> None:
    plays, reviews = datasets.tinyshakespeare(), datasets.sst2()
    assert len(plays.symbols) == 65  # Karpathy 2015
    assert sum(map(len, (plays.train, plays.valid, plays.test))) == 1_115_394
    assert (len(reviews.x_train), len(reviews.x_test)) == (6920, 1821)  # Socher 2013
    articles, images = datasets.wikitext2(), datasets.idx_images(Path(data_folder) / "mnist10k")
    counts = Counter(articles.train.tolist())
    assert counts[0] / len(articles.train) < 0.005  # unknown characters are rare
    assert images.x_train.shape == (8000, 28, 28)
    assert np.bincount(images.y_train).sum() + np.bincount(images.y_test).sum() == 10_000
