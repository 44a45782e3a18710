"""The solver: bounds, gradients, batches, noise, errors."""

from typing import Any, ClassVar

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances
from jax.flatten_util import ravel_pytree

from aimcjax.devices import memristors
from aimcjax.devices.memristors import AbstractMemristor, simulate


class Wrapped(AbstractMemristor):
    """A linear ion drift with noise, or one that asks for an implicit solver."""

    base: memristors.LinearIonDrift
    amplitude: float | None = None
    stiff: ClassVar[bool] = False

    def initial(self) -> Any:
        return self.base.initial()

    def bounds(self) -> Any:
        return self.base.bounds()

    def rate(self, x: Any, v: Any, temperature: Any) -> Any:
        return self.base.rate(x, v, temperature)

    def current(self, x: Any, v: Any, temperature: Any) -> Any:
        return self.base.current(x, v, temperature)

    def temperature(self, x: Any, v: Any) -> Any:
        return self.base.temperature(x, v)

    def diffusion(self, x: Any, v: Any, temperature: Any) -> Any:
        return None if self.amplitude is None else jnp.asarray(self.amplitude, dtype=float)


class Relaxing(AbstractMemristor):
    """Two states that follow a voltage, one a million times faster than the other."""

    fast: Any = 1e6
    stiff: ClassVar[bool] = True

    def initial(self) -> Any:
        return jnp.asarray([0.5, 0.5])

    def bounds(self) -> Any:
        return jnp.zeros(2), jnp.ones(2)

    def rate(self, x: Any, v: Any, temperature: Any) -> Any:
        return jnp.stack([self.fast * (x[1] - x[0]), v - x[1]])

    def current(self, x: Any, v: Any, temperature: Any) -> Any:
        return v * x[0]

    def temperature(self, x: Any, v: Any) -> Any:
        return jnp.asarray(300.0)

    def diffusion(self, x: Any, v: Any, temperature: Any) -> Any:
        return None


