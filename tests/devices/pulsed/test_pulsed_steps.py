"""Step laws against closed forms and published steps, without noise and variation, in float64."""

from collections.abc import Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances

from aimcjax.devices import pulsed


# Compiled as a whole: run eagerly, every primitive would be compiled for every shape.
init = eqx.filter_jit(pulsed.PulsedDevice.init)
write = eqx.filter_jit(pulsed.PulsedDevice.write)
pulse = eqx.filter_jit(pulsed.PulsedDevice.pulse)
pulses = eqx.filter_jit(pulsed.PulsedDevice.pulses)
weights = eqx.filter_jit(pulsed.PulsedDevice.weights)


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def _quiet(step, **options) -> pulsed.PulsedDevice:
    return pulsed.PulsedDevice(step=step, noise=pulsed.RelativeNoise(0.0), variation=pulsed.no_variation(), **options)


def _nominal_steps(device: pulsed.PulsedDevice, w) -> tuple[np.ndarray, np.ndarray]:
    """Lengths of an up and a down pulse of the nominal cell at the weights `w`."""
    steps = []
    for up in (True, False):
        size = jax.vmap(lambda w, up=up: device.step.size(w, jnp.asarray(up), device.nominal()))
        steps.append(np.asarray(size(jnp.asarray(w))))
    return steps[0], steps[1]


def _run(device, counts, start=0.0):
    key = jax.random.key(1)
    counts = jnp.asarray(counts)
    cells = write(device, init(device, counts.shape, key=key), jnp.full(counts.shape, start), key=key)
    return np.asarray(weights(device, pulses(device, cells, counts, key=key)))


def test_constant_steps_add_up_to_the_bound() -> None:
    counts = np.asarray([-700, -600, -3, 0, 1, 250, 600, 601])
    np.testing.assert_allclose(
        _run(_quiet(pulsed.ConstantStep()), counts), np.clip(0.001 * counts, -0.6, 0.6), atol=tolerances.FLOAT64
    )


def test_soft_bounds_are_geometric() -> None:
    device = _quiet(pulsed.SoftBounds(), dw_min=0.02, w_max=1.25, w_min=-0.75)
    n = np.arange(60)
    np.testing.assert_allclose(_run(device, n, 0.1), 1.25 - 1.15 * (1 - 0.02 / 1.25) ** n, atol=tolerances.FLOAT64)
    np.testing.assert_allclose(_run(device, -n, 0.1), -0.75 + 0.85 * (1 - 0.02 / 0.75) ** n, atol=tolerances.FLOAT64)


def test_soft_bounds_from_pulses_is_its_staircase() -> None:
    device = pulsed.soft_bounds_from_pulses(p_max=1000.0, alpha=0.0005)
    np.testing.assert_allclose(float(device.w_max), 4.08299, atol=5e-6)  # as AIHWKit's parametrisation prints
    quiet = _quiet(pulsed.SoftBounds(), dw_min=device.dw_min, w_max=device.w_max, w_min=-1.0, up_down=device.up_down)
    trace = np.asarray(eqx.filter_jit(pulsed.staircase)(quiet, 1000, 1000, key=jax.random.key(0)))
    n, b = np.arange(1001), 1.0 + float(device.w_max)
    rounding = 1000 * tolerances.FLOAT64  # of as many pulses, one after the other
    np.testing.assert_allclose(trace[:1001], -1 + b * -np.expm1(-0.0005 * n), atol=rounding)
    np.testing.assert_allclose(trace[1000], 1.0, atol=rounding)
    np.testing.assert_allclose(trace[1000:], -1 + 2.0 * np.exp(-0.0005 * n), atol=rounding)


def test_linear_steps() -> None:
    step = pulsed.LinearStep(gamma_up=0.4, gamma_down=0.7, gamma_std=0.0)
    up, down = _nominal_steps(_quiet(step, dw_min=0.01, w_max=1.2, w_min=-0.8, up_down=0.25), [-0.8, 0.0, 1.2])
    np.testing.assert_allclose(up, 0.01 * np.asarray([1 + 0.4 * 0.8 / 1.2, 1, 0.6]), rtol=tolerances.FLOAT64)
    np.testing.assert_allclose(down, 0.0075 * np.asarray([0.3, 1, 1 + 0.7 * 1.2 / 0.8]), rtol=tolerances.FLOAT64)


def test_power_steps() -> None:
    step = pulsed.PowerStep(gamma=1.5, gamma_std=0.0, up_down=0.2)
    device = _quiet(step, dw_min=0.01, w_max=1.0, w_min=-1.0)
    up, down = _nominal_steps(device, [-1.0, 0.0, 0.5, 1.0])
    np.testing.assert_allclose(up, [0.01, 0.01 * 0.5**1.5, 0.01 * 0.25**1.5, 0.0], atol=1e-10)
    np.testing.assert_allclose(down, [0.0, 0.01 * 0.5**1.2, 0.01 * 0.75**1.2, 0.01], atol=1e-9)
    symmetric = _quiet(pulsed.PowerStep(gamma=2.0), dw_min=0.01)
    np.testing.assert_allclose(float(symmetric.granularity()), 0.01 * 0.5**2, rtol=tolerances.FLOAT64)


