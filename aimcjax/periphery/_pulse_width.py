"""Pulse width: the input is how long a row is on."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._types import Scalar, physical
from ..units import GHz, V
from ._dac import AbstractDac
from ._quantize import quantize


class PulseWidthDac(AbstractDac):
    r"""A pulse of $|k|$ clock periods and the sign of k, $k = \mathrm{round}(M x)$, $M = 2^{B-1} - 1$.

    Integrated charge is what counts, so the tile sees the mean voltage over the longest pulse,
    $$v = v_{max}\,\mathrm{sign}(k)\,\frac{\max(|k| - f\,t_{edge}, 0)}{M}$$
    Exact for linear cells only: for others the voltage across a cell is always `v_max`.

    **Arguments:** `v_max` [V], amplitude; `bits` (real, a leaf); `clock` (f) [Hz]; `t_edge` [s], what rising and
    falling edges take off a pulse.

    **Gradient:** with respect to the input that of `quantize`, zero for pulses that the edges swallow.

    **Reference:** as the inputs of HERMES (Le Gallo et al., Nat. Electron. 6:680, 2023); clock assumed.
    """

    v_max: Scalar = physical(0.2 * V, unit="V", doc="assumed: a usual read voltage of PCM", above=0.0)
    bits: Scalar = physical(8.0, doc="Rasch 2023", above=1.0, at_most=32.0)
    clock: Scalar = physical(1 * GHz, unit="Hz", doc="assumed", above=0.0)
    t_edge: Scalar = physical(0.0, unit="s", doc="assumed: edges compensated")

    def __call__(self, x: Float[Array, " rows"]) -> Float[Array, " rows"]:
        """Mean voltages [V] for inputs `x`; inputs beyond [-1, 1] saturate."""
        v = quantize(self.v_max * x, self.v_max, self.bits)
        return jnp.sign(v) * jnp.maximum(jnp.abs(v) - self.v_max * self.t_edge / self.duration(), 0.0)

    def duration(self) -> Scalar:
        """The longest pulse [s]."""
        return (2.0 ** (self.bits - 1.0) - 1.0) / self.clock
