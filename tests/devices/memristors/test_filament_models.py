"""The contract of all memristors, and gradients of whole simulations of filaments and phase change."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contract import Entry, check_contract
from jax.flatten_util import ravel_pytree

from aimcjax.devices import memristors
from aimcjax.devices.memristors import simulate


MODELS = {
    "stanford": memristors.StanfordPku,
    "stanford noisy": lambda: memristors.StanfordPku.preset("noisy"),
    "vacancy": memristors.VacancyFilament,
    "messaris2018": lambda: memristors.DataDriven.preset("messaris2018"),
    "messaris2021": lambda: memristors.DataDriven.preset("messaris2021"),
    "kjma": memristors.KjmaPcm,
}
# A pulse in which each of them moves a part of its way: duration [s], voltage [V], and where it starts.
PULSES = {
    "stanford": (5e-8, 1.3, 0.8e-9),
    "vacancy": (5e-7, 1.5, [1.5e-9, 300.0]),
    "messaris2018": (3e-4, 0.8, 3000.0),
    "messaris2021": (1e-5, 0.5, 2900.0),
    "kjma": (2e-8, 1.1, [0.3, 500.0]),
}


OTHERS = {
    "linear ion drift": memristors.LinearIonDrift,
    "chua": memristors.ChuaMemristor,
    "team": lambda: memristors.Team.preset("pickett"),
    "vteam": memristors.Vteam,
    "yakopcic": memristors.Yakopcic,
    "pickett": memristors.Pickett,
}


@pytest.mark.parametrize("name", [*MODELS, *OTHERS])
def test_contract(name: str, getkey) -> None:
    def call(model, v, key):
        del key
        low, high = model.bounds()
        x = 0.7 * low + 0.3 * high
        temperature = model.temperature(x, v)
        moved = jnp.sum(model.rate(x, v, temperature) / (high - low))
        noise = model.diffusion(x, v, temperature)
        noise = jnp.zeros(()) if noise is None else jnp.sum(noise / (high - low))
        return jnp.stack([jnp.arcsinh(moved), jnp.arcsinh(noise), 1e6 * model.current(x, v, temperature)])

    check_contract(Entry({**MODELS, **OTHERS}[name](), call, jnp.asarray(1.2)), getkey())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("fraction", [0.0, 0.4, 1.0])
def test_no_voltage_no_current_and_current_follows_the_voltage(name: str, fraction: float) -> None:
    model = MODELS[name]()
    low, high = model.bounds()
    x = (1 - fraction) * low + fraction * high
    current = lambda v: float(model.current(x, jnp.asarray(v), model.temperature(x, jnp.asarray(v))))
    assert current(0.0) == 0.0
    assert current(-0.3) == pytest.approx(-current(0.3), rel=1e-6)
    assert current(0.3) > 0


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in ("kjma", "vacancy") else []) for name in PULSES]
)
def test_gradients_of_a_simulation_against_finite_differences(name: str) -> None:
    duration, volts, start = PULSES[name]
    with jax.enable_x64(True):
        # Equal steps must resolve the heat: the thermal node of the filament is made slower.
        model = memristors.VacancyFilament(c_th=1e-13) if name == "vacancy" else MODELS[name]()
        low, high = model.bounds()
        start, t = jnp.asarray(start), jnp.linspace(0.0, duration, 33)
        shape = jnp.interp(t / duration, jnp.asarray([0.0, 0.1, 0.6, 1.0]), jnp.asarray([0.0, 1.0, 1.0, 0.5]))
        values, rebuild = ravel_pytree((model, start / (high - low), jnp.asarray(volts)))

        def final(values: jax.Array) -> tuple[jax.Array, jax.Array]:
            model, x0, volts = rebuild(values)
            end = simulate(model, t, volts * shape, x0 * (high - low), substeps=1).x[-1] / (high - low)
            return end[0] + 0.37 * end[1] if end.ndim else end, end

        step = 1e-5 * np.where(values == 0, 1.0, np.abs(values))
        shifted = values[None] + jnp.concatenate([np.diag(step), -np.diag(step)])
        reverse, end = jax.jit(jax.grad(final, has_aux=True))(values)
        above, below = np.split(np.asarray(jax.jit(jax.vmap(final))(shifted)[0]), 2)
    reverse, end, values = np.asarray(reverse), np.asarray(end), np.asarray(values)
    differences = (above - below) / (2 * step)
    assert np.all(np.abs(end - np.asarray(start / (high - low))) > 0.01)  # it moved, and not to a bound
    assert np.all((end > np.asarray(low / (high - low)) + 0.01) & (end < np.asarray(high / (high - low)) - 0.01))
    scale = np.abs(values) + (values == 0)  # compare the changes that a relative change of each makes
    error = np.abs(reverse - differences) * scale
    np.testing.assert_array_less(error, 1e-4 * np.abs(reverse * scale) + 1e-7 * np.max(np.abs(reverse * scale)))
