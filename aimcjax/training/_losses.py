"""What training minimises, and what is reported."""

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from .._types import Scalar


def cross_entropy(logits: Float[Array, "*batch classes"], labels: Int[Array, "*batch"]) -> Scalar:
    """Mean softmax cross-entropy of `logits` [nats]; one label for each row of them."""
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))


def accuracy(logits: Float[Array, "*batch classes"], labels: Int[Array, "*batch"]) -> Scalar:
    """Fraction of samples whose largest of `logits` is the label, in [0, 1]."""
    return jnp.mean((jnp.argmax(logits, axis=-1) == labels).astype(logits.dtype))
