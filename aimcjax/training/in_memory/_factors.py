"""The factors x and d of every analog matrix, out of a model's backward pass."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Float

from ... import _random
from ..._types import PRNGKey, Scalar
from ._mvm import AbstractMvm, IdealMvm
from ._rule import Matrix, Outer


class Tap(eqx.Module):
    """Stands in the place of a matrix while its factors are taken: `x`, `d` are zeros whose gradients they are."""

    w: Matrix
    x: Float[Array, "*uses rows"]
    d: Float[Array, "*uses cols"]


def linear(
    w: Matrix | Tap,
    x: Float[Array, "*uses rows"],
    *,
    forward: AbstractMvm | None = None,
    backward: AbstractMvm | None = None,
    key: PRNGKey | None = None,
) -> Float[Array, "*uses cols"]:
    """`x @ w` for one vector or a stack of them, read by `forward`; errors return by `backward` through the transposed
    weights, each with a noise of its own.

    **Arguments:** `w[n_in, n_out]`, an analog parameter; `x`; `forward`, `backward`, ideal unless given; `key` for
    their noise, needed unless they are ideal.

    **Gradient:** of `x` what `backward` reads, of `w` the outer product.

    **Raises:** `ValueError` for a noisy product without key.
    """
    forward, backward = (IdealMvm() if mvm is None else mvm for mvm in (forward, backward))
    if key is None and not (isinstance(forward, IdealMvm) and isinstance(backward, IdealMvm)):
        raise ValueError("a noisy product draws its noise: give linear(..., key=key)")
    words = jr.key_data(jr.key(0) if key is None else key)
    tap_x, tap_d = (w.x, w.d) if isinstance(w, Tap) else (jnp.zeros_like(x), None)
    matrix = w.w if isinstance(w, Tap) else w
    if tap_d is None:
        tap_d = jnp.zeros((*x.shape[:-1], matrix.shape[1]), x.dtype)
    if tap_x.shape != x.shape:
        raise ValueError(
            f"outer_factors expected inputs of shape {tap_x.shape} at this matrix, got {x.shape}: set uses"
        )
    mvms, static = eqx.partition((forward, backward), eqx.is_array)
    return _product(static, matrix, x, tap_x, tap_d, mvms, words)


def _product(static: Any, *primals: Any) -> Array:
    @jax.custom_vjp
    def product(w: Array, x: Array, tap_x: Array, tap_d: Array, mvms: Any, words: Array) -> Array:
        del tap_x, tap_d
        return _read(eqx.combine(mvms, static)[0], w, x, words, 0)

    def first(w: Array, x: Array, tap_x: Array, tap_d: Array, mvms: Any, words: Array) -> tuple[Array, Any]:
        return product(w, x, tap_x, tap_d, mvms, words), (w, x, mvms, words)

    def back(kept: Any, d: Array) -> tuple:
        w, x, mvms, words = kept
        rows, cols = x.reshape(-1, x.shape[-1]), d.reshape(-1, d.shape[-1])
        gradient = jnp.matmul(rows.T, cols, precision=lax.Precision.HIGHEST)
        return gradient, _read(eqx.combine(mvms, static)[1], w.T, d, words, 1), x, d, None, None

    product.defvjp(first, back)
    return product(*primals)


def _read(mvm: AbstractMvm, w: Array, x: Array, words: Array, which: int) -> Array:
    key = _random.split(jr.wrap_key_data(words), 2)[which]
    if x.ndim == 1:
        return mvm(w, x, key=key)
    rows = x.reshape(-1, x.shape[-1])
    y = jax.vmap(lambda x, key: mvm(w, x, key=key))(rows, _random.split(key, rows.shape[0]))
    return y.reshape(*x.shape[:-1], -1)


def outer_factors(
    loss: Callable[..., Scalar],
    analog: Any,
    digital: Any,
    *samples: Any,
    key: PRNGKey,
    uses: Any = 1,
) -> tuple[Scalar, Any, Any]:
    """What a rule and an optimiser need of one batch.

    **Arguments:** `loss(analog, digital, *sample, key=key)` of one sample, which uses every matrix of `analog` once,
    through `linear`; `analog`, a pytree of matrices, and `digital`, one of other parameters; `samples`, with a leading
    batch axis; `key`, split over the samples; `uses`, how many vectors of one sample a matrix multiplies (tokens: x
    of shape `uses n_in`), one number or a pytree of them, as `analog` or a prefix of it.

    **Returns:** the mean loss; `analog` with `Outer(x, d)` in the place of each matrix, for `rule.update`; the mean
    gradient of `digital`, for optax. d is that of each sample's own loss: a rate multiplies the sum over the batch.
    """

    def nothing(w: Matrix, n: int) -> tuple[Array, Array]:
        stack = () if n == 1 else (n,)
        return jnp.zeros((*stack, w.shape[0]), w.dtype), jnp.zeros((*stack, w.shape[1]), w.dtype)

    zeros = jax.tree.map(nothing, analog, jax.tree.broadcast(uses, analog))

    def of_sample(taps: Any, digital: Any, sample: tuple, key: PRNGKey) -> Scalar:
        tapped = jax.tree.map(lambda w, tap: Tap(w, *tap), analog, taps)
        return loss(tapped, digital, *sample, key=key)

    n_samples = jax.tree.leaves(samples)[0].shape[0]
    gradient = jax.value_and_grad(of_sample, argnums=(0, 1))
    batched = jax.vmap(gradient, in_axes=(None, None, 0, 0))
    values, (taps, slopes) = batched(zeros, digital, samples, jr.split(key, n_samples))
    flat = lambda leaf: leaf.reshape(-1, leaf.shape[-1])
    outers = jax.tree.map(lambda _, tap: Outer(flat(tap[0]), flat(tap[1])), analog, taps)
    return jnp.mean(values), outers, jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), slopes)
