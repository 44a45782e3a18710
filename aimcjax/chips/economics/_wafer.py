"""Dies of a wafer, and what a good one costs."""

import equinox as eqx
import jax.numpy as jnp

from ..._types import Scalar, physical
from ...units import mm
from ._defect_yield import AbstractDefectModel
from ._quantities import check_quantities
from ._redundancy import Die, chip_yield


class Wafer(eqx.Module):
    r"""A wafer of square dies. With $a = (\sqrt A + s)^2$ the area of a die and its scribe line, and $r = d/2 - e$ the
    radius that is used,

    $$n = \frac{\pi r^2}{a}\, e^{-\sqrt a / r}, \qquad
      \text{USD per die sold} = \frac{\text{wafer} / n + \text{test}}{Y^c}$$

    n is not rounded, so that it has a gradient. Of all dies the share $Y^c$ passes tests that find the share c of
    faults; of those that pass, $1 - Y^{1 - c}$ are bad.

    **Reference:** dies: Ferris-Prabhu, IEEE Circuits Devices Mag. 5:37 (1989); de Vries, IEEE Trans. Semicond. Manuf.
    18:136 (2005) compares such formulas, within some percent of counting for dies well below the wafer. Dies that
    escape: Williams and Brown, IEEE Trans. Comput. C-30:987 (1981).
    """

    price: Scalar = physical(
        4000.0, unit="USD", doc="assumed; about the price of 16/12 nm (Khan and Mann, AI Chips, CSET 2020)"
    )
    diameter: Scalar = physical(300 * mm, unit="m", doc="300 mm wafers", above=0.0)
    edge: Scalar = physical(3 * mm, unit="m", doc="assumed: rim that is not used")
    scribe: Scalar = physical(0.1 * mm, unit="m", doc="assumed: width of the scribe line")
    test_price: Scalar = physical(1.0, unit="USD", doc="assumed: test of one die")
    coverage: Scalar = physical(0.99, doc="assumed: share of faults that the test finds", at_most=1.0)

    def __check_init__(self) -> None:
        check_quantities(self)

    def dies(self, area: Scalar) -> Scalar:
        """Whole dies of `area` [m2] on a wafer, good or bad, not rounded."""
        radius = self.diameter / 2.0 - self.edge
        pitch = jnp.sqrt(area) + self.scribe
        return jnp.pi * (radius / pitch) ** 2 * jnp.exp(-pitch / radius)

    def good_dies(self, area: Scalar, good: Scalar) -> Scalar:
        """Dies of a wafer that work, `good` their share."""
        return self.dies(area) * good

    def die_price(self, area: Scalar, good: Scalar) -> Scalar:
        """What a die that passes its test costs [USD]; of an `area` [m2], `good` the share that works."""
        return (self.price / self.dies(area) + self.test_price) / good**self.coverage

    def escapes(self, good: Scalar) -> Scalar:
        """The share of bad dies among those that pass."""
        return 1.0 - good ** (1.0 - self.coverage)


def die_price(wafer: Wafer, die: Die, defects: AbstractDefectModel, *, nodes: int = 256) -> Scalar:
    """What a die that passes its test costs [USD], from its areas, spares and the `defects` of the process; `nodes`, of
    its integral, as `chip_yield`."""
    return wafer.die_price(die.footprint, chip_yield(die, defects, nodes=nodes))
