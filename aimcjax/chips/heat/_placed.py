"""The heat of a placed model: where on the die its power goes, and how hot that gets."""

import jax.numpy as jnp
import numpy as np

from .._cost import Cost
from .._description import position
from .._place import Placement
from .._price import COMPONENTS
from ..timing import Caps
from ._network import Map, ThermalNetwork
from ._throttle import thermal_caps


_ON_TILES = tuple(COMPONENTS.index(name) for name in ("core", "dac", "adc"))


def power_map(placement: Placement, cost: Cost) -> Map:
    """The mean power [W] of every tile and tier, banks side by side, while one batch follows the other.

    Arrays and their converters heat where they lie, the blocks of a matrix alike. Leakage of tiles, digital and
    attention units, buffers and links heat all tiles of tier 0 alike (assumed: they lie between the tiles and below
    the stacked arrays); a DRAM is elsewhere.
    """
    return jnp.asarray(sum(_maps(placement, cost)), float)


def caps_of(placement: Placement, cost: Cost, limit: float) -> Caps:
    """Caps on the power of the arrays that keep every tile at or below `limit` [K] in a schedule of the placement:
    their power is spread as on the `power_map`, and all else takes what it does there (assumed: also while they wait).

    **Raises:** `ValueError`, one line, if all else is too hot already.
    """
    arrays, rest = (jnp.asarray(each, float) for each in _maps(placement, cost))
    return thermal_caps(network_of(placement, cost), arrays, limit, idle=rest)


def _maps(placement: Placement, cost: Cost) -> tuple[np.ndarray, np.ndarray]:
    """The mean power [W] of arrays with their converters, and that of all else on the die."""
    chip, energy = placement.chip, np.asarray(cost.parts, float)
    rows, cols = chip.grid or (1, 1)
    power = np.zeros((chip.tiers, rows, chip.banks * cols))
    names = [item.layer.partition("[")[0] for item in placement.items]
    number = {name: index for index, name in enumerate(placement.counts.names)}
    of = np.asarray([number[name] for name in names])
    share = energy[list(_ON_TILES), :-1].sum(axis=0) / np.bincount(of, minlength=len(number))
    where = np.asarray([(item.slot.tier, *position(chip, item.slot)) for item in placement.items])
    np.add.at(power, tuple(where.T), share[of])
    elsewhere = energy[COMPONENTS.index("dram")].sum()
    spread = energy.sum() - energy[list(_ON_TILES), :-1].sum() - elsewhere
    rest = np.zeros_like(power)
    rest[0] = (spread / float(cost.latency_s) - float(chip.dram.static_power)) / rest[0].size
    return power / float(cost.latency_s), rest


def network_of(placement: Placement, cost: Cost) -> ThermalNetwork:
    """The network of the tiles of a chip, as large as its area says; package and ambient as `of_silicon` has them."""
    chip = placement.chip
    rows, cols = chip.grid or (1, 1)
    pitch = (float(cost.area_m2) / chip.count_tiles()) ** 0.5
    return ThermalNetwork.of_silicon(rows, chip.banks * cols, chip.tiers, pitch=pitch)
