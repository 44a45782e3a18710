"""Writes the example measurements in this folder: known parameters through our own models, plus noise.

python experiments/data/make.py
"""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from aimcjax.devices.memristors import Vteam, simulate
from aimcjax.units import kOhm, ms, nm, uA, uS


VTEAM: dict[str, Any] = {
    "k_off": 2e-5, "k_on": -3e-5, "alpha_off": 2.0, "alpha_on": 3.0, "v_off": 0.3, "v_on": -0.4, "d": 3 * nm,
    "r_on": 1 * kOhm, "r_off": 10 * kOhm,
}  # fmt: skip
SOFT_BOUNDS = {"alpha_up": 0.04, "alpha_down": 0.05, "w_max": 1.2, "w_min": -0.9}
DRIFT = {"t_0": 20.0, "g_0": (5 * uS, 12 * uS, 20 * uS), "nu": (0.085, 0.06, 0.045)}


def iv(rng: np.random.Generator) -> str:
    """Three triangular sweeps of 0.8 V, 0.9 V and 1.0 V; 2 uA of noise."""
    t = np.linspace(0.0, 3 * ms, 361)
    sweep = np.minimum((t / ms).astype(int), 2)
    phase = t / ms - sweep
    triangle = np.where(phase < 0.25, 4 * phase, np.where(phase < 0.75, 2 - 4 * phase, 4 * phase - 4))
    v = np.array([0.8, 0.9, 1.0])[sweep] * triangle
    with jax.enable_x64(True):
        i = np.asarray(simulate(Vteam(**VTEAM), t, v, rtol=1e-8, atol=1e-10).i)
    i = i + 2 * uA * rng.standard_normal(len(t))
    return _table("t [ms], v [V], i [uA]", "{:.6f}, {:.6f}, {:.4f}", t / ms, v, i / uA)


def pulses(rng: np.random.Generator) -> str:
    """Soft bounds from zero: 60 pulses up, 60 down, 40 up; noise of 0.02."""
    p = SOFT_BOUNDS
    direction = np.repeat([1, -1, 1], [60, 60, 40])
    w, weights = 0.0, []
    for d in direction:
        w += p["alpha_up"] * (1 - w / p["w_max"]) if d > 0 else -p["alpha_down"] * (1 - w / p["w_min"])
        weights.append(w)
    w = np.array(weights) + 0.02 * rng.standard_normal(len(weights))
    return _table("pulse [1], w [1]", "{:+d}, {:.5f}", direction, w)


def drift(rng: np.random.Generator) -> str:
    """Three cells, 25 reads each from 1 s to 10^6 s, 0.5 % of noise."""
    p, rows = DRIFT, []
    for cell, (g_0, nu) in enumerate(zip(p["g_0"], p["nu"], strict=True), 1):
        t = np.geomspace(1.0, 1e6, 25)
        g = g_0 * ((t + p["t_0"]) / p["t_0"]) ** -nu * np.exp(0.005 * rng.standard_normal(25))
        rows.append((np.full(25, cell), t, g / uS))
    columns = (np.concatenate(column) for column in zip(*rows, strict=True))
    return _table("cell [1], t [s], g [uS]", "{:d}, {:.6g}, {:.5f}", *columns)


def _table(header: str, line: str, *columns: np.ndarray) -> str:
    rows = [line.format(*values) for values in zip(*(column.tolist() for column in columns), strict=True)]
    return "\n".join(["# synthetic: written by experiments/data/make.py", header, *rows, ""])


if __name__ == "__main__":
    folder = Path(__file__).parent
    for seed, make in enumerate((iv, pulses, drift)):
        (folder / f"{make.__name__}.csv").write_text(make(np.random.default_rng(seed)))
