"""A linear layer in its three lives: trainable, programmed on a chip, aged to a time."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Scalar, Time, physical
from ..mapping import AbstractCompensation, MatrixSnapshot, Partition, TiledMatrix, program_matrix
from ..tiles import AbstractTileDesign, check_finite


class AbstractAnalogLayer(eqx.Module):
    """A layer whose product is analog. `name` is its path in the model: what keys, reports and maps call it.

    `key` is the read key bound by `at` or `apply`; a `key` given in the call wins. Every vector of a `vmap` reads
    with its own noise, although the key is one.
    """

    name: eqx.AbstractVar[str]
    key: eqx.AbstractVar[PRNGKey | None]


class AnalogLinear(AbstractAnalogLayer):
    r"""`y = W x + b` with W on tiles, still trainable: every call programs afresh.

    Digitally around the tiles: inputs are divided by `input_range` (and saturate beyond it in the DAC), every output
    row of W is scaled to a largest magnitude of one, both are multiplied back, and the bias is added.

    **Arguments:** `weight[n_out, n_in]`, `bias[n_out]` or `None`, as in `equinox.nn.Linear`; `input_range`, the
    input that is full scale; `design`, the tile.

    **Reference:** scaling and ranges as in Rasch et al., Nat. Commun. 14:5282 (2023), Methods.
    """

    weight: Float[Array, "n_out n_in"]
    bias: Float[Array, " n_out"] | None
    design: AbstractTileDesign
    compensation: AbstractCompensation
    name: str = eqx.field(static=True)
    input_range: Scalar = physical(1.0)
    key: PRNGKey | None = None

    def program(self, *, key: PRNGKey) -> "ProgrammedLinear":
        """One physical copy of the layer; `key` draws the chip.

        **Raises:** `ValueError` for NaN or infinite weights.
        """
        try:
            check_finite(self.weight)
        except ValueError as error:
            raise ValueError(f"layer {self.name}: {error}") from None
        scale = jnp.max(jnp.abs(self.weight), axis=1)
        scale = jnp.where(scale > 0, scale, 1.0)
        matrix = program_matrix(self.design, (self.weight / scale[:, None]).T, key=key, compensation=self.compensation)
        return ProgrammedLinear(
            matrix=matrix, scale=scale, bias=self.bias, input_range=self.input_range, name=self.name, key=self.key
        )

    def __call__(self, x: Float[Array, " n_in"], *, key: PRNGKey | None = None) -> Float[Array, " n_out"]:
        """Programs a fresh chip, reads it at once: the forward pass of noise-aware training, one noise draw a call."""
        key = _bound(self, key)
        key_program, key_read = _random.split(key, 2)
        return self.program(key=key_program).at(0.0)(x, key=key_read)


class ProgrammedLinear(AbstractAnalogLayer):
    """An `AnalogLinear` on one chip: `matrix` programmed, everything digital as before."""

    matrix: TiledMatrix
    scale: Float[Array, " n_out"]
    bias: Float[Array, " n_out"] | None
    input_range: Scalar
    name: str = eqx.field(static=True)
    key: PRNGKey | None = None

    def at(self, t: Time) -> "AgedLinear":
        """The layer `t` seconds after programming."""
        matrix = self.matrix.at(t)
        return AgedLinear(
            matrix=matrix, scale=self.scale, bias=self.bias, input_range=self.input_range, name=self.name, key=self.key
        )

    def __call__(self, x: Float[Array, " n_in"], *, key: PRNGKey | None = None) -> Float[Array, " n_out"]:
        """Reads the layer as it is right after programming; use `at` for any other time."""
        return self.at(0.0)(x, key=key)


class AgedLinear(AbstractAnalogLayer):
    """A `ProgrammedLinear` at one time, for many reads."""

    matrix: MatrixSnapshot
    scale: Float[Array, " n_out"]
    bias: Float[Array, " n_out"] | None
    input_range: Scalar
    name: str = eqx.field(static=True)
    key: PRNGKey | None = None

    def __call__(self, x: Float[Array, " n_in"], *, key: PRNGKey | None = None) -> Float[Array, " n_out"]:
        """`W x + b` for one vector, read with fresh noise."""
        key_read = _random.key_per_vector(_bound(self, key), x)
        with jax.named_scope(f"aimc.{self.name}"):
            y = self.matrix(x / self.input_range, key=key_read) * (self.scale * self.input_range)
        return y if self.bias is None else y + self.bias


def partition_of(layer: AnalogLinear) -> Partition:
    """How the layer's matrix lies on tiles."""
    n_out, n_in = layer.weight.shape
    return Partition(n_in, n_out, layer.design.rows, layer.design.cols)


def _bound(layer: AbstractAnalogLayer, key: PRNGKey | None) -> PRNGKey:
    key = layer.key if key is None else key
    if key is None:
        raise ValueError(
            f"analog layer {layer.name!r} has no read key: call the model through "
            "`aimcjax.nn.apply(model, xs, key=...)`, "
            "bind one with `aimcjax.nn.at(model, t=..., key=...)`, or pass `key=` to the layer"
        )
    return key


def is_analog(node: Any) -> bool:
    """Whether `node` is an analog layer, in any of its three lives."""
    return isinstance(node, AbstractAnalogLayer)
