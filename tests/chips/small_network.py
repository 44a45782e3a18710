"""A perceptron whose layers take 9, 6 and 4 tiles."""

import jax.numpy as jnp
import jax.random as jr

from aimcjax import devices, nn, tiles
from aimcjax.models import Mlp


TILE = tiles.TileDesign(rows=8, cols=8, device=devices.IdealDevice())
MODEL = nn.convert(Mlp(20, 10, (24, 16), key=jr.key(0)), [nn.Rule(".*", TILE)])
SAMPLE = jnp.zeros(20)
