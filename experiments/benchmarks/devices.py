"""What cells cost: many memristors against a NumPy loop, ten million PCM cells against plain arrays and AIHWKit.

python -m experiments.benchmarks.devices
"""

import dataclasses
import statistics
import sys
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from scipy.integrate import solve_ivp

from aimcjax import devices
from aimcjax.devices import memristors

from . import peers
from ._measure import FASTER, Row, compiled, in_turn, main, rounds_of, row, seconds


DAY = 86_400.0
PARAMETERS = ("k_off", "k_on", "alpha_off", "alpha_on", "v_off", "v_on", "d", "r_on", "r_off")


def numpy_loop(cells: dict[str, np.ndarray], t: np.ndarray, v: np.ndarray, x: np.ndarray) -> tuple[Any, Any]:
    """VTEAM by the explicit Euler rule over all cells at once, as one writes it in NumPy; states and currents."""
    states = np.empty((len(t), len(x)), x.dtype)
    currents = np.empty_like(states)
    c = cells
    for k in range(len(t)):
        states[k] = x
        currents[k] = v[k] / (c["r_on"] + (c["r_off"] - c["r_on"]) * x / c["d"])
        if k + 1 == len(t):
            break
        off = c["k_off"] * np.maximum(v[k] / c["v_off"] - 1, 0) ** c["alpha_off"]
        on = c["k_on"] * np.maximum(v[k] / c["v_on"] - 1, 0) ** c["alpha_on"]
        rate = np.where(v[k] > c["v_off"], off, np.where(v[k] < c["v_on"], on, 0))
        x = np.clip(x + (t[k + 1] - t[k]) * rate, 0, c["d"])
    return states, currents


def scipy_one(t: np.ndarray, v: np.ndarray, x0: float) -> Any:
    """One cell by LSODA at the tolerance of `simulate`, the state in units of its range."""
    cell = memristors.Vteam()
    c = {name: float(getattr(cell, name)) for name in PARAMETERS}

    def rate(time_s: float, y: np.ndarray) -> float:
        volts = np.interp(time_s, t, v)
        off = c["k_off"] * max(volts / c["v_off"] - 1, 0) ** c["alpha_off"]
        on = c["k_on"] * max(volts / c["v_on"] - 1, 0) ** c["alpha_on"]
        speed = (off if volts > 0 else on) / c["d"]
        return 0.0 if (y[0] >= 1 and speed > 0) or (y[0] <= 0 and speed < 0) else speed

    limit = (t[-1] - t[0]) / 100  # or LSODA steps over the lobe after a rest
    return solve_ivp(rate, (t[0], t[-1]), [x0 / c["d"]], "LSODA", t, rtol=1e-5, atol=1e-7, max_step=limit)


def memristor_rows(quick: bool) -> Iterator[Row]:
    """Many VTEAM cells with spread parameters under one waveform, states and currents kept."""
    n_cells, n_steps = (16, 32) if quick else (10_000, 1_000)
    key_off, key_on, key_start = jr.split(jr.key(0), 3)
    cell = memristors.Vteam()
    cells = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (n_cells, *leaf.shape)), cell)
    spread = lambda key: 1 + 0.1 * jr.truncated_normal(key, -3.0, 3.0, (n_cells,))
    cells = dataclasses.replace(cells, k_off=cells.k_off * spread(key_off), k_on=cells.k_on * spread(key_on))
    x0 = cells.d * jr.uniform(key_start, (n_cells,))
    t = np.linspace(0.0, 2e-6, n_steps + 1, dtype=np.float32)
    v = (0.3 * np.sin(2 * np.pi * t / 2e-6)).astype(np.float32)
    loops = {}
    for name, dtype in (("a NumPy loop, float32", np.float32), ("a NumPy loop, float64", np.float64)):
        held = {part: np.asarray(getattr(cells, part), dtype) for part in PARAMETERS}
        start = np.asarray(x0, dtype)
        loops[name] = lambda held=held, start=start: numpy_loop(held, t, v, start)
    one = statistics.median(seconds(lambda: scipy_one(t, v, 1.5e-9)) for _ in range(2 if quick else 5))
    for method, order in (("Euler", 1), ("Heun", 2)):

        def kept(cell: Any, x0: Any, t: Any, v: Any, order: int = order) -> tuple[Any, Any]:
            trace = memristors.simulate(cell, t, v, x0, substeps=1, order=order)
            return trace.x, trace.i

        # Samples first, as in the loop of NumPy: another order would be measured as a transposition.
        many = jax.vmap(kept, in_axes=(0, 0, None, None), out_axes=1)
        call, compile_s = compiled(many, cells, x0, jnp.asarray(t), jnp.asarray(v))
        spent = in_turn({"ours": call, **loops}, **rounds_of(quick))
        work = f"{n_cells:,} VTEAM cells, {n_steps:,} steps, {method}"
        note = "states and currents kept, ours in float32"
        for name in loops:
            yield row(work, spent["ours"], name, spent[name], unit=FASTER, compile_s=compile_s, note=note)
        rounds = len(spent["ours"])
        note = "adaptive there, to 1e-5; one cell, times their number"
        yield row(work, spent["ours"], "SciPy, cell by cell", [one * n_cells] * rounds, unit=FASTER, note=note)


def pcm_rows(quick: bool) -> Iterator[Row]:
    """Programming and drift of ten million cells, over as many normal draws, and beside AIHWKit."""
    n_cells = 1_000 if quick else 10_000_000
    device, key = devices.Pcm(), jr.key(0)
    target = device.g_max * jr.uniform(key, (n_cells,))
    aged = lambda device, g, key: device.drift(device.program(g, key=key), DAY)
    call, compile_s = compiled(aged, device, target, key)
    draws, _ = compiled(lambda key: jr.normal(key, (2, n_cells)).sum(0), key)
    calls = {"ours": call, "draws": draws}
    if peers.installed():
        from .peers import tile  # noqa: PLC0415  # optional

        calls["theirs"] = tile.cells(np.asarray(target), DAY)
    spent = in_turn(calls, **rounds_of(quick))
    work = f"program {n_cells:,} PCM cells, drift to a day"
    note = "programming noise and an exponent of drift for every cell"
    yield row(work, spent["ours"], "drawing two normals in JAX", spent["draws"], compile_s=compile_s, note=note)
    if "theirs" in spent:
        yield row(work, spent["ours"], "AIHWKit, PCM model", spent["theirs"], unit=FASTER, note=note)


def rows(quick: bool) -> Iterator[Row]:
    """Memristors, then PCM."""
    yield from memristor_rows(quick)
    yield from pcm_rows(quick)


if __name__ == "__main__":
    sys.exit(main(__doc__, rows))
