"""A network of one layer on small tiles: what compiles quickly."""

from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import xarray as xr

from aimcjax import nn, sweeps, tiles
from aimcjax.models import Mlp
from aimcjax.training import accuracy, cross_entropy


TIMES = jnp.asarray([20.0, 86400.0])
METRICS = {"loss": cross_entropy, "accuracy": accuracy}
KEY = jr.key(7)
MODEL = Mlp(6, 3, (), key=jr.key(0))
XS = jr.uniform(jr.key(1), (21, 6))
LABELS = jnp.argmax(jax.vmap(MODEL)(XS), axis=-1).astype(jnp.int32)
POINTS = [{"strength": 1.0}, {"strength": 0.5}, {"strength": 0.0}]


def analog(**design: Any) -> Any:
    """The network on tiles of 4 inputs and 3 outputs."""
    made = tiles.TileDesign(**{"rows": 4, "cols": 3, **design})
    return nn.calibrate(nn.convert(MODEL, [nn.Rule(".*", made)]), XS)


def networks() -> list[Any]:
    """A network for every point: they differ in a value."""
    one = analog()
    return [nn.with_compensation_strength(one, point["strength"]) for point in POINTS]


def swept(models: list[Any] | None = None, **changes: Any) -> xr.Dataset:
    """A sweep of nine chips at three points and two times, with changes."""
    given = {"metrics": METRICS, "n_chips": 9, "times": TIMES, "key": KEY, "points": POINTS, "chunk": 4,
             "axes": {"strength": 3}, **changes}  # fmt: skip
    return sweeps.sweep(networks() if models is None else models, XS, LABELS, **given)
