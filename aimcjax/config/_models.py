"""Networks by name: one section each, with the sizes that its constructor takes."""

import functools as ft
from typing import Annotated, Any, Literal

import equinox as eqx
from pydantic import Field

from .. import models
from .._types import PRNGKey
from ..datasets import Dataset
from ._section import Count, Number, Section


Size = Annotated[Count, Field(gt=0)]


class VitConfig(Section):
    """`aimcjax.models.VisionTransformer`."""

    type: Literal["vit"]
    patch_size: Size = 2
    dim: Size = 48
    depth: Size = 2
    n_heads: Size = 4
    mlp_ratio: Size = 2

    def build(self, data: Dataset, key: PRNGKey) -> models.VisionTransformer:
        """The network for images of `data`, with initial weights from `key`."""
        _check_input(self, data, ndim=3, integers=False, what="images")
        sizes = self.model_dump(exclude={"type", "patch_size"})
        return models.VisionTransformer(data.x_train.shape[1], self.patch_size, data.n_classes, **sizes, key=key)


class MlpConfig(Section):
    """`aimcjax.models.Mlp`."""

    type: Literal["mlp"]
    widths: tuple[Size, ...] = (128, 128)

    def build(self, data: Dataset, key: PRNGKey) -> models.Mlp:
        """The network for samples of `data`, with initial weights from `key`."""
        _check_input(self, data, ndim=None, integers=False, what="samples of real numbers")
        n_in = int(data.x_train[0].size)
        return models.Mlp(n_in, data.n_classes, self.widths, key=key)


class CnnConfig(Section):
    """`aimcjax.models.ResNet`: `stem_size` and `stem_stride` of its first convolution, a head that reads means over
    `pool` x `pool` parts of the last image."""

    type: Literal["cnn"]
    widths: tuple[Size, ...] = (16, 32, 64)
    n_blocks: Size = 1
    groups: Size = 8
    stem_size: Size = 3
    stem_stride: Size = 1
    pool: Size = 2

    def build(self, data: Dataset, key: PRNGKey) -> models.ResNet:
        """The network for images of `data`, with initial weights from `key`."""
        _check_input(self, data, ndim=3, integers=False, what="images")
        network = models.ResNet(1, data.n_classes, **self.model_dump(exclude={"type"}), key=key)
        eqx.filter_eval_shape(network, data.x_train[0])  # refuses images too small for its head, before any training
        return network


class LstmConfig(Section):
    """`aimcjax.models.Lstm`, which reads an image row by row."""

    type: Literal["lstm"]
    hidden: Size = 64
    n_layers: Size = 1

    def build(self, data: Dataset, key: PRNGKey) -> models.Lstm:
        """The network for images of `data`, with initial weights from `key`."""
        _check_input(self, data, ndim=3, integers=False, what="images")
        return models.Lstm(data.x_train.shape[2], data.n_classes, **self.model_dump(exclude={"type"}), key=key)


class GptConfig(Section):
    """`aimcjax.models.Gpt2`, its head not tied to the embedding: both can be on tiles."""

    type: Literal["gpt"]
    dim: Size = 256
    n_layers: Size = 4
    n_heads: Size = 4

    def build(self, data: Dataset, key: PRNGKey) -> models.Gpt2:
        """The network for the text of `data`, with initial weights from `key`."""
        return models.Gpt2(models.Gpt2Config(**_sizes_of_text(self, data), tied=False), key=key)


class LlamaConfig(Section):
    """`aimcjax.models.Llama`."""

    type: Literal["llama"]
    dim: Size = 256
    n_layers: Size = 4
    n_heads: Size = 8
    n_kv_heads: Size = 4
    hidden: Size = 688

    def build(self, data: Dataset, key: PRNGKey) -> models.Llama:
        """The network for the text of `data`, with initial weights from `key`."""
        return models.Llama(models.LlamaConfig(**_sizes_of_text(self, data)), key=key)


class MoeConfig(Section):
    """`aimcjax.models.Mixtral`; `hidden` is that of each expert; `balance`, the factor with which training minimises
    `aimcjax.models.load_balancing_loss` too (0.02, assumed)."""

    type: Literal["moe"]
    dim: Size = 256
    n_layers: Size = 4
    n_heads: Size = 8
    n_kv_heads: Size = 4
    hidden: Size = 344
    n_experts: Size = 8
    top_k: Size = 2
    balance: Number = Field(0.02, ge=0)

    def build(self, data: Dataset, key: PRNGKey) -> models.Mixtral:
        """The network for the text of `data`, with initial weights from `key`."""
        return models.Mixtral(models.MixtralConfig(**_sizes_of_text(self, data)), key=key)


class SigmaMoeConfig(MoeConfig):
    """`aimcjax.models.SigmaDecoder`; sizes and `balance` as for a `moe`."""

    type: Literal["sigma_moe"]
    hidden: Size = 128
    n_experts: Size = 16
    top_k: Size = 4

    def build(self, data: Dataset, key: PRNGKey) -> models.SigmaDecoder:
        """The network for the text of `data`, with initial weights from `key`."""
        return models.SigmaDecoder(models.SigmaDecoderConfig(**_sizes_of_text(self, data)), key=key)


