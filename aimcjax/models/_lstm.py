"""Long short-term memory."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Float

from .._types import PRNGKey
from ..nn import reused


class LstmLayer(eqx.Module):
    r"""One layer over all steps: $c_t = \sigma(f) c_{t-1} + \sigma(i) \tanh(g)$, $h_t = \sigma(o) \tanh(c_t)$ with
    $(i, f, g, o) = W x_t + U h_{t-1} + b$.

    W and U are two linear layers, which `convert` puts on tiles; every step reads them with noise of its own.

    **Reference:** Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al., Neural Comput. 12 (2000).
    """

    input: eqx.nn.Linear
    recurrent: eqx.nn.Linear

    def __init__(self, n_in: int, hidden: int, *, key: PRNGKey) -> None:
        key_input, key_recurrent = jr.split(key)
        layer = eqx.nn.Linear(n_in, 4 * hidden, key=key_input)
        bias = jnp.zeros(4 * hidden).at[hidden : 2 * hidden].set(1.0)  # remember at first (Gers et al., 2000)
        self.input = eqx.tree_at(lambda it: it.bias, layer, bias)
        self.recurrent = eqx.nn.Linear(hidden, 4 * hidden, use_bias=False, key=key_recurrent)

    def __call__(self, xs: Float[Array, "steps n_in"]) -> Float[Array, "steps hidden"]:
        """The hidden states of one sequence, from a state of zeros."""
        inputs = jax.vmap(self.input)(xs)
        blank = jnp.zeros(inputs.shape[1] // 4, inputs.dtype)

        def step(state: tuple[Array, Array], item: tuple[Array, Array]) -> tuple[tuple[Array, Array], Array]:
            h, c = state
            x, t = item
            i, f, g, o = jnp.split(x + reused(self.recurrent, t)(h), 4)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        return lax.scan(step, (blank, blank), (inputs, jnp.arange(xs.shape[0])))[1]


class Lstm(eqx.Module):
    """Layers of long short-term memory, and a linear head on the last hidden state.

    **Arguments:** `n_in`, of each step; `n_out`; `hidden`; `n_layers`; `key`, initial weights (uniform, as
    `equinox.nn.Linear`; forget gates start open).
    """

    layers: list[LstmLayer]
    head: eqx.nn.Linear

    def __init__(self, n_in: int, n_out: int, *, hidden: int, n_layers: int = 1, key: PRNGKey) -> None:
        if min(n_in, n_out, hidden, n_layers) < 1:
            raise ValueError(f"Lstm: sizes are at least one, got {n_in}, {n_out}, {hidden}, {n_layers}")
        key_head, *keys = jr.split(key, 1 + n_layers)
        self.layers = [LstmLayer(hidden if i else n_in, hidden, key=k) for i, k in enumerate(keys)]
        self.head = eqx.nn.Linear(hidden, n_out, key=key_head)

    def __call__(self, xs: Float[Array, "steps n_in"]) -> Float[Array, " n_out"]:
        """Logits for one sequence."""
        for layer in self.layers:
            xs = layer(xs)
        return self.head(xs[-1])
