"""What stays and what changes while a chip serves."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ... import nn
from ..._types import PRNGKey, Scalar, strongly_typed
from ..heat import Leakage, ThermalAgeing, ThermalNetwork
from ._chip import Factors, Held, aged, factors_of, held, with_held
from ._traffic import Traffic


TIMED = ("refresh", "recalibrate", "monitor")  # what may be done every so often
LASTING = ("throttle", "degrade", "fail_over")  # what is on or off


class World(eqx.Module):
    """What does not change: the `model` and the `chip` as new; heat; where layers lie (`where`, the share of each node
    in each layer), their `shares` of the energy, `tiles` and `cells`; `canaries` and the digital answers to them;
    samples `xs` with `labels` and what the digital model scores on them."""

    model: Any
    chip: Any
    network: ThermalNetwork
    ageing: ThermalAgeing
    leakage: Leakage | None
    traffic: Traffic
    where: Float[Array, "layers nodes"]
    shares: Float[Array, " layers"]
    tiles: Float[Array, " layers"]
    cells: Float[Array, " layers"]
    canaries: Any
    expected: Array
    xs: Any
    labels: Array
    digital_score: Scalar
    score: Callable[[Array, Array], Array] = eqx.field(static=True)

    def old(self, cells: Held, ages: Float[Array, " layers"]) -> Any:
        """The chip with those cells, each layer at its age, compensated for it."""
        chip = with_held(self.chip, cells)
        return aged(chip, {name: ages[i] for i, name in enumerate(cells)})

    def error(self, snapshot: Any, key: PRNGKey) -> Scalar:
        """Relative error of the answers to the canaries."""
        y = nn.apply(snapshot, self.canaries, key=key)
        return jnp.linalg.norm((y - self.expected).ravel()) / jnp.linalg.norm(self.expected.ravel())


class State(eqx.Module):
    """What a step changes: cells and `factors` of their compensation; of every layer the age [s] since it was written,
    how often its cells were (`writes`) and its contents (`version`); seconds `since` the last action of a kind; the
    last `error` of the canaries; the `share` of requests that goes to the digital unit; how many `spares` are left;
    which of the lasting actions are `on`."""

    cells: Held
    factors: Factors
    ages: Float[Array, " layers"]
    writes: Float[Array, " layers"]
    version: Float[Array, " layers"]
    since: dict[str, Scalar]
    error: Scalar
    share: Scalar
    spares: Scalar
    on: dict[str, Bool[Array, ""]]


def first(world: World, spares: int | Scalar) -> State:
    """The state of a new chip."""
    zero, cells = jnp.zeros(()), strongly_typed(held(world.chip))
    layers = jnp.zeros(len(cells))
    factors = factors_of(world.old(cells, layers))
    off = {name: jnp.zeros((), bool) for name in LASTING}
    since = {name: zero for name in TIMED}
    spares = jnp.asarray(spares, float)
    return State(cells, factors, layers, layers + 1.0, layers, since, zero, zero, spares, off)
