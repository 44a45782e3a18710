"""Noise, variation and the parts of a device by moments and distributions; symmetry points by pulsing."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances
from scipy import stats

from aimcjax.devices import pulsed


# Compiled as a whole: run eagerly, every primitive would be compiled for every shape.
init = eqx.filter_jit(pulsed.PulsedDevice.init)
write = eqx.filter_jit(pulsed.PulsedDevice.write)
pulse = eqx.filter_jit(pulsed.PulsedDevice.pulse)
pulses = eqx.filter_jit(pulsed.PulsedDevice.pulses)
weights = eqx.filter_jit(pulsed.PulsedDevice.weights)


N = 100_000


def _is_normal(z: np.ndarray) -> None:
    assert abs(z.mean()) < tolerances.of_mean(z.size)
    assert abs(z.std() - 1) < tolerances.of_std(z.size)
    assert stats.kstest(z, "norm").pvalue > tolerances.P_VALUE


MOMENTS = {
    "constant, relative": pulsed.PulsedDevice(noise=pulsed.RelativeNoise(0.8), w_max=5.0, w_min=-5.0),
    "constant, additive": pulsed.PulsedDevice(noise=pulsed.AdditiveNoise(1.5), w_max=5.0, w_min=-5.0),
    "soft bounds, relative": pulsed.PulsedDevice(
        step=pulsed.SoftBounds(), noise=pulsed.RelativeNoise(0.8), dw_min=0.05, w_max=1.5
    ),
    "soft bounds, additive": pulsed.PulsedDevice(
        step=pulsed.SoftBounds(), noise=pulsed.AdditiveNoise(0.4), dw_min=0.04, w_max=1.5, w_min=-1.2
    ),
}


@pytest.mark.parametrize("count", [12, -7])
@pytest.mark.parametrize("name", MOMENTS)
def test_moments_of_pulses(name: str, count: int, getkey) -> None:
    # Far from the bounds, where no pulse is clipped; the sampled standard deviation of a squared normal is sqrt(2).
    device = dataclasses.replace(MOMENTS[name], variation=pulsed.no_variation())
    cells, counts = init(device, (N,), key=getkey()), jnp.full(N, count)
    mean, variance = (np.asarray(m, np.float64)[0] for m in pulsed.moments_of_pulses(device, cells, counts))
    w = np.asarray(pulses(device, cells, counts, key=getkey()).w, np.float64)
    assert abs(w.mean() - mean) < tolerances.of_mean(N) * variance**0.5
    kurtosis = ((w - w.mean()) ** 4).mean() / w.var() ** 2
    assert abs(w.var() / variance - 1) < 4 * ((kurtosis - 1) / N) ** 0.5


def test_moments_against_the_recursion() -> None:
    with jax.enable_x64(True):
        for device in MOMENTS.values():
            device = dataclasses.replace(
                jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), device), variation=pulsed.no_variation()
            )
            cells = init(device, (), key=jax.random.key(0))
            for count in (1, 9, -9):
                mean, variance = pulsed.moments_of_pulses(device, cells, jnp.asarray(count))
                first, second, d = 0.0, 0.0, np.sign(count)
                a, b = (float(v) for v in device.step.line(jnp.asarray(count > 0), cells.traits))
                sigma, additive = float(device.noise.relative_std), isinstance(device.noise, pulsed.AdditiveNoise)
                for _ in range(abs(count)):  # the moments of w + d (a - b w) + noise, one pulse after the other
                    step2 = a * a - 2 * a * b * first + b * b * second
                    noise = (sigma * float(device.dw_min)) ** 2 if additive else sigma**2 * step2
                    second = second + 2 * d * (a * first - b * second) + step2 + noise
                    first = first + d * (a - b * first)
                np.testing.assert_allclose(float(mean), first, rtol=1e-11)
                np.testing.assert_allclose(float(variance), second - first**2, rtol=1e-10)


@pytest.mark.parametrize(
    "noise", [pulsed.RelativeNoise(0.3), pulsed.AdditiveNoise(2.0), pulsed.StateNoise(0.5, 0.1, 0.2)]
)
def test_noise_of_one_pulse(noise, getkey) -> None:
    device = pulsed.PulsedDevice(
        step=pulsed.SoftBounds(), noise=noise, dw_min=0.01, w_max=1.0, w_min=-1.0, variation=pulsed.no_variation()
    )
    cells = write(device, init(device, (N,), key=getkey()), jnp.full(N, -0.4), key=getkey())
    for direction, length in ((1.0, 0.014), (-1.0, 0.006)):
        after = pulse(device, cells, jnp.full(N, direction), key=getkey())
        std = {"RelativeNoise": 0.3 * length, "AdditiveNoise": 0.02, "StateNoise": 0.5 * (length + 0.1 + 0.08)}
        change = np.asarray(after.w - cells.w, np.float64)
        _is_normal((change - direction * length) / std[type(noise).__name__])


def test_noise_is_fresh_for_every_pulse(getkey) -> None:
    device = pulsed.PulsedDevice(variation=pulsed.no_variation())
    cells = init(device, (N,), key=getkey())
    one = pulses(device, cells, jnp.ones(N), key=(key := getkey()))
    two = pulses(device, cells, jnp.full(N, 2), key=key)
    first, second = np.asarray(one.w - cells.w, np.float64), np.asarray(two.w - one.w, np.float64)
    assert abs(np.corrcoef(first, second)[0, 1]) < tolerances.of_mean(N)
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < tolerances.of_mean(N)


def test_cells_that_get_no_pulse_keep_everything(getkey) -> None:
    device = pulsed.preset("reram_sb_gong2018")
    cells = init(device, (6,), key=getkey())
    counts = jnp.asarray([0, 3, 0, -1, 0, 0])
    for options in ({}, {"max_pulses": 3}):
        after = pulses(device, cells, counts, key=getkey(), **options)
        kept = np.asarray(weights(device, after) == weights(device, cells))
        np.testing.assert_array_equal(kept, np.asarray(counts) == 0)


def test_at_most_max_pulses(getkey) -> None:
    device, key = pulsed.PulsedDevice(), getkey()
    cells = init(device, (3,), key=getkey())
    limited = pulses(device, cells, jnp.asarray([9, -9, 2]), key=key, max_pulses=4)
    np.testing.assert_allclose(limited.w, pulses(device, cells, jnp.asarray([4, -4, 2]), key=key).w, rtol=1e-6)


def test_variation_between_cells(getkey) -> None:
    variation = pulsed.Variation(gain=pulsed.NormalSpread(0.2), imbalance=0.05, w_max=0.1, w_min=0.2)
    device = pulsed.PulsedDevice(dw_min=0.01, w_max=1.0, w_min=-0.5, up_down=0.25, variation=variation)
    traits = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), init(device, (N,), key=getkey()).traits)
    _is_normal((traits.w_max - 1) / 0.1)
    _is_normal((traits.w_min + 0.5) / 0.1)
    _is_normal((traits.alpha_up - 0.01) / (0.01 * np.hypot(0.2, 0.05)))
    _is_normal((traits.alpha_down - 0.0075) / (0.01 * np.hypot(0.2, 0.05)))
    _is_normal((traits.alpha_up - traits.alpha_down - 0.0025) / (2 * 0.01 * 0.05))


def test_log_normal_gain(getkey) -> None:
    device = pulsed.preset("reram_array_om_gong2022")
    traits = init(device, (N,), key=getkey()).traits
    mean = np.asarray(
        0.5 * (traits.alpha_up + traits.alpha_down), np.float64
    )  # the imbalance cancels, save a few cells
    _is_normal(np.log(mean[mean > 0.0949 * 0.05] / 0.0949) / 0.7829)


@pytest.mark.parametrize("step", [pulsed.LinearStep(0.5, 0.4, gamma_std=0.05), pulsed.PowerStep(2.0, gamma_std=0.05)])
def test_variation_of_the_step_laws(step, getkey) -> None:
    device = pulsed.PulsedDevice(step=step, w_max=1.0, w_min=-1.0, dw_min=0.01, variation=pulsed.no_variation())
    own = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), init(device, (N,), key=getkey()).traits.own)
    if isinstance(step, pulsed.LinearStep):
        _is_normal((own.slope_up / 0.01 - 0.5) / 0.05)
        _is_normal((-own.slope_down / 0.01 - 0.4) / 0.05)
    else:
        _is_normal((own.gamma_up - 2.0) / 0.1)
        np.testing.assert_allclose(own.gamma_up, own.gamma_down, rtol=1e-6)  # one draw, without an imbalance


def test_stuck_cells(getkey) -> None:
    device = pulsed.PulsedDevice(variation=pulsed.Variation(stuck=0.1348, stuck_range=0.05), write_noise=None)
    cells = init(device, (N,), key=getkey())
    stuck = np.asarray(cells.traits.alpha_up == 0)
    assert stats.binomtest(int(stuck.sum()), N, 0.1348).pvalue > tolerances.P_VALUE
    moved = pulses(device, cells, jnp.full(N, 50), key=getkey())
    np.testing.assert_array_equal(np.asarray(moved.w)[stuck], np.asarray(cells.w)[stuck])
    level = np.asarray(cells.w, np.float64)[stuck]
    assert stats.kstest(level, stats.uniform(-0.05, 0.1).cdf).pvalue > tolerances.P_VALUE


def test_write_noise(getkey) -> None:
    device = pulsed.PulsedDevice(dw_min=0.002, write_noise=56.0, variation=pulsed.no_variation())
    cells = write(device, init(device, (N,), key=getkey()), jnp.full(N, 0.2), key=getkey())
    np.testing.assert_allclose(cells.w, 0.2, rtol=1e-6)
    first = np.asarray(weights(device, cells), np.float64)
    _is_normal((first - 0.2) / 0.112)
    np.testing.assert_array_equal(first, np.asarray(weights(device, cells), np.float64))  # reads do not redraw it
    after = pulse(device, cells, jnp.ones(N), key=getkey())
    second = np.asarray(weights(device, after) - after.w, np.float64)
    _is_normal(second / 0.112)
    assert abs(np.corrcoef(first, second)[0, 1]) < tolerances.of_mean(N)


def test_reference_is_at_the_symmetry_point(getkey) -> None:
    device = pulsed.PulsedDevice(
        step=pulsed.SoftBounds(),
        dw_min=0.02,
        w_max=1.0,
        w_min=-1.0,
        variation=pulsed.Variation(gain=pulsed.LogNormalSpread(0.3), imbalance=0.2),
        reference=pulsed.Reference(mean=0.05, std=0.1, at_symmetry_point=True),
    )
    cells = init(device, (N,), key=getkey())
    _is_normal((np.asarray(pulsed.symmetry_point(device, cells), np.float64) + 0.05) / 0.1)
    assert np.count_nonzero(np.asarray(weights(device, cells))) < 0.01 * N  # zero can be written, save to extreme cells


def test_leak_and_reset(getkey) -> None:
    device = pulsed.PulsedDevice(
        leak=pulsed.Leak(lifetime=50.0, lifetime_std=0.0),
        reset=pulsed.Reset(mean=0.1, cell_std=0.02, std=0.01),
        w_max=1.0,
        w_min=-1.0,
        variation=pulsed.no_variation(),
    )
    cells = write(device, init(device, (N,), key=getkey()), jnp.full(N, 0.5), key=getkey())
    rest = np.asarray(cells.rest, np.float64)
    _is_normal((rest - 0.1) / 0.02)
    np.testing.assert_allclose(device.rest(cells, 30.0).w, rest + (0.5 - rest) * 0.98**30, rtol=1e-5)
    where = jnp.arange(N) < N // 2
    after = np.asarray(device.reset_cells(cells, where, key=getkey()).w, np.float64)
    _is_normal((after - rest)[: N // 2] / 0.01)
    np.testing.assert_array_equal(after[N // 2 :], np.asarray(cells.w)[N // 2 :])


def test_table_from_samples(getkey) -> None:
    w = np.linspace(-1, 1, 5)
    noise_up, noise_down = np.asarray(jax.random.normal(getkey(), (2, 5, 20_000)), np.float64)
    up, down = (2 - w)[:, None] + 0.3 * noise_up, (1 + 0.5 * w)[:, None] + (0.2 + 0.1 * w)[:, None] * noise_down
    law, noise = pulsed.LookUpTable.from_samples(w, up, down)
    n = noise_up.shape[1]
    np.testing.assert_array_less(np.abs(law.up - (2 - w)), tolerances.of_mean(n) * 0.3)
    np.testing.assert_array_less(np.abs(law.down - (1 + 0.5 * w)), tolerances.of_mean(n) * (0.2 + 0.1 * w))
    np.testing.assert_array_less(np.abs(noise.up / 0.3 - 1), tolerances.of_std(n))
    np.testing.assert_array_less(np.abs(noise.down / (0.2 + 0.1 * w) - 1), tolerances.of_std(n))


def _unbalanced(step) -> pulsed.PulsedDevice:
    return pulsed.PulsedDevice(
        step=step,
        dw_min=0.01,
        w_max=1.0,
        w_min=-1.0,
        noise=pulsed.RelativeNoise(0.0),
        variation=pulsed.Variation(gain=pulsed.NormalSpread(0.2), imbalance=0.1, w_max=0.1, w_min=0.1),
    )


STEPS = {
    "soft bounds": pulsed.SoftBounds(),
    "linear": pulsed.LinearStep(1.0, 0.8),
    "power": pulsed.PowerStep(1.5),
    "exponential": pulsed.ExponentialStep(a_up=0.2, a_down=0.3, gamma_up=3.0, gamma_down=3.0, scale=0.5, offset=0.0),
    "neurosim": pulsed.NeuroSimStep(3.0, 2.0, n_pulses=200.0),
}


@pytest.mark.parametrize("name", STEPS)
def test_alternating_pulses_lead_to_the_symmetry_point(name: str, getkey) -> None:
    with jax.enable_x64(True):
        device = _unbalanced(jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), STEPS[name]))
        cells = init(device, (200,), key=getkey())
        expected = np.asarray(pulsed.symmetry_point(device, cells))

        def pair(_: jax.Array, cells: pulsed.PulsedCells) -> pulsed.PulsedCells:
            key = jax.random.key(0)
            up = pulse(device, cells, jnp.ones(200), key=key)
            return pulse(device, up, -jnp.ones(200), key=key)

        low = jax.jit(lambda cells: jax.lax.fori_loop(0, 3000, pair, cells))(cells)
        high = pulse(device, low, jnp.ones(200), key=getkey())
    # The cycle of a pair encloses the point: up steps shrink and down steps grow with the weight.
    inside = np.abs(expected) < 0.8 * np.minimum(cells.traits.w_max, -cells.traits.w_min)
    assert inside.sum() > 100
    assert np.all((np.asarray(low.w) < expected) & (expected < np.asarray(high.w)) | ~inside)
    assert np.max(np.asarray(high.w - low.w)) < 0.03  # a step, and the range is 2


def test_published_symmetry_point(getkey) -> None:
    with jax.enable_x64(True):
        device = _unbalanced(pulsed.SoftBounds())
        cells = init(device, (1000,), key=getkey())
        t = cells.traits
        point = (t.alpha_up - t.alpha_down) / (t.alpha_up / t.w_max - t.alpha_down / t.w_min)
        np.testing.assert_allclose(pulsed.symmetry_point(device, cells), point, rtol=1e-10)


def test_bisection_finds_the_known_point(getkey) -> None:
    # Soft bounds as a power of 1: the search must agree with the closed form, and so must its gradient.
    with jax.enable_x64(True):
        device = _unbalanced(pulsed.PowerStep(1.0, gamma_std=0.0))
        cells = init(device, (50,), key=getkey())

        def exact(t: pulsed.Traits) -> jax.Array:
            return (t.alpha_up * t.w_max + t.alpha_down * t.w_min) / (t.alpha_up + t.alpha_down)

        found = lambda t: pulsed.symmetry_point(device, dataclasses.replace(cells, traits=t))
        np.testing.assert_allclose(found(cells.traits), exact(cells.traits), atol=1e-12)
        ours, theirs = (jax.grad(lambda t, f=f: jnp.sum(f(t)))(cells.traits) for f in (found, exact))
        for name in ("w_max", "w_min", "alpha_up", "alpha_down"):
            np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-8)


def test_one_sided_cells_have_it_at_a_bound() -> None:
    device = pulsed.PulsedDevice(up_down=0.3, variation=pulsed.no_variation())
    cells = init(device, (), key=jax.random.key(0))
    assert float(pulsed.symmetry_point(device, cells)) == float(device.w_max)


def test_an_up_and_a_down_pulse_decay_towards_zero() -> None:
    # Rasch et al. (2024): a pair of pulses of a balanced soft-bounds cell changes w by -2 delta w; exactly, this.
    device = dataclasses.replace(_unbalanced(pulsed.SoftBounds()), variation=pulsed.no_variation())
    key, w = jax.random.key(0), jnp.linspace(-0.9, 0.9, 7)
    cells = write(device, init(device, (7,), key=key), w, key=key)
    after = pulse(device, pulse(device, cells, jnp.ones(7), key=key), -jnp.ones(7), key=key)
    np.testing.assert_allclose(after.w - w, -2 * 0.01 * w + 0.01**2 * (w - 1), atol=1e-6)
