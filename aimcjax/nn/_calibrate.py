"""Input ranges from data: what each analog layer's inputs really are.

A layer deep in a model, under any number of `vmap` and `scan`, must report a statistic of all its inputs. The
cotangent carries it: `_tap` is the identity on x, and its "gradient" with respect to a dummy histogram is the histogram
of |x|, which reverse-mode sums over every batch axis and loop on its way out. Pure, jitted, no callbacks.
"""

import dataclasses
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from .._types import Scalar
from ._convert import analog_layers, map_layers, rebuilt
from ._exact import ExactProduct
from ._forms import AbstractForm
from ._linear import AbstractAnalogLayer, AnalogLinear, is_analog


Model = TypeVar("Model")

# Edges of the bins of |x|: 32 a decade resolve a range to 7 %, from 1e-4 (below counts as zero) to 1e4.
_EDGES = np.logspace(-4, 4, 8 * 32 + 1)


def calibrate(model: Model, xs: Shaped[Array, "n ..."], *, quantile: float = 0.999) -> Model:
    """Sets every analog layer's input range to a quantile of the magnitude of its inputs on calibration data.

    **Arguments:** `model`, from `convert`, not programmed; `xs`, samples along the leading axis; `quantile` of |x|
    that must not saturate, in (0, 1].

    **Returns:** the model with new `input_range` in every analog layer, the same for all tiles of a matrix; layers
    whose inputs are all zero keep theirs. The model is evaluated digitally.

    **Raises:** `ValueError` for a quantile outside (0, 1] or data that give non-finite inputs.
    """
    if not 0.0 < quantile <= 1.0:
        raise ValueError(f"`quantile` is a fraction in (0, 1], got {quantile}")
    if np.size(xs) == 0:
        raise ValueError(f"calibration needs data, got samples of shape {np.shape(xs)}")
    if not np.all(np.isfinite(np.asarray(xs))):
        raise ValueError("calibration data must be finite, got NaN or infinite values")
    histograms = _input_histograms(model, xs)
    wild = [name for name, histogram in histograms.items() if np.any(histogram[..., -1] > 0)]
    if wild:
        raise ValueError(f"inputs of layer {wild[0]} are NaN or larger than {_EDGES[-1]:g}; did training diverge?")

    def set_range(path: str, layer: AnalogLinear) -> AnalogLinear:
        del path
        found, old = _ranges(np.asarray(histograms[layer.name]), quantile), layer.input_range
        found = np.broadcast_to(found.reshape(found.shape + (1,) * (old.ndim - found.ndim)), old.shape)
        return dataclasses.replace(layer, input_range=jnp.where(np.isnan(found), old, found.astype(old.dtype)))

    return map_layers(model, set_range, is_analog)


def input_power(model: Any, xs: Shaped[Array, "n ..."]) -> dict[str, float]:
    r"""Mean square of each analog layer's inputs as the DAC sees them, $\langle \min(|x|/r, 1)^2 \rangle$ with r the
    input range: what the energy of the array depends on. Dimensionless, in [0, 1]; from the same histograms as
    `calibrate`, to 7 %.

    **Arguments:** `model`, from `convert`, not programmed; `xs`, samples along the leading axis.
    """
    centres = np.concatenate([[0.0], np.sqrt(_EDGES[1:] * _EDGES[:-1]), [_EDGES[-1]]])
    layers = analog_layers(model)
    power = {}
    for name, histogram in _input_histograms(model, xs).items():
        ranges = np.asarray(layers[name].input_range)
        ranges = ranges.mean(-1) if ranges.ndim == histogram.ndim else ranges  # of the tiles of a matrix
        x = np.minimum(centres / ranges[..., None], 1.0)
        weights = np.asarray(histogram)
        power[name] = float(np.sum(weights * x**2) / np.sum(weights))
    return power


@eqx.filter_jit
def _input_histograms(model: Any, xs: Array) -> dict[str, Array]:
    layers = analog_layers(model)
    shape = lambda layer: layer.form.input_ranges(layer.weight).shape
    zeros = {name: jnp.zeros((*shape(layer), len(_EDGES) + 1)) for name, layer in layers.items()}

    def total(histograms: dict[str, Array]) -> Scalar:
        tapped = map_layers(model, lambda _, layer: _Tapped.of(layer, histograms[layer.name]), is_analog)
        ys = jax.vmap(lambda x: rebuilt(tapped)(x))(xs)
        return sum((jnp.sum(y) for y in jax.tree.leaves(ys)), jnp.zeros(()))

    return jax.grad(total)(zeros)


class _Tapped(eqx.Module):
    """A digital stand-in for an analog layer that reports its inputs."""

    weight: Any
    bias: Any
    histogram: Array
    form: AbstractForm = eqx.field(static=True)

    @classmethod
    def of(cls, layer: AbstractAnalogLayer, histogram: Array) -> "_Tapped":
        if not isinstance(layer, AnalogLinear):
            raise ValueError(f"layer {layer.name} is already programmed; calibrate the model before `program`")
        return cls(layer.weight, layer.bias, histogram, layer.form)

    def __call__(self, x: Array, *args: Any, key: Any = None, **kwargs: Any) -> Array:
        del key
        product = ExactProduct(self.form.matrices(self.weight), self._watch)
        return self.form(product, self.bias, x, *args, **kwargs)

    def __matmul__(self, x: Array) -> Array:
        return self(x)

    def _watch(self, xs: Array, which: Array | None) -> Array:
        if self.histogram.ndim == 1:
            return _tap(xs, self.histogram)
        return jax.vmap(_tap)(xs, self.histogram[which])  # an expert's range is that of its own inputs


@jax.custom_vjp
def _tap(x: Float[Array, "..."], histogram: Float[Array, " bins"]) -> Float[Array, "..."]:
    del histogram
    return x


def _tap_forward(x: Array, histogram: Array) -> tuple[Array, tuple[Array, Array]]:
    return x, (x, histogram)


def _tap_backward(residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    x, histogram = residuals
    bins = jnp.searchsorted(jnp.asarray(_EDGES, x.dtype), jnp.abs(x))
    return cotangent, jnp.zeros_like(histogram).at[bins].add(1.0)


_tap.defvjp(_tap_forward, _tap_backward)


def _ranges(histogram: Float[np.ndarray, "*stack bins"], quantile: float) -> Float[np.ndarray, "*stack"]:
    """The quantile of each histogram, NaN where there were no inputs."""
    if histogram.ndim == 2:
        return np.stack([_ranges(one, quantile) for one in histogram])
    counts = histogram[1:]  # zeros (padding, closed rectifiers) need no range and would only dilute the quantile
    if counts.sum() == 0:
        return np.asarray(np.nan)
    index = int(np.searchsorted(np.cumsum(counts), quantile * counts.sum() * (1 - 1e-6)))
    return np.asarray(_EDGES[min(index + 1, len(_EDGES) - 1)])
