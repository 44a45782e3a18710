"""A device from a pulse train without any law: a table of the steps that were measured."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..devices.pulsed import LookUpTable, PulsedDevice, TableNoise, no_variation
from ._data import Data


def table_device(data: Data, *, nodes: int = 12) -> PulsedDevice:
    r"""The pulsed device whose steps and their noise are those of a measured pulse train.

    The range of the weight is cut into `nodes` equal parts; in each, the mean and the standard deviation of
    $\Delta w$ of the pulses that began there are entries of the table, for up and for down. A part without two pulses
    of a direction takes the nearest part that has them. Conductances become weights from -1 (the smallest) to 1.

    **Arguments:** `data`, a pulse train from `read_csv`; `nodes`, at least 2.

    **Returns:** a `PulsedDevice` of one cell: without variation between cells, `dw_min` is the mean step.

    **Raises:** `ValueError` for other data, and if fewer than two pulses of a direction were measured.

    **Reference:** the look-up tables of NeuroSim and CrossSim: binned measured steps.
    """
    if data.format != "pulse_train" or nodes < 2:
        raise ValueError(f"a table needs a pulse train and at least 2 nodes, got {data.words} and nodes={nodes}")
    w = _weights(data)
    pulse, start, step = data.columns["pulse"][1:], w[:-1], np.diff(w)
    edges = np.linspace(w.min(), w.max(), nodes + 1)
    centres, place = (edges[:-1] + edges[1:]) / 2, np.clip(np.digitize(start, edges) - 1, 0, nodes - 1)
    up, up_std = _binned(step[pulse > 0], place[pulse > 0], nodes, "up")
    down, down_std = _binned(-step[pulse < 0], place[pulse < 0], nodes, "down")
    dw_min = float(np.mean(np.abs([up, down])))
    return PulsedDevice(
        step=LookUpTable.from_table(centres, up / dw_min, down / dw_min),
        noise=TableNoise(*map(_array, (centres, up_std / dw_min, down_std / dw_min))),
        variation=no_variation(),
        dw_min=dw_min,
        w_max=float(max(w.max(), 0.0)),
        w_min=float(min(w.min(), 0.0)),
    )


def _array(column: np.ndarray) -> Array:
    return jnp.asarray(column, dtype=float)


def _weights(data: Data) -> np.ndarray:
    if "w" in data.columns:
        return data.columns["w"]
    g = data.columns["g"]
    return 2 * (g - g.min()) / (g.max() - g.min()) - 1


def _binned(step: np.ndarray, place: np.ndarray, nodes: int, direction: str) -> tuple[np.ndarray, np.ndarray]:
    known = [k for k in range(nodes) if np.sum(place == k) >= 2]
    if not known:
        raise ValueError(f"a table needs at least two pulses {direction} from one part of the range, got {len(step)}")
    nearest = [min(known, key=lambda k, at=at: abs(k - at)) for at in range(nodes)]
    means = np.array([step[place == k].mean() for k in nearest])
    return means, np.array([step[place == k].std(ddof=1) for k in nearest])
