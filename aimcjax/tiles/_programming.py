"""How targets get into cells, and what that costs."""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from .. import _random
from .._types import Conductance, PRNGKey, Scalar, physical
from ..periphery import AbstractAdc, AbstractDac
from ..units import ns, pJ
from ._crossbar import AbstractCrossbar
from ._encoding import AbstractEncoding
from ._programming_actions import error_of, first_write
from ._sense import Lines, prepare_lines, read_lines


class PulseCost(eqx.Module):
    """Energy and time of one pulse and of one verifying read of one cell.

    Cells along the last axis (those of one row) are written and read at once, the rows of cells one after another; a
    product reads all rows at once.
    """

    write_energy: Scalar = physical(10 * pJ, unit="J", doc="assumed: 100 uA at 1 V for 100 ns")
    write_time: Scalar = physical(100 * ns, unit="s", doc="assumed")
    read_energy: Scalar = physical(
        0.25 * pJ, unit="J", doc="25 uS x (0.2 V)^2 x 250 ns, a read of a full cell of `Pcm`"
    )
    read_time: Scalar = physical(250 * ns, unit="s", doc="Joshi 2020: one read of PCM")


class ProgrammingReport(eqx.Module):
    """What programming took and what it left: `pulses` and verifying `reads` of every cell, `error` of every cell right
    afterwards, without read noise (conductance minus target, [S]; for pulsed devices in units of the weight), and in
    total `energy` [J] and `time` [s]."""

    pulses: Float[Array, "*cell"]
    reads: Float[Array, "*cell"]
    error: Float[Array, "*cell"]
    energy: Scalar
    time: Scalar

    @classmethod
    def of(
        cls,
        cost: PulseCost,
        pulses: Float[Array, "*cell"],
        reads: Float[Array, "*cell"],
        error: Float[Array, "*cell"],
        *,
        read_steps: float | None = None,
    ) -> "ProgrammingReport":
        """The report of counted pulses and reads; `read_steps` of them one after another, if not row by row."""
        by_row = lambda count: jnp.sum(jnp.max(count, axis=-1)) if count.ndim else count
        return cls(
            pulses=pulses,
            reads=reads,
            error=error,
            energy=cost.write_energy * jnp.sum(pulses) + cost.read_energy * jnp.sum(reads),
            time=cost.write_time * by_row(pulses)
            + cost.read_time * (by_row(reads) if read_steps is None else read_steps),
        )


class Readout(eqx.Module):
    """How the tile that is programmed answers inputs: `crossbar`, `encoding` (its sense lines), `dac` and `adc`, with
    the mismatch of this chip."""

    crossbar: AbstractCrossbar
    encoding: AbstractEncoding
    dac: AbstractDac
    adc: AbstractAdc

    def answers(
        self, g: Lines, x: Float[Array, "n rows"], *, key: PRNGKey
    ) -> tuple[Float[Array, "n rows"], Float[Array, "n groups lines"]]:
        """Volts on the rows and converted currents [A] of the sense lines, for conductances `g` [S], inputs `x`."""
        lines = prepare_lines(self.crossbar, self.encoding, g, None)

        def one(x: Array, key: PRNGKey) -> tuple[Array, Array]:
            v, _, code = read_lines(self.dac, self.adc, self.crossbar, self.encoding, lines, x, key=key)
            return v, code

        return jax.vmap(one)(x, _random.split(key, len(x)))


class AbstractProgrammingPolicy(eqx.Module):
    """How cells of any device are brought to their targets."""

    @abc.abstractmethod
    def program(
        self, device: Any, g_target: Conductance, *, key: PRNGKey, readout: Readout | None = None
    ) -> tuple[Any, ProgrammingReport]:
        """The programmed cells and what it took.

        **Arguments:** `device`, an `AbstractDevice` with targets in [S], each correction of which writes the cell again
        with a fresh error, or an `AbstractPulsedDevice` with targets in units of the weight, which is pulsed;
        `g_target` of any shape; `key`; `readout`, the tile around the cells, for policies that look at its outputs.
        """


def check_positive(name: str, value: Any) -> None:
    """Raises `ValueError` if a known `value` is not a positive number."""
    if eqx.is_array(value) and not isinstance(value, Tracer) and not np.all(np.asarray(value) > 0):
        raise ValueError(f"{name} is above 0, got {value}")


class OneShot(AbstractProgrammingPolicy):
    """Written once, not verified: the cells as `device.program` gives them, with the same random numbers. The published
    statistical models are of cells that were verified when measured, so this is the policy of their numbers.

    A pulsed device gets the number of nominal pulses that lead from zero to the target.
    """

    cost: PulseCost = eqx.field(default_factory=PulseCost)

    def program(
        self, device: Any, g_target: Conductance, *, key: PRNGKey, readout: Readout | None = None
    ) -> tuple[Any, ProgrammingReport]:
        """See `AbstractProgrammingPolicy.program`."""
        del readout
        cells, pulses = first_write(device, g_target, key=key)
        reads = jnp.zeros_like(pulses)
        return cells, ProgrammingReport.of(self.cost, pulses, reads, error_of(device, cells, g_target))
