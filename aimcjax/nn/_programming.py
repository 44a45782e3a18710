"""What it took to program a whole model."""

from typing import Any

import jax
import jax.numpy as jnp

from .. import _random
from .._types import PRNGKey
from ..mapping import programming_report
from ..tiles import ManagedTile, ProgrammingReport, TileDesign
from ._convert import analog_layers
from ._linear import AnalogLinear
from ._tied import expand_tied


def programming_reports(model: Any, *, key: PRNGKey) -> dict[str, ProgrammingReport]:
    """The reports of all tiles that `program(model, key=key)` programs, by layer, with leading axes `[*stack,]
    grid_rows grid_cols`: pulses, reads and errors of every cell, energy and time of every tile; see
    `aimcjax.mapping.programming_report`. Layers on tiles without cells are left out.

    **Raises:** `ValueError` for a model that is programmed already.
    """
    layers = analog_layers(expand_tied(model))
    keys = _random.keys_for(key, list(layers)) if layers else {}
    for name, layer in layers.items():
        if not isinstance(layer, AnalogLinear):
            raise ValueError(f"layer {name} is already programmed; give the model that `convert` returned")
    tiles = {name: _with_cells(layer.design) for name, layer in layers.items()}
    return {name: _report(layers[name], tile, keys[name]) for name, tile in tiles.items() if tile is not None}


def _with_cells(design: Any) -> TileDesign | None:
    inner = design.tile if isinstance(design, ManagedTile) else design
    return inner if isinstance(inner, TileDesign) else None


def _report(layer: AnalogLinear, tile: TileDesign, key: PRNGKey) -> ProgrammingReport:
    w = layer.on_tiles()[0]
    if w.ndim == 2:
        return programming_report(tile, w, key=key)
    one = lambda w, key: programming_report(tile, w, key=key)
    return jax.tree.map(lambda *parts: jnp.stack(parts), *map(one, w, _random.split(key, len(w))))
