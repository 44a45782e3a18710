"""Statistics of batch normalisation, estimated on the chip."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from aimcjax import devices, nn, periphery, tiles


class Network(eqx.Module):
    linear: eqx.nn.Linear
    norm: eqx.nn.BatchNorm

    def __init__(self, mode: str, key: jax.Array) -> None:
        self.linear = eqx.nn.Linear(6, 5, key=key)
        self.norm = eqx.nn.BatchNorm(5, axis_name="batch", mode=mode)

    def __call__(self, x, state):
        return self.norm(self.linear(x), state)


def _chip(mode: str, getkey):
    # Every cell lost to a tenth: drift that nothing compensates.
    device = devices.Pcm(programming=0.0, nu_mean=0.1, nu_std=0.0, accumulated=0.0, read_noise=0.0)
    design = tiles.TileDesign(device=device, dac=periphery.IdealDac(), adc=periphery.IdealAdc())
    model, state = eqx.nn.make_with_state(Network)(mode, getkey())
    return nn.program(nn.convert(model, [nn.Rule(".*", design)]), key=getkey()), state


@pytest.mark.parametrize("mode", ["ema", "batch"])
def test_statistics_are_those_of_the_chip(mode: str, getkey) -> None:
    chip, state = _chip(mode, getkey)
    xs, t = 0.5 * jr.normal(getkey(), (200, 6)), 1e6
    for _ in range(2):  # what was estimated before does not matter
        state = nn.reestimate_batch_norm(chip, state, xs, key=getkey(), t=t)
    aged = nn.bind(nn.at(chip, t=t), getkey())
    raw = np.asarray(jax.vmap(aged.linear)(xs), np.float64)
    expected = (raw - raw.mean(axis=0)) / np.sqrt(raw.var(axis=0) + 1e-5)
    y, _ = jax.vmap(eqx.nn.inference_mode(aged), in_axes=(0, None), out_axes=(0, None), axis_name="batch")(xs, state)
    np.testing.assert_allclose(np.asarray(y), expected, atol=2e-5)


def test_drift_is_undone(getkey) -> None:
    chip, state = _chip("batch", getkey)
    chip = nn.with_compensation_strength(chip, 0.0)
    xs = 0.5 * jr.normal(getkey(), (200, 6))

    def outputs(estimated_at: float) -> np.ndarray:
        new = nn.reestimate_batch_norm(chip, state, xs, key=jr.key(0), t=estimated_at)
        aged = eqx.nn.inference_mode(nn.bind(nn.at(chip, t=1e6), jr.key(0)))
        return np.asarray(jax.vmap(lambda x: aged(x, new)[0], axis_name="batch")(xs))

    fresh = eqx.nn.inference_mode(nn.bind(nn.at(chip, t=0.0), jr.key(0)))
    new = nn.reestimate_batch_norm(chip, state, xs, key=jr.key(0), t=0.0)
    wanted = np.asarray(jax.vmap(lambda x: fresh(x, new)[0], axis_name="batch")(xs))
    assert np.max(np.abs(outputs(1e6) - wanted)) < 0.02 * np.max(np.abs(outputs(0.0) - wanted))


def test_refuses_what_has_no_statistics(getkey) -> None:
    chip, state = _chip("ema", getkey)
    with pytest.raises(ValueError, match="at least two samples, got 1"):
        nn.reestimate_batch_norm(chip, state, jnp.ones((1, 6)), key=getkey())
    with pytest.raises(ValueError, match="no `equinox.nn.BatchNorm`"):
        nn.reestimate_batch_norm(chip.linear, state, jnp.ones((2, 6)), key=getkey())
