"""Gradients through reliability: finite differences where it is smooth, and zero where it decides."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aimcjax import devices


SMOOTH = {
    "temperature": lambda d: d.temperature,
    "activation energy": lambda d: d.activation_energy,
    "reference temperature": lambda d: d.reference_temperature,
    "tau": lambda d: d.device.tau,
    "stretch": lambda d: d.device.stretch,
    "final conductance": lambda d: d.device.g_final,
    "cycles, by the window": lambda d: d.device.device.cycles,
    "onset": lambda d: d.device.device.onset,
    "closure": lambda d: d.device.device.closure,
    "centre": lambda d: d.device.device.centre,
    "range": lambda d: d.device.device.device.device.g_max,
}


@pytest.fixture(scope="module")
def loss_and_gradient():
    """Mean conductance of an aged chip as a function of a factor on each parameter; compiled once for all of them."""

    def loss(factors):
        device = devices.StuckCells(devices.Pcm(), p_on=0.05, p_off=0.05)
        device = devices.Retention(devices.Endurance(device, cycles=3e6), tau=1e6, g_final=8e-6)
        device = devices.AtTemperature(device, temperature=308.15)
        for name, where in SMOOTH.items():
            device = eqx.tree_at(where, device, factors[name] * where(device))
        cells = device.program(jnp.linspace(1e-6, 25e-6, 64), key=jax.random.key(3))
        return jnp.mean(device.drift(cells, 3e5)) * 1e6

    with jax.enable_x64(True):
        one = {name: jnp.asarray(1.0) for name in SMOOTH}
        compiled = jax.jit(loss)
        return lambda name, factor: float(compiled(one | {name: jnp.asarray(factor)})), jax.jit(jax.grad(loss))(one)


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_match_finite_differences(name: str, loss_and_gradient) -> None:
    loss, gradient = loss_and_gradient
    with jax.enable_x64(True):
        h = 1e-6
        difference = (loss(name, 1 + h) - loss(name, 1 - h)) / (2 * h)
    assert abs(difference) > 1e-6
    np.testing.assert_allclose(float(gradient[name]), difference, rtol=1e-4)


@pytest.mark.parametrize("name", ["scale", "shape", "n"])
def test_failure_probability_is_smooth_where_failure_is_not(name: str) -> None:
    with jax.enable_x64(True):
        values = {"scale": jnp.asarray(1e7), "shape": jnp.asarray(1.7), "n": jnp.asarray(4e6)}

        def probability(factor):
            changed = {**values, name: factor * values[name]}
            device = devices.Endurance(devices.IdealDevice(), scale=changed["scale"], shape=changed["shape"])
            return device.failure_probability(changed["n"])

        one, h = jnp.asarray(1.0), 1e-6
        difference = float(probability(one + h) - probability(one - h)) / (2 * h)
        np.testing.assert_allclose(float(jax.grad(probability)(one)), difference, rtol=1e-4)


def test_hard_decisions_have_zero_gradient_and_stuck_cells_no_target(getkey) -> None:
    device = devices.Endurance(devices.StuckCells(devices.IdealDevice(), p_on=0.2, p_off=0.2), cycles=8e6)
    key, targets = getkey(), jnp.full(1000, 12.5e-6)
    read = lambda device, g: device.drift(device.program(g, key=key), 1.0)
    by_device, by_target = jax.jit(jax.grad(lambda *args: read(*args).sum(), argnums=(0, 1)))(device, targets)
    assert float(by_device.device.p_on) == float(by_device.device.p_off) == 0.0
    assert float(by_device.scale) == float(by_device.shape) == 0.0
    stuck = np.asarray(devices.is_stuck(device, device.program(targets, key=key)))
    np.testing.assert_array_equal(np.asarray(by_target), np.where(stuck, 0.0, 1.0))


def test_gradients_at_time_zero_and_in_new_cells_are_finite(getkey) -> None:
    device = devices.Endurance(devices.Retention(devices.Pcm()))
    cells = device.program(jnp.full(4, 12.5e-6), key=getkey())
    gradients = jax.jit(jax.grad(lambda device: device.drift(cells, 0.0).sum()))(device)
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(gradients))
    by_shape = jax.grad(lambda d: d.failure_probability(jnp.zeros(())))(device)
    assert float(by_shape.shape) == 0.0
