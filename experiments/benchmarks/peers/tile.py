"""Products on a programmed tile, many cells, and pulsed updates in AIHWKit."""

# pyright: reportMissingImports=false

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from aihwkit.inference import PCMLikeNoiseModel
from aihwkit.nn import AnalogLinear
from aihwkit.simulator.configs import SingleRPUConfig, SoftBoundsDevice
from aihwkit.simulator.tiles import AnalogTile

from .settings import settings


def mvm(w: np.ndarray, xs: np.ndarray, *, cpp: bool, t: float) -> Callable[[], Any]:
    """Products of `xs` with the programmed weights at the age `t` [s]."""
    n_in, n_out = w.shape
    layer = AnalogLinear(n_in, n_out, bias=False, rpu_config=settings(cpp=cpp))
    layer.set_weights(torch.from_numpy(np.array(w.T)))
    layer.eval()
    layer.program_analog_weights()
    layer.drift_analog_weights(t)
    batch = torch.from_numpy(np.array(xs))

    @torch.no_grad()
    def run() -> None:
        layer(batch)

    return run


def cells(target: np.ndarray, t: float) -> Callable[[], Any]:
    """Programs PCM to `target` [S] and drifts it to `t` [s]."""
    model, g = PCMLikeNoiseModel(g_max=25.0), torch.from_numpy(1e6 * target)  # in uS

    def run() -> None:
        programmed = model.apply_programming_noise_to_conductance(g)
        nu = model.generate_drift_coefficients(g)
        model.apply_drift_noise_to_conductance(programmed, nu, t)

    return run


def update(x: np.ndarray, d: np.ndarray, *, lr: float, relative: bool) -> Callable[[], Any]:
    """The pulsed update of a tile with soft bounds by a batch, sample by sample, in C++; its sign alternates, so that
    cells stay within their bounds however often it is called."""
    tile = _tile(x.shape[1], d.shape[1], 0.001, lr, relative=relative)
    inputs, errors = torch.from_numpy(np.array(x)), torch.from_numpy(np.array(d))
    signs = itertools.cycle((errors, -errors))
    return lambda: tile.update(inputs, next(signs))


def toy(n: int, n_samples: int, lr: float) -> Callable[[], Any]:
    """`n_samples` samples teach n x n cells a random matrix, from Python: product, error, update."""
    generator = np.random.default_rng(0)
    target = torch.from_numpy(0.3 * generator.standard_normal((n, n), np.float32))
    x = torch.from_numpy(generator.standard_normal((n_samples, n), np.float32))
    y = x @ target
    tile = _tile(n, n, 0.1, lr, bl=5)

    @torch.no_grad()
    def run() -> None:
        for k in range(n_samples):
            sample = x[k : k + 1]
            tile.update(sample, tile.tile.forward(sample, False, False, False) - y[k : k + 1])

    return run


def why_cpp_fails() -> str:
    """The first line of what its C++ library says to a tensor, nothing if it works."""
    try:
        _tile(2, 2, 0.001, 0.1).update(torch.ones(1, 2), torch.ones(1, 2))
    except (RuntimeError, ImportError) as reason:
        return str(reason).splitlines()[0]
    return ""


def _tile(n_in: int, n_out: int, dw_min: float, lr: float, *, relative: bool = False, bl: int = 31) -> Any:
    config = SingleRPUConfig(device=SoftBoundsDevice(dw_min=dw_min, mult_noise=relative))
    config.update.desired_bl, config.forward.is_perfect = bl, True
    tile = AnalogTile(n_out, n_in, config)
    tile.set_learning_rate(lr)
    return tile
