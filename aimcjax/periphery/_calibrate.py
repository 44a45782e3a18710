"""The range of an ADC from data."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._types import Scalar
from ._quantize import quantize


Number = float | int | Float[Array, ""]


def calibrate_range(
    samples: Float[Array, "..."], bits: Number, method: str = "mse", *, step: Number | None = None
) -> Scalar:
    r"""Full scale for an ADC of `bits` that sees `samples`.

    - `"mse"`: minimises the mean squared error $\langle (x - \mathrm{quant}_{\pm b}(x))^2 \rangle$, clipping
      included: to 1 % of b, between the smallest useful range and the largest magnitude.
    - `"max"`: the largest magnitude; nothing saturates.
    - `"granular"`: one step of the converter is `step`, the smallest difference of two outputs:
      $b = (2^{bits-1} - 1)\,step$; what is larger saturates.

    **Arguments:** `samples` [A] of one converter, of any shape (of a layer; `vmap` over slices or columns); `bits`;
    `method`; `step` [A], for `"granular"` only.

    **Returns:** `i_max` [A]; positive if any sample is not zero.

    **Raises:** `ValueError` for an unknown method, samples that are no floats or empty, a missing or spare `step`.
    """
    if method not in _METHODS:
        raise ValueError(f"unknown method {method!r} of calibration; known: {', '.join(_METHODS)}")
    if (step is None) == (method == "granular"):
        raise ValueError(f"`step` goes with method 'granular' and no other, got method {method!r} and step {step}")
    samples = jnp.asarray(samples)
    if samples.size == 0 or not jnp.issubdtype(samples.dtype, jnp.floating):
        raise ValueError(f"calibration needs currents, got {samples.size} samples of type {samples.dtype}")
    bits = jnp.asarray(bits, samples.dtype)
    return _METHODS[method](jnp.ravel(samples), bits, step)


def worst_case_range(rows: int, g_max: Number, v_max: Number) -> Scalar:
    """Full scale [A] that no input can exceed: `rows` full cells of `g_max` [S] at `v_max` [V]."""
    return jnp.asarray(rows * g_max * v_max)


def _least_squares(x: Array, bits: Array, step: Any) -> Array:
    del step
    largest = jnp.max(jnp.abs(x))
    scale = jnp.where(largest > 0, largest, 1.0)
    z = x / scale  # squares of microamperes leave single precision

    def error(bound: Array) -> Array:
        return jnp.mean((quantize(z, bound, bits) - z) ** 2)

    def refine(low: Array, high: Array, n: int) -> tuple[Array, Array]:
        # One at a time: all candidates at once would need n copies of the samples
        bounds = jnp.geomspace(low, high, n).astype(z.dtype)
        best = jnp.argmin(jax.lax.map(error, bounds))
        return bounds[jnp.maximum(best - 1, 0)], bounds[jnp.minimum(best + 1, n - 1)]

    low, high = refine(1.0 / (2.0**bits - 2.0), jnp.ones((), z.dtype), 64)
    low, high = refine(low, high, 32)
    return largest * jnp.sqrt(low * high).clip(0.0, 1.0)


def _largest(x: Array, bits: Array, step: Any) -> Array:
    del bits, step
    return jnp.max(jnp.abs(x))


def _granular(x: Array, bits: Array, step: Any) -> Array:
    return (2.0 ** (bits - 1.0) - 1.0) * jnp.asarray(step, x.dtype)


_METHODS: dict[str, Callable[[Array, Array, Any], Array]] = {
    "mse": _least_squares,
    "max": _largest,
    "granular": _granular,
}
