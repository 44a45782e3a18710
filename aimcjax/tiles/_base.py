"""What a tile must offer, whatever its fidelity: program once, age to a time, read many times."""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from .._types import PRNGKey, Time


class AbstractTileDesign(eqx.Module):
    """The frozen physics and sizes of one crossbar and its periphery.

    A *state* is what programming left, a *snapshot* is that state at one time. Designs hold neither: `vmap` over
    the tiles of a matrix maps states and leaves the physical constants alone.
    """

    rows: eqx.AbstractVar[int]
    cols: eqx.AbstractVar[int]

    @abc.abstractmethod
    def program(self, w: Float[Array, "rows cols"], *, key: PRNGKey) -> Any:
        """Programs weights `w`, at most `self.rows` by `self.cols`, into cells; random, once per chip."""

    @abc.abstractmethod
    def at(self, state: Any, t: Time) -> Any:
        """The state as it is `t` seconds after programming; deterministic."""

    @abc.abstractmethod
    def read(self, snapshot: Any, x: Float[Array, " rows"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """One analog MVM with a snapshot: `y ~ x @ w` for `x` in [-1, 1]."""

    @abc.abstractmethod
    def expected(self, snapshot: Any, x: Float[Array, " rows"]) -> Float[Array, " cols"]:
        """`read` without noise and without the steps and limits of the converters: what many averaged reads tend to, as
        calibration sees it."""

    @abc.abstractmethod
    def gain(self, snapshot: Any) -> Float[Array, " cols"]:
        """The digital scale of every column, in units of the weights."""

    def mvm(self, state: Any, x: Float[Array, " rows"], *, t: Time, key: PRNGKey) -> Float[Array, " cols"]:
        """One analog MVM of vector `x` at `t` seconds after programming: `read(at(state, t), x)`."""
        return self.read(self.at(state, t), x, key=key)


def check_weights(w: Any, rows: int, cols: int) -> None:
    """Raises `ValueError` if `w` is no non-empty matrix that fits `rows` by `cols`, or has NaN or infinite entries
    (seen only where the values are known, not while tracing)."""
    if not isinstance(w, (jax.Array, np.ndarray)):
        raise ValueError(f"a tile holds a matrix w[n_in, n_out], got a {type(w).__name__}: use jnp.asarray(w)")
    if w.ndim != 2 or 0 in w.shape:
        raise ValueError(f"a tile holds a non-empty matrix w[n_in, n_out], got an array of shape {w.shape}")
    if w.shape[0] > rows or w.shape[1] > cols:
        raise ValueError(
            f"a tile of {rows}x{cols} cannot hold a matrix of {w.shape[0]}x{w.shape[1]}; "
            "use `aimcjax.mapping.program_matrix`, which partitions it, or a larger tile"
        )
    check_finite(w)


def check_finite(w: Any) -> None:
    """Raises `ValueError` if concrete weights have NaN or infinite entries; no check while tracing."""
    if isinstance(w, Tracer):
        return
    with jax.ensure_compile_time_eval():  # a constant of a traced function is checked as well
        bad = int(jnp.sum(~jnp.isfinite(w)))  # on the devices: nobody need hold a sharded matrix whole
    if bad:
        raise ValueError(
            f"weights must be finite, got {bad} NaN or infinite of {w.size}; "
            "did training diverge, or is the checkpoint damaged?"
        )


def check_time(t: Any) -> None:
    """Raises `ValueError` if a concrete time [s] after programming is negative or NaN; no check while tracing."""
    if not isinstance(t, Tracer) and not np.all(np.asarray(t) >= 0):
        raise ValueError(f"a time after programming is at least 0 seconds, got t={t}")
