"""Calibration of outputs, its schedule, and averages of copies."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances

from aimcjax import datasets, devices, models, periphery, tiles, training
from aimcjax.mapping import (
    AffineColumns,
    ColumnGain,
    GlobalDriftCompensation,
    GlobalGain,
    PeriodicCalibration,
    answers,
    averaged,
    calibrate_matrix,
    calibrated_over_time,
    program_copies,
    program_matrix,
)


QUIET = {"programming": 0.0, "nu_std": 0.0, "accumulated": 0.0, "read_noise": 0.0}
IO = {"dac": periphery.IdealDac(), "adc": periphery.IdealAdc()}
NO_COMPENSATION = GlobalDriftCompensation(strength=0.0)


def test_affine_columns_are_the_regression_line() -> None:
    random = np.random.default_rng(0)
    answer, wanted = random.normal(size=(40, 3)), random.normal(size=(40, 3))
    with jax.enable_x64(True):
        found = AffineColumns().correction(jnp.asarray(answer), jnp.asarray(wanted))
    for c in range(3):
        slope, start = np.polyfit(answer[:, c], wanted[:, c], 1)
        np.testing.assert_allclose([found.gain[c], found.offset[c]], [slope, start], rtol=1e-10)


def test_silent_outputs_keep_their_gain() -> None:
    for corrector in (AffineColumns(), ColumnGain(), GlobalGain()):
        found = corrector.correction(jnp.zeros((4, 2)), jnp.zeros((4, 2)))
        np.testing.assert_array_equal(np.asarray(found.gain), 1.0)
        np.testing.assert_array_equal(np.asarray(found.offset), 0.0)


@pytest.mark.parametrize("corrector", [GlobalGain(), ColumnGain()])
def test_a_common_drift_is_undone_exactly(corrector, getkey) -> None:
    design = tiles.TileDesign(device=devices.Pcm(nu_mean=0.06, **QUIET), **IO)
    w, x = jr.normal(getkey(), (12, 7)), jr.uniform(getkey(), (20, 12), minval=-1.0)
    matrix = program_matrix(design, w, key=getkey(), compensation=NO_COMPENSATION)
    drifted = matrix.at(86400.0)(x[0], key=getkey())
    np.testing.assert_allclose(np.asarray(drifted), np.asarray(x[0] @ w) * (86420 / 20) ** -0.06, rtol=1e-4)
    reference = answers(matrix.at(0.0), x, key=getkey())  # against what the chip gave when new
    fixed = calibrate_matrix(matrix, x, reference, t=86400.0, key=getkey(), corrector=corrector)
    np.testing.assert_allclose(np.asarray(fixed(x[1], key=getkey())), np.asarray(x[1] @ w), atol=1e-4)


def test_columns_are_corrected_one_by_one(getkey) -> None:
    # Each column has another drift: one factor is not enough, a factor a column is; an offset needs an offset.
    design = tiles.TileDesign(device=devices.IdealDevice(), **IO)
    w, x = jr.normal(getkey(), (12, 7)), jr.uniform(getkey(), (30, 12), minval=-1.0)
    matrix = program_matrix(design, w * jnp.linspace(0.5, 1.0, 7)[None], key=getkey(), compensation=NO_COMPENSATION)
    errors = {}
    for corrector in (GlobalGain(), ColumnGain(), AffineColumns()):
        fixed = calibrate_matrix(matrix, x, x @ w, t=0.0, key=getkey(), corrector=corrector)
        y = jax.vmap(lambda x, fixed=fixed: fixed(x, key=jr.key(0)))(x)
        errors[type(corrector).__name__] = float(jnp.linalg.norm(y - x @ w) / jnp.linalg.norm(x @ w))
    assert errors["GlobalGain"] > 0.1
    assert errors["ColumnGain"] < tolerances.PRIMITIVE
    assert errors["AffineColumns"] < tolerances.PRIMITIVE
    shifted = AffineColumns().correction(x @ w - 0.3, x @ w)
    np.testing.assert_allclose(np.asarray(shifted.offset), 0.3, rtol=1e-4)


def test_schedule() -> None:
    decades, daily = PeriodicCalibration(first=60.0), PeriodicCalibration(first=86400.0, factor=1.0)
    np.testing.assert_allclose(decades.times(6e4), [60.0, 600.0, 6000.0, 60000.0])
    np.testing.assert_allclose(daily.times(3 * 86400.0), [86400.0, 2 * 86400.0, 3 * 86400.0])
    assert decades.latest(59.0) is None
    assert daily.latest(2.5 * 86400.0) == 2 * 86400.0
    with pytest.raises(ValueError, match="first=0"):
        PeriodicCalibration(first=0.0)


def test_the_latest_calibration_counts(getkey) -> None:
    design = tiles.TileDesign(device=devices.Pcm(nu_mean=0.06, **QUIET), **IO)
    w, x = jr.normal(getkey(), (6, 4)), jr.uniform(getkey(), (8, 6), minval=-1.0)
    matrix = program_matrix(design, w, key=getkey(), compensation=NO_COMPENSATION)
    schedule = PeriodicCalibration(first=100.0)
    for t, last in ((50.0, None), (500.0, 100.0), (5000.0, 1000.0)):
        (fixed,) = calibrated_over_time(matrix, x, x @ w, [t], schedule=schedule, key=getkey(), corrector=GlobalGain())
        grown = 1.0 if last is None else ((last + 20) / 20) ** 0.06
        np.testing.assert_allclose(np.asarray(fixed.correction.gain), grown, rtol=1e-4)


def test_copies_average_their_errors(getkey) -> None:
    design = tiles.TileDesign(device=devices.StatisticalDevice(programming=0.02, g_min=1e-6), **IO, rows=8, cols=8)
    w, x = jr.normal(getkey(), (20, 10)), jr.uniform(getkey(), (64, 20), minval=-1.0)
    copies = program_copies(design, w, n_copies=16, key=getkey())
    error = {}
    for name, matrix in (
        ("all", averaged(copies)),
        ("one", averaged(copies, keep=1, x=x, wanted=x @ w, key=getkey())),
        ("best 4", averaged(copies, keep=4, x=x, wanted=x @ w, key=getkey())),
    ):
        np.testing.assert_allclose(np.asarray(jnp.sum(matrix.share, axis=0)), 1.0, rtol=1e-6)
        snapshot = matrix.at(0.0)
        y = jax.vmap(lambda x, snapshot=snapshot: snapshot(x, key=jr.key(0)))(x)
        error[name] = float(jnp.linalg.norm(y - x @ w))
    assert error["all"] < error["best 4"] < error["one"]
    with pytest.raises(ValueError, match="keep=17"):
        averaged(copies, keep=17)


@pytest.mark.slow
def test_layer_ensembles_recover_digits_from_stuck_cells(getkey) -> None:
    # Yousuf 2025: 20 % stuck cells, back to within 5 points of the baseline.
    data = datasets.digits()
    model = models.Mlp(64, 10, (48,), key=getkey())
    schedule = training.Schedule(epochs=30, batch_size=48, learning_rate=5e-3)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        model, _ = training.fit(
            model, data.x_train, data.y_train, forward=training.digital_forward, schedule=schedule, key=getkey()
        )
    x, y = jnp.asarray(data.x_test), jnp.asarray(data.y_test)
    baseline = float(training.accuracy(jax.vmap(model)(x), y))
    device = devices.StuckCells(devices.IdealDevice(), p_on=0.1, p_off=0.1)
    design = tiles.TileDesign(device=device, **IO)
    hidden = jax.nn.relu(jax.vmap(model.layers[0])(jnp.asarray(data.x_train[:200]).reshape(200, 64)))
    inputs = (jnp.asarray(data.x_train[:200]).reshape(200, 64), hidden)

    def accuracy(n_copies: int, keep: int) -> float:
        values = x.reshape(len(x), 64)
        for index, (layer, calibration) in enumerate(zip(model.layers, inputs, strict=True)):
            w, scale = layer.weight.T, jnp.max(jnp.abs(calibration))
            copies = program_copies(design, w, n_copies=n_copies, key=getkey(), compensation=NO_COMPENSATION)
            known = calibration / scale
            snapshot = averaged(copies, keep=keep, x=known, wanted=known @ w, key=getkey()).at(0.0)
            product = jax.vmap(lambda v, snapshot=snapshot: snapshot(v, key=jr.key(0)))(values / scale) * scale
            values = product + layer.bias[None]
            values = jax.nn.relu(values) if index == 0 else values
        return float(training.accuracy(values, y))

    alone, ensemble = np.mean([accuracy(1, 1) for _ in range(3)]), accuracy(16, 8)
    assert baseline > 0.95
    assert alone < baseline - 0.1
    assert ensemble > baseline - 0.05
