"""Exact SGD in the place of a rule of in-memory training: what the others are compared with."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._types import PRNGKey, Scalar, physical
from ...training import in_memory


class DigitalSgd(in_memory.AbstractAlgorithm):
    r"""$W \leftarrow W - \mathrm{lr}\sum_b x_b d_b^T$, exactly and without cells."""

    lr: Scalar = physical(0.01, doc="assumed")

    def init(self, w: Float[Array, "rows cols"], *, key: PRNGKey) -> Any:
        """`w`."""
        del key
        return w

    def update(self, gradient: Any, state: Any, *, key: PRNGKey) -> tuple[Any, in_memory.Written]:
        """One batch; nothing is pulsed."""
        del key
        zero = jnp.zeros((), state.dtype)
        samples = jnp.asarray(gradient.x.shape[0], state.dtype)
        written = in_memory.Written({"W": jnp.zeros_like(state)}, zero, zero, samples)
        return state - self.lr.astype(state.dtype) * gradient.matrix(), written

    def weights(self, state: Any) -> Float[Array, "rows cols"]:
        """`state`."""
        return state


def rule_of(algorithm: Any, device: Any, slow: Any = None) -> in_memory.InMemoryRule:
    """The rule that a section of a config describes, on arrays of `device`, and of `slow` where there are two."""
    if algorithm.type == "digital":
        return in_memory.InMemoryRule(DigitalSgd(lr=algorithm.lr))
    return algorithm.rule(device, slow)
