"""Successive approximation: a binary search against a capacitor array."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Scalar, physical
from ..units import uA
from ._adc import AbstractAdc
from ._checks import check_bits, check_count, whole
from ._codes import as_read, in_steps
from ._fabricate import AbstractFabricated


class SarMismatch(eqx.Module):
    """`weights` of the capacitors in steps, lowest first (nominally 1, 2, 4, ...), and `offset` of the comparator in
    steps."""

    weights: Float[Array, "converters bits"]
    offset: Float[Array, " converters"]


class SarAdc(AbstractAdc, AbstractFabricated):
    r"""Charge redistribution with binary capacitors: capacitor k is $2^k$ units, and one more unit stays at ground.

    $$C_k = 2^k + \sigma_C\,2^{k/2}\,\xi_k, \qquad
      l(c) = 2^B \frac{\sum_k c_k C_k}{C_g + \sum_k C_k}, \qquad \text{bit } k: \; z + 2^{B-1} > l(c + 2^k) - 1/2 +
      o$$
    from the highest bit down, with z the current in steps. To first order of $\sigma_C$ the variance of the level of
    code c is $\sigma_C^2\, c\,(2^B - c)/2^B$ steps squared, and that of the step at mid-scale
    $\sigma_C^2 (2^B - 1)$.

    **Arguments:** `i_max` [A], full scale; `sigma_capacitor`, relative deviation of a unit capacitor;
    `sigma_comparator`, deviation of the comparator's offset as a fraction of `i_max`; `bits`, whole (the number of
    capacitors). Mismatch per converter (see `fabricate`): CrossSim 3.2 shares one array between all.

    **Gradient:** that of the uniform converter, `quantize`; none with respect to mismatch.

    **Reference:** McCreary & Gray, IEEE JSSC 10:371 (1975); the capacitor law as in CrossSim (Spear et al., IEEE JXCDC
    9(2), 2023). A passive array has no amplifier, hence no finite gain.
    """

    i_max: Scalar = physical(50 * uA, unit="A", doc="Rasch 2023: 10 x 25 uS x 0.2 V", above=0.0)
    sigma_capacitor: Scalar = physical(0.01, doc="assumed")
    sigma_comparator: Scalar = physical(0.0, doc="assumed: offset calibrated away")
    bits: int = whole(8)
    mismatch: SarMismatch | None = None

    def __check_init__(self) -> None:
        check_bits(self.bits)

    def draw(self, n: int, *, key: PRNGKey) -> SarMismatch:
        """Capacitors and comparators of `n` converters."""
        key_capacitor, key_comparator = _random.split(key, 2)
        dtype = self.i_max.dtype
        nominal = jnp.asarray(np.append(self._powers(), 1.0), dtype)[None]  # the last one stays at ground
        xi = _random.normal(key_capacitor, (n, self.bits + 1), dtype)
        capacitors = nominal + self.sigma_capacitor * jnp.sqrt(nominal) * xi
        weights = 2.0**self.bits * capacitors[:, :-1] / jnp.sum(capacitors, axis=1, keepdims=True)
        largest = 2 ** (self.bits - 1) - 1
        offset = largest * self.sigma_comparator * _random.normal(key_comparator, (n,), dtype)
        return SarMismatch(weights=weights, offset=offset)

    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The currents `i` [A] as converted; currents beyond full scale saturate."""
        del key
        z = in_steps(i, self.i_max, self.bits)
        half = 2.0 ** (self.bits - 1)
        weights, offset = jnp.asarray(self._powers(), z.dtype)[None], 0.0
        if self.mismatch is not None:
            made = lax.stop_gradient(self.mismatch)
            check_count(made.offset, i.shape[0])
            weights, offset = made.weights, made.offset

        def decide_bit(carry: tuple[Array, Array], bit: tuple[Array, Array]) -> tuple[tuple[Array, Array], None]:
            level, code = carry
            weight, power = bit
            accept = (z > level + weight - 0.5 + offset).astype(z.dtype)
            return (level + accept * weight, code + accept * power), None

        start = (jnp.full_like(z, -half), jnp.full_like(z, -half))
        bits = (weights.T, jnp.asarray(self._powers(), z.dtype))
        (_, code), _ = lax.scan(decide_bit, start, bits, reverse=True)
        return as_read(code, i, self.i_max, self.bits)

    def _powers(self) -> Float[np.ndarray, " bits"]:
        return 2.0 ** np.arange(self.bits)
