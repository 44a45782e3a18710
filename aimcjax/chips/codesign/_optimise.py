"""The design of a chip by gradient, and by trying what has none."""

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ... import nn
from ..._types import PRNGKey, Scalar, Time, strongly_typed
from ...periphery import resolution
from .._conversions import physical_tile
from .._description import Chip
from .._place import Placement, place
from .._price import price
from ._descent import Descent, Solution, solve
from ._problem import Problem, Upkeep, Weights, check_weight
from ._put import in_counts, in_model, on_tiles
from ._relaxed import relaxed
from ._variables import BOUNDS, VARIABLES, Choice, check_variable, make_box, mask_of


class Optimised(NamedTuple):
    """What was found: `solution`; `model`, converted, with its converters; `placement` of it; the `tile` (rows and
    columns) and `replicas` it was found with; `tried`, the exact objective of every pair of those."""

    solution: Solution
    problem: Problem
    model: Any
    placement: Placement
    tile: tuple[int, int] | None
    replicas: Mapping[str, int]
    tried: list[tuple[tuple[int, int] | None, Mapping[str, int], float]]


def optimise(
    model: Any,
    chip: Chip,
    x: Any,
    y: Any,
    *,
    loss: Callable[[Any, Any], Scalar],
    key: PRNGKey,
    variables: Sequence[str] = ("bits",),
    weight_energy: float = 0.1,
    weight_area: float = 0.0,
    weight_latency: float = 0.0,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    descent: Descent = Descent(),  # noqa: B008  # frozen
    t: Time = 3600.0,
    upkeep: Upkeep | None = None,
    tiles: Sequence[tuple[int, int] | None] = (None,),
    replicas: Sequence[Mapping[str, int]] = ({},),
    strategy: str = "in_order",
) -> Optimised:
    r"""The design of least loss plus cost:

    $$\min_d\; \langle \mathrm{loss}(d) \rangle_{chips} + w_E \frac{E(d)}{E(d_0)} + w_A \frac{A(d)}{A(d_0)}
      + w_T \frac{T(d)}{T(d_0)}$$
    for fresh chips in every step, energy, area and latency of one inference from `price` of the same numbers, and
    $d_0$ the design as it is given. Bits are relaxed (`RelaxedAdc`), bounded smoothly, then rounded by the exact
    objective: real quantisers, exact costs.

    **Arguments:** `model`, from `nn.convert` and `nn.calibrate`; `chip`; training samples `x`, `y` and their
    `loss(outputs, y)`; `variables`, of `VARIABLES`: `bits`, of the ADCs of every layer, `v_max`, the read voltage of
    all, `refresh_period`, `compensation_period`; `weight_...` from 0; `bounds`, `{variable: (low, high)}`, else
    `BOUNDS`; `descent`, how; `t` [s], when chips are read if they are not refreshed; `upkeep`, what refreshing costs;
    `tiles`, sizes (rows, columns) to try, `None` for that of the model, and `replicas`, as of `place`: for every pair
    of them a descent of its own, of which the best by the exact objective is taken; costs are relative to the first;
    `strategy` of `place`.

    **Raises:** `ValueError`, one line: an unknown variable, a negative weight, bounds in the wrong order, a model
    without ADCs or whose ADCs cannot be relaxed, one that does not fit on the chip.
    """
    weights = _weights(energy=weight_energy, area=weight_area, latency=weight_latency)
    if not tiles or not replicas:
        raise ValueError(f"tiles and replicas hold at least one entry, got tiles={tiles} and replicas={replicas}")
    found, tried, reference = [], [], None
    for tile, copies in itertools.product(tiles, replicas):
        sized = model if tile is None else on_tile_size(model, tile)
        problem, placement = pose(
            sized, chip, x, y, loss=loss, key=key, variables=variables, bounds=bounds, t=t, upkeep=upkeep,
            replicas=copies, strategy=strategy,
        )  # fmt: skip
        reference = reference or problem.reference
        problem = dataclasses.replace(problem, reference=reference)
        solution = solve(problem, weights, descent, key=key)
        found.append((solution, problem, sized, placement, tile, copies))
        tried.append((tile, copies, float(solution.after.objective)))
    best = min(range(len(tried)), key=lambda index: tried[index][2])
    solution, problem, sized, placement, tile, copies = found[best]
    chosen = in_model(sized, problem.names, solution.rounded)
    placed = dataclasses.replace(placement, counts=in_counts(placement.counts, solution.rounded))
    return Optimised(solution, problem, chosen, placed, tile, copies, tried)


