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
from ._crossbar import IdealCrossbar
from ._encoding import AbstractEncoding
from ._programming import AbstractProgrammingPolicy, ProgrammingReport, PulseCost, Readout, check_positive
from ._programming_actions import correct, error_of, first_write, held, limits
from ._sense import Lines, mean_sense_currents, prepare_lines


class GradientProgramming(AbstractProgrammingPolicy):
    r"""A whole tile at once: its outputs are measured, and the cells move down the gradient of their squared error.

    For known inputs $v_k$, orthogonal over the rows, and every sense line of the tile with the polarities $p_c$ of its
    cells,

    $$L = \tfrac12 \sum_k (\hat\imath_k - v_k \sum_c p_c\,g_{T,c})^2, \qquad
      \hat e = \frac{V^\top(\hat I - V \sum_c p_c\,g_{T,c})}{\sum_k v_k^2}, \qquad
      \hat e_c = \frac{p_c}{\sum_{c'} p_{c'}^2}\,\hat e$$
    over the cells c that carry the weight (those above the lowest of its line, all if none is), and where
    $|\hat e_c|$ is beyond the tolerance, the cell is written towards $c \leftarrow c - \eta \hat e_c$ (pulsed devices:
    $\eta \hat e_c$ in nominal pulses). Whatever the outputs have is corrected along: errors of the other cells, losses
    along wires, the gain of converters.

    **Arguments:** `amplitude` of the inputs as a fraction of full scale, at which wires drop what they drop in use;
    `rate` $\eta$; `tolerance`, a fraction of the range; `iterations`; `cost` (a measurement is one read of every cell
    and input; all rows are read at once, the sense lines of a column one after another). Outputs are measured through
    the converters of the tile, with reads averaged until the noise of cells is negligible (assumed).

    **Raises:** `ValueError` for cells that are in no tile: there are no outputs.

    **Reference:** gradient-descent-based programming, Buechel et al., IEEE JETCAS 13:1052 (2023); here with orthogonal
    (Walsh) inputs instead of random ones, for which the gradient of a cell has no part of other rows.
    """

    amplitude: Scalar = physical(0.5, doc="mean magnitude of uniform inputs", above=0.0, at_most=1.0)
    rate: Scalar = physical(0.5, doc="assumed")
    tolerance: Scalar = physical(0.01, doc="assumed", above=0.0)
    cost: PulseCost = eqx.field(default_factory=PulseCost)
    iterations: int = eqx.field(static=True, default=20)

    def __check_init__(self) -> None:
        check_positive("amplitude", self.amplitude)
        check_positive("tolerance", self.tolerance)
        if self.iterations < 0:
            raise ValueError(f"iterations is at least 0, got {self.iterations}")

    def program(
        self, device: Any, g_target: Conductance, *, key: PRNGKey, readout: Readout | None = None
    ) -> tuple[Any, ProgrammingReport]:
        """See `AbstractProgrammingPolicy.program`; targets of shape `pair rows lines`."""
        if readout is None or g_target.ndim != 3:
            raise ValueError(
                "gradient programming measures the outputs of a tile: use it as TileDesign(policy=...), got "
                f"cells of shape {g_target.shape}" + (" and no readout" if readout is None else "")
            )
        key_first, key_rounds = _random.split(key, 2)
        cells, pulses = first_write(device, g_target, key=key_first)
        (low, high), x = limits(device), self.amplitude * _walsh(g_target.shape[1], g_target.dtype)
        shares = _shares(readout.encoding, g_target)

        def step(carry: Any, key: PRNGKey) -> Any:
            cells, command, pulses = carry
            key_read, key_write = _random.split(key, 2)
            error = _line_errors(readout, held(device, cells), g_target, x, key=key_read)
            error = (shares * error[:, None]).reshape(g_target.shape)
            where = jnp.abs(error) > self.tolerance * (high - low)
            command = jnp.where(where, (command - self.rate * error).clip(low, high), command)
            cells, sent = correct(device, cells, command, self.rate * error, where, key=key_write)
            return (cells, command, pulses + sent), None

        end, _ = lax.scan(step, (cells, g_target, pulses), _random.split(key_rounds, self.iterations))
        cells, _, pulses = end
        inputs = float(self.iterations * len(x))
        reads, read_steps = jnp.full_like(pulses, inputs), inputs * len(readout.encoding.ranges)
        error = error_of(device, cells, g_target)
        return cells, ProgrammingReport.of(self.cost, pulses, reads, error, read_steps=read_steps)


def _line_errors(
    readout: Readout, g: Lines, g_target: Lines, x: Float[Array, "n rows"], *, key: PRNGKey
) -> Float[Array, "groups rows lines"]:
    """Of every row, what a sense line has too much [S]."""
    v, i = readout.answers(g, x, key=key)
    v_max = readout.dac.v_max
    wanted = prepare_lines(IdealCrossbar(), readout.encoding, g_target, None)
    exact = jax.vmap(lambda v: mean_sense_currents(IdealCrossbar(), wanted, v, v_max=v_max))(v)
    square = jnp.mean(jnp.sum(v**2, axis=0))
    return jnp.einsum("nr,ngl->grl", v, i - exact, precision=lax.Precision.HIGHEST) / square


def _shares(encoding: AbstractEncoding, g_target: Lines) -> Float[Array, "groups cells rows lines"]:
    """How far every cell moves for a change of its line by one, shared by the cells that carry the weight."""
    groups = len(encoding.ranges)
    polarity = jnp.asarray(encoding.polarity, g_target.dtype).reshape(groups, -1, 1, 1)
    g = g_target.reshape(groups, -1, *g_target.shape[1:])
    carries = g > jnp.min(g, axis=1, keepdims=True)
    carries = carries | ~jnp.any(carries, axis=1, keepdims=True)
    of_line = jnp.where(carries, polarity, 0.0)
    return of_line / jnp.sum(of_line**2, axis=1, keepdims=True)


def _walsh(rows: int, dtype: Any) -> Float[Array, "n rows"]:
    order = np.arange(1 << (rows - 1).bit_length())
    return jnp.asarray(1.0 - 2.0 * (np.bitwise_count(order[:, None] & np.arange(rows)[None]) % 2), dtype)
