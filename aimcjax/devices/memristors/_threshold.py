"""The law that TEAM has for currents and VTEAM for voltages."""

from typing import Any

import jax.numpy as jnp

from ..._types import Scalar
from ._smooth import positive_part, power


def beyond_threshold(cell: Any, drive: Scalar, off: Scalar, on: Scalar) -> Scalar:
    r"""Speed [m/s] without a window, $k_{off} (z / z_{off} - 1)^{\alpha_{off}}$ for $z > z_{off}$, the same with `on`
    for $z < z_{on}$, zero between them.

    **Arguments:** `cell` with `k_off`, `k_on`, `alpha_off`, `alpha_on` and `width`; `drive` (z); its thresholds `off`
    > 0 and `on` < 0. All of one unit, with the width.
    """
    # One power instead of two: the thresholds lie on either side of zero.
    is_off = drive > 0
    excess = positive_part(jnp.where(is_off, drive - off, on - drive), cell.width)
    fraction = excess / jnp.where(is_off, off, -on)
    exponent = jnp.where(is_off, cell.alpha_off, cell.alpha_on)
    return jnp.where(is_off, cell.k_off, cell.k_on) * power(fraction, exponent)
