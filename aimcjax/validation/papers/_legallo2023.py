"""HERMES of Le Gallo et al. 2023: its phase-change memory, and the arithmetic between its headlines."""

import dataclasses
import functools

import jax
import jax.numpy as jnp

from ... import chips
from ...devices import Pcm, preset
from ...units import ns, pJ, uS
from .._check import Absolute, Check, Origin, Paper, Relative


PAPER = Paper(
    "legallo2023", "Le Gallo et al., Nat. Electron. 6:680 (2023); memory: Vasilopoulos et al., IEEE TED (2023)",
    "https://doi.org/10.1038/s41928-023-01010-1",
)  # fmt: skip
_AT, _WHERE = (0.10, 0.25, 0.50, 1.00), "at g / g_max = 0.1, 0.25, 0.5, 1"


def _law(count: int, name: str) -> list[float]:
    with jax.enable_x64(True):
        device = preset(f"pcm_hermes_{count}")
        assert isinstance(device, Pcm)
        scale = device.g_max / uS if name == "programming" else 1.0
        return [float(scale * getattr(device, name)(jnp.asarray(x))) for x in _AT]


def _times() -> list[float]:
    return [float(chips.mvm_time(tops * 1e12, 64, 256, 256)) / ns for tops in (63.1, 16.1)]


def _powers() -> list[float]:
    return [tops / float(per_watt) for tops, per_watt in ((63.1, 9.76), (16.1, 2.48))]


def _energy() -> list[float]:
    return [float(chips.energy_per_mac(per_watt * 1e12, ops_per_mac=1)) / pJ for per_watt in (9.76, 2.48)]


@functools.cache
def _peak(phases: float) -> chips.Peak:
    chip = chips.load("hermes_2023")
    return chips.peak(dataclasses.replace(chip, core=dataclasses.replace(chip.core, phases=phases)))


def _headline(phases: float) -> list[float]:
    found = _peak(phases)
    return [float(found.ops_per_s) / 1e12, float(found.ops_per_J) / 1e12]


_FITTED = "rate and figure of merit of the converters were chosen for both numbers; what is checked is the arithmetic"

CHECKS = (
    *(Check(PAPER, f"programming_{count}", f"programming error {_WHERE}, {count} devices a weight",
            functools.partial(_law, count, "programming"), values, Absolute(5.1e-6), "half of the fifth decimal",
            Origin.FORMULA, "uS")
      for count, values in ((1, (0.36932, 0.61449, 0.86531, 1.00757)), (2, (0.55772, 0.88876, 0.99101, 1.09270)))),
    Check(PAPER, "nu_mean", f"mean drift exponent {_WHERE}", functools.partial(_law, 1, "nu_mean"),
          (0.0719, 0.06772, 0.0564, 0.0174), Absolute((5.1e-5, 5.1e-6, 5.1e-5, 5.1e-5)), "half of the last digit",
          Origin.FORMULA),
    *(Check(PAPER, f"nu_std_{count}", f"deviation of the drift exponent {_WHERE}, {count} devices a weight",
            functools.partial(_law, count, "nu_std"), values, Absolute((5.1e-6, 5.1e-6, 5.1e-5, 5.1e-5)),
            "half of the last digit", Origin.FORMULA)
      for count, values in ((1, (0.02533, 0.01434, 0.01207, 0.0055)), (2, (0.02124, 0.01052, 0.0090, 0.0048)))),
    Check(PAPER, "mvm_time", "time of a product from 63.1 and 16.1 TOPS on 64 cores of 256x256", _times, (132.9, 521.0),
          Relative(4e-4), "half of the last digit of the throughputs", Origin.FORMULA, "ns"),
    Check(PAPER, "power", "power from throughput and efficiency, one and four phases", _powers, (6.47, 6.49),
          Relative(1e-3), "half of the last digit", Origin.FORMULA, "W"),
    Check(PAPER, "energy", "energy of an operation, one and four phases", _energy, (0.102, 0.403), Absolute(5.1e-4),
          "half of the last digit", Origin.FORMULA, "pJ"),
    Check(PAPER, "one_phase", "throughput (TOPS) and efficiency (TOPS/W) of the whole chip in one phase",
          functools.partial(_headline, 1.0), (63.1, 9.76), Relative(5e-3),
          "what the digits of the chosen constants leave", Origin.PRINTED, fitted=_FITTED, seconds=2.0),
    Check(PAPER, "four_phases", "the same in four phases, with the constants chosen for one",
          functools.partial(_headline, 4.0), (16.1, 2.48), Relative(0.03),
          "the published times differ by 3.92 and not by 4", Origin.PRINTED, seconds=2.0),
)  # fmt: skip
