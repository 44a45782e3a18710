r"""ALBERT on phase-change memory, Chen et al. 2025: how many weights its one block has, and the cells of them."""

import equinox as eqx
import jax
import jax.random as jr

from ... import models
from .._check import Absolute, Check, Origin, Paper


PAPER = Paper("chen2025", "Chen et al., Nat. Commun. 16 (2025)", "https://doi.org/10.1038/s41467-025-63794-4")


def _weights() -> float:
    """Of the linear layers of the block that is used twelve times, in millions."""
    model = eqx.filter_eval_shape(lambda: models.Albert(models.AlbertConfig(), key=jr.key(0)))
    is_linear = lambda node: isinstance(node, eqx.nn.Linear)
    layers = [node for node in jax.tree.leaves(model.block, is_leaf=is_linear) if is_linear(node)]
    return sum(layer.weight.size for layer in layers) / 1e6


CHECKS = (
    Check(PAPER, "weights", "unique weights of the encoder of ALBERT-base, in millions", _weights, 7.1, Absolute(0.051),
          "half of the last digit", Origin.PRINTED),
    Check(PAPER, "cells", "phase-change cells of them in millions, four each", lambda: 4 * _weights(), 28.3,
          Absolute(0.051), "half of the last digit", Origin.PRINTED),
)  # fmt: skip