def _weights(**given: float) -> Weights:
    for name, weight in given.items():
        check_weight(f"weight_{name}", weight)
    return Weights(**given)


def pose(
    model: Any,
    chip: Chip,
    x: Any,
    y: Any,
    *,
    loss: Callable[[Any, Any], Scalar],
    key: PRNGKey,
    variables: Sequence[str] = ("bits",),
    bounds: Mapping[str, tuple[float, float]] | None = None,
    t: Time = 3600.0,
    upkeep: Upkeep | None = None,
    replicas: Mapping[str, int] | None = None,
    strategy: str = "in_order",
) -> tuple[Problem, Placement]:
    """A problem for `solve`, arguments and errors as of `optimise`, and the placement of one chip behind it: its cells
    are those that `key` draws, its inputs those of `x`."""
    for name in variables:
        check_variable(name)
    if not variables:
        raise ValueError(f"nothing to optimise: give at least one of {', '.join(VARIABLES)}")
    check_model(model)
    make_box(bounds or {}, 1)
    x, y = jnp.asarray(x), jnp.asarray(y)
    portrait = eqx.filter_jit(nn.program)(model, key=jr.fold_in(key, 0))
    power = nn.input_power(model, x[: min(256, len(x))])
    placement = place(portrait, chip, sample=x[0], input_power=power, replicas=replicas, strategy=strategy)
    counts = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), placement.counts)
    names = counts.names
    box = make_box(bounds or {}, len(names))
    start = _start(model, names)
    reference = eqx.filter_jit(price)(in_counts(counts, start), placement.chip)
    problem = Problem(
        model, counts, placement.chip, x, y, jnp.asarray(t, float), upkeep or Upkeep(), box, start,
        mask_of(variables, start), reference, loss=loss, names=names, refreshed="refresh_period" in variables,
        remeasured="compensation_period" in variables,
    )  # fmt: skip
    return strongly_typed(problem), placement


def uniform(problem: Problem, bits: float) -> Choice:
    """The design to start from with equal `bits` in all layers."""
    return dataclasses.replace(problem.start, bits=jnp.full_like(problem.start.bits, bits))


def on_tile_size(model: Any, size: tuple[int, int]) -> Any:
    """The model cut for tiles of another `size`, (rows, columns)."""
    return on_tiles(model, lambda _, tile: dataclasses.replace(tile, rows=size[0], cols=size[1]))


def check_model(model: Any) -> None:
    """Raises `ValueError` for a model without ADCs that can be optimised, before any work."""
    layers = nn.analog_layers(model)
    if not layers:
        raise ValueError("the model has no analog layers and so no ADCs to optimise; convert it with `nn.convert`")

    def try_it(name: str, tile: Any) -> Any:
        del name
        relaxed(tile.adc)
        return tile

    on_tiles(model, try_it)


def _start(model: Any, names: tuple[str, ...]) -> Choice:
    """The design as given: the model's own bits and, of its first layer, the read voltage."""
    layers = nn.analog_layers(model)
    tiles = [physical_tile(layers[name].design) for name in names]
    middle = {name: float(np.sqrt(np.prod(BOUNDS[name]))) for name in VARIABLES[2:]}
    return Choice(
        bits=jnp.stack([jnp.asarray(resolution(tile.adc), float) for tile in tiles]),
        v_max=jnp.asarray(tiles[0].dac.v_max, float),
        **{name: jnp.asarray(value, float) for name, value in middle.items()},
    )
