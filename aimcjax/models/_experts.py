"""Stacks of experts: many matrices of one shape, of which every row uses one."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Float, Int

from .. import nn
from .._types import PRNGKey


class ExpertLinear(eqx.Module):
    """`y = W_e x (+ b_e)`: row r of the input goes through expert `expert[r]`.

    Fields and the call are all that the layers around a stack know of it: `weight[n_experts, n_out, n_in]`,
    `bias[n_experts, n_out]` or `None`, and `stack(x[rows, n_in], expert[rows]) -> y[rows, n_out]`, rows in any order
    and each on its own, so an analog stack (tiles, input range and scale of each expert) can take its place.

    **Arguments:** `n_experts`, `n_in`, `n_out`; `std` of the initial weights (normal); `bias`, zeros; `key`.
    """

    weight: Float[Array, "n_experts n_out n_in"]
    bias: Float[Array, "n_experts n_out"] | None

    def __init__(self, n_experts: int, n_in: int, n_out: int, *, std: float, bias: bool = False, key: PRNGKey) -> None:
        self.weight = std * jr.normal(key, (n_experts, n_out, n_in))
        self.bias = jnp.zeros((n_experts, n_out)) if bias else None

    def __call__(self, x: Float[Array, "rows n_in"], expert: Int[Array, " rows"]) -> Float[Array, "rows n_out"]:
        """Every row through its expert."""
        y = grouped_product(x, expert, self.weight)
        return y if self.bias is None else y + self.bias[expert]


nn.to_analog.register(ExpertLinear, nn.expert_stack)


@jax.jit  # called eagerly, the loop would compile anew at every call
def grouped_product(
    x: Float[Array, "rows n_in"], expert: Int[Array, " rows"], weight: Float[Array, "n_experts n_out n_in"]
) -> Float[Array, "rows n_out"]:
    """`weight[expert[r]] @ x[r]` for every row r, in blocks of rows that share an expert (`nn.by_group`).

    `jax.lax.ragged_dot` would do the same, but multiplies every row with every expert on a CPU and cannot be batched.
    """
    of_expert = lambda e: lax.dynamic_index_in_dim(weight, e, keepdims=False)
    return nn.by_group(lambda e, block: block @ of_expert(e).T, expert, weight.shape[0], x)
