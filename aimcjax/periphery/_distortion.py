"""What amplifiers do to a current before it is converted: compression, offset, unequal polarities."""

import dataclasses
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Scalar, physical
from ..units import uA
from ._adc import AbstractAdc
from ._bit_serial import Slices, slices_of
from ._checks import check_part
from ._dac import AbstractDac
from ._fabricate import AbstractWrapped, AbstractWrappedFabricated, fabricate, install, mismatch_of


class SShapedAdc(AbstractAdc, AbstractWrappedFabricated):
    r"""Compression of large currents, different in every column:

    $$i \leftarrow \frac{(1 + \bar n\,\kappa)^2\; i}{1 + n_c |i| / i_{max}}, \qquad n_c = |n\,(1 + \sigma\,\xi_c)|$$
    with $\bar n$ the mean over the columns.

    **Arguments:** `adc`, the converter behind it; `i_max` [A], where it is compressed by $1 + n$; `nonlinearity` (n),
    `spread` ($\sigma$, per column, see `fabricate`); `slope_calibration` ($\kappa$), 0 for none. At n = 0 it is `adc`.

    **Reference:** `out_nonlinearity` of AIHWKit (Rasch et al., AICAS 2021); the default strength is assumed.
    """

    adc: AbstractAdc
    i_max: Scalar = physical(50 * uA, unit="A", doc="Rasch 2023: 10 x 25 uS x 0.2 V", above=0.0)
    nonlinearity: Scalar = physical(0.1, doc="assumed")
    spread: Scalar = physical(0.0, doc="AIHWKit's default")
    slope_calibration: Scalar = physical(0.0, doc="AIHWKit's default")
    mismatch: Float[Array, " converters"] | None = None

    def draw(self, n: int, *, key: PRNGKey) -> Float[Array, " converters"]:
        """Relative deviation of the strength of `n` columns."""
        return self.spread * _random.normal(key, (n,), self.i_max.dtype)

    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The currents `i` [A] as converted."""
        relative = mismatch_of(self, i)
        n = jnp.abs(self.nonlinearity * (1.0 + relative))
        gain = (1.0 + jnp.mean(n) * self.slope_calibration) ** 2
        return self.adc(gain * i / (1.0 + n * jnp.abs(i) / self.i_max), key=key)


class VoltageOffsetAdc(AbstractAdc, AbstractWrappedFabricated):
    r"""The virtual ground of a column stands above zero, and so less voltage lies across its cells:

    $$i \leftarrow (1 - o_c)\,\frac{i}{1 + r\,|i|}, \qquad o_c = \max(\sigma\,\xi_c, 0)$$

    **Arguments:** `adc`, the converter behind it; `sigma_offset`, deviation of the offset relative to the read voltage,
    per column (see `fabricate`); `compression` (r) [1/A], series resistance over the read voltage.

    **Reference:** `v_offset_std` and `r_series` of AIHWKit with its `v_offset_w_min` = 0 (Rasch et al., AICAS 2021);
    its other case needs the sum of the inputs, which no converter sees. Defaults assumed.
    """

    adc: AbstractAdc
    sigma_offset: Scalar = physical(0.01, doc="assumed")
    compression: Scalar = physical(0.0, unit="1/A", doc="AIHWKit's default")
    mismatch: Float[Array, " converters"] | None = None

    def draw(self, n: int, *, key: PRNGKey) -> Float[Array, " converters"]:
        """Relative offsets of `n` columns."""
        return jnp.maximum(self.sigma_offset * _random.normal(key, (n,), self.sigma_offset.dtype), 0.0)

    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The currents `i` [A] as converted."""
        offset = mismatch_of(self, i)
        return self.adc((1.0 - offset) * i / (1.0 + self.compression * jnp.abs(i)), key=key)


class AsymmetricAdc(AbstractAdc, AbstractWrapped):
    """Negative currents are `1 - asymmetry` times as large as they should be.

    **Arguments:** `adc`, the converter behind it; `asymmetry`, dimensionless.

    **Reference:** `out_asymmetry` of AIHWKit (Rasch et al., AICAS 2021); default assumed.
    """

    adc: AbstractAdc
    asymmetry: Scalar = physical(0.01, doc="assumed")

    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The currents `i` [A] as converted."""
        return self.adc(i * jnp.where(i < 0, 1.0 - self.asymmetry, jnp.ones_like(i)), key=key)


class CompressiveDac(AbstractDac):
    r"""The S-shaped non-linearity of row drivers: $v \leftarrow (1 + n)\,v / (1 + n |v| / v_{max})$; full scale stays.
    The slices of a bit-serial converter are compressed each on its own.

    **Arguments:** `dac`, the converter before it; `nonlinearity` (n).

    **Reference:** the form of AIHWKit's output non-linearity, at the input; strength assumed.
    """

    dac: AbstractDac
    nonlinearity: Scalar = physical(0.05, doc="assumed")

    def __check_init__(self) -> None:
        check_part("dac", self.dac, AbstractDac, "a DAC")

    @property
    def v_max(self) -> Scalar:
        """Voltage [V] of an input of one."""
        return self.dac.v_max

    def __call__(self, x: Float[Array, " rows"]) -> Float[Array, " rows"]:
        """Voltages [V] for inputs `x`."""
        sliced = slices_of(self, x)
        return self.compress(self.dac(x)) if sliced is None else jnp.sum(sliced[2][:, None] * sliced[1], axis=0)

    def compress(self, v: Float[Array, "..."]) -> Float[Array, "..."]:
        """Voltages [V] behind the drivers for voltages `v` [V] before them."""
        return (1.0 + self.nonlinearity) * v / (1.0 + self.nonlinearity * jnp.abs(v) / self.v_max)


@slices_of.register
def _(dac: CompressiveDac, x: Float[Array, " rows"]) -> Slices | None:
    inner = slices_of(dac.dac, x)
    return None if inner is None else (inner[0], dac.compress(inner[1]), inner[2])


@fabricate.register
def _(converter: CompressiveDac, n: int, *, key: PRNGKey) -> Any:
    return fabricate(converter.dac, n, key=key)


@install.register
def _(converter: CompressiveDac, mismatch: Any) -> Any:
    return dataclasses.replace(converter, dac=install(converter.dac, mismatch))