def wave(amplitude: float = 1.0, samples: int = 21, duration: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    t = np.linspace(0.0, duration, samples)
    return t, amplitude * np.sin(4.0 * t / duration + 0.3)


@pytest.mark.parametrize("substeps", [None, 1, 5])
def test_trace_stays_within_the_bounds_and_leaves_them_at_once(substeps: int | None) -> None:
    cell = memristors.Vteam()
    t = np.linspace(0.0, 1e-6, 101)
    v = np.where(t < 0.6e-6, 0.5, -0.25)  # at the bound after 250 ns; then back, 19.2 ns for the whole range
    trace = simulate(cell, t, v, substeps=substeps)
    assert float(trace.x.max()) == float(cell.d)
    assert float(trace.x.min()) == 0.0
    assert bool(jnp.all(trace.x[26:60] == cell.d))
    assert bool(jnp.all(trace.x[64:] == 0.0))


def test_adaptive_and_equal_steps_agree_after_a_bound(x64) -> None:
    cell = memristors.LinearIonDrift()
    t = np.linspace(0.0, 0.7, 71)
    v = 3.0 * np.cos(np.pi * t)
    adaptive = simulate(cell, t, v, rtol=1e-9, atol=1e-9).x
    assert float(adaptive.max()) == 1.0
    assert float(adaptive[-1]) < 0.9
    errors = [float(jnp.max(jnp.abs(simulate(cell, t, v, substeps=n).x - adaptive))) for n in (1, 4, 16)]
    assert errors[2] < 1e-4
    assert errors[2] < errors[0] / 4


@pytest.mark.parametrize(("order", "factor"), [(1, 2.0), (2, 4.0)])
def test_order_of_equal_steps(x64, order: int, factor: float) -> None:
    cell = memristors.ChuaMemristor()
    t, v = wave(duration=1.0)
    exact = simulate(cell, t, v, substeps=400).x
    errors = [float(jnp.max(jnp.abs(simulate(cell, t, v, substeps=n, order=order).x - exact))) for n in (4, 8)]
    assert errors[0] / errors[1] == pytest.approx(factor, rel=0.1)


@pytest.mark.parametrize("substeps", [None, 50])
def test_stiff_model_follows_its_closed_form(x64, substeps: int | None) -> None:
    t = np.linspace(0.0, 1.0, 11)
    trace = simulate(Relaxing(), t, np.full(11, 0.8), substeps=substeps)
    slow = 0.8 - 0.3 * np.exp(-t)
    np.testing.assert_allclose(np.asarray(trace.x[:, 1]), slow, atol=1e-5)
    np.testing.assert_allclose(np.asarray(trace.x[1:, 0]), slow[1:], atol=1e-4)


def test_a_pulse_between_long_rests_is_not_stepped_over() -> None:
    cell = memristors.Vteam()
    t = np.concatenate([[0.0], 1.0 + 1e-4 * np.arange(99), [5.0]])
    v = np.where(np.arange(101) == 50, 0.021, 0.0)  # 1 mV above the threshold
    assert float(simulate(cell, t, v).x[-1]) > 0


CELLS = {
    "strukov": (lambda: memristors.LinearIonDrift(window=memristors.Biolek(p=1.5)), 0.3, 1.0, 0.4),
    "joglekar": (lambda: memristors.LinearIonDrift(window=memristors.Joglekar(p=1.5)), 0.3, 1.0, 0.4),
    "prodromakis": (lambda: memristors.LinearIonDrift(window=memristors.Prodromakis(p=1.5)), 0.3, 2.0, 0.4),
    "zha": (lambda: memristors.LinearIonDrift(window=memristors.Zha(p=1.5, width=1e-3)), 0.3, 2.0, 0.4),
    "charge": (lambda: memristors.ChuaMemristor(coefficients=[1.0, 0.2, 0.5]), 0.3, 1.0, 1.0),
    "flux": (lambda: memristors.ChuaMemristor(coefficients=[1.0, 0.2, 0.5], charge_controlled=False), 0.3, 1.0, 1.0),
    "team": (lambda: memristors.Team(width=4e-6), 1e-10, 2.0, 10.0),
    "team_pickett": (lambda: memristors.Team.preset("pickett"), 1.2e-9, -20.0, 1e-1),
    "vteam": (lambda: memristors.Vteam(width=0.012, window=memristors.Biolek()), 1.5e-9, 0.24, 3e-8),
    "yakopcic": (lambda: memristors.Yakopcic.preset("miao"), 0.2, 0.9, 0.5),
    "yakopcic_smooth": (lambda: memristors.Yakopcic(width=0.1), 0.5, 0.4, 2e-3),
    "pickett": (lambda: memristors.Pickett(), 1.4e-9, 0.9, 1.0),
}


def check_gradients(name: str, substeps: int | None, relative_step: float, adjoint: Any = None) -> None:
    build, x0, amplitude, duration = CELLS[name]
    cell = build()
    t, v = wave(amplitude, 9, duration)
    low, high = cell.bounds()
    start, unravel = ravel_pytree((cell, jnp.asarray(v), jnp.asarray(x0)))

    def final(flat: jax.Array) -> jax.Array:
        cell, v, x0 = unravel(flat)
        options = {"substeps": substeps, "adjoint": adjoint}
        return simulate(cell, t, v, x0, rtol=1e-11, atol=1e-13, **options).x[-1] / (high - low)

    derivative = jax.grad if adjoint is None else jax.jacfwd
    gradient = np.asarray(jax.jit(derivative(final))(start))
    # A parameter that is zero (a sharp width, an ambient offset) has no size to take a step by.
    checked = np.flatnonzero(np.asarray(start))
    steps = relative_step * np.abs(np.asarray(start))[checked]
    shifts = jnp.zeros((len(checked), len(start))).at[np.arange(len(checked)), checked].set(steps)
    stencil = jax.jit(jax.vmap(final))(jnp.concatenate([start[None] + k * shifts for k in (-2.0, -1.0, 1.0, 2.0)]))
    four = np.asarray(stencil).reshape(4, -1)
    differences = (four[0] - 8 * four[1] + 8 * four[2] - four[3]) / (12 * relative_step)
    exact = gradient[checked] * np.abs(np.asarray(start))[checked]
    assert np.all(np.isfinite(gradient))
    assert abs(four[0, 0] - (x0 - low) / (high - low)) > 1e-4  # the run moved
    np.testing.assert_allclose(exact, differences, rtol=1e-4, atol=1e-6 * np.max(np.abs(exact)))


SLOW = ("joglekar", "prodromakis", "zha", "yakopcic_smooth")  # variants of what the others check


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in CELLS])
def test_gradients_of_equal_steps_against_finite_differences(x64, name: str) -> None:
    check_gradients(name, 8, 1e-4)


@pytest.mark.parametrize("adjoint", [None, diffrax.ForwardMode()])
def test_gradients_of_adaptive_steps_against_finite_differences(x64, adjoint: Any) -> None:
    check_gradients("charge", None, 1e-3, adjoint)


@pytest.mark.parametrize("substeps", [None, 2])
def test_batches_of_parameters_cells_and_waveforms_equal_a_loop(substeps: int | None) -> None:
    t, v = wave(samples=11)
    cell = memristors.LinearIonDrift(window=memristors.Biolek())
    r_off, x0 = jnp.asarray([12e3, 16e3, 20e3]), jnp.asarray([0.1, 0.5, 0.9])
    waves = jnp.outer(jnp.asarray([1.0, -1.0, 4.0]), jnp.asarray(v, dtype=float))
    swap = lambda r_off: eqx.tree_at(lambda cell: cell.r_off, cell, r_off)
    run = lambda r_off, v, x0: simulate(swap(r_off), t, v, x0, substeps=substeps)
    batched = jax.vmap(run)(r_off, waves, x0)
    looped = [run(*inputs) for inputs in zip(r_off, waves, x0, strict=True)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *looped)
    for name in ("t", "v", "i", "x", "temperature"):
        a, b = np.asarray(getattr(batched, name)), np.asarray(getattr(stacked, name))
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerances.PRIMITIVE * np.max(np.abs(b)), err_msg=name)


