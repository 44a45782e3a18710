"""Every pulsed device under the common contract, and every parameter against finite differences."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contract import Entry, check_contract
from jax.flatten_util import ravel_pytree

from aimcjax.devices import pulsed


LEVELS = jnp.linspace(-1.0, 1.0, 5)


def models() -> dict[str, pulsed.PulsedDevice]:
    """One device for every law and every part that no preset has."""
    wide = {"dw_min": 0.02, "w_max": 1.0, "w_min": -1.0}
    table, noise = pulsed.LookUpTable.from_samples(
        np.linspace(-1, 1, 5),
        np.linspace(1.5, 0.5, 5)[:, None] + np.asarray([[-0.2, 0.1, 0.1]]),
        np.linspace(0.6, 1.4, 5)[:, None] + np.asarray([[-0.1, 0.0, 0.1]]),
    )
    return {
        "linear": pulsed.PulsedDevice(
            step=pulsed.LinearStep(gamma_up=0.3, gamma_down=0.6, mean_bounds=False), up_down=0.1, **wide
        ),
        "soft bounds": pulsed.PulsedDevice(step=pulsed.SoftBounds(), up_down=-0.1, **wide),
        "exponential": pulsed.PulsedDevice(step=pulsed.ExponentialStep(), **wide),
        "power": pulsed.PulsedDevice(step=pulsed.PowerStep(gamma=1.4, up_down=0.1, up_down_std=0.05), **wide),
        "power with reference": pulsed.PulsedDevice(
            step=pulsed.PowerStep(gamma=0.7), reference=pulsed.Reference(std=0.1, at_symmetry_point=True), **wide
        ),
        "piecewise": pulsed.PulsedDevice(step=pulsed.PiecewiseStep(up=[1.5, 1.0, 0.2], down=[0.4, 1.0, 1.6]), **wide),
        "neurosim": pulsed.PulsedDevice(
            step=pulsed.NeuroSimStep(label_up=2.4, label_down=-1.1, label_std=0.1, n_pulses=100.0), **wide
        ),
        "table": pulsed.PulsedDevice(step=table, noise=noise, **wide),
        "every part": pulsed.PulsedDevice(
            variation=pulsed.Variation(gain=pulsed.LogNormalSpread(0.4), stuck=0.2),
            noise=pulsed.StateNoise(),
            write_noise=2.0,
            reference=pulsed.Reference(mean=0.05, std=0.02),
            leak=pulsed.Leak(lifetime=20.0),
            reset=pulsed.Reset(cell_std=0.02),
            **wide,
        ),
    }


# Compiling dominates: by default the device with every part, the others in the full run.
QUICK = {"every part"}
NAMES = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in [*models(), *pulsed.preset_names()]
]


def _device(name: str) -> pulsed.PulsedDevice:
    return models()[name] if name in models() else pulsed.preset(name)


def _train(device, x, key):
    cells = device.init(x.shape, key=key)
    cells = device.write(cells, 0.4 * x * device.w_max, key=key)
    cells = device.pulses(cells, jnp.arange(x.size, dtype=jnp.int32) - 1, key=key, max_pulses=3)
    cells = device.rest(cells, 2.0)
    if device.reset is not None:
        cells = device.reset_cells(cells, jnp.arange(x.size) == 1, key=key)
    return device.weights(cells) + device.expected_step(cells, 0.5 * jnp.ones_like(x))


@pytest.mark.parametrize("name", NAMES)
def test_contract(name: str, getkey) -> None:
    check_contract(Entry(_device(name), jax.jit(_train), LEVELS), getkey())


@pytest.mark.slow
def test_contract_run_eagerly(getkey) -> None:
    # The others are compiled as a whole, for time: only here "jit = eager" means something.
    check_contract(Entry(_device("every part"), _train, LEVELS), getkey())


@pytest.mark.parametrize("name", NAMES)
def test_gradient_of_every_parameter(name: str, getkey) -> None:
    key = getkey()
    with jax.enable_x64(True):
        flat, rebuild = ravel_pytree(_device(name))
        x, weights = jnp.linspace(-0.83, 0.91, 5), jnp.asarray([0.7, -1.1, 0.4, 1.3, -0.6])
        final = jax.jit(lambda flat: weights @ _train(rebuild(flat), x, key))
        gradient = np.asarray(jax.jit(jax.grad(final))(flat))
        numeric = np.zeros_like(gradient)
        for index, value in enumerate(np.asarray(flat)):
            step = np.zeros_like(gradient)
            step[index] = 1e-6 * max(1.0 if value == 0 else abs(value), 1e-3)
            numeric[index] = (final(flat + step) - final(flat - step)) / (2 * step[index])
    scale = np.maximum(np.abs(numeric), 1e-3 * np.max(np.abs(numeric)))
    np.testing.assert_array_less(np.abs(gradient - numeric) / scale, 1e-4)
    assert np.count_nonzero(numeric) >= 6


@pytest.mark.parametrize("name", NAMES)
def test_any_shape_of_cells(name: str, getkey) -> None:
    device = _device(name)
    for shape in ((), (2, 1, 4)):
        cells = eqx.filter_jit(pulsed.PulsedDevice.init)(device, shape, key=getkey())
        cells = eqx.filter_jit(pulsed.PulsedDevice.pulses)(device, cells, jnp.full(shape, 2), key=getkey())
        assert device.weights(cells).shape == shape
        assert bool(jnp.all((cells.w <= cells.traits.w_max) & (cells.w >= cells.traits.w_min)))


@pytest.mark.usefixtures("as_installed")
def test_wrong_devices_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown pulsed preset 'reram'; known: capacitor_li2018, ecram_mo"):
        pulsed.preset("reram")
    with pytest.raises(ValueError, match="enclose zero, got w_min = 0.1"):
        pulsed.PulsedDevice(w_min=0.1)
    with pytest.raises(ValueError, match="dw_min is positive, got -0.1"):
        pulsed.PulsedDevice(dw_min=-0.1)
    with pytest.raises(ValueError, match="two or more nodes"):
        pulsed.PiecewiseStep(up=[1.0], down=[1.0])
    with pytest.raises(ValueError, match="equally long columns"):
        pulsed.LookUpTable.from_table(np.arange(2.0), np.ones(2), np.ones(1))
    with pytest.raises(ValueError, match="repeated weight"):
        pulsed.LookUpTable.from_table(np.zeros(2), np.ones(2), np.ones(2))
    with pytest.raises(ValueError, match="within -9.5 to 9.5, got up to 9.75"):
        pulsed.parameter_of(jnp.asarray(9.75))
    device = pulsed.PulsedDevice()
    cells = device.init((), key=jax.random.key(0))
    with pytest.raises(ValueError, match="has no reset"):
        device.reset_cells(cells, jnp.asarray(True), key=jax.random.key(0))
    with pytest.raises(ValueError, match="straight step laws, got PowerStep"):
        pulsed.moments_of_pulses(pulsed.PulsedDevice(step=pulsed.PowerStep()), cells, jnp.asarray(3))
    with pytest.raises(ValueError, match="additive and relative noise, got StateNoise"):
        pulsed.moments_of_pulses(pulsed.PulsedDevice(noise=pulsed.StateNoise()), cells, jnp.asarray(3))
