"""How targets get into cells, and what that costs."""

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._types import Conductance, PRNGKey, Scalar, physical
from ..units import ns, pJ
from ._programming_actions import error_of, first_write


class PulseCost(eqx.Module):
    """Energy and time of one pulse and of one verifying read of one cell.

    Cells along the last axis (those of one row) are written and read at once, the rows of cells one after another.
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
    def of(cls, cost: PulseCost, pulses: Array, reads: Array, error: Array) -> "ProgrammingReport":
        """The report of counted pulses and reads."""
        by_row = lambda count: jnp.sum(jnp.max(count, axis=-1)) if count.ndim else count
        return cls(
            pulses=pulses,
            reads=reads,
            error=error,
            energy=cost.write_energy * jnp.sum(pulses) + cost.read_energy * jnp.sum(reads),
            time=cost.write_time * by_row(pulses) + cost.read_time * by_row(reads),
        )


class AbstractProgrammingPolicy(eqx.Module):
    """How cells of any device are brought to their targets."""

    @abc.abstractmethod
    def program(self, device: Any, g_target: Conductance, *, key: PRNGKey) -> tuple[Any, ProgrammingReport]:
        """The programmed cells and what it took.

        **Arguments:** `device`, an `AbstractDevice` with targets in [S], each correction of which writes the cell again
        with a fresh error, or an `AbstractPulsedDevice` with targets in units of the weight, which is pulsed;
        `g_target` of any shape; `key`.
        """


class OneShot(AbstractProgrammingPolicy):
    """Written once, not verified: the cells as `device.program` gives them, with the same random numbers. The published
    statistical models are of cells that were verified when measured, so this is the policy of their numbers.

    A pulsed device gets the number of nominal pulses that lead from zero to the target.
    """

    cost: PulseCost = eqx.field(default_factory=PulseCost)

    def program(self, device: Any, g_target: Conductance, *, key: PRNGKey) -> tuple[Any, ProgrammingReport]:
        """See `AbstractProgrammingPolicy.program`."""
        cells, pulses = first_write(device, g_target, key=key)
        reads = jnp.zeros_like(pulses)
        return cells, ProgrammingReport.of(self.cost, pulses, reads, error_of(device, cells, g_target))
