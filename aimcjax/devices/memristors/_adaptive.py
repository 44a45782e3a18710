"""Adaptive steps, one sample interval after another: the route that needs no care."""

from typing import Any

import diffrax
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ._base import AbstractMemristor, State
from ._bounds import Box, inside, stopped
from ._rosenbrock import Ros3


def integrate(
    model: AbstractMemristor,
    t: Float[Array, " samples"],
    v: Float[Array, " samples"],
    x0: State,
    *,
    rtol: float,
    atol: float,
    max_steps: int,
    adjoint: diffrax.AbstractAdjoint,
) -> Float[Array, "samples *state"]:
    """The state at every sample, after at most `max_steps` steps in each interval.

    Every interval has a clock of its own from 0 to 1: cells switch in picoseconds within waveforms of seconds, which
    one clock in single precision cannot tell from zero.
    """
    box = Box(*model.bounds())
    solver = _solver(model, adjoint)

    def field(u: Any, y: State, args: Any) -> State:
        model, box, span, v0, v1 = args
        return stopped(y, box.rate(model, y, v0 + (v1 - v0) * u)) * span

    def interval(y: State, inputs: Any) -> tuple[State, State]:
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(field),
            solver,
            0.0,
            1.0,
            _FIRST_STEP,
            y,
            (model, box, *inputs),
            saveat=diffrax.SaveAt(t1=True),
            stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol, dtmin=_INSTANT, force_dtmin=True),
            max_steps=max_steps,
            adjoint=adjoint,
        )
        assert solution.ys is not None
        after = solution.ys[0]
        return after, after

    start = box.scaled(x0)
    _, ys = lax.scan(interval, start, (jnp.diff(t), v[:-1], v[1:]))
    return jax.vmap(box.unscaled)(jnp.concatenate([start[None], ys]))


_INSTANT = 1e-6  # of an interval: what happens within, as a runaway does in the end, is resolved no further
_FIRST_STEP = 0.1  # of an interval; rejected steps cost little, accepted ones grow tenfold


def _solver(model: AbstractMemristor, adjoint: Any) -> diffrax.AbstractAdaptiveSolver:
    if model.stiff:
        return _Projected(Ros3())
    # What diffrax sets by itself for a solver that is not wrapped.
    scan: Any = "lax" if isinstance(adjoint, diffrax.ForwardMode) else None
    return _Projected(diffrax.Bosh3(scan_kind=scan))


class _Projected(diffrax.AbstractAdaptiveSolver):
    """A solver whose every step ends within the unit box; the field is the same on both sides of the projection.

    So is its estimate of the error: a step at whose end both of its solutions lie beyond a bound ends at the bound,
    however long the step was. With the positive weights of Bogacki and Shampine's pair that is right, and a cell
    that switches a million times faster than its waveform is no reason for small steps.
    """

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
        end = inside(y1)
        if error is not None:
            error = end - inside(y1 - error)
        return end, error, {**dense, "y1": end}, solver_state, result
