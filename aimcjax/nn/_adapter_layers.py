r"""Low-rank adapters beside a linear layer: few digital weights that train while those on tiles stay as they are."""

import abc
import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from .._types import PRNGKey


Pair = tuple[Float[Array, "rank n_in"], Float[Array, "n_out rank"]]


class AbstractAdapter(eqx.Module):
    r"""$y = f(x) + \Delta W x$ with `f` the layer `base` in any of its lives, digital or on tiles, and $\Delta W$
    digital and exact. The name of the layer, and with it its keys, stays that of `base`."""

    base: eqx.AbstractVar[Any]
    alpha: eqx.AbstractVar[float]

    @property
    @abc.abstractmethod
    def pairs(self) -> tuple[Pair, ...]:
        """Factors `(A, B)` of each low-rank product."""

    @abc.abstractmethod
    def delta(self) -> Float[Array, "n_out n_in"]:
        r"""$\Delta W$, to be added to the weights."""

    @abc.abstractmethod
    def correction(self, x: Float[Array, " n_in"]) -> Float[Array, " n_out"]:
        r"""$\Delta W x$ of one vector."""

    @property
    def rank(self) -> int:
        """Of each low-rank product."""
        return self.pairs[0][0].shape[0]

    @property
    def scale(self) -> float:
        r"""$\alpha / r$."""
        return self.alpha / self.rank

    def __call__(self, x: Float[Array, " n_in"], *, key: PRNGKey | None = None) -> Float[Array, " n_out"]:
        """One vector; `key` is that of `base`."""
        return self.base(x, key=key) + self.correction(x)

    def __matmul__(self, x: Float[Array, " n_in"]) -> Float[Array, " n_out"]:
        """For a matrix in the place of an array, as recurrent cells multiply it."""
        return self.base @ x + self.correction(x)


class LoRA(AbstractAdapter):
    r"""Low-rank adaptation: $y = W x + \frac{\alpha}{r} B A x$, with A random and B zero at first.

    **Arguments:** `base`, the layer; `a[rank, n_in]`; `b[n_out, rank]`; `alpha`.

    **Reference:** Hu et al., LoRA, ICLR 2022, equation 3 and section 4.1. A is normal as there; its standard deviation
    $1/\sqrt{n_{in}}$ is assumed.
    """

    base: Any
    a: Float[Array, "rank n_in"]
    b: Float[Array, "n_out rank"]
    alpha: float = eqx.field(static=True)

    @classmethod
    def new(cls, base: Any, shape: tuple[int, int], rank: int, alpha: float, dtype: DTypeLike, *, key: PRNGKey) -> Any:
        """An adapter that changes nothing yet, for a layer of `shape` `(n_out, n_in)`."""
        n_out, n_in = shape
        a = jr.normal(key, (rank, n_in), dtype) * (1.0 / math.sqrt(n_in))
        return cls(base=base, a=a, b=jnp.zeros((n_out, rank), dtype), alpha=alpha)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The only one."""
        return ((self.a, self.b),)

    def delta(self) -> Float[Array, "n_out n_in"]:
        r"""$\frac{\alpha}{r} B A$."""
        return self.scale * jnp.matmul(self.b, self.a, precision="highest")

    def correction(self, x: Float[Array, " n_in"]) -> Float[Array, " n_out"]:
        r"""$\frac{\alpha}{r} B (A x)$: `rank (n_in + n_out)` products."""
        return self.scale * (self.b @ (self.a @ x))


class LoHa(AbstractAdapter):
    r"""Low-rank Hadamard product: $\Delta W = \frac{\alpha}{r} (B_1 A_1) \circ (B_2 A_2)$, of a rank up to $r^2$
    with as many parameters as LoRA of rank $2r$; $B_2$ is zero at first, the others are random.

    **Arguments:** `base`, the layer; `a1`, `a2` `[rank, n_in]`; `b1`, `b2` `[n_out, rank]`; `alpha`.

    **Reference:** Hyeon-Woo, Ye-Bin and Oh, FedPara, ICLR 2022, proposition 1. The scale is that of LoRA, and the
    initial values are assumed: variances $1/n_{in}$ of $A_1, A_2$ and $1/r$ of $B_1$.
    """

    base: Any
    a1: Float[Array, "rank n_in"]
    b1: Float[Array, "n_out rank"]
    a2: Float[Array, "rank n_in"]
    b2: Float[Array, "n_out rank"]
    alpha: float = eqx.field(static=True)

    @classmethod
    def new(cls, base: Any, shape: tuple[int, int], rank: int, alpha: float, dtype: DTypeLike, *, key: PRNGKey) -> Any:
        """An adapter that changes nothing yet, for a layer of `shape` `(n_out, n_in)`."""
        n_out, n_in = shape
        key_a1, key_b1, key_a2 = jr.split(key, 3)
        a1, a2 = (jr.normal(k, (rank, n_in), dtype) * (1.0 / math.sqrt(n_in)) for k in (key_a1, key_a2))
        b1 = jr.normal(key_b1, (n_out, rank), dtype) * (1.0 / math.sqrt(rank))
        return cls(base=base, a1=a1, b1=b1, a2=a2, b2=jnp.zeros((n_out, rank), dtype), alpha=alpha)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The two whose products are multiplied."""
        return ((self.a1, self.b1), (self.a2, self.b2))

    def delta(self) -> Float[Array, "n_out n_in"]:
        r"""$\frac{\alpha}{r} (B_1 A_1) \circ (B_2 A_2)$."""
        first, second = (jnp.matmul(b, a, precision="highest") for a, b in self.pairs)
        return self.scale * first * second

    def correction(self, x: Float[Array, " n_in"]) -> Float[Array, " n_out"]:
        r"""$\Delta W x$; the matrix is made first, there is no shorter way."""
        return self.delta() @ x


def is_adapter(node: Any) -> bool:
    """Whether `node` is a layer with an adapter."""
    return isinstance(node, AbstractAdapter)
