"""A model on the chip of a config by its shapes alone: nothing is trained, nothing is allocated."""

from typing import Any

import jax
import jax.random as jr

from ... import chips
from ...config import Config, ServiceConfig, shapes
from .._networks import _roads as roads


def place_shapes(config: Config | ServiceConfig) -> tuple[Any, chips.Placement]:
    """The converted model with shapes for weights, and where it lies.

    **Raises:** `ValueError`, one line, if it does not fit or has no cost.
    """
    data = config.data.load()
    analog = roads.converted(config, shapes(config.model, data, jr.key(config.seed)))
    first = data.x_test[0]
    return analog, roads.placed(config, analog, sample=jax.ShapeDtypeStruct(first.shape, first.dtype))
