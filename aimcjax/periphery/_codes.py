"""What converters with a whole number of bits share: codes, and currents in steps.

All of them have the codes $-M ... M$, $M = 2^{bits-1} - 1$, with steps of `i_max / M`, as `quantize`: the lowest code
of two's complement is not used, so that zero is a code and the range is symmetric.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .._types import Scalar
from ._quantize import quantize, replace_gradient


def array_leaf(value: Any) -> Any:
    """Lists of numbers, from a config or a user, as an array; everything else as it is."""
    return jnp.asarray(value, float) if isinstance(value, (list, tuple, np.ndarray)) else value


def largest_code(bits: int) -> int:
    """M."""
    return 2 ** (bits - 1) - 1


def in_steps(i: Float[Array, " cols"], i_max: Scalar, bits: int) -> Float[Array, " cols"]:
    """Currents `i` [A] in steps, not rounded, for decisions: without a gradient, which `as_read` gives."""
    return lax.stop_gradient(i * (largest_code(bits) / i_max))


def as_read(code: Float[Array, " cols"], i: Float[Array, " cols"], i_max: Scalar, bits: int) -> Float[Array, " cols"]:
    """The current [A] that a signed `code` stands for, with the gradient of `quantize` at the current `i` [A]; NaN for
    NaN."""
    largest = largest_code(bits)
    value = code.clip(-largest, largest) * (i_max / largest)
    value = jnp.where(jnp.isnan(i), i, value)  # comparisons with NaN would make a code of a failed solve
    return replace_gradient(value, quantize(i, i_max, jnp.asarray(bits, i.dtype)))
