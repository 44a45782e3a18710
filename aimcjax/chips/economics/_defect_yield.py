"""Defects of a process, and the share of parts without one: Poisson, clustered (negative binomial), Murphy's."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float

from ..._types import PRNGKey, Scalar, physical
from ._quantities import check_quantities


_TAIL = 36.0  # e^-36 = 2e-16: what the quadrature over the gamma law leaves out on each side
_DENSITY = "assumed: 0.1 / cm2, a mature process"


class AbstractDefectModel(eqx.Module):
    r"""Fatal defects that fall on a die as a Poisson process of density $\Lambda D$: D [1/m2] the mean of the process,
    $\Lambda$ a random factor of mean one that all parts of a die share. Defects cluster because $\Lambda$ varies.

    $$Y(A) = E_\Lambda\big[e^{-\Lambda D A}\big]$$

    is the share of parts of critical area A without a defect. Parts of one die are independent given $\Lambda$ only,
    so what spares can repair is an average over its law: `factors`.

    **Reference:** compound Poisson statistics, Murphy, Proc. IEEE 52:1537 (1964); clusters larger than a die, Stapper,
    IBM J. Res. Dev. 33:162 (1989). That a cluster covers a whole die (not a part of it) is assumed.
    """

    density: eqx.AbstractVar[Scalar]

    @abc.abstractmethod
    def good(self, area: Scalar | float) -> Scalar:
        """The share of parts of critical `area` [m2] without a defect."""

    @abc.abstractmethod
    def factors(self, nodes: int) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
        r"""Values of $\Lambda$ and their weights, which sum to one: $E[f(\Lambda)] \approx \sum_i w_i f(\Lambda_i)$."""

    @abc.abstractmethod
    def draw(self, *, key: PRNGKey) -> Scalar:
        r"""$\Lambda$ of one die."""


class Poisson(AbstractDefectModel):
    r"""Defects without clusters, $\Lambda = 1$:

    $$Y = e^{-D A}$$
    the limit of `NegativeBinomial` for large $\alpha$.
    """

    density: Scalar = physical(1000.0, unit="1/m2", doc=_DENSITY)

    def __check_init__(self) -> None:
        check_quantities(self)

    def good(self, area: Scalar | float) -> Scalar:
        """The share of parts of critical `area` [m2] without a defect."""
        return jnp.exp(-self.density * area)

    def factors(self, nodes: int) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
        """One value, whatever `nodes`."""
        del nodes
        return jnp.ones(1, self.density.dtype), jnp.ones(1, self.density.dtype)

    def draw(self, *, key: PRNGKey) -> Scalar:
        """One."""
        del key
        return jnp.ones((), self.density.dtype)


class NegativeBinomial(AbstractDefectModel):
    r"""Clustered defects, $\Lambda$ of a gamma law of mean 1 and variance $1/\alpha$:

    $$Y = \Big(1 + \frac{D A}{\alpha}\Big)^{-\alpha}$$

    `alpha` of 1 is Seeds' law, a large one tends to Poisson's. Average over $\Lambda = e^z$ by the trapezoidal rule in
    z, with the weight $e^{\alpha(z - e^z)}$; it converges exponentially: with 256 nodes to 1e-14 for smooth functions
    and `alpha` from 1, to 1e-5 at 0.2, where the law is wide.

    **Arguments:** `density` [1/m2]; `alpha`, from 0.2 to some thousands (then use `Poisson`).

    **Reference:** Stapper, IBM J. Res. Dev. 20:228 (1976); Stapper, Armstrong, Saji, Proc. IEEE 71:453 (1983).
    """

    density: Scalar = physical(1000.0, unit="1/m2", doc=_DENSITY)
    alpha: Scalar = physical(2.0, doc="assumed; values near 2 are common for logic", above=0.0)

    def __check_init__(self) -> None:
        check_quantities(self)

    def good(self, area: Scalar | float) -> Scalar:
        """The share of parts of critical `area` [m2] without a defect."""
        return jnp.exp(-self.alpha * jnp.log1p(self.density * area / self.alpha))

    def factors(self, nodes: int) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
        r"""`nodes` values of $\Lambda$ and their weights."""
        reach = _TAIL / self.alpha
        left, right = -jnp.sqrt(2.0 * reach) - reach, jnp.log1p(reach + jnp.sqrt(2.0 * reach))
        z = left + (right - left) * jnp.linspace(0.0, 1.0, nodes, dtype=self.alpha.dtype)
        weight = jax.nn.softmax(self.alpha * (z - jnp.expm1(z)))
        return jnp.exp(z), weight

    def draw(self, *, key: PRNGKey) -> Scalar:
        r"""$\Lambda$ of one die."""
        return jr.gamma(key, self.alpha) / self.alpha


class Murphy(AbstractDefectModel):
    r"""Defects with $\Lambda$ of a triangular law from 0 to 2:

    $$Y = \Big(\frac{1 - e^{-D A}}{D A}\Big)^2$$

    A variance of 1/6, close to `NegativeBinomial` with $\alpha = 6$.

    **Reference:** Murphy, Proc. IEEE 52:1537 (1964).
    """

    density: Scalar = physical(1000.0, unit="1/m2", doc=_DENSITY)

    def __check_init__(self) -> None:
        check_quantities(self)

    def good(self, area: Scalar | float) -> Scalar:
        """The share of parts of critical `area` [m2] without a defect."""
        x = self.density * area
        small = x < jnp.finfo(x.dtype).eps ** 0.25  # there the quotient is its series
        safe = jnp.where(small, jnp.ones_like(x), x)
        return jnp.where(small, 1.0 - x / 2.0 + x**2 / 6.0 - x**3 / 24.0, -jnp.expm1(-safe) / safe) ** 2

    def factors(self, nodes: int) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
        r"""Gauss-Legendre nodes on either side of the corner of the law."""
        x, w = np.polynomial.legendre.leggauss(max(nodes // 2, 2))
        x, w = (1.0 + x) / 2.0, w / 2.0  # on [0, 1]
        value, weight = np.concatenate([x, 2.0 - x]), np.concatenate([w * x, w * x])
        return jnp.asarray(value, self.density.dtype), jnp.asarray(weight, self.density.dtype)

    def draw(self, *, key: PRNGKey) -> Scalar:
        r"""$\Lambda$ of one die: the sum of two uniform numbers."""
        return jnp.sum(jr.uniform(key, (2,), self.density.dtype))