def test_piecewise_steps_are_straight_between_nodes() -> None:
    device = _quiet(pulsed.PiecewiseStep([1.5, 1.0, 0.2], [0.4, 1.1, 1.6]), dw_min=0.01, w_max=1.0, w_min=-1.0)
    w = np.linspace(-1, 1, 41)
    up, down = _nominal_steps(device, w)
    np.testing.assert_allclose(up, 0.01 * np.interp(w, [-1, 0, 1], [1.5, 1.0, 0.2]), rtol=tolerances.FLOAT64)
    np.testing.assert_allclose(down, 0.01 * np.interp(w, [-1, 0, 1], [0.4, 1.1, 1.6]), rtol=tolerances.FLOAT64)


def test_tables_interpolate_in_any_order() -> None:
    nodes, ups = np.asarray([0.3, -0.5, 0.9, -0.6]), np.asarray([2.0, 4.0, 1.0, 5.0])
    downs = np.asarray([-3.0, -1.5, -3.5, -1.0])
    device = _quiet(pulsed.LookUpTable.from_table(nodes, ups, downs), dw_min=1.0, w_max=1.0, w_min=-1.0)
    w, order = np.linspace(-1, 1, 81), np.argsort(nodes)
    up, down = _nominal_steps(device, w)
    np.testing.assert_allclose(up, np.interp(w, nodes[order], ups[order]), atol=tolerances.FLOAT64)
    np.testing.assert_allclose(down, np.interp(w, nodes[order], -downs[order]), atol=tolerances.FLOAT64)


def test_exponential_presets_have_the_published_steps() -> None:
    # Steps of the two calibrations computed from the published tables, six digits.
    es, pcm = pulsed.preset("reram_es_gong2018"), pulsed.preset("pcm_nandakumar2020")
    up, down = _nominal_steps(es, [0.0])
    np.testing.assert_allclose([up[0], down[0]], [0.00148125, 0.00199144], rtol=5e-6)
    np.testing.assert_allclose(_nominal_steps(pcm, [0.0, 1.0, 2.0])[0], [0.28235, 0.0323558, 0.0118351], rtol=5e-6)


# name: steps up, steps down (of w, from the table of each publication), noise, write noise, bounds
PRESETS = {
    "rpu_gokmen2016": (lambda w: 0.001 + 0 * w, lambda w: 0.001 + 0 * w, 0.3, None, (-0.6, 0.6)),
    "rpu_unit_gokmen2016": (lambda w: 0.0016 + 0 * w, lambda w: 0.0016 + 0 * w, 0.3, None, (-1, 1)),
    "idealized_rasch2019": (lambda w: 0.0002 + 0 * w, lambda w: 0.0002 + 0 * w, 0.3, None, (-1, 1)),
    "reram_sb_gong2018": (lambda w: 0.002 * (1 - w / 1.25), lambda w: 0.002 * (1 + w / 0.75), 3.75, 56, (-0.75, 1.25)),
    "capacitor_li2018": (lambda w: 0.005 * (1 - 0.05 * w), lambda w: 0.005 * (1 + 0.05 * w), 0.3, None, (-1, 1)),
    "ecram_tang2018": (
        lambda w: 0.002 * (1 - 0.1153 * w / 1.1724),
        lambda w: 0.002 * (1 + 0.5085 * w / 0.8276),
        0.3,
        None,
        (-0.8276, 1.1724),
    ),
    "ecram_mo_kim2019": (
        lambda w: 2.8214e-4 * (1 - 0.4152 * w / 1.1714),
        lambda w: 2.8214e-4 * (1 + 0.7342 * w / 0.8286),
        2.0,
        None,
        (-0.8286, 1.1714),
    ),
    "reram_array_om_gong2022": (lambda w: 0.0949 * (1 - w), lambda w: 0.0949 * (1 + w), 0.4158, 1.4113, (-1, 1)),
    "reram_array_hfo2_gong2022": (lambda w: 0.4622 * (1 - w), lambda w: 0.4622 * (1 + w), 0.2174, 0.5841, (-1, 1)),
    "soft_bounds_rasch2024": (lambda w: 0.05 * (1 - w), lambda w: 0.05 * (1 + w), 0.3, None, (-1, 1)),
}


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_the_published_values(name: str) -> None:
    step_up, step_down, noise, write_noise, bounds = PRESETS[name]
    device, w = pulsed.preset(name), np.asarray([-0.5, 0.0, 0.3])
    up, down = _nominal_steps(device, w)
    np.testing.assert_allclose(up, step_up(w), rtol=tolerances.FLOAT64)
    np.testing.assert_allclose(down, step_down(w), rtol=tolerances.FLOAT64)
    np.testing.assert_allclose(float(device.noise.relative_std), noise)
    np.testing.assert_allclose([float(device.w_min), float(device.w_max)], bounds)
    assert (device.write_noise is None) == (write_noise is None)
    if write_noise is not None:
        np.testing.assert_allclose(float(device.write_noise), write_noise)


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("rpu_gokmen2016", 1200),
        ("rpu_unit_gokmen2016", 1250),
        ("idealized_rasch2019", 10_000),
        ("soft_bounds_rasch2024", 40),
    ],
)
def test_published_numbers_of_states(name: str, states: int) -> None:
    np.testing.assert_allclose(float(pulsed.number_of_states(pulsed.preset(name))), states, rtol=tolerances.FLOAT64)


