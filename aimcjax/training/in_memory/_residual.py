"""Residual learning: several tiles of few states, each a finer correction of those before."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from ... import _random
from ..._types import PRNGKey, Scalar, physical
from ...devices import pulsed
from ._cells import rested, written_to
from ._checks import made
from ._programmed import programmed, stochastic_round
from ._pulse_update import PulsedUpdate, outer_update
from ._rule import AbstractAlgorithm, Gradient, InMemoryRule, Outer, Written, n_samples
from ._stats import WriteCost


class ResidualState(eqx.Module):
    """`tiles`, the cells of each, the coarsest first; `samples` seen."""

    tiles: tuple[Any, ...]
    samples: Int[Array, ""]


class Residual(AbstractAlgorithm):
    r"""$W = \sum_k \gamma^k W_k$; the tiles learn one after the other, each for `switch` samples and the last for ever,
    on the gradient at the whole W: $W_k \leftarrow W_k - \mathrm{lr}\,\gamma^{-k} \nabla_W$ while k is active.

    A tile ends where its steps are as long as its error; the next one has steps of $\gamma$ times that length in W.

    **Arguments:** `device` of all tiles; `lr`; `gamma`; `n_tiles`; `switch` in samples; `pulses`. A gradient matrix is
    written as counted pulses, rounded by chance, at most as many as the trains are long.

    **Reference:** after Li et al., arXiv 2510.02516 (2025). The schedule, the factor $\gamma^{-k}$ of the rate, with
    which every tile moves W at the same speed, and all numbers are assumed.
    """

    device: pulsed.AbstractPulsedDevice
    lr: Scalar = physical(0.05, doc="assumed", above=0.0)
    gamma: Scalar = physical(0.25, doc="assumed", above=0.0)
    n_tiles: int = eqx.field(static=True, default=4)
    switch: int = eqx.field(static=True, default=10_000)
    pulses: PulsedUpdate = eqx.field(default_factory=PulsedUpdate)

    def init(self, w: Float[Array, "rows cols"], *, key: PRNGKey) -> ResidualState:
        """Every tile is written with what those before it did not reach."""
        tiles, rest = [], w
        for k, key_tile in enumerate(_random.split(key, self.n_tiles)):
            cells = written_to(self.device, rest / self.gamma**k, key=key_tile)
            rest = rest - self.gamma**k * self.device.weights(cells)
            tiles.append(cells)
        return ResidualState(tuple(tiles), jnp.zeros((), jnp.int32))

    def weights(self, state: ResidualState) -> Float[Array, "rows cols"]:
        """The sum over the tiles."""
        return jnp.sum(
            jnp.stack([self.gamma**k * self.device.weights(cells) for k, cells in enumerate(state.tiles)]), axis=0
        )

    def update(self, gradient: Gradient, state: ResidualState, *, key: PRNGKey) -> tuple[ResidualState, Written]:
        """One batch on the active tile; takes factors or a matrix."""
        active = jnp.minimum(state.samples // self.switch, self.n_tiles - 1)
        shape = (gradient.x.shape[1], gradient.d.shape[1]) if isinstance(gradient, Outer) else gradient.shape
        tiles, pulses, slots = [], {}, jnp.zeros(())
        for k, (cells, key_tile) in enumerate(zip(state.tiles, _random.split(key, self.n_tiles), strict=True)):
            learn = lambda cells, k=k, key=key_tile: self._learn(cells, gradient, k, key)
            wait = lambda cells: (cells, jnp.zeros(shape), jnp.zeros(()))
            cells, pulses[f"W{k}"], used = lax.cond(active == k, learn, wait, cells)
            tiles.append(cells)
            slots = slots + used
        n = gradient.x.shape[0] if isinstance(gradient, Outer) else 1
        written = Written(pulses, slots, 0.0 * slots, n_samples(gradient))
        return ResidualState(tuple(tiles), state.samples + n), written

    def _learn(self, cells: Any, gradient: Gradient, k: int, key: PRNGKey) -> tuple[Any, Array, Scalar]:
        key_round, key_write, key_rest = _random.split(key, 3)
        rate = self.lr / self.gamma**k
        if isinstance(gradient, Outer):
            cells, n, slots = outer_update(
                self.device, cells, gradient.x, gradient.d, rate, update=self.pulses, key=key_write
            )
        else:
            limit = self.pulses.management.length
            wanted = stochastic_round(-rate * gradient / self.device.granularity(), key=key_round)
            cells, n, slots = programmed(
                self.device, cells, wanted.clip(-limit, limit), self.pulses.order, key=key_write
            )
        return rested(self.device, cells, key=key_rest), n, slots


def residual(device: pulsed.AbstractPulsedDevice, *, cost: WriteCost | None = None, **hyper) -> InMemoryRule:
    """Multi-tile residual learning on tiles of `device`; `hyper` as in `Residual`."""
    return InMemoryRule(made(Residual, device, hyper=hyper), WriteCost() if cost is None else cost)
