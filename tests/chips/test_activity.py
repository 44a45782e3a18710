"""Counting what one inference does, against counts by hand."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import pytest

from aimcjax import chips, nn, tiles
from aimcjax.models import Mlp, VisionTransformer


TILE = tiles.TileDesign(rows=64, cols=64)


def _convert(model: Any, *kept: str) -> Any:
    return nn.convert(model, [*(nn.Rule(pattern, None) for pattern in kept), nn.Rule(".*", TILE)])


def test_perceptron() -> None:
    activity = chips.count_activity(_convert(Mlp(64, 10, (20, 15), key=jr.key(0))), jnp.zeros((8, 8)))
    assert activity.vectors == {"layers/0": 1, "layers/1": 1, "layers/2": 1}
    assert activity.analog_macs == activity.n_macs == 64 * 20 + 20 * 15 + 15 * 10
    assert activity.digital_macs == 0
    assert activity.digital_ops == (20 + 15 + 10) + (20 + 15)  # biases, rectifiers


def test_steps_say_what_waits_for_what() -> None:
    """Three passes of a recurrent loop wait for each other; keys do not wait for queries; sums are the counts."""

    class Loop(eqx.Module):
        layer: eqx.nn.Linear

        def __call__(self, x: jax.Array) -> jax.Array:
            return jax.lax.scan(lambda h, _: (jnp.tanh(self.layer(h)), None), x, length=3)[0]

    activity = chips.count_activity(_convert(Loop(eqx.nn.Linear(8, 8, key=jr.key(0)))), jnp.zeros(8))
    assert [(step.layer, step.vectors, step.after) for step in activity.steps] == [
        ("", 0, ()), ("layer", 1, (0,)), ("layer", 1, (1,)), ("layer", 1, (2,))
    ]  # fmt: skip
    assert [step.ops for step in activity.steps] == [0, 16, 16, 16]  # bias, tanh

    class Pair(eqx.Module):
        one: eqx.nn.Linear
        other: eqx.nn.Linear
        last: eqx.nn.Linear

        def __call__(self, x: jax.Array) -> jax.Array:
            one, other = self.one(x), self.other(x)
            return self.last(jnp.outer(one, other) @ other)

    parts = [eqx.nn.Linear(8, 8, use_bias=False, key=jr.key(i)) for i in range(3)]
    activity = chips.count_activity(_convert(Pair(*parts)), jnp.zeros(8))
    assert [(step.layer, step.after, step.joins) for step in activity.steps] == [
        ("", (), ()), ("one", (0,), ()), ("other", (0,), (1,)), ("last", (1, 2), ())
    ]  # fmt: skip
    assert sum(step.activation_macs for step in activity.steps) == activity.activation_macs
    assert sum(step.ops for step in activity.steps) == activity.digital_ops


def test_layers_kept_digital_are_digital_work() -> None:
    activity = chips.count_activity(_convert(Mlp(64, 10, (20,), key=jr.key(0)), "layers/1"), jnp.zeros(64))
    assert activity.vectors == {"layers/0": 1}
    assert (activity.analog_macs, activity.digital_macs, activity.n_macs) == (1280, 200, 1480)


@pytest.mark.parametrize(("dim", "depth", "n_heads", "ratio", "patch"), [(8, 1, 2, 2, 2), (12, 2, 3, 3, 4)])
def test_vision_transformer(dim: int, depth: int, n_heads: int, ratio: int, patch: int) -> None:
    model = VisionTransformer(8, patch, 10, dim=dim, depth=depth, n_heads=n_heads, mlp_ratio=ratio, key=jr.key(0))
    activity = chips.count_activity(_convert(model), jnp.zeros((8, 8)))
    tokens = (8 // patch) ** 2
    block = 3 * dim * dim + dim * dim + 2 * ratio * dim * dim  # qkv, out, up and down
    assert activity.analog_macs == tokens * patch**2 * dim + depth * tokens * block + dim * 10
    assert activity.digital_macs == depth * 2 * tokens**2 * dim  # scores, and the mixture of values
    in_blocks = [
        f"blocks/{b}/{part}" for b in range(depth) for part in ("attention/qkv", "attention/out", "mlp/up", "mlp/down")
    ]
    assert activity.vectors == {"embed": tokens, **dict.fromkeys(in_blocks, tokens), "head": 1}
    assert list(activity.vectors) == ["embed", *in_blocks, "head"]  # the order of execution


def test_digital_operations_of_a_transformer_grow_by_the_block() -> None:
    build = lambda depth: VisionTransformer(8, 2, 10, dim=8, depth=depth, n_heads=2, mlp_ratio=2, key=jr.key(0))
    ops = [chips.count_activity(_convert(build(depth)), jnp.zeros((8, 8))).digital_ops for depth in (1, 2, 3)]
    assert ops[2] - ops[1] == ops[1] - ops[0]
    # At least: biases, rectifier, residuals, softmax (subtract, exp, sum, divide) of two heads.
    assert ops[1] - ops[0] > 16 * (24 + 8 + 16 + 8) + 16 * 16 + 2 * 16 * 8 + 2 * 4 * 16 * 16


class Recurrent(eqx.Module):
    """The same layer once per step of a loop in a loop, then digital work of known size."""

    cell: eqx.nn.Linear
    out: eqx.nn.Linear
    unused: eqx.nn.Linear
    steps: int = eqx.field(static=True, default=5)

    def __call__(self, x: jax.Array) -> jax.Array:
        def step(h: jax.Array, _: None) -> tuple[jax.Array, None]:
            return jnp.tanh(self.cell(h)), None

        def block(h: jax.Array, _: None) -> tuple[jax.Array, None]:
            return jax.lax.scan(step, h, None, length=self.steps)

        h, _ = jax.lax.scan(block, x, None, length=3)
        tokens = jax.vmap(self.out)(jnp.stack([h, h]))
        return jnp.exp(tokens @ tokens.T)


def test_loops_repeat_and_batches_multiply() -> None:
    linear = lambda a, b: eqx.nn.Linear(a, b, use_bias=False, key=jr.key(0))
    activity = chips.count_activity(_convert(Recurrent(linear(6, 6), linear(6, 4), linear(6, 2))), jnp.zeros(6))
    assert activity.vectors == {"cell": 15, "out": 2, "unused": 0}
    assert activity.analog_macs == 15 * 36 + 2 * 24
    assert activity.digital_macs == 2 * 2 * 4
    assert activity.digital_ops == 15 * 6 + 4  # tanh in the loop, exp at the end


class Wrapped(eqx.Module):
    """Calls inside `jit`, `checkpoint` and a custom derivative."""

    first: eqx.nn.Linear
    second: eqx.nn.Linear

    def __call__(self, x: jax.Array) -> jax.Array:
        x = eqx.filter_jit(self.first)(x)
        x = jax.checkpoint(lambda z: self.second(jax.nn.relu(z)))(x)
        x = jax.lax.cond(x[0] > 0, lambda z: self.second(z), lambda z: self.second(self.first(z)), x)  # the dearer: 2
        return jax.lax.fori_loop(0, 4, lambda _, z: self.second(z), x)


def test_transformations_hide_nothing() -> None:
    linear = lambda k: eqx.nn.Linear(6, 6, use_bias=False, key=jr.key(k))
    activity = chips.count_activity(_convert(Wrapped(linear(0), linear(1))), jnp.zeros(6))
    assert activity.vectors == {"first": 2, "second": 6}
    assert (activity.digital_macs, activity.digital_ops) == (0, 6)


class Convolution(eqx.Module):
    """A grouped convolution beside an analog layer, and a loop of unknown length."""

    conv: eqx.nn.Conv2d
    head: eqx.nn.Linear
    until_small: bool = eqx.field(static=True, default=False)

    def __call__(self, x: jax.Array) -> jax.Array:
        y = self.head(self.conv(x).reshape(-1))
        return jax.lax.while_loop(lambda z: z[0] > 1, lambda z: self.head(z), y) if self.until_small else y


def _convolution(*, until_small: bool = False) -> Convolution:
    conv = eqx.nn.Conv2d(4, 6, (3, 2), groups=2, use_bias=False, key=jr.key(0))
    return Convolution(conv, eqx.nn.Linear(6 * 3 * 4, 72, key=jr.key(1)), until_small)


def test_convolutions_are_products() -> None:
    activity = chips.count_activity(_convert(_convolution(), "conv"), jnp.zeros((4, 5, 5)))
    assert activity.digital_macs == (6 * 3 * 4) * (2 * 3 * 2)  # outputs, times inputs of the group in the window
    assert activity.vectors == {"head": 1}


def test_loops_of_unknown_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"cannot count the products \(head\) of a while loop"):
        chips.count_activity(_convert(_convolution(until_small=True)), jnp.zeros((4, 5, 5)))


def test_counting_computes_nothing_and_changes_nothing() -> None:
    model = _convert(Mlp(64, 10, (20,), key=jr.key(0)))
    bad = eqx.tree_at(lambda m: m.layers[0].weight, model, jnp.full((20, 64), jnp.nan))
    assert chips.count_activity(bad, jnp.zeros(64)) == chips.count_activity(model, jnp.zeros(64))


def test_shapes_count_like_weights_and_say_what_is_kept() -> None:
    """Digital weights are kept whole; of a product of activations its smaller operand, keys and values here."""
    make = lambda key: VisionTransformer(8, 2, 10, dim=8, depth=1, n_heads=2, mlp_ratio=2, key=key)
    image = jax.ShapeDtypeStruct((8, 8), jnp.float32)
    of_shapes = chips.count_activity(_convert(eqx.filter_eval_shape(make, jr.key(0)), "head"), image)
    whole = chips.count_activity(_convert(make(jr.key(0)), "head"), jnp.zeros((8, 8)))
    assert of_shapes == whole
    assert [product.kept for product in whole.products if not product.of_activations] == [8 * 10]
    assert [product.kept for product in whole.products if product.of_activations] == [16 * 8, 16 * 8]
