"""Rotary position embedding."""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ._initial import at_least_single


@dataclasses.dataclass(frozen=True, kw_only=True)
class Llama3Scaling:
    """Longer context by slower rotation: wavelengths above `original_positions / low_freq_factor` are stretched by
    `factor`, those below `original_positions / high_freq_factor` are kept, between them the two are mixed.

    **Reference:** Llama 3.1, as in its published code; the defaults are those of Llama-3.1-8B."""

    factor: float = 8.0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_positions: int = 8192


@dataclasses.dataclass(frozen=True, kw_only=True)
class RopeConfig:
    """`theta`, the base of the frequencies; `scaling`, none as first published."""

    theta: float = 10000.0
    scaling: Llama3Scaling | None = None

    def frequencies(self, head_dim: int) -> Float[np.ndarray, " pairs"]:
        r"""Angle per position of each pair, $\theta^{-2i/d}$ [rad]: `[head_dim / 2]`."""
        plain = self.theta ** -(np.arange(0, head_dim, 2) / head_dim)
        if self.scaling is None:
            return plain
        s = self.scaling
        turns = s.original_positions * plain / (2 * math.pi)
        kept = np.clip((turns - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor), 0.0, 1.0)
        return kept * plain + (1 - kept) * plain / s.factor


def rotate(
    x: Float[Array, "tokens heads head_dim"], positions: Int[Array, " tokens"], rope: RopeConfig
) -> Float[Array, "tokens heads head_dim"]:
    r"""Pair $(x_i, x_{i+d/2})$ turned by $p\,\theta^{-2i/d}$ at position p, computed in at least float32.

    **Reference:** Su et al., arXiv 2104.09864 (2021), eq. 15; the pairing of halves is that of the published Llama
    weights in the Hugging Face layout.
    """
    wide = at_least_single(x.dtype)
    angles = positions.astype(wide)[:, None] * jnp.asarray(rope.frequencies(x.shape[-1]), wide)[None, :]
    cos, sin = jnp.cos(angles)[:, None, :], jnp.sin(angles)[:, None, :]
    first, second = jnp.split(x.astype(wide), 2, axis=-1)
    return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1).astype(x.dtype)
