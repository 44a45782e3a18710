"""The weight-programming study of Rasch et al. (2024), Fig. 4: 20x20 weights of 20 states learn a random matrix."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from aimcjax.devices import pulsed
from aimcjax.training import in_memory


N = 20
PULSES = in_memory.PulsedUpdate(management=in_memory.Management(5), order=in_memory.EverySample(sparse=False))


def _device(bounds: float, offset: float = 0.0) -> pulsed.PulsedDevice:
    """20 states; every reference cell at the symmetry point, but for an `offset` of its own."""
    return pulsed.PulsedDevice(
        step=pulsed.SoftBounds(), dw_min=0.1, w_max=1.0, w_min=-1.0, noise=pulsed.AdditiveNoise(0.3),
        variation=pulsed.Variation(gain=pulsed.LogNormalSpread(0.3), imbalance=0.1, w_max=bounds, w_min=bounds),
        reference=pulsed.Reference(at_symmetry_point=True, std=offset),
    )  # fmt: skip


TTV2 = in_memory.ttv2(_device(0.3), slow=_device(0.0), lr=0.1, pulses=PULSES)
AGAD = in_memory.agad(_device(0.3, offset=0.5), slow=_device(0.0), lr=0.05, pulses=PULSES)
SGD = in_memory.sgd(_device(0.0), lr=1.0, pulses=PULSES)


def _error(rule, rate, key, batch, n_samples):
    """Root mean square of what the weights miss after n_samples; `rate` multiplies the gradient."""
    key_target, key_init, key_run = jr.split(key, 3)
    target = 0.3 * jr.normal(key_target, (N, N))
    state = rule.init(jnp.zeros((N, N)), key=key_init)

    def step(carry, key):
        w, state = carry
        key_x, key_update = jr.split(key)
        x = jr.normal(key_x, (batch, N))
        w, state, _ = rule.update(in_memory.Outer(x, rate * (x @ (w - target))), state, key=key_update)
        return (w, state), None

    (w, _), _ = jax.lax.scan(step, (rule.weights(state), state), jr.split(key_run, n_samples // batch))
    return jnp.sqrt(jnp.mean((w - target) ** 2))


@functools.partial(jax.jit, static_argnames=("batch", "n_samples", "n_seeds"))
def _errors(rule, rates, batch, n_samples, n_seeds=2):
    over_seeds = lambda rate: jax.vmap(lambda key: _error(rule, rate, key, batch, n_samples))(
        jr.split(jr.key(0), n_seeds)
    )
    return jax.vmap(over_seeds)(rates).mean(1)


@functools.partial(jax.jit, static_argnames="n_samples")
def _errors_of_lambda(rates, n_samples):
    """Of TTv2 with the learning rate of its transfers: one on the gradient drops out of its fast rate."""

    def error(rate, key):
        rule = eqx.tree_at(lambda rule: rule.algorithm.lr, TTV2, rate)
        return _error(rule, jnp.asarray(1.0), key, 5, n_samples)

    over_seeds = jax.vmap(error, in_axes=(None, 0))
    return jax.vmap(over_seeds, in_axes=(0, None))(rates, jr.split(jr.key(0), 4)).mean(1)


def test_buffered_tiki_taka_beats_sgd() -> None:
    """A quarter of the samples of the study. Five samples go between two reads, so a batch of five is in order."""
    ttv2 = np.asarray(_errors(TTV2, jnp.asarray([0.1]), 5, 10_000))
    sgd = np.asarray(_errors(SGD, jnp.asarray([0.1]), 1, 3_000, 4))
    assert np.all((ttv2 > 0.04) & (ttv2 < 0.065))
    assert abs(sgd[0] - 0.285) < 0.02


@pytest.mark.slow
def test_the_whole_study() -> None:
    rates = jnp.asarray([0.005, 0.02, 0.05, 0.1, 0.2])
    ttv2 = np.asarray(_errors(TTV2, rates, 5, 40_000, 6))
    sgd = np.asarray(_errors(SGD, rates, 1, 40_000, 6))
    assert np.all((ttv2 > 0.04) & (ttv2 < 0.065))
    assert abs(sgd[3] - 0.285) < 0.02
    assert np.all(sgd > 3 * ttv2)
    slow, *usual = np.asarray(_errors_of_lambda(rates, 40_000))
    assert np.all((np.asarray(usual) > 0.04) & (np.asarray(usual) < 0.065))
    assert slow > 0.1  # a buffer needs samples in proportion to 1 / lambda: not there yet, but after four times as many
    assert 0.04 < float(_errors_of_lambda(rates[:1], 160_000)[0]) < 0.065
    assert float(_errors(AGAD, jnp.asarray([0.1]), 5, 40_000)[0]) < 0.075  # references are off by half the range
