"""What a layer does around its matrix: how parameters make matrices, and inputs vectors."""

import abc
import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float, Int, Integer, Shaped


# What is any shape here is one to each form.
Weight = Float[Array, "..."]
Matrices = Float[Array, "*stack n_out n_in"]
Input = Shaped[Array, "..."]
Output = Float[Array, "..."]


class AbstractProduct(abc.ABC):
    """The product with one matrix or a stack of equal ones, on tiles or exact; a form does not know which."""

    @abc.abstractmethod
    def one(self, x: Float[Array, " n_in"]) -> Float[Array, " n_out"]:
        """One vector through the only matrix."""

    @abc.abstractmethod
    def many(self, xs: Float[Array, "*stack vectors n_in"]) -> Float[Array, "*stack vectors n_out"]:
        """Every vector through its matrix of the stack."""

    @abc.abstractmethod
    def chosen(self, xs: Float[Array, "rows n_in"], which: Int[Array, " rows"]) -> Float[Array, "rows n_out"]:
        """Row r through matrix `which[r]` of the stack."""


@dataclasses.dataclass(frozen=True)
class Parameters:
    """What a layer of another framework goes back to: its framework puts them into place."""

    weight: Any
    bias: Any


class AbstractForm(abc.ABC):
    """The digital part of a layer that is linear in its weights; static, so it compares and hashes by value.

    The weight keeps the shape that the user gave it: checkpoints and optimisers see nothing new, and the matrices are
    made from it when it is programmed.
    """

    @property
    def n_axes(self) -> int | None:
        """How many axes the weight has, if only one number is right."""
        return None

    @abc.abstractmethod
    def matrices(self, weight: Weight) -> Matrices:
        """What lies on tiles: one matrix, or a stack with one leading axis."""

    @abc.abstractmethod
    def weights(self, matrices: Matrices) -> Weight:
        """The reverse of `matrices`."""

    @abc.abstractmethod
    def __call__(self, product: AbstractProduct, bias: Weight | None, x: Input, *args: Any, **kwargs: Any) -> Output:
        """The layer, given its product."""

    @abc.abstractmethod
    def digital(self, weight: Any, bias: Any) -> Any:
        """The ordinary layer."""

    def input_ranges(self, weight: Any) -> Float[Array, "*stack"]:
        """Input ranges to start from: one for all matrices, unless each has inputs of its own."""
        del weight
        return jnp.ones((), float)


@dataclasses.dataclass(frozen=True)
class Rows(AbstractForm):
    """`y = W x + b` for `weight[n_out, n_in]` and one vector: `equinox.nn.Linear`."""

    blank: Any = None

    @property
    def n_axes(self) -> int:
        """Outputs, inputs."""
        return 2

    def matrices(self, weight: Matrices) -> Matrices:
        """The weight itself."""
        return weight

    def weights(self, matrices: Matrices) -> Matrices:
        """The matrix itself."""
        return matrices

    def __call__(
        self,
        product: AbstractProduct,
        bias: Float[Array, " n_out"] | None,
        x: Float[Array, " n_in"],
        *args: Any,
        **kwargs: Any,
    ) -> Float[Array, " n_out"]:
        """One vector."""
        y = product.one(x)
        return y if bias is None else y + bias.astype(y.dtype)

    def digital(self, weight: Any, bias: Any) -> Any:
        """The `equinox.nn.Linear` that it was, or a new one."""
        if self.blank is not None:
            return with_parts(self.blank, weight, bias)
        n_out, n_in = weight.shape
        blank = eqx.filter_eval_shape(eqx.nn.Linear, n_in, n_out, use_bias=bias is not None, key=jr.key(0))
        return with_parts(blank, weight, bias)


@dataclasses.dataclass(frozen=True)
class Slot(Rows):
    """A matrix that a layer multiplies by itself, `self.weight @ x`: recurrent cells of Equinox."""

    def digital(self, weight: Any, bias: Any) -> Any:
        """The bare matrix."""
        return weight


@dataclasses.dataclass(frozen=True)
class Lookup(AbstractForm):
    """Rows of a table `weight[n_rows, n_features]`, read by one-hot vectors: `equinox.nn.Embedding`.

    Every read drives one row line of the array; an index outside the table reads zeros.
    """

    n_rows: int
    blank: Any = None

    @property
    def n_axes(self) -> int:
        """Rows, features."""
        return 2

    def matrices(self, weight: Float[Array, "n_rows n_features"]) -> Float[Array, "n_features n_rows"]:
        """The table with its rows on row lines."""
        return weight.T

    def weights(self, matrices: Float[Array, "n_features n_rows"]) -> Float[Array, "n_rows n_features"]:
        """The table."""
        return matrices.T

    def __call__(
        self, product: AbstractProduct, bias: None, x: Integer[Array, "*positions"], *args: Any, **kwargs: Any
    ) -> Float[Array, "*positions n_features"]:
        """Indices of any shape."""
        hot = jax.nn.one_hot(x, self.n_rows)
        if hot.ndim == 1:
            return product.one(hot)
        y = product.many(hot.reshape(-1, self.n_rows))
        return y.reshape(*hot.shape[:-1], -1)

    def digital(self, weight: Any, bias: Any) -> Any:
        """An `equinox.nn.Embedding`."""
        if self.blank is None:
            return Parameters(weight, bias)
        return eqx.tree_at(lambda layer: layer.weight, self.blank, weight, is_leaf=lambda leaf: leaf is None)


@dataclasses.dataclass(frozen=True)
class Experts(AbstractForm):
    """A stack `weight[n_experts, n_out, n_in]`, `bias[n_experts, n_out]` or `None`, called with rows and the expert of
    each: `y[r] = W_e x[r] + b_e` with `e = expert[r]`. Every expert has tiles and an input range of its own."""

    blank: Any = None

    @property
    def n_axes(self) -> int:
        """Experts, outputs, inputs."""
        return 3

    def matrices(self, weight: Matrices) -> Matrices:
        """The stack itself."""
        return weight

    def weights(self, matrices: Matrices) -> Matrices:
        """The stack itself."""
        return matrices

    def __call__(
        self,
        product: AbstractProduct,
        bias: Float[Array, "experts n_out"] | None,
        x: Float[Array, "rows n_in"],
        *args: Any,
        **kwargs: Any,
    ) -> Float[Array, "rows n_out"]:
        """Rows `x[rows, n_in]`, then `expert[rows]`."""
        (expert,) = args or (kwargs["expert"],)
        y = product.chosen(x, expert)
        return y if bias is None else y + bias[expert].astype(y.dtype)

    def digital(self, weight: Any, bias: Any) -> Any:
        """The ordinary stack."""
        return with_parts(self.blank, weight, bias)

    def input_ranges(self, weight: Any) -> Float[Array, " experts"]:
        """One for each expert: a router sends them different tokens."""
        return jnp.ones(weight.shape[0], float)


def with_parts(layer: Any, weight: Any, bias: Any) -> Any:
    """An Equinox layer with other `weight` and `bias`."""
    parts = lambda layer: (layer.weight, layer.bias)
    return eqx.tree_at(parts, layer, (weight, bias), is_leaf=lambda leaf: leaf is None)
