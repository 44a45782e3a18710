"""Which data a run is about, and what is reported of a network on them."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from .. import datasets
from ..training import ACCURACY, BITS_PER_CHARACTER, Metric
from ._section import Count, Section


class DigitsConfig(Section):
    """`aimcjax.datasets.digits`."""

    type: Literal["digits"] = "digits"

    @property
    def metric(self) -> Metric:
        """What is reported."""
        return ACCURACY

    def load(self) -> datasets.Dataset:
        """The data set."""
        return datasets.digits()


class ImagesConfig(Section):
    """`aimcjax.datasets.idx_images` of `folder`, or of that folder in the one that AIMCJAX_DATA names."""

    type: Literal["idx_images"]
    folder: str

    @property
    def metric(self) -> Metric:
        """What is reported."""
        return ACCURACY

    def load(self) -> datasets.Dataset:
        """The data set."""
        folder = Path(self.folder)
        return datasets.idx_images(folder if folder.is_dir() else datasets.data_file(self.folder))


class SentencesConfig(Section):
    """`aimcjax.datasets.sst2`, cut to `length` words."""

    type: Literal["sst2"]
    length: Count = Field(48, gt=0)

    @property
    def metric(self) -> Metric:
        """What is reported."""
        return ACCURACY

    def load(self) -> datasets.Dataset:
        """The data set."""
        return datasets.sst2(length=self.length)


class TextConfig(Section):
    """A text by character, in windows of `length`; at most `max_test` windows are tested."""

    type: Literal["python_docs", "tinyshakespeare", "wikitext2"]
    length: Count = Field(128, gt=0)
    max_test: Count | None = Field(None, gt=0)

    @property
    def metric(self) -> Metric:
        """What is reported."""
        return BITS_PER_CHARACTER

    def load(self) -> datasets.Dataset:
        """The data set."""
        data = getattr(datasets, self.type)().windows(self.length)
        return data._replace(x_test=data.x_test[: self.max_test], y_test=data.y_test[: self.max_test])


class RandomTokensConfig(Section):
    """`aimcjax.datasets.random_tokens`."""

    type: Literal["random_tokens"]
    vocab_size: Count = Field(gt=1)
    length: Count = Field(128, gt=0)

    @property
    def metric(self) -> Metric:
        """What is reported."""
        return BITS_PER_CHARACTER

    def load(self) -> datasets.Dataset:
        """The data set."""
        return datasets.random_tokens(self.vocab_size, self.length)


DATA = {
    "digits": DigitsConfig,
    "idx_images": ImagesConfig,
    "sst2": SentencesConfig,
    "python_docs": TextConfig,
    "tinyshakespeare": TextConfig,
    "wikitext2": TextConfig,
    "random_tokens": RandomTokensConfig,
}
DataConfig = Annotated[
    DigitsConfig | ImagesConfig | SentencesConfig | TextConfig | RandomTokensConfig, Field(discriminator="type")
]
