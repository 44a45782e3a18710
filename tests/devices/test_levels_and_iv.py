"""Discrete levels and currents: what a wrapper changes, and that it changes nothing else."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances

from aimcjax import devices


def test_targets_go_to_the_nearest_level(getkey) -> None:
    device = devices.DiscreteLevels(device=devices.IdealDevice(g_min=1e-6, g_max=4e-6), levels=4)
    targets = jnp.asarray([-1.0, 1.4, 1.6, 2.9, 3.6, 9.0]) * 1e-6
    g = device.program(targets, key=getkey()).g
    np.testing.assert_allclose(np.asarray(g) * 1e6, [1.0, 1.0, 2.0, 3.0, 4.0, 4.0], rtol=tolerances.PRIMITIVE)


def test_bulk_rram_has_64_levels(getkey) -> None:
    device = devices.preset("bulk_rram")
    exact = devices.DiscreteLevels(device=devices.IdealDevice(g_min=device.g_min, g_max=device.g_max), levels=64)
    assert float(device.levels) == 64
    assert float(1 / device.g_max) >= 1e6  # published: the megaohm range
    cells = exact.program(jnp.linspace(0.0, 1.2e-6, 10_000), key=getkey())
    assert len(np.unique(np.asarray(cells.g))) == 64


def test_gradient_of_rounding_is_straight_through(getkey) -> None:
    device = devices.DiscreteLevels(device=devices.IdealDevice(g_min=1e-6, g_max=4e-6), levels=4)
    key = getkey()
    gradient = jax.grad(lambda g: jnp.sum(device.program(g, key=key).g))(jnp.asarray([0.5, 1.4, 2.9, 5.0]) * 1e-6)
    np.testing.assert_allclose(np.asarray(gradient), [0.0, 1.0, 1.0, 0.0], rtol=tolerances.PRIMITIVE)


@pytest.mark.parametrize(
    "device",
    [devices.Pcm(), devices.IdealDevice(), devices.NoiselessReads(devices.Pcm()), devices.preset("mram")],
    ids=lambda device: type(device).__name__,
)
def test_cells_are_linear_unless_they_say_otherwise(device) -> None:
    g, v = jnp.asarray([1e-6, 2e-6]), jnp.asarray([0.2, -0.3])
    np.testing.assert_allclose(np.asarray(devices.current(device, g, v)), [2e-7, -6e-7], rtol=tolerances.PRIMITIVE)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda device: device,
        devices.NoiselessReads,
        lambda device: devices.DiscreteLevels(device=device, levels=8),
        lambda device: devices.TelegraphNoise(device=device),
        lambda device: devices.NoiselessReads(devices.TelegraphNoise(device=device)),
    ],
    ids=["itself", "noiseless reads", "levels", "telegraph", "two"],
)
def test_wrappers_keep_the_current_law(wrap) -> None:
    device = wrap(devices.NonlinearDevice(device=devices.Pcm(), iv=devices.CubicIV(coefficient=0.25)))
    i = devices.current(device, jnp.asarray([2e-6]), jnp.asarray([1.0]))
    np.testing.assert_allclose(np.asarray(i), [1.5e-6], rtol=tolerances.PRIMITIVE)


def test_no_current_without_conductance_and_the_slope_at_zero_is_the_conductance() -> None:
    with jax.enable_x64(True):
        device = devices.preset("rram_milo2021")
        g = jnp.asarray([0.0, 1e-6, 60e-6, 200e-6, 300e-6])
        assert float(devices.current(device, g, jnp.full(5, 0.5))[0]) == 0.0
        slope = jax.vmap(jax.grad(lambda v, g: devices.current(device, g, v)), (0, 0))(jnp.zeros(5), g)
        np.testing.assert_allclose(np.asarray(slope), np.asarray(g), rtol=tolerances.FLOAT64)


def test_a_non_linear_device_programs_and_drifts_as_its_device(getkey) -> None:
    inner = devices.Pcm()
    device, key = devices.NonlinearDevice(device=inner, iv=devices.CubicIV()), getkey()
    targets = jnp.linspace(0.0, 25e-6, 11)
    a, b = device.program(targets, key=key), inner.program(targets, key=key)
    np.testing.assert_array_equal(np.asarray(device.drift(a, 100.0)), np.asarray(inner.drift(b, 100.0)))
    np.testing.assert_array_equal(np.asarray(device.read_std(a, 100.0)), np.asarray(inner.read_std(b, 100.0)))
