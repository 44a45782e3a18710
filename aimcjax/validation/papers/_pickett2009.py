"""The TiO2 memristor of Pickett et al. 2009: a tunnel barrier of varying width."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from ...devices.memristors import Pickett
from .._check import Check, Origin, Paper, Relative


PAPER = Paper("pickett2009", "Pickett et al., J. Appl. Phys. 106:074508 (2009)", "https://doi.org/10.1063/1.3236506")
_RATES = {115e-6: 6.765e-18, 200e-6: 1.2338e-16, -50e-6: -1.4664e-15, -100e-6: -1.67254e-12}


@functools.cache
def _rates() -> list[float]:
    with jax.enable_x64(True):
        cell = Pickett()
        return [float(cell.rate_at_current(jnp.asarray(1.5e-9), jnp.asarray(i))) for i in _RATES]


def _decay() -> float:
    # How fast the conductance falls with the width of the barrier, over 0.02 nm around 1.8 nm, at 1 mV.
    with jax.enable_x64(True):
        cell = Pickett()
        i = [cell.current(jnp.asarray(x), jnp.asarray(1e-3), cell.ambient) for x in (1.79e-9, 1.81e-9)]
        return float(jnp.log(i[0] / i[1])) / 0.02


CHECKS = (
    Check(PAPER, "rates", "velocity of the barrier at 1.5 nm and 115, 200, -50, -100 uA", _rates,
          tuple(_RATES.values()), Relative(1e-4), "four digits; a_on is the paper's 1.8 nm, not the 2 nm of Verilog-A",
          Origin.FORMULA, "m/s"),
    Check(PAPER, "decay", "fall of the conductance with the width of the barrier of 0.95 eV, by Simmons's law", _decay,
          10.246 * float(np.sqrt(0.95)), Relative(0.2), "the law neglects image forces and the prefactor",
          Origin.FORMULA, "1/nm"),
)  # fmt: skip
