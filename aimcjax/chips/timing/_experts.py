"""A mixture of experts in a graph: the router first, then the experts that it chose."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Int

from ..._types import PRNGKey
from ._graph import DIGITAL, GraphBuilder


class Experts(eqx.Module):
    """Feed-forward layers of which a router picks `k` for each token.

    **Arguments:** `n_experts`; `choices`, the experts [layers, batch, positions, k] of every token, from a model's own
    routing or from `draw_experts`; `router_on_critical_path`, whether experts wait for the router, as they must. The
    public simulator's router feeds the sum of the experts alone, which hides its delay: `False` is for comparison with
    it.
    """

    n_experts: int = eqx.field(static=True)
    choices: Int[np.ndarray, "layers batch positions k"]
    router_on_critical_path: bool = eqx.field(static=True, default=True)

    def __check_init__(self) -> None:
        c = self.choices
        if c.ndim != 4 or not np.issubdtype(c.dtype, np.integer):
            raise ValueError(f"choices are {c.dtype} of shape {c.shape}; give integers [layers, batch, positions, k]")
        if c.min() < 0 or c.max() >= self.n_experts:
            raise ValueError(f"choices go from {c.min()} to {c.max()}; there are experts 0 to {self.n_experts - 1}")
        if c.shape[-1] > 1 and np.any(np.diff(np.sort(c, axis=-1), axis=-1) == 0):
            raise ValueError("a token chose the same expert twice; give each of its k experts once")

    def stages(
        self, b: GraphBuilder, layer: int, x: Sequence[Int[np.ndarray, "1 tokens"]], *, dim: int, ff: int, gated: bool
    ) -> list[Int[np.ndarray, "1 tokens"]]:
        """The stages of one layer's mixture, and the operations that its outputs wait for."""
        n_layers, batch, positions, k = self.choices.shape
        if layer >= n_layers or b.sequence.max() >= batch or b.token.max() >= positions:
            need = (layer + 1, int(b.sequence.max()) + 1, int(b.token.max()) + 1)
            raise ValueError(
                f"choices are for {(n_layers, batch, positions)} layers, sequences, tokens; {need} are due"
            )
        where = f"layers/{layer}"
        logits = b.linear([f"{where}/router"], dim, [self.n_experts], x)
        chosen = b.stage(f"{where}/route", DIGITAL, b.everyone, "route", logits)
        copy = self.choices[layer][b.sequence, b.token].T  # k x tokens
        of = np.broadcast_to(b.everyone, copy.shape)
        wait = [chosen] if self.router_on_critical_path else list(x)
        up = [f"{where}/expert/ffn1", f"{where}/expert/gate"][: 1 + gated]
        hidden = b.linear(up, dim, [ff] * len(up), wait, of=of, copy=copy, copies=self.n_experts)
        hidden = [b.stage(f"{where}/expert/activation", DIGITAL, of, "activation", hidden)]
        down = [f"{where}/expert/ffn2"]
        y = b.linear(down, ff, [dim], hidden, of=of, copy=copy, copies=self.n_experts)
        columns = [column[:1] for column in y]
        for index in range(1, k):  # weighted by the router, which is part of the sum (assumed)
            after = [*columns, *(column[index : index + 1] for column in y)]
            columns = [b.stage(f"{where}/combine {index}", DIGITAL, b.everyone, "add", after)]
        return columns if self.router_on_critical_path else [*columns, chosen]


def draw_experts(
    density: Any, *, n_layers: int, batch: int, positions: int, k: int, key: PRNGKey
) -> Int[np.ndarray, "layers batch positions k"]:
    r"""Experts drawn without replacement, the first with probability `density`, the next with what is left of it:
    the $k$ largest of $\log p_e + G_e$ with Gumbel variables $G$.

    **Arguments:** `density` over experts, or [layers, experts], not necessarily normalised; `n_layers`, `batch`,
    `positions`, sizes of what is drawn.

    **Returns:** integers [layers, batch, positions, k], for `Experts`.
    """
    p = np.asarray(density, float)
    if p.ndim not in (1, 2) or np.any(p < 0) or np.any(np.count_nonzero(p, axis=-1) < k):
        raise ValueError(f"density of shape {p.shape} must be at least 0, and positive for {k} experts of each layer")
    p = np.broadcast_to(p, (n_layers, p.shape[-1]))[:, None, None]
    noise = jr.gumbel(key, (n_layers, batch, positions, p.shape[-1]), jnp.float32)
    with np.errstate(divide="ignore"):
        scores = np.log(p) + np.asarray(jax.device_get(noise))
    return np.argsort(-scores, axis=-1)[..., :k]
