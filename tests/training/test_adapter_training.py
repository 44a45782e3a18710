"""Adapters learn through noise and drift while every cell and every weight stays as it was."""

import functools as ft

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

from aimcjax import chips, nn, tiles, training
from aimcjax.models import Mlp


X = np.asarray(jr.uniform(jr.key(0), (256, 8)), np.float32)
Y = (X[:, :4].sum(1) > X[:, 4:].sum(1)).astype(np.int32)
RULES = [nn.Rule(".*", tiles.TileDesign(rows=16, cols=16))]


@pytest.fixture(autouse=True)
def standard_promotion():
    with jax.numpy_dtype_promotion("standard"):  # optax is not written for strict promotion
        yield


@pytest.fixture(scope="module")
def adapted():
    """A layer whose weights know nothing, calibrated."""
    analog = nn.calibrate(nn.convert(Mlp(8, 2, (), key=jr.key(1)), RULES), jnp.asarray(X))
    return nn.adapt(analog, [".*"], rank=2, alpha=4.0, key=jr.key(2))


def test_adapters_learn_on_a_chip_that_nobody_writes(adapted) -> None:
    chip = nn.program(adapted, key=jr.key(3))
    before = jax.tree.map(np.array, eqx.filter(nn.detach(chip), eqx.is_inexact_array))
    forward = ft.partial(training.chip_forward, ages=(20.0, 3.0e7))
    schedule = training.Schedule(epochs=12, batch_size=32, learning_rate=4e-2)
    trained, history = training.fit(
        chip, X, Y, forward=forward, schedule=schedule, key=jr.key(4), trainable=nn.trainable_adapters(chip),
        projection=training.lora_plus(4.0), penalty=ft.partial(training.halora_penalty, mu=1e-4),
    )  # fmt: skip
    assert history[-1] < 0.5 * history[0]  # the loss on the noisy chip at random ages
    after = eqx.filter(nn.detach(trained), eqx.is_inexact_array)
    assert jax.tree.all(jax.tree.map(lambda a, b: np.array_equal(a, np.asarray(b)), before, after))
    assert chips.rewritten_cells(chip, trained) == 0
    changed = [not np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (
        nn.adapters_of(chip), nn.adapters_of(trained))), strict=True)]  # fmt: skip
    assert changed == [True] * 2


def test_rewritten_cells_are_those_of_changed_weights(adapted) -> None:
    w = np.abs(np.asarray(adapted.layers[0].base.weight))
    smallest = np.argsort(w[0])[:3]  # the largest sets the scale of the whole row
    other = eqx.tree_at(
        lambda m: m.layers[0].base.weight, adapted, replace_fn=lambda w: w.at[0, smallest].multiply(0.9)
    )
    chip, changed = (nn.program(model, key=jr.key(3)) for model in (adapted, other))
    assert chips.rewritten_cells(chip, changed) == 3  # of each pair the cell that holds the sign
    with pytest.raises(ValueError, match="layer layers/0 is not programmed"):
        chips.rewritten_cells(adapted, changed)


def test_lora_plus_is_the_ratio_of_the_first_step(adapted) -> None:
    mask = nn.trainable_adapters(adapted)
    params, rest = eqx.partition(adapted, mask)
    grads = jax.tree.map(jnp.ones_like, params)
    optimiser = optax.chain(optax.sgd(0.1), training.lora_plus(16.0))
    updates, _ = optimiser.update(grads, optimiser.init(params), params)
    for adapter in nn.adapters_of(updates).values():
        np.testing.assert_allclose(np.asarray(adapter.a), -0.1, rtol=1e-6)
        np.testing.assert_allclose(np.asarray(adapter.b), -1.6, rtol=1e-6)
    assert eqx.tree_equal(eqx.combine(params, rest), adapted)


def test_alignment_loss_and_its_gradient(getkey) -> None:
    with jax.enable_x64(True):
        model = nn.adapt(Mlp(5, 3, (), key=getkey()), [".*"], rank=2, kind="loha", key=getkey())
        params, rest = eqx.partition(model, nn.trainable_adapters(model))
        zero_b = jax.grad(lambda params: training.halora_penalty(eqx.combine(params, rest)))(params)
        assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(zero_b))
        params = jax.tree.map(lambda leaf: leaf + 0.5 * jr.normal(getkey(), leaf.shape, leaf.dtype), params)
        loss = lambda params: training.halora_penalty(eqx.combine(params, rest), 0.3)
        pairs = [pair for adapter in nn.adapters_of(params).values() for pair in adapter.pairs]
        grams = [gram for a, b in pairs for gram in (np.asarray(a @ a.T), np.asarray(b.T @ b))]
        np.testing.assert_allclose(float(loss(params)), 0.3 * sum(np.linalg.norm(g, 2) for g in grams), rtol=1e-12)
        step = jax.tree.map(lambda leaf: 1e-6 * jr.normal(getkey(), leaf.shape, leaf.dtype), params)
        move = lambda sign: float(loss(jax.tree.map(lambda p, s: p + sign * s, params, step)))
        slope = sum(np.vdot(g, s) for g, s in zip(*map(jax.tree.leaves, (jax.grad(loss)(params), step)), strict=True))
        np.testing.assert_allclose((move(1) - move(-1)) / 2, slope, rtol=1e-6)
