"""The ADC of ISAAC, Shafiee et al. 2016."""

from ...periphery import IsaacCost, UniformAdc, conversion_cost
from ...units import pJ
from .._check import Check, Origin, Paper, Relative


PAPER = Paper("shafiee2016", "Shafiee et al., ISCA (2016)", "https://doi.org/10.1109/ISCA.2016.12")

CHECKS = (
    Check(PAPER, "adc", "energy of a conversion of 8 bits, 2 mW at 1.28 GS/s",
          lambda: float(conversion_cost(IsaacCost(), UniformAdc(bits=8.0)).energy) / pJ, 1.56, Relative(0.1),
          "2 mW is one digit", Origin.FORMULA, "pJ",
          to_be_verified="2 mW and 1.28 GS/s; component libraries say 1.667 pJ at 1.2 GS/s, which is what is used"),
)  # fmt: skip
