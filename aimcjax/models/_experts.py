"""Stacks of experts: many matrices of one shape, of which every row uses one."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Float, Int

from .. import nn
from .._types import PRNGKey


LARGEST_BLOCK = 128  # rows; assumed: enough for a matrix unit, little waste for an expert with few rows


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
    """`weight[expert[r]] @ x[r]` for every row r, in blocks of rows that share an expert.

    Rows are laid out expert by expert, each expert's rows rounded up to whole blocks (at most twice as many rows in
    all), and one loop multiplies block after block. No row is dropped, and memory is that of one expert's matrix more.
    `jax.lax.ragged_dot` would do the same, but multiplies every row with every expert on a CPU and cannot be batched.
    """
    n_rows, n_experts = x.shape[0], weight.shape[0]
    size = _block_size(n_rows, n_experts)
    n_blocks = min(n_rows, n_rows // size + n_experts)
    slot, owner = _layout(expert, n_experts, size, n_blocks)
    blocks = jnp.zeros((n_blocks * size, x.shape[1]), x.dtype).at[slot].set(x).reshape(n_blocks, size, x.shape[1])

    @jax.checkpoint  # the backward pass takes the expert's matrix from the stack again: no copies are kept
    def multiply(block: Array, e: Int[Array, ""]) -> Array:
        return block @ lax.dynamic_index_in_dim(weight, e, keepdims=False).T

    _, y = lax.scan(lambda _, item: (None, multiply(*item)), None, (blocks, owner))
    return y.reshape(n_blocks * size, -1)[slot]


def _block_size(n_rows: int, n_experts: int) -> int:
    size = 1
    while size < min(n_rows / n_experts, LARGEST_BLOCK):
        size *= 2
    return size


def _layout(
    expert: Int[Array, " rows"], n_experts: int, size: int, n_blocks: int
) -> tuple[Int[Array, " rows"], Int[Array, " blocks"]]:
    """Where each row goes among the rows of all blocks, and the expert of each block."""
    order = jnp.argsort(expert)
    counts = jnp.bincount(expert, length=n_experts)
    ends = jnp.cumsum((counts + size - 1) // size)  # in blocks
    first_slot = (ends - (counts + size - 1) // size) * size
    rank = jnp.arange(expert.shape[0]) - (jnp.cumsum(counts) - counts)[expert[order]]
    slot = jnp.zeros_like(order).at[order].set(first_slot[expert[order]] + rank)
    owner = jnp.searchsorted(ends, jnp.arange(n_blocks), side="right")
    return slot, jnp.minimum(owner, n_experts - 1)  # blocks beyond the last are empty
