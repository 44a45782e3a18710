"""From which demand on one machine is cheaper than another."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._types import Scalar
from ._money import AbstractMachine, Economics, capacity, fixed_cost, token_cost


class BreakEven(eqx.Module):
    """`tokens_per_day`, the least demand at which a machine costs no more than its rival: 0 if that is so from the
    first token on, infinite if it never is. Of both, machine first: `fixed` [USD a day], `per_token` [USD], `capacity`
    [tokens a day]."""

    tokens_per_day: Scalar
    fixed: Float[Array, " 2"]
    per_token: Float[Array, " 2"]
    capacity: Float[Array, " 2"]

    @property
    def reason(self) -> str:
        """Why the number is what it is, in one line; of known numbers, on the host."""
        x, fixed, per_token, capacity = (
            np.asarray(v, np.float64) for v in (self.tokens_per_day, self.fixed, self.per_token, self.capacity)
        )
        own, rival = 1e6 * (per_token + fixed / capacity)  # machines by the dozen, all busy
        million = f"{own:.3g} against {rival:.3g} USD per million tokens where all machines are busy"
        if np.isinf(x):
            return (
                f"never: a machine costs {fixed[0]:.3g} against {fixed[1]:.3g} USD a day before it serves a token, and "
                f"saves too little with each; {million}"
            )
        start = "from the first token on" if x == 0 else f"from {x:.4g} tokens a day on"
        if own <= rival:
            return f"{start}; {million}"
        return f"{start}, but not for any demand: {million}"


def break_even(machine: AbstractMachine, rival: AbstractMachine, economics: Economics) -> BreakEven:
    r"""The least demand x at which a machine costs no more than its `rival`, $C(x) \le C'(x)$ (`cost_per_day`). With F
    the fixed cost of a day, v the energy of a token and c the capacity, a machine with $F > F'$ draws level at

    $$x = \frac{F - F'}{v' - v} \text{ if that is below } c \text{ and } c', \quad
      \text{else } x = \frac{F}{v' + F'/c' - v} \text{ if } c' < x \le c,$$

    one machine against ever more rivals, or never: beyond c, and beyond c' if that is larger, the difference no longer
    changes sign from above.

    Piecewise smooth; the gradient is that of the root, and zero where there is none.
    """
    both = (machine, rival)
    f, v, c = (jnp.stack([jnp.asarray(law(m, economics)) for m in both]) for law in (fixed_cost, token_cost, capacity))
    alone = _quotient(f[0] - f[1], v[1] - v[0])
    against_many = _quotient(f[0], v[1] + f[1] / c[1] - v[0])
    later = jnp.where((against_many > c[1]) & (against_many <= c[0]), against_many, jnp.full_like(alone, jnp.inf))
    x = jnp.where(alone <= jnp.min(c), alone, later)
    return BreakEven(jnp.where(f[0] <= f[1], jnp.zeros_like(x), x), f, v, c)


def _quotient(a: Scalar, b: Scalar) -> Scalar:
    """a / b, infinite and without gradient where b is not positive."""
    positive = b > 0.0
    return jnp.where(positive, a / jnp.where(positive, b, jnp.ones_like(b)), jnp.full_like(b, jnp.inf))
