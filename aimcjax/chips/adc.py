"""Energy and area of analog-to-digital converters as functions of numbers; `aimcjax.periphery.conversion_cost` prices
the converters of a design."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..periphery import AndrulisCost, UniformAdc, conversion_cost
from ..units import nm
from ._technology import Number


def andrulis(
    bits: Number, rate: Number, node_nm: Number, *, smooth: bool = False
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """`(energy_J, area_m2)` of one conversion and one converter by the regression on published ADCs; see
    `aimcjax.periphery.AndrulisCost` for the equation.

    **Arguments:** `bits`, effective number of bits; `rate`, conversions a second of one converter [Hz]; `node_nm` [nm];
    `smooth`: without the ceiling, the kink and the fall below 4.4 bits of the fit, for gradients.

    **Reference:** Andrulis et al., arXiv:2404.06553 (2024).
    """
    model = AndrulisCost(rate=rate, node=jnp.asarray(node_nm, float) * nm, smooth=smooth)
    found = conversion_cost(model, UniformAdc(bits=bits))
    return found.energy, found.area
