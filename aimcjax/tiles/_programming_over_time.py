"""Target conductances for weights that are right over time, not only on the first day."""

from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import optax
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Scalar
from ..devices import AbstractDevice
from ._base import check_weights
from ._encoding import decode_weights
from ._encoding_pairs import SignificancePairs, TablePairs


def error_over_time(
    encoding: Any, device: AbstractDevice, w: Float[Array, "rows cols"], times: Float[Array, " times"], *, key: PRNGKey
) -> Scalar:
    r"""Mean square error of weights over time, normalised:

    $$\Big\langle \overline{(\alpha(t)\,\hat w(t) - w)^2} \Big\rangle_t \Big/ \overline{w^2}, \qquad
      \alpha(t) = \overline{|\hat w(0)|} \Big/ \overline{|\hat w(t)|}$$
    with $\hat w(t)$ what one chip with this `encoding` holds at `times` [s], $\alpha$ the global drift compensation.
    Differentiable.
    """
    g_target, gain = encoding.encode(w, device)
    cells = device.program(g_target, key=key)
    holds = lambda t: decode_weights(encoding, device.drift(cells, t), gain, device)
    fresh = jnp.mean(jnp.abs(holds(jnp.zeros(()))))

    def error(t: Scalar) -> Scalar:
        now = holds(t)
        return jnp.mean((now * (fresh / jnp.mean(jnp.abs(now))) - w) ** 2)

    return jnp.mean(lax.map(error, times)) / jnp.mean(w**2)


def optimize_table(
    device: AbstractDevice,
    w: Float[Array, "rows cols"],
    times: Float[Array, " times"],
    *,
    key: PRNGKey,
    significance: tuple[float, ...] = (1.0, 3.0),
    knots: int = 9,
    steps: int = 200,
    learning_rate: float = 0.02,
) -> tuple[TablePairs, Float[Array, " steps"]]:
    """Conductances of every pair as functions of the weight, by gradient descent on `error_over_time`, a new chip at
    every step; starts from `SignificancePairs`, so from exact weights.

    **Arguments:** `device`, differentiable; `w`, sample weights, of the distribution that will be programmed; `times`
    [s] that count, equally; `significance` of the pairs; `knots` of each function; `steps` and `learning_rate` of Adam.

    **Raises:** `ValueError` without weights, times or knots.

    **Returns:** the encoding and the error at every step.

    **Reference:** Mackin et al., Nat. Commun. 13:3765 (2022): the same question, answered there (and in AIHWKit) by
    differential evolution, here by the gradient of the device model. Without their loss terms for worst cases.
    """
    check_weights(w, *w.shape[-2:])
    if times.ndim != 1 or not len(times) or not (isinstance(w, Tracer) or bool(jnp.any(w != 0))) or knots < 2:
        raise ValueError(
            f"a table is fitted to weights that are not all zero, one time or more and at least two knots, got "
            f"times of shape {times.shape}, knots={knots}, largest weight {jnp.max(jnp.abs(w))}"
        )
    levels = jnp.linspace(0.0, 1.0, knots)
    f: Any = significance
    start = SignificancePairs(significance=f, w_max=1.0)  # pyright: ignore[reportCallIssue]
    g, _ = start.encode(levels[:, None], device)
    table = ((g - device.g_min) / (device.g_max - device.g_min))[::2, :, 0]
    optimiser = optax.adam(learning_rate)

    def loss(table: Array, key: PRNGKey) -> Scalar:
        encoding = TablePairs(table=table, significance=f)  # pyright: ignore[reportCallIssue]
        return error_over_time(encoding, device, w, times, key=key)

    def step(carry: Any, key: PRNGKey) -> Any:
        table, state = carry
        value, slope = jax.value_and_grad(loss)(table, key)
        change, state = optimiser.update(slope, state, table)
        return (jnp.clip(table + change, 0.0, 1.0), state), value

    run = jax.jit(lambda table, keys: lax.scan(step, (table, optimiser.init(table)), keys))
    (table, _), errors = run(table, jr.split(_random.key_for(key, "optimize_table"), steps))
    return TablePairs(table=table, significance=f), errors  # pyright: ignore[reportCallIssue]