def test_new_values_do_not_recompile() -> None:
    compiled = jax.jit(lambda cell, t, v, x0: simulate(cell, t, v, x0, substeps=2))
    cell = memristors.Vteam.preset("technion")
    t, v = wave(samples=5)
    compiled(cell, t, v, jnp.asarray(0.0))
    compiled(memristors.Vteam.preset("pt_hf_ti"), 2 * t, -v, jnp.asarray(1e-9))
    assert compiled._cache_size() == 1


def test_noise_has_its_amplitude_and_one_path_for_every_step() -> None:
    still = eqx.tree_at(lambda cell: cell.mobility, memristors.LinearIonDrift(), jnp.asarray(0.0))
    noisy = Wrapped(still, amplitude=0.1)
    t, n = np.asarray([0.0, 0.1, 0.3]), 1000
    keys = jax.random.split(jax.random.key(0), n)
    final = jax.vmap(lambda key: simulate(noisy, t, np.ones(3), 0.5, key=key).x)(keys)
    for column, elapsed in ((1, 0.1), (2, 0.3)):
        normal = (np.asarray(final)[:, column] - 0.5) / (0.1 * elapsed**0.5)
        assert abs(np.mean(normal)) < tolerances.of_mean(n)
        assert abs(np.std(normal) - 1) < tolerances.of_std(n)
    first, second = np.asarray(final)[:, 1] - 0.5, np.asarray(final)[:, 2] - np.asarray(final)[:, 1]
    assert abs(np.corrcoef(first, second)[0, 1]) < tolerances.of_mean(n)
    path = lambda substeps: np.asarray(simulate(noisy, t, np.ones(3), 0.5, key=keys[0], substeps=substeps).x)
    np.testing.assert_allclose(path(1), path(8), rtol=1e-5)
    moving = Wrapped(memristors.LinearIonDrift(), amplitude=0.1)
    # Refined steps approach one solution along the same path; with independent paths they would differ by 0.05.
    refined = [
        np.asarray(
            jax.vmap(lambda key, n=n: simulate(moving, t, np.ones(3), 0.3, key=key, substeps=n).x[-1])(keys[:50])
        )
        for n in (1, 8, 64)
    ]
    coarse, fine = (np.sqrt(np.mean(np.square(runs - refined[2]))) for runs in refined[:2])
    assert fine < coarse / 4
    assert fine < 0.01


def test_noise_stays_within_the_bounds() -> None:
    noisy = Wrapped(memristors.LinearIonDrift(), amplitude=3.0)
    t = np.linspace(0.0, 1.0, 201)
    x = np.asarray(simulate(noisy, t, np.zeros(201), key=jax.random.key(1)).x)
    assert x.min() == 0.0
    assert x.max() == 1.0


T = [0.0, 1.0, 2.0]
WRONG = [
    ((T, [0.0, 1.0]), {}, "t and v must be vectors of one length"),
    (([0.0], [0.0]), {}, "t and v must be vectors of one length"),
    (([0.0, 2.0, 1.0], T), {}, r"t must increase, got t\[k \+ 1\] <= t\[k\] at k = 1; sort"),
    (([0.0, 1.0, 1.0], T), {}, "t must increase"),
    (([0.0, float("nan"), 1.0], T), {}, "t must be finite.* at index 1"),
    ((T, [0.0, 1.0, float("inf")]), {}, "v must be finite.* at index 2"),
    ((T, T, [0.1, 0.2]), {}, r"state of LinearIonDrift has shape \(\), got x0 of shape \(2,\)"),
    ((T, T, float("nan")), {}, "x0 must be finite"),
    ((T, T, 1.5), {}, "x0 must lie within the bounds"),
    ((T, T), {"substeps": 0}, "substeps must be at least 1, got 0"),
    ((T, T), {"substeps": 1, "order": 3}, "order 1 or 2, got order=3"),
]


@pytest.mark.parametrize(("arguments", "options", "message"), WRONG)
def test_errors(arguments: tuple, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        simulate(memristors.LinearIonDrift(), *arguments, **options)
    assert "\n" not in str(caught.value)


def test_a_noisy_model_needs_a_key() -> None:
    with pytest.raises(ValueError, match="noisy and got no key; give key="):
        simulate(Wrapped(memristors.LinearIonDrift(), amplitude=0.1), T, T)


def test_a_failing_solver_raises() -> None:
    with pytest.raises(Exception, match="maximum number of solver steps"):
        simulate(memristors.LinearIonDrift(), np.linspace(0.0, 0.1, 11), np.ones(11), max_steps=4)
