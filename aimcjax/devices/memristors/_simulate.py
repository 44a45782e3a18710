"""One cell under a voltage waveform: state, current and temperature at every sample."""

from collections.abc import Sequence
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from ..._types import AnyArray, PRNGKey
from ._base import AbstractMemristor, State
from ._bounds import Box, inside, stopped
from ._fixed_step import integrate


class Trace(eqx.Module):
    """What `simulate` returns, one entry per sample: time `t` [s], voltage `v` [V], current `i` [A], state `x` (as the
    model defines it) and `temperature` [K] of the switching region."""

    t: Float[Array, " samples"]
    v: Float[Array, " samples"]
    i: Float[Array, " samples"]
    x: Float[Array, "samples *state"]
    temperature: Float[Array, " samples"]


def simulate(
    model: AbstractMemristor,
    t: AnyArray | Sequence[float],
    v: AnyArray | Sequence[float],
    x0: Any = None,
    *,
    key: PRNGKey | None = None,
    substeps: int | None = None,
    order: int = 2,
    rtol: float = 1e-5,
    atol: float = 1e-7,
    max_steps: int | None = None,
    adjoint: diffrax.AbstractAdjoint | None = None,
) -> Trace:
    r"""Solves $\dot x = f(x, v(t), T)$ with $v$ linear between samples and $x$ kept within `model.bounds()`.

    The state is scaled to its bounds and the time to the length of the waveform, so tolerances mean the same for a gap
    of nanometres and a temperature. A state at a bound stays there until it is pushed back. Adaptive steps (explicit of
    order 5, implicit where `model.stiff`) never cross a sample, so no pulse is stepped over. With noise, and
    wherever `substeps` is given, steps are equal: a step of Heun, or a linearly implicit midpoint step where
    `model.stiff` (the steps of Euler at `order` 1), with the noise of Ito taken at the start of the step.

    **Arguments:** `model`; `t` [s], increasing; `v` [V], as long as `t`; `x0`, default `model.initial()`; `key` draws
    the path of a model with noise, which does not depend on `substeps`; `substeps` per sample interval, and
    `order` of their steps, 1 or 2; `rtol`, `atol`
    of adaptive steps, relative to the state and to the range of the bounds; `max_steps`, default 64 per sample and
    16384 more; `adjoint`, how adaptive steps are differentiated: `diffrax.RecursiveCheckpointAdjoint()` (the
    default, reverse mode) or `diffrax.ForwardMode()`.

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
    if noisy or substeps is not None:
        return _fixed(model, t, v, x0, key if noisy else None, substeps or 1, order)
    max_steps = max_steps or 16384 + 64 * len(t)
    return _adaptive(model, t, v, x0, rtol, atol, max_steps, adjoint or diffrax.RecursiveCheckpointAdjoint())


@eqx.filter_jit
def _fixed(model: Any, t: Array, v: Array, x0: State, key: PRNGKey | None, substeps: int, order: int) -> Trace:
    return _trace(model, t, v, integrate(model, t, v, x0, key, substeps, order))


@eqx.filter_jit
def _adaptive(
    model: Any, t: Array, v: Array, x0: State, rtol: float, atol: float, max_steps: int, adjoint: Any
) -> Trace:
    box = Box(*model.bounds())
    span = t[-1] - t[0]
    progress = (t - t[0]) / span

    def field(s: Any, y: State, args: Any) -> State:
        model, box, progress, v, span = args
        return stopped(y, box.rate(model, y, jnp.interp(s, progress, v))) * span

    # Both are what diffrax sets by itself for a solver that is not wrapped.
    scan: Any = "lax" if isinstance(adjoint, diffrax.ForwardMode) else None
    roots = diffrax.VeryChord(rtol=rtol, atol=atol)
    solver = diffrax.Kvaerno5(root_finder=roots, scan_kind=scan) if model.stiff else diffrax.Tsit5(scan_kind=scan)
    solution: Any = diffrax.diffeqsolve(
        diffrax.ODETerm(field),
        _Projected(solver),
        progress[0],
        progress[-1],
        None,
        box.scaled(x0),
        (model, box, progress, v, span),
        saveat=diffrax.SaveAt(ts=progress),
        stepsize_controller=diffrax.ClipStepSizeController(
            diffrax.PIDController(rtol=rtol, atol=atol), step_ts=jax.lax.stop_gradient(progress)
        ),
        max_steps=max_steps,
        adjoint=adjoint,
    )
    return _trace(model, t, v, jax.vmap(box.unscaled)(solution.ys))


def _trace(model: AbstractMemristor, t: Array, v: Array, x: Array) -> Trace:
    temperature = jax.vmap(model.temperature)(x, v)
    return Trace(t=t, v=v, i=jax.vmap(model.current)(x, v, temperature), x=x, temperature=temperature)


class _Projected(diffrax.AbstractAdaptiveSolver):
    """A solver whose every step ends within the unit box; the field is the same on both sides of the projection."""

    solver: Any

    @property
    def term_structure(self) -> Any:
        return self.solver.term_structure

    @property
    def interpolation_cls(self) -> Any:  # pyright: ignore
        return self.solver.interpolation_cls

    @property
    def term_compatible_contr_kwargs(self) -> Any:
        return self.solver.term_compatible_contr_kwargs

    def order(self, terms: Any) -> Any:
        return self.solver.order(terms)

    def error_order(self, terms: Any) -> Any:
        return self.solver.error_order(terms)

    def init(self, terms: Any, t0: Any, t1: Any, y0: Any, args: Any) -> Any:
        return self.solver.init(terms, t0, t1, y0, args)

    def func(self, terms: Any, t0: Any, y0: Any, args: Any) -> Any:
        return self.solver.func(terms, t0, y0, args)

    def step(
        self, terms: Any, t0: Any, t1: Any, y0: Any, args: Any, solver_state: Any, made_jump: Any
    ) -> tuple[Any, Any, Any, Any, Any]:
        y1, error, dense, solver_state, result = self.solver.step(terms, t0, t1, y0, args, solver_state, made_jump)
        return inside(y1), error, {**dense, "y1": inside(y1)}, solver_state, result


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
