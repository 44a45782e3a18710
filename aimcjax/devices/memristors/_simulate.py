"""One cell under a voltage waveform: state, current and temperature at every sample."""

from collections.abc import Sequence
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Real

from ..._types import AnyArray, PRNGKey
from . import _adaptive, _fixed_step
from ._base import AbstractMemristor, State


class Trace(eqx.Module):
    """What `simulate` returns, one entry per sample: time `t` [s], voltage `v` [V], current `i` [A], state `x` (as the
    model defines it) and `temperature` [K] of the switching region."""

    t: Float[Array, " samples"]
    v: Float[Array, " samples"]
    i: Float[Array, " samples"]
    x: Float[Array, "samples *state"]
    temperature: Float[Array, " samples"]


_NOISY_SUBSTEPS = 32


def simulate(
    model: AbstractMemristor,
    t: Real[AnyArray, " samples"] | Sequence[float],
    v: Real[AnyArray, " samples"] | Sequence[float],
    x0: Any = None,
    *,
    key: PRNGKey | None = None,
    substeps: int | None = None,
    order: int = 2,
    rtol: float | None = None,
    atol: float | None = None,
    max_steps: int = 16384,
    adjoint: diffrax.AbstractAdjoint | None = None,
) -> Trace:
    r"""Solves $\dot x = f(x, v(t), T)$ with $v$ linear between samples and $x$ kept within `model.bounds()`.

    The state is scaled to its bounds and the time to the sample interval, so tolerances mean the same for a gap of
    nanometres and a temperature, and picoseconds are told apart in waveforms of seconds, also in single precision.
    A state at a bound stays there until it is pushed back. Adaptive steps (explicit of order 3, linearly implicit of
    order 3 where `model.stiff`) never cross a sample, so no pulse is stepped over; what happens within a millionth of a
    sample interval counts as instantaneous. With noise, and wherever `substeps` is given, steps are equal: a
    step of Heun, or a linearly implicit one of order 2 where `model.stiff` (steps of Euler at `order` 1), with the
    noise of Ito taken at the start of the step.

    **Arguments:** `model`; `t` [s], increasing; `v` [V], as long as `t`; `x0`, default `model.initial()`; `key` draws
    the path of a model with noise, which does not depend on `substeps`; `substeps` per sample interval (with noise 32
    if not given) and `order` of their steps, 1 or 2; `rtol`, `atol` of adaptive steps, relative to the state and to the
    range of the bounds (default 1e-5 and 1e-7, in double precision 1e-7 and 1e-9: gradients have ten to a thousand
    times the error of states); `max_steps` in every sample interval; `adjoint`, how adaptive steps are
    differentiated: `diffrax.RecursiveCheckpointAdjoint()` (the default, reverse mode) or `diffrax.ForwardMode()`.

    **Returns:** the `Trace`. Batches of models, waveforms, states and keys are `vmap`.

    **Raises:** `ValueError` for `t` not increasing, lengths that differ, values that are not finite, an `x0` of the
    wrong shape or outside the bounds, a missing `key`; an error from the solver when it fails, never a partial trace.
    """
    t, v, x0 = _checked(model, t, v, x0)
    noisy = jax.eval_shape(lambda: model.diffusion(x0, v[0], model.temperature(x0, v[0]))) is not None
    if noisy and key is None:
        raise ValueError(f"{type(model).__name__} is noisy and got no key; give key=jax.random.key(seed)")
    if substeps is not None and substeps < 1:
        raise ValueError(f"substeps must be at least 1, got {substeps}; leave it out for adaptive steps")
    if order not in (1, 2):
        raise ValueError(f"equal steps have order 1 or 2, got order={order}")
    double = t.dtype == jnp.float64
    rtol = rtol or (1e-7 if double else 1e-5)
    atol = atol or (1e-9 if double else 1e-7)
    if noisy or substeps is not None:
        return _fixed(model, t, v, x0, key if noisy else None, substeps or _NOISY_SUBSTEPS, order)
    return _adapted(model, t, v, x0, rtol, atol, max_steps, adjoint or diffrax.RecursiveCheckpointAdjoint())


@eqx.filter_jit
def _fixed(model: Any, t: Array, v: Array, x0: State, key: PRNGKey | None, substeps: int, order: int) -> Trace:
    return _trace(model, t, v, _fixed_step.integrate(model, t, v, x0, key, substeps, order))


@eqx.filter_jit
def _adapted(
    model: Any, t: Array, v: Array, x0: State, rtol: float, atol: float, max_steps: int, adjoint: Any
) -> Trace:
    options: dict[str, Any] = {"rtol": rtol, "atol": atol, "max_steps": max_steps, "adjoint": adjoint}
    return _trace(model, t, v, _adaptive.integrate(model, t, v, x0, **options))


def _finite(x: Array) -> Array:
    return eqx.error_if(
        x, ~jnp.all(jnp.isfinite(x)), "the state is no longer finite; give more substeps or a smaller voltage"
    )


def _trace(model: AbstractMemristor, t: Array, v: Array, x: Array) -> Trace:
    x = _finite(x)
    temperature = jax.vmap(model.temperature)(x, v)
    return Trace(t=t, v=v, i=jax.vmap(model.current)(x, v, temperature), x=x, temperature=temperature)


def _checked(model: AbstractMemristor, t: Any, v: Any, x0: Any) -> tuple[Array, Array, State]:
    t, v = jnp.asarray(t, dtype=float), jnp.asarray(v, dtype=float)
    if t.ndim != 1 or t.shape != v.shape or len(t) < 2:
        raise ValueError(f"t and v must be vectors of one length from 2 on, got shapes {t.shape} and {v.shape}")
    start = model.initial()
    x0 = start if x0 is None else jnp.asarray(x0, dtype=float)
    if x0.shape != start.shape:
        raise ValueError(f"the state of {type(model).__name__} has shape {start.shape}, got x0 of shape {x0.shape}")
    for name, values in (("t", t), ("v", v), ("x0", x0)):
        if not isinstance(values, Tracer) and not np.all(np.isfinite(values)):
            raise ValueError(f"{name} must be finite, got NaN or infinity at index {_where(~np.isfinite(values))}")
    if not isinstance(t, Tracer) and not np.all(np.diff(t) > 0):
        raise ValueError(f"t must increase, got t[k + 1] <= t[k] at k = {_where(~(np.diff(t) > 0))}; sort the samples")
    low, high = model.bounds()
    if not any(isinstance(values, Tracer) for values in (x0, low, high)) and not np.all((x0 >= low) & (x0 <= high)):
        raise ValueError(f"x0 must lie within the bounds {low} to {high} of {type(model).__name__}, got {x0}")
    return t, v, x0


def _where(wrong: Any) -> int:
    return int(np.argmax(np.ravel(wrong)))
