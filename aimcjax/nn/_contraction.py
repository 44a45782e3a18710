"""Tensors contracted with a kernel, as matrices: dense layers over any axes, and einsum."""

import abc
import dataclasses
import math
import string
from typing import Any

import numpy as np

from ._forms import AbstractForm, AbstractProduct, Input, Matrices, Output, Parameters, Weight


@dataclasses.dataclass(frozen=True)
class AbstractContraction(AbstractForm):
    """`y = einsum("x,kernel->y", x, kernel) + bias`.

    Axes of the kernel that x and y have are a stack of matrices, those that only x has are inputs, those that only y
    has are outputs; all other axes of x are vectors, read one after another.

    **Arguments:** `kernel_shape`, of the user's parameter.
    """

    kernel_shape: tuple[int, ...]

    @property
    def n_axes(self) -> int:
        """Those of the kernel."""
        return len(self.kernel_shape)

    @abc.abstractmethod
    def labels(self, n_axes: int) -> tuple[str, str, str]:
        """Letters of the axes of x, kernel and y, for x with `n_axes`."""

    @abc.abstractmethod
    def roles(self) -> tuple[list[int], list[int], list[int]]:
        """Axes of the kernel that are stack, inputs and outputs."""

    def matrices(self, weight: Weight) -> Matrices:
        """The kernel with its axes ordered and joined."""
        stack, inputs, outputs = self.roles()
        n_out, n_in = (math.prod(self.kernel_shape[i] for i in axes) for axes in (outputs, inputs))
        joined = weight.transpose(stack + outputs + inputs).reshape(-1, n_out, n_in)
        return joined if stack else joined[0]

    def weights(self, matrices: Matrices) -> Weight:
        """The reverse of `matrices`."""
        stack, inputs, outputs = self.roles()
        order = [i for axes in (stack, outputs, inputs) for i in axes]
        return matrices.reshape([self.kernel_shape[i] for i in order]).transpose(np.argsort(order))

    def __call__(self, product: AbstractProduct, bias: Weight | None, x: Input, *args: Any, **kwargs: Any) -> Output:
        """x with any number of leading axes."""
        x_labels, kernel, y_labels = self.labels(x.ndim)
        stack, inputs, outputs = ([kernel[i] for i in axes] for axes in self.roles())
        free = [a for a in x_labels if a not in kernel]
        size = dict(zip(kernel, self.kernel_shape, strict=True)) | dict(zip(x_labels, x.shape, strict=True))
        xs = x.transpose([x_labels.index(a) for a in stack + free + inputs])
        leading = [math.prod(size[a] for a in stack)] if stack else []
        n_vectors, n_in = (math.prod(size[a] for a in axes) for axes in (free, inputs))
        y = product.many(xs.reshape(*leading, n_vectors, n_in))
        made = stack + free + outputs
        y = y.reshape([size[a] for a in made]).transpose([made.index(a) for a in y_labels])
        return (
            y if bias is None else y + bias.astype(y.dtype).reshape([size[a] if a in kernel else 1 for a in y_labels])
        )

    def digital(self, weight: Any, bias: Any) -> Parameters:
        """Of the layer of another framework."""
        return Parameters(weight, bias)


@dataclasses.dataclass(frozen=True)
class Dense(AbstractContraction):
    """A dense layer over axes: kernel `[*batch, *inputs, *outputs]`, as of `flax.nnx.Linear` and `LinearGeneral`.

    **Arguments:** `axes` of x that are inputs; `batch_axes` of x that have a matrix each, which come first in y;
    outputs come last.
    """

    axes: tuple[int, ...] = (-1,)
    batch_axes: tuple[int, ...] = ()

    def roles(self) -> tuple[list[int], list[int], list[int]]:
        """See `AbstractContraction`."""
        n_batch, n_in = len(self.batch_axes), len(self.axes)
        axes = list(range(len(self.kernel_shape)))
        return axes[:n_batch], axes[n_batch : n_batch + n_in], axes[n_batch + n_in :]

    def labels(self, n_axes: int) -> tuple[str, str, str]:
        """See `AbstractContraction`."""
        letters = string.ascii_letters
        sort = lambda axes: sorted(a % n_axes for a in axes)
        n_outputs = len(self.kernel_shape) - len(self.axes) - len(self.batch_axes)
        x, outputs = letters[:n_axes], letters[n_axes : n_axes + n_outputs]
        batch, inputs = ("".join(x[a] for a in sort(axes)) for axes in (self.batch_axes, self.axes))
        free = "".join(a for a in x if a not in batch + inputs)
        return x, batch + inputs + outputs, batch + free + outputs


@dataclasses.dataclass(frozen=True)
class Einsum(AbstractContraction):
    """`einsum` with two operands, x and the kernel, such as `"...td,dhk->...thk"`."""

    equation: str = ""

    def roles(self) -> tuple[list[int], list[int], list[int]]:
        """See `AbstractContraction`.

        **Raises:** `ValueError` for an equation that is no product with matrices.
        """
        x, kernel, y = self.labels(self._n_named())
        stack = [i for i, a in enumerate(kernel) if a in x and a in y]
        inputs = [i for i, a in enumerate(kernel) if a in x and a not in y]
        outputs = [i for i, a in enumerate(kernel) if a not in x and a in y]
        if len(stack + inputs + outputs) < len(kernel) or not set(x) <= set(kernel + y) or not (inputs and outputs):
            raise ValueError(f"{self.equation!r} sums over an axis of one operand alone, or only scales")
        if any(len(set(part)) < len(part) for part in (x, kernel, y)):
            raise ValueError(f"{self.equation!r} takes a diagonal")
        return stack, inputs, outputs

    def labels(self, n_axes: int) -> tuple[str, str, str]:
        """See `AbstractContraction`."""
        operands, y = self.equation.split("->")
        x, kernel = operands.split(",")
        if "." in kernel:
            raise ValueError(f"{self.equation} has an ellipsis in the kernel")
        spare = [a for a in string.ascii_letters if a not in self.equation]
        dots = "".join(spare[: n_axes - self._n_named()])
        return x.replace("...", dots), kernel, y.replace("...", dots)

    def _n_named(self) -> int:
        return len(self.equation.split(",")[0].replace("...", ""))
