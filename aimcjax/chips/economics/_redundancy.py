"""Dies that work although parts of them do not: spare tiles, replicas, tiers; by closed form and by drawing dies."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float
from scipy.special import comb

from ..._types import PRNGKey, Scalar, physical
from ...units import mm2
from ._defect_yield import AbstractDefectModel
from ._quantities import check_counts, check_quantities


class Die(eqx.Module):
    r"""A die as defects see it: `tiles` logical tiles of `tiers` arrays each, `replicas` physical tiles for every
    logical one, of which a model needs `needed` arrays.

    A defect in the periphery of a tile (`tile_area`) kills all its arrays; one in an array (`tier_area`) kills it, or,
    if `tiers_fail_together`, its whole tile; one in the rest (`core_area`: links, digital units, pads) kills the die.
    An array of a logical tile is alive if that of any replica is. The die is good if `needed` arrays of all are alive.

    Areas are critical areas of one tile: arrays over one another each count, while `footprint` has them once. Critical
    areas equal to the areas drawn are an upper bound on the loss.
    """

    tile_area: Scalar = physical(0.5 * mm2, unit="m2", doc="assumed: converters and drivers of a 256 x 256 tile")
    tier_area: Scalar = physical(0.1 * mm2, unit="m2", doc="assumed: one array and its wires")
    core_area: Scalar = physical(10.0 * mm2, unit="m2", doc="assumed: links, digital units and pads")
    needed: int = eqx.field(static=True, default=1)
    tiles: int = eqx.field(static=True, default=1)
    tiers: int = eqx.field(static=True, default=1)
    replicas: int = eqx.field(static=True, default=1)
    tiers_fail_together: bool = eqx.field(static=True, default=False)

    def __check_init__(self) -> None:
        check_quantities(self)
        check_counts(self, {"needed": 1, "tiles": 1, "tiers": 1, "replicas": 1})
        if self.needed > self.tiles * self.tiers:
            raise ValueError(
                f"Die: {self.needed} arrays are needed, but {self.tiles} tiles x {self.tiers} tiers are "
                f"{self.tiles * self.tiers}; give it {-(-self.needed // self.tiers)} tiles or more"
            )

    @property
    def spares(self) -> int:
        """Arrays that may be lost."""
        return self.tiles * self.tiers - self.needed

    @property
    def footprint(self) -> Scalar:
        """Silicon [m2]: core, and for every physical tile its periphery and one array (the tiers lie over it)."""
        return self.core_area + self.tiles * self.replicas * (self.tile_area + self.tier_area)


class YieldEstimate(NamedTuple):
    """A share of dies, `mean`, and its standard error over the dies drawn."""

    mean: Scalar
    std_error: Scalar


def chip_yield(die: Die, defects: AbstractDefectModel, *, nodes: int = 256) -> Scalar:
    r"""The share of good dies. With $\lambda = \Lambda D$ and S spare arrays,

    $$Y = E_\Lambda\Big[e^{-\lambda A_{core}} \sum_{k \le S} [z^k]\, f_\lambda(z)^{N}\Big], \quad
      f_\lambda(z) = \sum_{j=0}^{T} P(j \text{ arrays of a logical tile lost})\, z^j$$

    over N logical tiles of T tiers. For R replicas and arrays that fail alone,
    $P(j) = \sum_a \binom{R}{a} p^a q^{R-a} \binom{T}{j} (q_t^a)^j (1 - q_t^a)^{T-j}$, with $q = 1 - p = 1 -
    e^{-\lambda A_{tile}}$ that a periphery and $q_t = 1 - e^{-\lambda A_{tier}}$ that an array is dead; if tiers fail
    together, all T are lost with $(1 - e^{-\lambda (A_{tile} + T A_{tier})})^R$. With T = R = 1 it is the binomial law
    of k of n, averaged over clusters.

    The coefficients are summed at the roots of unity, exactly but for rounding: to some $N \epsilon$ (1e-5 in single
    precision for hundreds of tiles, of 1, not of Y). Smooth in density, areas and clustering.

    **Arguments:** `die`; `defects`; `nodes` of the average over clusters.
    """
    factors, weights = defects.factors(nodes)
    good = jax.vmap(lambda factor: _good_given(die, factor * defects.density))(factors)
    return jnp.maximum(jnp.sum(weights * good), 0.0)  # of rounding


def simulate_yield(die: Die, defects: AbstractDefectModel, *, n_dies: int, key: PRNGKey) -> YieldEstimate:
    """The share of good dies among `n_dies` drawn ones with these `defects`: for each a density, then the first defect
    of each of its parts (exponential, part by part), then what is left alive. It shares nothing with `chip_yield` but
    the model.

    **Returns:** the share and its standard error, from the share with two good and two bad dies added (Agresti and
    Coull, Am. Stat. 52:119, 1998), so that it is not zero where all dies are alike.
    """
    good = jax.vmap(lambda key: _draw_die(die, defects, key))(jr.split(key, n_dies))
    mean = jnp.mean(good.astype(defects.density.dtype))
    guess = (mean * n_dies + 2.0) / (n_dies + 4.0)
    return YieldEstimate(mean, jnp.sqrt(guess * (1.0 - guess) / (n_dies + 4.0)))


def _good_given(die: Die, rate: Scalar) -> Scalar:
    """That a die of defect density `rate` [1/m2] is good."""
    lost = (_lost_together if die.tiers_fail_together else _lost_alone)(die, rate)
    powers, kernel = _frequencies(die)
    complex_ = np.result_type(lost.dtype, np.complex64)
    of_tile = jnp.asarray(powers, complex_) @ lost.astype(complex_)
    enough = jnp.sum(jnp.real(jnp.asarray(kernel, complex_) * lax.integer_pow(of_tile, die.tiles)))
    return jnp.exp(-rate * die.core_area) * enough


def _frequencies(die: Die) -> tuple[np.ndarray, np.ndarray]:
    """$z^j$ at the roots of unity of the upper half plane, and what adds up the coefficients from 0 to `spares` of a
    real polynomial from its values there."""
    n = die.tiles * die.tiers + 1
    n += 1 - n % 2  # an odd number of roots: one, and pairs
    z = np.exp(-2j * np.pi * np.arange(n // 2 + 1) / n)
    kernel = np.full(z.shape, die.spares + 1.0, complex)
    kernel[1:] = 2.0 * (1.0 - z[1:].conj() ** (die.spares + 1)) / (1.0 - z[1:].conj())
    return z[:, None] ** np.arange(die.tiers + 1), kernel / n


def _lost_together(die: Die, rate: Scalar) -> Float[Array, " n"]:
    """The law of the number of lost arrays of a logical tile: all or none."""
    dead = (-jnp.expm1(-rate * (die.tile_area + die.tiers * die.tier_area))) ** die.replicas
    return jnp.zeros(die.tiers + 1, dead.dtype).at[0].set(1.0 - dead).at[die.tiers].add(dead)


def _lost_alone(die: Die, rate: Scalar) -> Float[Array, " n"]:
    """The law of the number of lost arrays of a logical tile: by the number of its replicas with a live periphery."""
    alive, array_dead = jnp.exp(-rate * die.tile_area), -jnp.expm1(-rate * die.tier_area)
    dead = -jnp.expm1(-rate * die.tile_area)
    total = jnp.zeros(die.tiers + 1, alive.dtype)
    for a in range(die.replicas + 1):
        weight = float(comb(die.replicas, a)) * alive**a * dead ** (die.replicas - a)
        total = total + weight * _binomial(die.tiers, array_dead**a)
    return total


def _binomial(n: int, p: Scalar) -> Float[Array, " n"]:
    # Whole powers one by one: an array of exponents has no gradient at p = 0.
    return jnp.stack([float(comb(n, k)) * p**k * (1.0 - p) ** (n - k) for k in range(n + 1)])


def _draw_die(die: Die, defects: AbstractDefectModel, key: PRNGKey) -> Bool[Array, ""]:
    key_density, key_core, key_tiles, key_tiers = jr.split(key, 4)
    rate, dtype = defects.draw(key=key_density) * defects.density, defects.density.dtype
    tiles = (die.tiles, die.replicas)
    # How much area a part could have before its first defect, in units of one defect.
    alive = jr.exponential(key_tiles, (*tiles, 1), dtype) > rate * die.tile_area
    arrays = jr.exponential(key_tiers, (*tiles, die.tiers), dtype) > rate * die.tier_area
    if die.tiers_fail_together:
        arrays = jnp.broadcast_to(jnp.all(arrays, axis=-1, keepdims=True), arrays.shape)
    working = jnp.sum(jnp.any(alive & arrays, axis=1))  # of an array, any replica
    return (working >= die.needed) & (jr.exponential(key_core, (), dtype) > rate * die.core_area)
