"""Convolutions as products of matrices with the patches of an image."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from ._forms import AbstractForm, AbstractProduct, Input, Matrices, Output, Parameters, Weight, with_parts


Pads = tuple[tuple[int, int], ...]


@dataclasses.dataclass(frozen=True)
class Convolution(AbstractForm):
    r"""$y_{o,p} = \sum_{c,k} W_{o,ck}\, x_{c,\, s p + d k}$: every patch of the padded input is one vector of
    $C_{in}/g \cdot \prod k$ inputs, and every group has a matrix of its own.

    A transposed convolution is one of the input with zeros in between. Cutting patches moves data and multiplies
    nothing.

    **Arguments:** `kernel`, `strides`, `dilation`, one for each axis in space; `spread`, dilation of the input;
    `groups`; `padding` with zeros, explicit or by name; `edges`, padding before it by `mode` of `jax.numpy.pad`;
    `channels_last`, of x and y, with any batch axes; `order`, the axes of the weight as `[C_out, C_in / g, *kernel]`;
    `flip`, whether the kernel is reversed in space; `folded`, whether outputs that stick out are added at the other
    end, the extent in space being that of the input times `folded`.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    spread: tuple[int, ...]
    groups: int
    order: tuple[int, ...]
    padding: str | Pads = "VALID"
    edges: str | Pads | None = None
    mode: str = "wrap"
    channels_last: bool = False
    flip: bool = False
    folded: tuple[int, ...] = ()
    blank: Any = None

    @property
    def n_axes(self) -> int:
        """Channels twice, and those in space."""
        return len(self.order)

    def matrices(self, weight: Weight) -> Matrices:
        """The kernel of each group as a matrix."""
        kernel = weight.transpose(self.order)
        kernel = jnp.flip(kernel, range(2, kernel.ndim)) if self.flip else kernel
        joined = kernel.reshape(self.groups, kernel.shape[0] // self.groups, -1)
        return joined if self.groups > 1 else joined[0]

    def weights(self, matrices: Matrices) -> Weight:
        """The reverse of `matrices`."""
        kernel = matrices.reshape(self.groups * matrices.shape[-2], -1, *self.kernel)
        kernel = jnp.flip(kernel, range(2, kernel.ndim)) if self.flip else kernel
        return kernel.transpose(np.argsort(self.order))

    def __call__(self, product: AbstractProduct, bias: Weight | None, x: Input, *args: Any, **kwargs: Any) -> Output:
        """`x[*batch, C_in, *space]`, or channels last."""
        n_space = len(self.kernel)
        if x.ndim <= n_space or (x.ndim > n_space + 1 and not self.channels_last):
            raise ValueError(f"a convolution over {n_space} axes reads an image of {n_space + 1} axes, got {x.shape}")
        images = jnp.moveaxis(x, -1, -1 - n_space) if self.channels_last else x
        batch = images.shape[: -1 - n_space]
        images = images.reshape(-1, *images.shape[-1 - n_space :])
        patches = self._patches(images)
        leading, extent = patches.shape[: n_space + 1], patches.shape[1 : n_space + 1]
        vectors = patches.reshape(np.prod(leading), self.groups, -1)
        grouped = self.groups > 1
        y = product.many(vectors.swapaxes(0, 1)).swapaxes(0, 1) if grouped else product.many(vectors[:, 0])
        y = y.reshape(*leading, -1)
        if self.folded:
            y = _fold(y, [n * s for n, s in zip(images.shape[2:], self.folded, strict=True)], late=self.flip)
            extent = y.shape[1:-1]
        y = y if bias is None else y + bias.astype(y.dtype).reshape((1,) * (y.ndim - 1) + (-1,))
        y = y.reshape(*batch, *extent, -1)
        return y if self.channels_last else jnp.moveaxis(y, -1, -1 - n_space)

    def digital(self, weight: Any, bias: Any) -> Any:
        """The convolution that it was."""
        if self.blank is None:
            return Parameters(weight, bias)
        return with_parts(self.blank, weight, bias)

    def _patches(self, x: Float[Array, "batch n_in *space"]) -> Array:
        if self.edges is not None:
            x = jnp.pad(x, [(0, 0), (0, 0), *self._explicit(self.edges, x.shape[2:])], mode=self.mode)
        pads = self._explicit(self.padding, x.shape[2:])
        inner = [(low, high, gap - 1) for (low, high), gap in zip(pads, self.spread, strict=True)]
        x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), (0, 0, 0), *inner])
        n_space = len(self.kernel)
        for axis in reversed(range(n_space)):  # one axis in space becomes two: outputs, kernel
            gap, stride = self.dilation[axis], self.strides[axis]
            end = max(x.shape[axis + 2] - gap * (self.kernel[axis] - 1), 0)
            # Slices, for the gradient of `take` adds number by number.
            starts = [gap * i for i in range(self.kernel[axis])]
            parts = [lax.slice_in_dim(x, start, start + end, stride, axis + 2) for start in starts]
            x = jnp.stack(parts, axis + 3)
        outputs = [2 + 2 * axis for axis in range(n_space)]
        return x.transpose(0, *outputs, 1, *(axis + 1 for axis in outputs))

    def _explicit(self, padding: str | Pads, extent: Sequence[int]) -> Sequence[tuple[int, int]]:
        if not isinstance(padding, str):
            return padding
        reach = [d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True)]
        return lax.padtype_to_pads(extent, reach, self.strides, padding)


def _fold(y: Float[Array, "batch *space n_out"], period: Sequence[int], *, late: bool) -> Array:
    """`y` wrapped onto itself. Padding to two whole periods, if odd, is longer behind it if `late`, else before it."""
    rests = [-(n - p) % (2 * p) for n, p in zip(y.shape[1:-1], period, strict=True)]
    pads = [(rest // 2, (rest + 1) // 2) if late else ((rest + 1) // 2, rest // 2) for rest in rests]
    y = jnp.pad(y, [(0, 0), *pads, (0, 0)])
    for axis, p in enumerate(period, start=1):
        y = y.reshape(*y.shape[:axis], -1, p, *y.shape[axis + 1 :]).sum(axis)
    return y
