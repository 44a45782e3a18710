"""Arrhenius's law: how much faster memories lose what they hold when hot."""

import math

import jax

from ...devices import arrhenius_factor, time_to_failure
from ...units import eV, hour, year
from .._check import Absolute, Check, Origin, Paper, Relative


PAPER = Paper("arrhenius1889", "Arrhenius, Z. Phys. Chem. 4:226 (1889)", "https://doi.org/10.1515/zpch-1889-0416")
_CELSIUS, _ENERGIES = 273.15, (0.7, 1.0, 1.2, 1.5)


def _hours() -> list[float]:
    with jax.enable_x64(True):
        hot, warm = 150 + _CELSIUS, 85 + _CELSIUS
        return [float(time_to_failure(10 * year, hot, warm, energy * eV)) / hour for energy in _ENERGIES]


def _factors() -> list[float]:
    with jax.enable_x64(True):
        return [float(arrhenius_factor(398.15, 298.15, energy * eV)) for energy in (0.5, 1.1)]


CHECKS = (
    Check(PAPER, "hours", "hours at 150 C that are ten years at 85 C, 0.7, 1, 1.2, 1.5 eV", _hours,
          (2689.8, 604.3, 223.3, 50.2), Absolute(0.051), "half of the last digit", Origin.FORMULA, "h"),
    Check(PAPER, "factor", "acceleration from 25 C to 125 C, 0.5 and 1.1 eV", _factors, 
          tuple(math.exp(energy / 8.617333262e-5 * (1 / 298.15 - 1 / 398.15)) for energy in (0.5, 1.1)), Relative(1e-8),
          "the constant of Boltzmann to ten digits", Origin.FORMULA),
)  # fmt: skip
