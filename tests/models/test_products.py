"""Products of the models, and of loops and branches around layers, against counts in closed form."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import pytest

from aimcjax import models, nn, tiles


N, DIM, HIDDEN, VOCAB, LAYERS = 6, 8, 12, 11, 2
SIZES = {"vocab_size": VOCAB, "n_positions": N, "dim": DIM, "n_layers": LAYERS, "n_heads": 4, "hidden": HIDDEN}
GROUPED = {**SIZES, "n_kv_heads": 2}  # half the keys and values
ENCODER = {**SIZES, "n_classes": 3, "masked_lm": False, "pooler": True}
SQUARE, PART, HEAD = DIM * DIM, DIM * HIDDEN, DIM * VOCAB
SCORES = LAYERS * 2 * N * N * DIM  # queries by keys, and shares by values
LINEAR = eqx.nn.Linear(4, 4, use_bias=False, key=jr.key(0))


def _activity(model, x):
    return nn.count_activity(nn.convert(model, [nn.Rule(".*", tiles.WeightLevelTile(rows=16, cols=16))]), x)


# What a token takes of the tiles in all layers, what a sample takes besides, and of digital weights.
@pytest.mark.parametrize(
    ("make", "of_token", "of_sample", "digital"),
    [
        (lambda k: models.Gpt2(models.Gpt2Config(**SIZES, tied=False), key=k), 4 * SQUARE + 2 * PART, N * HEAD, 0),
        (lambda k: models.Llama(models.LlamaConfig(**GROUPED), key=k), 3 * SQUARE + 3 * PART, N * HEAD, 0),
        (
            lambda k: models.Mixtral(models.MixtralConfig(**GROUPED, n_experts=5, top_k=2), key=k),
            3 * SQUARE + 2 * 3 * PART, N * HEAD, LAYERS * N * DIM * 5,
        ),
        (
            lambda k: models.SigmaDecoder(models.SigmaDecoderConfig(**GROUPED, n_experts=5, top_k=3), key=k),
            3 * SQUARE + 3 * 2 * PART, N * HEAD, LAYERS * N * DIM * 5,
        ),
        (
            lambda k: models.SentenceClassifier(models.Albert(models.AlbertConfig(**ENCODER, embedding_dim=4), key=k)),
            4 * SQUARE + 2 * PART, N * 4 * DIM + SQUARE + 3 * DIM, 0,
        ),
    ],
    ids=["gpt2", "llama", "mixtral", "sigma", "albert"],
)  # fmt: skip
def test_products_of_transformers(make, of_token: int, of_sample: int, digital: int) -> None:
    model = eqx.filter_eval_shape(make, jr.key(0))
    zeros = lambda leaf: jnp.zeros(leaf.shape, leaf.dtype) if isinstance(leaf, jax.ShapeDtypeStruct) else leaf
    found = _activity(jax.tree.map(zeros, model), jnp.zeros(N, int))
    assert found.analog_macs == LAYERS * N * of_token + of_sample
    assert found.activation_macs == SCORES
    assert found.digital_macs == SCORES + digital


class Branches(eqx.Module):
    """Two products on one side of a branch, a digital one on the other; steps of a loop; a convolution."""

    layer: eqx.nn.Linear
    conv: eqx.nn.Conv2d
    bare: jax.Array

    def __call__(self, x, image):
        x = jax.lax.cond(x[0] > 0, lambda x: self.layer(self.layer(x)), lambda x: self.bare @ x, x)
        x = jax.lax.fori_loop(0, 5, lambda _, x: self.layer(x), x)
        return self.conv(image), jnp.einsum("i,j,k->ijk", x, x, self.bare[0])


def test_branches_count_as_their_dearest_and_loops_as_often_as_they_go() -> None:
    conv = eqx.nn.Conv2d(4, 6, (3, 2), groups=2, dilation=2, stride=2, padding=1, use_bias=False, key=jr.key(1))
    model, image = Branches(LINEAR, conv, jnp.ones((4, 4))), jnp.ones((4, 9, 9))
    _, height, width = conv(image).shape
    found = _activity(model, (jnp.ones(4), image))
    assert found.vectors == {"layer": 2 + 5, "conv": height * width}
    assert found.analog_macs == 7 * 16 + height * width * 6 * 2 * (3 * 2)
    assert found.digital_macs == 4 * 4 + 4 * 4 * 4  # the outer product, pair after pair
    plain = nn.count_activity(conv, image)
    assert plain.digital_macs == height * width * 6 * 2 * (3 * 2)
