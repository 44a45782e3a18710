"""Programming by the error of the products, not of the cells."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .. import _random
from .._types import Conductance, PRNGKey, Scalar, physical
from ..periphery import AbstractAdc, IdealAdc
from ..units import V
from ._crossbar import AbstractCrossbar, IdealCrossbar
from ._programming import AbstractProgrammingPolicy, ProgrammingReport, PulseCost
from ._programming_actions import correct, error_of, first_write, held, limits


class GradientProgramming(AbstractProgrammingPolicy):
    r"""A whole tile at once: the outputs are measured, and the cells move down the gradient of their squared error.

    For known inputs $v_k$, orthogonal over the rows, and each pair of cells read as a difference,

    $$L = \tfrac12 \sum_k (\hat\imath_k - v_k\,g_T)^2, \qquad
      \hat e = \frac{\partial L}{\partial g} \Big/ \sum_k v_k^2 = \frac{V^\top(\hat I - V g_T)}{\sum_k v_k^2}$$
    and where $|\hat e|$ is beyond the tolerance, the cell of the pair that carries the weight is written towards
    $c \leftarrow c - \eta \hat e$ (pulsed devices: $\eta \hat e$ in nominal pulses). Whatever the outputs have
    is corrected along: errors of the other cell, losses along wires.

    **Arguments:** `crossbar`, `adc`, `v_max` [V], how outputs are measured (reads as averaged until their noise is
    negligible, assumed); `amplitude` of the inputs as a fraction of `v_max`, at which wires drop what they drop in
    use; `rate` $\eta$; `tolerance`, a fraction of the range; `paired`: cells 0 and 1, 2 and 3, ... are read as
    differences, else every cell has a line of its own; `iterations`; `cost` (a measurement counts as one read a cell
    and input).

    **Raises:** `ValueError` for targets that are no array `pair rows lines`.

    **Reference:** gradient-descent-based programming, Buechel et al., IEEE JETCAS 13:1052 (2023); here with orthogonal
    (Walsh) inputs instead of random ones, for which the gradient of a cell has no part of other cells.
    """

    crossbar: AbstractCrossbar = eqx.field(default_factory=IdealCrossbar)
    adc: AbstractAdc = eqx.field(default_factory=IdealAdc)
    v_max: Scalar = physical(0.2 * V, unit="V", doc="assumed: a usual read voltage of PCM", above=0.0)
    amplitude: Scalar = physical(0.5, doc="mean magnitude of uniform inputs", above=0.0)
    rate: Scalar = physical(0.5, doc="assumed")
    tolerance: Scalar = physical(0.01, doc="assumed", above=0.0)
    cost: PulseCost = eqx.field(default_factory=PulseCost)
    paired: bool = eqx.field(static=True, default=True)
    iterations: int = eqx.field(static=True, default=20)

    def program(self, device: Any, g_target: Conductance, *, key: PRNGKey) -> tuple[Any, ProgrammingReport]:
        """See `AbstractProgrammingPolicy.program`; targets of shape `pair rows lines`."""
        if g_target.ndim != 3 or (self.paired and g_target.shape[0] % 2):
            raise ValueError(
                f"a tile has targets of shape (pair, rows, lines), an even number if paired, got {g_target.shape}"
            )
        key_first, key_rounds = _random.split(key, 2)
        cells, pulses = first_write(device, g_target, key=key_first)
        (low, high), inputs = limits(device), _walsh(g_target.shape[1], g_target.dtype)
        groups = self._grouped(g_target)
        signs = self._signs(g_target.dtype)
        sign = signs[None, :, None, None]
        carries = groups == jnp.max(groups, axis=1, keepdims=True)
        # Both at their lowest: the first cell carries what little there is.
        carries = carries & (jnp.cumsum(carries, axis=1) == 1)

        def step(carry: Any, key: PRNGKey) -> Any:
            cells, command, pulses = carry
            key_read, key_write = _random.split(key, 2)
            error = self._gradient(self._grouped(held(device, cells)), groups, inputs, key=key_read)[:, None]
            error = (jnp.where(carries, sign * error, 0.0)).reshape(g_target.shape)
            where = jnp.abs(error) > self.tolerance * (high - low)
            command = jnp.where(where, (command - self.rate * error).clip(low, high), command)
            cells, sent = correct(device, cells, command, self.rate * error, where, key=key_write)
            return (cells, command, pulses + sent), None

        end, _ = lax.scan(step, (cells, g_target, pulses), _random.split(key_rounds, self.iterations))
        cells, _, pulses = end
        reads = jnp.full_like(pulses, float(self.iterations * len(inputs)))
        return cells, ProgrammingReport.of(self.cost, pulses, reads, error_of(device, cells, g_target))

    def _gradient(
        self, g: Float[Array, "groups cells rows lines"], target: Any, inputs: Float[Array, "n rows"], *, key: PRNGKey
    ) -> Float[Array, "groups rows lines"]:
        signs, v = self._signs(g.dtype), self.amplitude * self.v_max * inputs

        def outputs(g: Float[Array, "cells rows lines"], target: Any, v: Any, key: PRNGKey) -> Array:
            i = self.adc(self.crossbar.mean_currents(g, v, signs, v_max=self.v_max), key=key)
            exact = jnp.tensordot(v, jnp.tensordot(signs, target, axes=1, precision=_EXACT), axes=1, precision=_EXACT)
            return i - exact

        keys = _random.split(key, g.shape[0] * len(v)).reshape(g.shape[0], len(v))
        over_inputs = jax.vmap(outputs, in_axes=(None, None, 0, 0))
        residual = jax.vmap(over_inputs, in_axes=(0, 0, None, 0))(g, target, v, keys)
        return jnp.einsum("nr,gnl->grl", v, residual, precision=_EXACT) / (len(v) * (self.amplitude * self.v_max) ** 2)

    def _grouped(self, g: Float[Array, "pair rows lines"]) -> Float[Array, "groups cells rows lines"]:
        return g.reshape(-1, 2 if self.paired else 1, *g.shape[1:])

    def _signs(self, dtype: Any) -> Float[Array, " cells"]:
        return jnp.asarray([1.0, -1.0] if self.paired else [1.0], dtype)


_EXACT = lax.Precision.HIGHEST


def _walsh(rows: int, dtype: Any) -> Float[Array, "n rows"]:
    order = np.arange(1 << (rows - 1).bit_length())
    return jnp.asarray(1.0 - 2.0 * (np.bitwise_count(order[:, None] & np.arange(rows)[None]) % 2), dtype)
