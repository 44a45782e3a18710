"""Training of adapters: learning rates by factor, alignment of the factors."""

from collections.abc import Hashable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from .. import nn
from .._types import Scalar


def lora_plus(ratio: float | Scalar = 16.0) -> optax.GradientTransformationExtraArgs:
    r"""LoRA+: the factors B of adapters learn at `ratio` times the rate of the factors A; after the optimiser's step,
    as the `projection` of `fit`. All else learns at the rate of A.

    **Reference:** Hayou, Ghosh and Yu, LoRA+, ICML 2024: $\eta_B = \lambda \eta_A$ with $\lambda = 16$.
    """
    same = optax.identity()
    rates: dict[Hashable, Any] = {"a": same, "b": optax.scale(ratio), "other": same}  # pyright: ignore[reportArgumentType]
    return optax.multi_transform(rates, nn.adapter_roles)


def halora_penalty(model: Any, mu: float | Scalar = 0.1) -> Scalar:
    r"""The alignment loss of HaLoRA, $\mu \sum (\|A A^T\|_2 + \|B^T B\|_2)$ over the adapters of `model`, to be added
    to the loss (`penalty` of `fit`).

    $\|\cdot\|_2$ is taken as the spectral norm, here the largest eigenvalue, the squared gain of the factor: what
    bounds how far it can carry an error of the layers before it. The sum over adapters is assumed, as is that both
    pairs of a LoHa count. The gradient is that of the leading eigenvector, finite also where eigenvalues coincide.

    **Reference:** Wu et al., HaLoRA, arXiv:2502.19747 (2025), with $\mu = 0.1$.
    """
    pairs = [pair for adapter in nn.adapters_of(model).values() for pair in adapter.pairs]
    grams = [gram for a, b in pairs for gram in (a @ a.T, b.T @ b)]
    return mu * sum((_largest_eigenvalue(gram) for gram in grams), jnp.zeros(()))


def _largest_eigenvalue(gram: Float[Array, "rank rank"]) -> Scalar:
    # Through the eigenvector held fixed: derivatives of eigenvectors are infinite where B is still zero.
    v = jnp.linalg.eigh(jax.lax.stop_gradient(gram))[1][:, -1]
    return v @ gram @ v