# Label and normalised parameter, entries of the table that comes with DNN+NeuroSim V2.1, six decimals.
NEUROSIM = {
    0.01: 126.268958, 0.1: 12.625807, 0.5: 2.519877, 1: 1.251653, 1.46: 0.848677, 1.75: 0.702081, 2: 0.609035,
    3: 0.38683, 4: 0.269089, 5: 0.192406, 6: 0.135619, 7: 0.090139, 8: 0.052781, 9: 0.02281,
}  # fmt: skip


def test_neurosim_labels() -> None:
    labels, parameters = np.asarray([*NEUROSIM]), np.asarray([*NEUROSIM.values()])
    np.testing.assert_allclose(np.asarray(pulsed.parameter_of(jnp.asarray(labels))), parameters, atol=5.1e-7)
    np.testing.assert_allclose(np.asarray(pulsed.parameter_of(jnp.asarray(-labels))), -parameters, atol=5.1e-7)
    there_and_back = np.asarray(pulsed.label_of(pulsed.parameter_of(jnp.asarray(labels))))
    np.testing.assert_allclose(there_and_back, labels, rtol=1e-11)


def test_a_label_is_a_distance_from_the_diagonal() -> None:
    x = np.linspace(0, 1, 200_001)
    for a in (3.7, 0.6, 0.05, -0.3):
        distance = (np.expm1(-x / a) / np.expm1(-1 / a) - x) / np.sqrt(2)
        furthest = distance[np.argmax(np.abs(distance))]
        np.testing.assert_allclose(float(pulsed.label_of(jnp.asarray(a))), furthest / 0.07, rtol=1e-8)


def test_gradient_of_the_label_inversion() -> None:
    for label in (0.3, 1.75, 8.0):
        slope = float(jax.grad(pulsed.parameter_of)(jnp.asarray(label)))
        ahead, behind = (float(pulsed.parameter_of(jnp.asarray(label + d))) for d in (1e-6, -1e-6))
        np.testing.assert_allclose(slope, (ahead - behind) / 2e-6, rtol=1e-6)


@pytest.mark.parametrize(("label_up", "label_down"), [(1.75, 1.46), (4.0, -2.0), (0.0, 0.01)])
def test_neurosim_staircase_is_the_published_curve(label_up: float, label_down: float) -> None:
    n_pulses = 32
    step = pulsed.NeuroSimStep(label_up=label_up, label_down=label_down, n_pulses=float(n_pulses))
    device = _quiet(step, dw_min=2 / n_pulses, w_max=1.0, w_min=-1.0)
    trace = np.asarray(eqx.filter_jit(pulsed.staircase)(device, n_pulses, n_pulses, key=jax.random.key(0)))
    p = np.arange(n_pulses + 1)

    def curve(label: float) -> np.ndarray:
        if label == 0:
            return 2 * p / n_pulses
        a = float(pulsed.parameter_of(jnp.asarray(label))) * n_pulses
        return 2 / (1 - np.exp(-n_pulses / a)) * (1 - np.exp(-p / a))

    np.testing.assert_allclose(trace[: n_pulses + 1], -1 + curve(label_up), atol=1e-10)
    np.testing.assert_allclose(trace[n_pulses:], 1 - curve(label_down), atol=1e-10)


def test_mean_pulses_are_pulses_without_noise() -> None:
    device = pulsed.PulsedDevice(step=pulsed.PowerStep(), dw_min=0.05, variation=pulsed.no_variation())
    key, counts = jax.random.key(3), jnp.asarray([5, -7, 0, 2])
    cells = init(device, (4,), key=key)
    noiseless = _quiet(pulsed.PowerStep(), dw_min=0.05)
    expected = pulses(noiseless, cells, counts, key=key)
    np.testing.assert_allclose(device.mean_pulses(cells, counts, max_pulses=8).w, expected.w, rtol=tolerances.FLOAT64)
    np.testing.assert_allclose(
        device.mean_pulses(cells, counts, max_pulses=1).w,
        cells.w + device.expected_step(cells, jnp.sign(counts).astype(cells.w.dtype)),
        rtol=tolerances.FLOAT64,
    )
