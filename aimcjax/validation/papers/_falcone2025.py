"""CMO/HfOx memory of Falcone et al. 2025: programming to an accepted error, relaxation, noise of reads."""

import functools

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ...devices import StatisticalDevice, preset
from ...units import day, hour, uS
from .._check import Absolute, Check, Origin, Paper, Relative


PAPER = Paper("falcone2025", "Falcone et al., arXiv:2502.04524 (2025)", "https://arxiv.org/abs/2502.04524")
_N = 100_000


def _programming(name: str) -> list[float]:
    with jax.enable_x64(True):
        device = preset(name)
        assert isinstance(device, StatisticalDevice)
        assert device.programming is not None
        g = jnp.asarray([10.0, 50.0, 85.0]) * uS
        return (1e9 * np.asarray(device.programming(g / device.g_max) * device.g_max)).tolist()


@functools.cache
def _change() -> np.ndarray:
    device = preset("rram_falcone_0p2")
    cells = device.program(jnp.full(_N, 50 * uS), key=jr.key(2025))
    return np.stack([np.asarray(device.drift(cells, t) - cells.g, np.float64) * 1e6 for t in (1.0, hour, day)])


def _relaxed(t: float) -> tuple[float, float]:
    noise = 0.0277316 * np.log10(50.0) * np.sqrt(np.log((t + 1e-6) / 2e-6))
    return -0.08900206 * np.log(t), float(np.hypot(0.04201137 * np.log(t) + 0.41183342, noise))


_LAWS = [_relaxed(t) for t in (1.0, hour, day)]
_WHEN = "at 50 uS after 1 s, 1 h, 1 day"

CHECKS = (
    *(Check(PAPER, f"programming_{name}", f"programming error at 10, 50, 85 uS, {accepted} % accepted",
            functools.partial(_programming, f"rram_falcone_{name}"),
            tuple(1e3 * (slope * g + offset) for g in (10.0, 50.0, 85.0)), Relative(1e-4),
            "coefficients of four to five digits", Origin.FORMULA, "nS")
      for name, accepted, slope, offset in (("0p2", 0.2, 1.0688e-3, 0.811e-3), ("2", 2, 1.12903e-2, 1.1219e-2))),
    Check(PAPER, "relaxation_mean", f"mean change of conductance {_WHEN}", lambda: _change().mean(axis=1).tolist(),
          tuple(mean for mean, _ in _LAWS), Absolute(tuple(4 * std / _N**0.5 for _, std in _LAWS)),
          "four standard errors of 100 000 cells", Origin.FORMULA, "uS"),
    Check(PAPER, "relaxation_std", f"deviation of the change of conductance {_WHEN}",
          lambda: _change().std(axis=1).tolist(), tuple(std for _, std in _LAWS), Relative(4 / (2 * _N) ** 0.5),
          "four standard errors of 100 000 cells", Origin.FORMULA, "uS"),
)  # fmt: skip
