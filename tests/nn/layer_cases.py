"""Layers to convert, with an input of each; and a tile without physics, which leaves nothing but the form to test."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array

from aimcjax.tiles import AbstractTileDesign


class ExactTile(AbstractTileDesign):
    """Holds weights as they are; small, so that matrices need several."""

    rows: int = eqx.field(static=True, default=7)
    cols: int = eqx.field(static=True, default=5)

    def program(self, w: Array, *, key: Array) -> Any:
        return w

    def at(self, state: Any, t: Any) -> Any:
        return state

    def read(self, snapshot: Any, x: Array, *, key: Array) -> Array:
        return x @ snapshot

    def expected(self, snapshot: Any, x: Array) -> Array:
        return x @ snapshot

    def gain(self, snapshot: Any) -> Array:
        return jnp.ones(snapshot.shape[-1])


class Stack(eqx.Module):
    """A stack of experts, written as plainly as can be."""

    weight: Array
    bias: Array | None

    def __init__(self, n: int, n_in: int, n_out: int, bias: bool) -> None:
        self.weight = jr.normal(jr.key(1), (n, n_out, n_in))
        self.bias = jr.normal(jr.key(2), (n, n_out)) if bias else None

    def __call__(self, x: Array, expert: Array) -> Array:
        y = jnp.einsum("roi,ri->ro", self.weight[expert], x)
        return y if self.bias is None else y + self.bias[expert]


KEY = jr.key(0)
image = lambda *shape: jr.normal(jr.key(7), shape)
conv = lambda *args, **more: eqx.nn.Conv(*args, **more, key=KEY)
transposed = lambda *args, **more: eqx.nn.ConvTranspose(*args, **more, key=KEY)
WHICH = jnp.array([2, 0, 2, 2, 4, 0, 2, 1, 2])

CASES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "linear": (eqx.nn.Linear(9, 6, key=KEY), (image(9),)),
    "conv1_stride_same": (conv(1, 3, 4, 4, stride=2, padding="SAME"), (image(3, 9),)),
    "conv1_same_lower": (conv(1, 3, 4, 4, padding="SAME_LOWER", use_bias=False), (image(3, 9),)),
    "conv1_reflect_dilated": (conv(1, 2, 4, 3, padding=2, dilation=2, padding_mode="REFLECT"), (image(2, 9),)),
    "conv2_groups": (conv(2, 4, 6, (3, 2), stride=(2, 1), padding=(1, 0), groups=2), (image(4, 6, 5),)),
    "conv2_depthwise_circular": (conv(2, 3, 6, 3, padding=1, groups=3, padding_mode="CIRCULAR"), (image(3, 5, 4),)),
    "conv2_replicate_uneven": (
        conv(2, 2, 3, 3, padding=((1, 2), (0, 1)), dilation=(1, 2), padding_mode="REPLICATE"),
        (image(2, 5, 6),),
    ),
    "conv3": (conv(3, 2, 3, 2, stride=2, dilation=(1, 2, 1), padding=1), (image(2, 4, 4, 3),)),
    "transposed1": (transposed(1, 3, 4, 3, stride=2, padding=1, output_padding=1), (image(3, 5),)),
    "transposed2_groups_same": (
        transposed(2, 4, 6, 3, stride=(2, 3), padding="SAME", dilation=(2, 1), groups=2),
        (image(4, 3, 4),),
    ),
    "transposed2_circular": (transposed(2, 2, 3, 3, padding="SAME", padding_mode="CIRCULAR"), (image(2, 4, 5),)),
    "transposed1_stride_circular": (
        transposed(1, 2, 3, 5, stride=2, padding="SAME_LOWER", padding_mode="CIRCULAR"),
        (image(2, 6),),
    ),
    "transposed3": (transposed(3, 2, 2, 2, stride=2, padding=((0, 1), (1, 0), (0, 0))), (image(2, 2, 3, 2),)),
    "embedding": (eqx.nn.Embedding(11, 6, key=KEY), (jnp.asarray(4),)),
    "lstm_cell": (eqx.nn.LSTMCell(9, 4, key=KEY), (image(9), (image(4), image(4)))),
    "gru_cell": (eqx.nn.GRUCell(9, 4, key=KEY), (image(9), image(4))),
    "attention": (eqx.nn.MultiheadAttention(2, 6, key=KEY), (image(5, 6), image(5, 6), image(5, 6))),
    "experts": (Stack(5, 9, 4, bias=True), (image(9, 9), WHICH)),
    "experts_without_bias": (Stack(5, 3, 4, bias=False), (image(9, 3), WHICH)),
}


def close(a: Any, b: Any, tolerance: float) -> None:
    """All leaves within `tolerance` of the largest magnitude (at least one)."""
    for found, wanted in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert jnp.shape(found) == jnp.shape(wanted)
        scale = max(1.0, float(jnp.max(jnp.abs(wanted))))
        assert float(jnp.max(jnp.abs(found - wanted))) <= tolerance * scale
