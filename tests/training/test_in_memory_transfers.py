"""Transfers from a fast to a slow array against the published recurrences, written again in NumPy."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances

from aimcjax.devices import pulsed
from aimcjax.training import in_memory


EXACT = pulsed.PulsedDevice(step=pulsed.ConstantStep(), dw_min=0.01, w_max=10.0, w_min=-10.0,
                            noise=pulsed.RelativeNoise(0.0), variation=pulsed.no_variation())  # fmt: skip
HYPER = {"lr": 0.2, "every": 3, "gamma0": 100.0, "random_chop": False}
RULES = {
    "ttv2": in_memory.ttv2(EXACT, **HYPER),
    "cttv2": in_memory.cttv2(EXACT, chop=0.5, **HYPER),
    "keeps_rest": in_memory.cttv2(EXACT, chop=0.5, forget=False, momentum=0.25, max_pulses=2, **HYPER),
    "agad": in_memory.agad(EXACT, chop=0.5, beta=0.3, **HYPER),
}
ROWS, COLS = 4, 3
random = np.random.default_rng(0)


@pytest.mark.parametrize("name", RULES)
def test_buffers_choppers_and_references(name: str) -> None:
    """Rasch 2024, the transfers of TTv2, its chopped form and AGAD: five sweeps over all rows, read by read."""
    algorithm = RULES[name].algorithm
    state = algorithm.init(jnp.zeros((ROWS, COLS)), key=jax.random.key(0))

    @jax.jit
    def visit(state, row, sweep, omega):
        state = eqx.tree_at(lambda s: (s.row, s.sweeps), state, (row, sweep))
        state, counts = algorithm.transfer(state, omega, ROWS, key=jax.random.key(1))
        return state, counts.n[0, 0]

    rate = 0.2 * 3 * ROWS / (100.0 * 0.01)
    h, mean, past = (np.zeros((ROWS, COLS)) for _ in range(3))
    chopper, released = np.ones(ROWS), 0.0
    for step, omega in enumerate(random.normal(0.0, 0.6, (5 * ROWS, COLS))):
        row, sweep = step % ROWS, step // ROWS
        state, n = visit(state, jnp.asarray(row), jnp.asarray(sweep), jnp.asarray(omega, jnp.float32))
        h[row] += chopper[row] * rate * (omega - past[row])
        pulses = np.clip(np.trunc(h[row]), *((-2, 2) if name == "keeps_rest" else (-1, 1)))
        h[row] = np.where(pulses == 0, h[row], h[row] - 0.75 * pulses if name == "keeps_rest" else 0.0)
        mean[row] = 0.7 * mean[row] + 0.3 * omega if name == "agad" else 0.0
        if name != "ttv2" and sweep % 2 == 1:  # every second sweep
            past[row], chopper[row] = mean[row], -chopper[row]
        np.testing.assert_array_equal(n, pulses)
        np.testing.assert_allclose(state.buffer, h, atol=tolerances.PRIMITIVE)
        np.testing.assert_array_equal(state.chopper, chopper)
        released += np.abs(pulses).sum()
    assert released > 20  # so that buffers were emptied


@pytest.mark.parametrize("name", ["cttv2", "agad"])
def test_choppers_turn_what_the_fast_array_learns(name: str) -> None:
    """A <- A - lambda_A (c x) d^T; where no read is due, nothing else happens."""
    exact = in_memory.PulsedUpdate(trains=in_memory.MeanField())
    algorithm = dataclasses.replace(RULES[name].algorithm, fast_lr=jnp.asarray(0.05), every=100, pulses=exact)
    chopper, x, d = np.asarray([-1.0, 1.0, 1.0, -1.0]), random.normal(size=(5, ROWS)), random.normal(size=(5, COLS))
    state = algorithm.init(jnp.zeros((ROWS, COLS)), key=jax.random.key(0))
    state = eqx.tree_at(lambda s: s.chopper, state, jnp.asarray(chopper, jnp.float32))
    outer = in_memory.Outer(jnp.asarray(x, jnp.float32), jnp.asarray(d, jnp.float32))
    state, _ = jax.jit(lambda state: algorithm.update(outer, state, key=jax.random.key(1)))(state)
    np.testing.assert_allclose(
        algorithm.fast.weights(state.a), -0.05 * chopper[:, None] * (x.T @ d), atol=tolerances.PRIMITIVE
    )
    np.testing.assert_array_equal(algorithm.slow.weights(state.w), 0.0)


def test_automatic_rate_follows_the_largest_inputs_and_errors() -> None:
    """eta0 l_max delta_A / (mu_x mu_d) with running means of the largest magnitudes, started by the first sample."""
    algorithm = in_memory.agad(EXACT, eta0=0.5, mean_momentum=0.9).algorithm
    state = algorithm.init(jnp.zeros((ROWS, COLS)), key=jax.random.key(0))
    x, d = random.normal(size=(6, ROWS)), random.normal(size=(6, COLS))
    rates, state = algorithm.fast_rate(state, in_memory.Outer(jnp.asarray(x, jnp.float32), jnp.asarray(d, jnp.float32)))
    mu_x, mu_d = np.abs(x).max(axis=1), np.abs(d).max(axis=1)
    for mu in (mu_x, mu_d):
        for k in range(1, 6):
            mu[k] = 0.9 * mu[k - 1] + 0.1 * mu[k]
    np.testing.assert_allclose(rates, 0.5 * 5 * 0.01 / (mu_x * mu_d), rtol=tolerances.PRIMITIVE)  # trains of 5
    np.testing.assert_allclose([state.largest_x, state.largest_d], [mu_x[-1], mu_d[-1]], rtol=tolerances.PRIMITIVE)
