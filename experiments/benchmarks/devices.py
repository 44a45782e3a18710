"""What cells cost: many memristors against a NumPy loop, ten million PCM cells against AIHWKit.

python -m experiments.benchmarks.devices
"""

import dataclasses
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from scipy.integrate import solve_ivp

from aimcjax import devices
from aimcjax.devices import memristors


CELLS, STEPS, REPEATS = 10_000, 1_000, 5
PCM_CELLS, DAY = 10_000_000, 86_400.0
PARAMETERS = ("k_off", "k_on", "alpha_off", "alpha_on", "v_off", "v_on", "d", "r_on", "r_off")


def seconds(call: Callable[[], Any]) -> float:
    """One run of `call`, which waits for its result."""
    start = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - start


def paired(*calls: Callable[[], Any]) -> list[float]:
    """Median seconds of each call, run in turn so that all see the same machine; the first round does not count."""
    rounds = [[seconds(call) for call in calls] for _ in range(REPEATS + 1)]
    return [statistics.median(times) for times in zip(*rounds[1:], strict=True)]


def peak_gib() -> float:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


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


def memristor_section() -> None:
    """10,000 VTEAM cells with spread parameters under one waveform of 1,000 steps."""
    key_off, key_on, key_start = jr.split(jr.key(0), 3)
    cell = memristors.Vteam()
    cells = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (CELLS, *leaf.shape)), cell)
    spread = lambda key: 1 + 0.1 * jr.truncated_normal(key, -3.0, 3.0, (CELLS,))
    cells = dataclasses.replace(cells, k_off=cells.k_off * spread(key_off), k_on=cells.k_on * spread(key_on))
    x0 = cells.d * jr.uniform(key_start, (CELLS,))
    t = np.linspace(0.0, 2e-6, STEPS + 1, dtype=np.float32)
    v = (0.3 * np.sin(2 * np.pi * t / 2e-6)).astype(np.float32)
    held = {
        dtype: ({name: np.asarray(getattr(cells, name), dtype) for name in PARAMETERS}, np.asarray(x0, dtype))
        for dtype in (np.float32, np.float64)
    }
    loops = {dtype: (lambda c=c, x=x: numpy_loop(c, t, v, x)) for dtype, (c, x) in held.items()}

    print(f"{CELLS:,} VTEAM cells x {STEPS:,} steps, states and currents kept, float32")  # noqa: T201
    print(f"{'':<24}{'cell-steps/s':>14}{'NumPy f32':>12}{'NumPy f64':>12}{'scipy':>10}{'compile':>10}")  # noqa: T201
    one = statistics.median(seconds(lambda: scipy_one(t, v, 1.5e-9)) for _ in range(REPEATS)) * CELLS
    for name, order in (("Euler", 1), ("Heun", 2)):

        def kept(cell: Any, x0: Any, t: Any, v: Any, order: int = order) -> tuple[Any, Any]:
            trace = memristors.simulate(cell, t, v, x0, substeps=1, order=order)
            return trace.x, trace.i

        # Samples first, as in the loop of NumPy: another order would be measured as a transposition.
        run: Any = eqx.filter_jit(jax.vmap(kept, in_axes=(0, 0, None, None), out_axes=1))
        inputs = (cells, x0, jnp.asarray(t), jnp.asarray(v))
        start = time.perf_counter()
        call = run.lower(*inputs).compile()
        compile_s = time.perf_counter() - start
        ours, single, double = paired(
            lambda call=call, inputs=inputs: call(*inputs), loops[np.float32], loops[np.float64]
        )
        rate = CELLS * STEPS / ours
        ratios = f"{single / ours:11.1f}x{double / ours:11.1f}x{one / ours:9.0f}x"
        print(f"{name:<24}{rate:14.3g}{ratios}{compile_s:8.1f} s")  # noqa: T201
    print(f"peak memory {peak_gib():.1f} GiB")  # noqa: T201


def pcm_section() -> None:
    """Programming and drift of ten million cells; the same by AIHWKit where it is installed."""
    print(f"\n{PCM_CELLS:,} PCM cells: program, conductance after 1 day")  # noqa: T201
    device, key = devices.Pcm(), jr.key(0)
    target = device.g_max * jr.uniform(key, (PCM_CELLS,))
    run: Any = eqx.filter_jit(lambda device, g, key: device.drift(device.program(g, key=key), DAY))
    start = time.perf_counter()
    call = run.lower(device, target, key).compile()
    compile_s = time.perf_counter() - start
    theirs = _aihwkit(np.asarray(target))
    calls = [lambda: call(device, target, key)] + ([theirs] if theirs else [])
    ours, *others = paired(*calls)
    ratio = f"{others[0] / ours:7.1f}x AIHWKit" if others else "; aihwkit is not installed"
    print(f"{PCM_CELLS / ours:.3g} cells/s, compile {compile_s:.1f} s{ratio}; peak memory {peak_gib():.1f} GiB")  # noqa: T201


def _aihwkit(target: np.ndarray) -> Callable[[], Any] | None:
    try:
        import torch  # pyright: ignore[reportMissingImports]
        from aihwkit.inference import PCMLikeNoiseModel  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    model, g = PCMLikeNoiseModel(g_max=25.0), torch.from_numpy(1e6 * target)  # in uS

    def run() -> None:
        programmed = model.apply_programming_noise_to_conductance(g)
        nu = model.generate_drift_coefficients(g)
        model.apply_drift_noise_to_conductance(programmed, nu, DAY)

    return run


def main() -> None:
    """Prints both sections."""
    memristor_section()
    pcm_section()


if __name__ == "__main__":
    main()
