"""Windows: how fast the state moves close to its bounds, as a factor of the rate."""

import abc

import equinox as eqx
import jax.numpy as jnp

from ..._types import Scalar, physical
from ._smooth import power, step


class AbstractWindow(eqx.Module):
    """A dimensionless factor of the rate; `x` is the state as a fraction of its range, `i` the current [A]."""

    @abc.abstractmethod
    def __call__(self, x: Scalar, i: Scalar) -> Scalar:
        """The factor at `x` in [0, 1] while the current `i` [A] flows."""


class Rectangular(AbstractWindow):
    """One everywhere: the state moves freely between its bounds."""

    def __call__(self, x: Scalar, i: Scalar) -> Scalar:
        return jnp.ones_like(x)


class Joglekar(AbstractWindow):
    r"""$1 - (2x - 1)^{2p}$; zero at both bounds, where the state locks for ever.

    **Arguments:** `p`, dimensionless, from 1 on; larger is flatter.

    **Reference:** Joglekar and Wolf, Eur. J. Phys. 30:661 (2009). (MemTorch computes $(2 - 2x)^{2p}$.)
    """

    p: Scalar = physical(1.0, doc="assumed")

    def __call__(self, x: Scalar, i: Scalar) -> Scalar:
        return 1 - power(jnp.square(2 * x - 1), self.p)


class Biolek(AbstractWindow):
    r"""$1 - (x - \mathrm{stp}(-i))^{2p}$ with stp the unit step: zero only at the bound that the current drives to.

    **Arguments:** `p`, dimensionless; `width` [A] over which the step is smooth, zero for the published one.

    **Reference:** Biolek, Biolek and Biolkova, Radioengineering 18:210 (2009).
    """

    p: Scalar = physical(1.0, doc="assumed")
    width: Scalar = physical(0.0, unit="A", doc="published: a sharp step")

    def __call__(self, x: Scalar, i: Scalar) -> Scalar:
        return 1 - power(jnp.square(x - step(-i, self.width)), self.p)


class Prodromakis(AbstractWindow):
    r"""$j\,(1 - [(x - 0.5)^2 + 0.75]^p)$.

    **Arguments:** `p`, dimensionless and positive; `j`, its scale.

    **Reference:** Prodromakis et al., IEEE Trans. Electron Devices 58:3099 (2011). (MemTorch misplaces a bracket.)
    """

    p: Scalar = physical(1.0, doc="assumed")
    j: Scalar = physical(1.0, doc="assumed")

    def __call__(self, x: Scalar, i: Scalar) -> Scalar:
        return self.j * (1 - (jnp.square(x - 0.5) + 0.75) ** self.p)


class Zha(AbstractWindow):
    r"""$j\,(1 - [0.25\,(x - \mathrm{stp}(-i))^2 + 0.75]^p)$: without boundary lock, and scalable.

    **Arguments:** `p`, `j` as for `Prodromakis`; `width` [A] over which the step is smooth.

    **Reference:** Zha, Huang and Liu, IEEE Trans. CAD 35:423 (2016); the formula is quoted from secondary literature.
    """

    p: Scalar = physical(1.0, doc="assumed")
    j: Scalar = physical(1.0, doc="assumed")
    width: Scalar = physical(0.0, unit="A", doc="published: a sharp step")

    def __call__(self, x: Scalar, i: Scalar) -> Scalar:
        return self.j * (1 - (0.25 * jnp.square(x - step(-i, self.width)) + 0.75) ** self.p)


class TeamWindow(AbstractWindow):
    r"""$\exp(-e^{(x - a_{off})/w_c})$ while a positive current widens the gap, $\exp(-e^{-(x - a_{on})/w_c})$ while a
    negative one closes it; here all lengths are fractions of the range.

    **Arguments:** `a_off`, `a_on`, `w_c`, fractions of the range; `width` [A] over which the two blend.

    **Reference:** Kvatinsky et al., IEEE Trans. Circuits Syst. I 60:211 (2013), after Pickett et al. (2009).
    """

    a_off: Scalar = physical(0.4, doc="Pickett 2009: 1.2 nm of a range of 3 nm")
    a_on: Scalar = physical(0.6, doc="Pickett 2009: 1.8 nm of a range of 3 nm")
    w_c: Scalar = physical(0.107 / 3, doc="Pickett 2009: 107 pm of a range of 3 nm")
    width: Scalar = physical(0.0, unit="A", doc="published: a sharp step")

    def __call__(self, x: Scalar, i: Scalar) -> Scalar:
        off = jnp.exp(-jnp.exp((x - self.a_off) / self.w_c))
        on = jnp.exp(-jnp.exp(-(x - self.a_on) / self.w_c))
        forward = step(i, self.width)
        return forward * off + (1 - forward) * on
