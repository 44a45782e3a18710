"""A device from a table: it must repeat what was measured."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances
from jax import random as jr

from aimcjax import fitting
from aimcjax.devices import describe, pulsed


N = 4000
CELL = pulsed.PulsedDevice(
    step=pulsed.SoftBounds(), dw_min=0.02, w_max=1.0, w_min=-1.0, variation=pulsed.no_variation(),
    noise=pulsed.AdditiveNoise(relative_std=0.5),
)  # fmt: skip


def _measured(conductance: bool = False) -> fitting.Data:
    directions = np.where(np.arange(N) % 200 < 100, 1.0, -1.0)
    cells = CELL.init((), key=jr.key(0))

    def one(cells, inputs):
        cells = CELL.pulse(cells, inputs[0], key=inputs[1])
        return cells, CELL.weights(cells)

    _, w = jax.lax.scan(one, cells, (jnp.asarray(directions, jnp.float32), jr.split(jr.key(1), N)))
    w = np.asarray(w, np.float64)
    column = {"g": 1e-6 * (w + 3.0)} if conductance else {"w": w}
    return fitting.Data("pulse_train", {"pulse": directions, **column})


def test_the_table_is_the_law_that_made_the_data() -> None:
    data = _measured()
    device = fitting.table_device(data)
    w = np.asarray(device.step.w)
    inner = slice(2, -2)  # at the ends of the range the steps are cut by it
    for table, std, law in (
        (device.step.up, device.noise.up, 0.02 * (1 - w)),
        (device.step.down, device.noise.down, 0.02 * (1 + w)),
    ):
        count = N / 2 / len(w) / 2  # at least so many pulses a part and direction
        bound = tolerances.of_mean(int(count)) * 0.01
        np.testing.assert_allclose(device.dw_min * np.asarray(table)[inner], law[inner], atol=bound)
        np.testing.assert_allclose(device.dw_min * np.asarray(std)[inner], 0.01, rtol=tolerances.of_std(int(count)))


def test_conductances_are_scaled_to_the_range() -> None:
    device, as_weights = fitting.table_device(_measured(conductance=True)), _measured().columns["w"]
    factor = 2 / (as_weights.max() - as_weights.min())
    np.testing.assert_allclose(
        device.dw_min * np.asarray(device.step.up),
        factor
        * float(fitting.table_device(_measured()).dw_min)
        * np.asarray(fitting.table_device(_measured()).step.up),
        rtol=tolerances.COMPOSITE,
    )


def test_it_can_be_written_down() -> None:
    assert describe(fitting.table_device(_measured()))["step"]["type"] == "look_up_table"


def test_other_data_are_refused() -> None:
    drift = fitting.Data("drift_trace", {"t": np.arange(1.0, 9.0), "g": np.ones(8) * 1e-6})
    with pytest.raises(ValueError, match="a table needs a pulse train and at least 2 nodes, got a drift trace"):
        fitting.table_device(drift)
    rising = fitting.Data("pulse_train", {"pulse": np.ones(60), "w": np.linspace(0, 1, 60)})
    with pytest.raises(ValueError, match="at least two pulses down"):
        fitting.table_device(rising)
