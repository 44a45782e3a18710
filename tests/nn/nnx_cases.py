"""Layers of Flax NNX to convert, with an input of each."""

from typing import Any

import jax.numpy as jnp
from flax import nnx
from layer_cases import WHICH, image


RNGS = nnx.Rngs(0)
general = lambda *args, **more: nnx.LinearGeneral(*args, **more, bias_init=nnx.initializers.normal(), rngs=RNGS)
einsum = lambda *args: nnx.Einsum(*args, bias_init=nnx.initializers.normal(), rngs=RNGS)
conv = lambda *args, **more: nnx.Conv(*args, **more, bias_init=nnx.initializers.normal(), rngs=RNGS)
transposed = lambda *args, **more: nnx.ConvTranspose(*args, **more, bias_init=nnx.initializers.normal(), rngs=RNGS)
lora = {"b_initializer": nnx.initializers.normal(), "rngs": RNGS}

CASES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "linear": (nnx.Linear(9, 6, rngs=RNGS), (image(2, 3, 9),)),
    "general": (general((2, 3), (4, 5), axis=(1, -1)), (image(6, 2, 3),)),
    "general_reversed_axes": (general((4, 3), 5, axis=(-1, -2), use_bias=False), (image(6, 4, 3),)),
    "general_batch": (general(3, (2, 2), batch_axis={0: 4}), (image(4, 5, 3),)),
    "einsum_heads": (einsum("...td,dhk->...thk", (6, 2, 3), (2, 3)), (image(2, 5, 6),)),
    "einsum_groups": (einsum("tgd,gdf->tgf", (3, 4, 5), (3, 5)), (image(6, 3, 4),)),
    "conv1_causal": (conv(3, 4, 3, padding="CAUSAL", kernel_dilation=2), (image(7, 3),)),
    "conv2_groups_batch": (conv(4, 6, (3, 2), 2, feature_group_count=2), (image(2, 5, 6, 4),)),
    "conv2_circular": (conv(2, 3, (4, 3), padding="CIRCULAR"), (image(5, 6, 2),)),
    "conv2_reflect": (conv(2, 3, (3, 3), padding="REFLECT", kernel_dilation=(1, 2)), (image(5, 6, 2),)),
    "conv2_spread": (conv(2, 3, (3, 2), padding=[(1, 2), 1], input_dilation=(2, 1), use_bias=False), (image(4, 5, 2),)),
    "conv3": (conv(2, 3, (2, 2, 2), 2, padding="VALID"), (image(4, 4, 3, 2),)),
    "transposed1": (transposed(3, 4, 3, 2), (image(5, 3),)),
    "transposed1_pads": (transposed(3, 4, 3, 2, padding=1), (image(5, 3),)),
    "transposed2_valid": (transposed(2, 3, (3, 2), (2, 3), padding="VALID", kernel_dilation=2), (image(3, 4, 2),)),
    "transposed2_flipped": (transposed(2, 3, (3, 4), (2, 2), transpose_kernel=True), (image(3, 4, 2),)),
    "transposed2_circular": (transposed(2, 3, (4, 3), (1, 2), padding="CIRCULAR"), (image(2, 5, 6, 2),)),
    "transposed1_circular_flipped": (
        transposed(2, 3, (4,), 1, padding="CIRCULAR", transpose_kernel=True),
        (image(5, 2),),
    ),
    "embed": (nnx.Embed(11, 6, rngs=RNGS), (WHICH.reshape(3, 3),)),
    "lora": (nnx.LoRA(9, 2, 4, base_module=nnx.Linear(9, 4, rngs=RNGS), **lora), (image(3, 9),)),
    "lora_linear": (nnx.LoRALinear(9, 4, lora_rank=2, **lora), (image(3, 9),)),
    "lstm_cell": (nnx.LSTMCell(9, 4, rngs=RNGS), ((image(4), image(4)), image(9))),
    "lstm_optimized": (nnx.OptimizedLSTMCell(9, 4, rngs=RNGS), ((image(4), image(4)), image(9))),
    "gru_cell": (nnx.GRUCell(9, 4, rngs=RNGS), (image(4), image(9))),
    "attention": (nnx.MultiHeadAttention(2, 6, decode=False, rngs=RNGS), (image(3, 5, 6),)),
}
assert jnp.issubdtype(WHICH.dtype, jnp.integer)