class EncoderConfig(Section):
    """`aimcjax.models.SentenceClassifier` around `aimcjax.models.Bert`."""

    type: Literal["encoder"]
    dim: Size = 128
    n_layers: Size = 2
    n_heads: Size = 4
    hidden: Size = 256

    def build(self, data: Dataset, key: PRNGKey) -> models.SentenceClassifier:
        """The network for sentences of `data`, with initial weights from `key`."""
        return models.SentenceClassifier(models.Bert(models.BertConfig(**_sizes_of_sentences(self, data)), key=key))


class AlbertConfig(EncoderConfig):
    """`aimcjax.models.SentenceClassifier` around `aimcjax.models.Albert`."""

    type: Literal["albert"]
    embedding_dim: Size = 64

    def build(self, data: Dataset, key: PRNGKey) -> models.SentenceClassifier:
        """The network for sentences of `data`, with initial weights from `key`."""
        return models.SentenceClassifier(models.Albert(models.AlbertConfig(**_sizes_of_sentences(self, data)), key=key))


class PretrainedConfig(Section):
    """`aimcjax.models.load_pretrained` of `folder`; an encoder in an `aimcjax.models.SentenceClassifier`. The numbers
    in the data must be those that its tokens have."""

    type: Literal["pretrained"]
    folder: str

    def build(self, data: Dataset, key: PRNGKey) -> Any:
        """The network in the folder, which must fit `data`; `key` is not used."""
        del key
        self.shapes(data)
        return _ready(models.load_pretrained(self.folder))

    def shapes(self, data: Dataset) -> Any:
        """The network with shapes for arrays, by its config alone."""
        try:
            network = models.pretrained_shapes(self.folder)
        except FileNotFoundError as error:
            raise ValueError(f"model.folder: {error}") from None
        config, length, where = network.config, data.x_train.shape[1], f"the model in {self.folder}"
        of_sentences = isinstance(network, models.AbstractEncoder)
        what = "sentences" if of_sentences else "a text"
        _check_input(self, data, ndim=2, integers=True, what=what, every_position=not of_sentences)
        n_symbols = len(data.vocabulary)
        if (config.vocab_size < n_symbols) if of_sentences else (config.vocab_size != n_symbols):
            raise ValueError(f"{where} knows {config.vocab_size} tokens, {data.name} has {n_symbols}")
        if config.n_positions < length:
            raise ValueError(f"{where} knows {config.n_positions} positions, {data.name} has {length}")
        if of_sentences and config.n_classes != data.n_classes:
            n_classes = config.n_classes or "no"
            raise ValueError(f"{where} has {n_classes} classes, {data.name} has {data.n_classes}")
        return _ready(network)


def _ready(network: Any) -> Any:
    return models.SentenceClassifier(network) if isinstance(network, models.AbstractEncoder) else network


@ft.singledispatch
def shapes(section: Any, data: Dataset, key: PRNGKey) -> Any:
    """The network that `section` builds for `data`, with shapes for arrays: nothing is allocated."""
    return eqx.filter_eval_shape(lambda key: section.build(data, key), key)


@shapes.register
def _(section: PretrainedConfig, data: Dataset, key: PRNGKey) -> Any:
    del key
    return section.shapes(data)


MODELS = {
    "vit": VitConfig,
    "mlp": MlpConfig,
    "cnn": CnnConfig,
    "lstm": LstmConfig,
    "gpt": GptConfig,
    "llama": LlamaConfig,
    "moe": MoeConfig,
    "sigma_moe": SigmaMoeConfig,
    "encoder": EncoderConfig,
    "albert": AlbertConfig,
    "pretrained": PretrainedConfig,
}
ModelConfig = Annotated[
    VitConfig
    | MlpConfig
    | CnnConfig
    | LstmConfig
    | GptConfig
    | LlamaConfig
    | MoeConfig
    | SigmaMoeConfig
    | EncoderConfig
    | AlbertConfig
    | PretrainedConfig,
    Field(discriminator="type"),
]


def _sizes_of_sentences(section: Any, data: Dataset) -> dict[str, Any]:
    _check_input(section, data, ndim=2, integers=True, what="sentences")
    sizes = {"vocab_size": len(data.vocabulary), "n_positions": data.x_train.shape[1], "n_classes": data.n_classes}
    return {**section.model_dump(exclude={"type"}), **sizes, "masked_lm": False, "pooler": True}


def _sizes_of_text(section: Any, data: Dataset) -> dict[str, Any]:
    _check_input(section, data, ndim=2, integers=True, what="a text", every_position=True)
    sizes = section.model_dump(exclude={"type", "balance"})
    return {**sizes, "vocab_size": data.n_classes, "n_positions": data.x_train.shape[1]}


def _check_input(
    section: Any, data: Dataset, *, ndim: int | None, integers: bool, what: str, every_position: bool = False
) -> None:
    x, y = data.x_train, data.y_train
    fits = (x.dtype.kind == "i") == integers and ndim in (None, x.ndim) and (y.ndim > 1) == every_position
    if not fits:
        raise ValueError(f"a model of type {section.type} takes {what}, not {data.name}; change data or model")
