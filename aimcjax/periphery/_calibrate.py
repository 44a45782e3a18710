"""The range of an ADC from data."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, Float

from .._types import Scalar
from ._quantize import quantize


Number = float | int | Float[Array, ""]


def calibrate_range(
    samples: Float[Array, "..."], bits: Number, method: str = "mse", *, step: Number | None = None
) -> Scalar:
    r"""Full scale for an ADC of `bits` that sees `samples`.

    - `"mse"`: minimises the mean squared error $\langle (x - \mathrm{quant}_{\pm b}(x))^2 \rangle$, clipping
      included: the best of some 160 candidates up to the largest magnitude, which is one of them.
    - `"max"`: the largest magnitude; nothing saturates.
    - `"granular"`: one step of the converter is `step`, the smallest difference of two outputs:
      $b = (2^{bits-1} - 1)\,step$; what is larger saturates.

    **Arguments:** `samples` [A] of one converter, of any shape (of a layer; `vmap` over slices or columns); `bits`;
    `method`; `step` [A], for `"granular"` only.

    **Returns:** `i_max` [A]; positive if any sample is not zero.

    **Raises:** `ValueError` for an unknown method, samples that are no floats, empty, NaN or infinite, at most one bit,
    a missing or spare `step`.
    """
    if method not in _METHODS:
        raise ValueError(f"unknown method {method!r} of calibration; known: {', '.join(_METHODS)}")
    if (step is None) == (method == "granular"):
        raise ValueError(f"`step` goes with method 'granular' and no other, got method {method!r} and step {step}")
    samples = jnp.asarray(samples)
    if samples.size == 0 or not jnp.issubdtype(samples.dtype, jnp.floating):
        raise ValueError(f"calibration needs currents, got {samples.size} samples of type {samples.dtype}")
    _check_values(samples, bits)
    bits = jnp.asarray(bits, samples.dtype)
    return _METHODS[method](jnp.ravel(samples), bits, step)


def worst_case_range(rows: int, g_max: Number, v_max: Number) -> Scalar:
    """Full scale [A] that no input can exceed: `rows` full cells of `g_max` [S] at `v_max` [V]."""
    return jnp.asarray(rows * g_max * v_max)


def _check_values(samples: Array, bits: Any) -> None:
    if not isinstance(bits, Tracer) and not float(bits) > 1:
        raise ValueError(f"a range has steps for more than one bit, got bits={bits}")
    if not isinstance(samples, Tracer) and not bool(jnp.all(jnp.isfinite(samples))):
        bad = int(jnp.sum(~jnp.isfinite(samples)))
        raise ValueError(f"calibration needs currents, got {bad} NaN or infinite of {samples.size}; did a solve fail?")


@jax.jit  # also outside of a compiled function: 160 candidates
def _least_squares(x: Array, bits: Array, step: Any) -> Array:
    del step
    largest = jnp.max(jnp.abs(x))
    z = x / jnp.where(largest > 0, largest, 1.0)  # squares of microamperes leave single precision

    def search(low: Array, high: Array, n: int, best: Array) -> Array:
        # One at a time: all candidates at once would need n copies of the samples. `best` first: it wins ties.
        bounds = jnp.append(best, jnp.geomspace(high, low, n).astype(z.dtype))
        return bounds[jnp.argmin(jax.lax.map(lambda bound: jnp.mean((quantize(z, bound, bits) - z) ** 2), bounds))]

    lowest, best = 0.02 / 2.0**bits, jnp.ones((), z.dtype)
    best = search(lowest, best, 96, best)
    ratio = lowest ** (-1.0 / 95)  # of two candidates
    for n in (32, 32):
        best = search(best / ratio, jnp.minimum(best * ratio, 1.0), n, best)
        ratio = ratio ** (2.0 / (n - 1))
    return largest * best


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
