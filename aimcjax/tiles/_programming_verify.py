"""Write, read, correct: incremental programming with verification."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .. import _random
from .._types import Conductance, PRNGKey, Scalar, physical
from ._programming import AbstractProgrammingPolicy, ProgrammingReport, PulseCost, Readout, check_positive
from ._programming_actions import correct, error_of, first_write, limits, measured


class WriteVerify(AbstractProgrammingPolicy):
    r"""Every cell is read and corrected until it reads within the tolerance, elementwise and in parallel (ISPP):

    $$c_{k+1} = \mathrm{clip}\big(c_k - \eta\,(\hat g_k - g_T)\big)$$
    with $\hat g_k$ the noisy read after write k. The cell is then written again towards $c_{k+1}$, with a fresh
    programming error; a pulsed device gets $|\hat g_k - g_T|$ in nominal pulses instead, at least one. A cell that
    has once read within the tolerance is left alone, also if that read was a lucky one.

    Where errors are independent from write to write, as in the statistical models, what is not accepted is redrawn:
    the error of accepted cells is that of one write, cut at the tolerance, and $\eta$ only widens it. $\eta$ is for
    what stays the same from write to write.

    **Arguments:** `tolerance`, a fraction of the range of the device; `correction` $\eta$; `max_iterations` of
    verification after the first write; `cost` of the pulses. Not for training: a correction is a hard decision.

    **Reference:** program-and-verify as for the cells of Joshi et al., Nat. Commun. 11:2473 (2020) and Wan et al.,
    Nature 608:504 (2022); defaults assumed.
    """

    tolerance: Scalar = physical(0.01, doc="assumed", above=0.0)
    correction: Scalar = physical(0.0, doc="assumed: errors of two writes are independent")
    cost: PulseCost = eqx.field(default_factory=PulseCost)
    max_iterations: int = eqx.field(static=True, default=20)

    def __check_init__(self) -> None:
        check_positive("tolerance", self.tolerance)
        if self.max_iterations < 0:
            raise ValueError(f"max_iterations is at least 0, got {self.max_iterations}")

    def program(
        self, device: Any, g_target: Conductance, *, key: PRNGKey, readout: Readout | None = None
    ) -> tuple[Any, ProgrammingReport]:
        """See `AbstractProgrammingPolicy.program`."""
        del readout
        cells, report, _ = self._run(device, g_target, key, keep=False)
        return cells, report

    def trace(
        self, device: Any, g_target: Conductance, *, key: PRNGKey
    ) -> tuple[Any, ProgrammingReport, Float[Array, "iterations *cell"]]:
        """`program`, and what every cell read at every iteration; the last value of a cell repeats once it is done."""
        return self._run(device, g_target, key, keep=True)

    def _run(self, device: Any, g_target: Conductance, key: PRNGKey, *, keep: bool) -> Any:
        key_first, key_rounds = _random.split(key, 2)
        cells, pulses = first_write(device, g_target, key=key_first)
        (low, high), nothing = limits(device), jnp.zeros_like(g_target)
        window = self.tolerance * (high - low)

        def verify(carry: Any, key: PRNGKey) -> Any:
            cells, command, last, pulses, reads, done = carry
            key_read, key_write = _random.split(key, 2)
            read = jnp.where(done, last, measured(device, cells, key=key_read))
            error, reads = read - g_target, reads + (~done).astype(reads.dtype)
            done = done | (jnp.abs(error) <= window)
            # Below the lowest state there may be room (a pair's zero), above the highest there is none.
            command = jnp.where(done, command, (command - self.correction * error).clip(jnp.minimum(low, 0.0), high))
            cells, sent = correct(device, cells, command, error, ~done, key=key_write)
            return (cells, command, read, pulses + sent, reads, done), read if keep else None

        start = (cells, g_target, nothing, pulses, nothing, jnp.zeros(g_target.shape, bool))
        end, history = lax.scan(verify, start, _random.split(key_rounds, self.max_iterations))
        cells, _, _, pulses, reads, _ = end
        return cells, ProgrammingReport.of(self.cost, pulses, reads, error_of(device, cells, g_target)), history
