"""Pathwise gradients against finite differences, on the same chips."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import small_sweep as small
import tolerances

from aimcjax import devices, nn, periphery, sweeps, tiles
from aimcjax._random import key_for
from aimcjax.models import Mlp
from aimcjax.training import cross_entropy


N_CHIPS, T = 3, 1e6
CHANGES = {
    "device.nu_mean.value": lambda d: d.device.nu_mean.value,
    "device.read_noise.coefficient": lambda d: d.device.read_noise.coefficient,
    "device.g_max": lambda d: d.device.g_max,
    "dac.v_max": lambda d: d.dac.v_max,
}


def test_gradients_are_finite_differences_of_the_expected_loss() -> None:
    with jax.enable_x64(True):  # differences of 1e-4 leave nothing of float32
        pcm = dataclasses.replace(devices.Pcm(), nu_mean=devices.Constant(0.06))
        design = tiles.TileDesign(rows=4, cols=3, device=pcm, dac=periphery.IdealDac(), adc=periphery.IdealAdc())
        model = Mlp(6, 3, (), key=jr.key(0))
        xs = jr.uniform(jr.key(1), (21, 6))
        labels = jnp.argmax(jax.vmap(model)(xs), axis=-1).astype(jnp.int32)
        network = nn.calibrate(nn.convert(model, [nn.Rule(".*", design)]), xs)
        keys = jr.split(small.KEY, N_CHIPS)

        @jax.jit
        def expected(design):
            def of_chip(key):
                key_program, key_read = jr.split(key)
                put = lambda _, layer: dataclasses.replace(layer, design=design)
                chip = nn.program(nn.map_layers(network, put, nn.is_analog), key=key_program)
                return cross_entropy(nn.apply(nn.at(chip, t=T), xs, key=key_read), labels)

            return jnp.mean(jax.vmap(of_chip)(keys))

        ranked = sweeps.sensitivity(network, xs, labels, loss=cross_entropy, n_chips=N_CHIPS, t=T, key=small.KEY)
        found = {one.path: one for one in ranked}
        for path, leaf in CHANGES.items():
            value = float(leaf(design))
            step = 1e-5 * value
            up, down = (expected(eqx.tree_at(leaf, design, jnp.asarray(value + s))) for s in (step, -step))
            slope = float(up - down) / (2 * step)
            scale = float(expected(design)) / value  # of a parameter that a result is proportional to
            np.testing.assert_allclose(found[path].gradient, slope, rtol=1e-5, atol=1e-8 * scale, err_msg=path)
            np.testing.assert_allclose(found[path].effect, 0.01 * value * slope, rtol=1e-5, atol=1e-10)
        assert abs(found["device.nu_mean.value"].effect) > 1e-6
        assert found["device.g_max"].unit == "S"
        effects = [abs(one.effect) for one in ranked]
        assert effects == sorted(effects, reverse=True)
        # The entries of the polynomial of the programming noise are parameters too.
        assert {f"device.programming.coefficients.{k}" for k in range(3)} <= set(found)
        assert all(np.isfinite([one.gradient, one.ci95, one.effect]).all() for one in ranked)


def test_an_interval_needs_two_chips() -> None:
    with pytest.raises(ValueError, match="needs at least two chips, got n_chips=1"):
        sweeps.sensitivity(
            small.analog(), small.XS, small.LABELS, loss=cross_entropy, n_chips=1, t=T, key=small.KEY
        )  # fmt: skip


def test_mvm_error_is_its_equation() -> None:
    network = small.analog()
    chip = nn.at(nn.program(network, key=jr.key(3)), t=3600.0)
    found = sweeps.mvm_error(network, chip, key=jr.key(4), n_vectors=50)
    ((name, layer),) = nn.matrix_layers(chip).items()
    key_x, key_read = jr.split(key_for(jr.key(4), name))
    x = np.clip(np.asarray(jr.normal(key_x, (50, 6)), np.float64), -3, 3) * float(layer.input_range) / 3
    exact = x @ np.asarray(nn.matrix_layers(network)[name].weight, np.float64).T
    read = np.asarray(nn.apply(layer, jnp.asarray(x, jnp.float32), key=key_read), np.float64)
    expected = np.sqrt(np.sum((read - exact) ** 2) / np.sum(exact**2))
    np.testing.assert_allclose(found, expected, rtol=tolerances.COMPOSITE)
    assert 0.01 < float(found) < 0.5


def test_an_ideal_tile_has_no_error() -> None:
    ideal = {"device": devices.IdealDevice(), "dac": periphery.IdealDac(), "adc": periphery.IdealAdc()}
    network = small.analog(**ideal)
    chip = nn.at(nn.program(network, key=jr.key(3)), t=3600.0)
    assert float(sweeps.mvm_error(network, chip, key=jr.key(4))) < tolerances.PRIMITIVE
