"""What a step of training minimises."""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Shaped

from .._types import Scalar, physical
from ..models import RoutingStats, load_balancing_loss
from ._losses import cross_entropy


class AbstractObjective(eqx.Module):
    """A loss of a batch, from the logits of the network in training."""

    @abc.abstractmethod
    def __call__(self, logits: Any, xs: Shaped[Array, "n ..."], ys: Shaped[Array, "n ..."]) -> Scalar:
        """The mean loss [nats] of samples `xs` with labels `ys`, along the leading axis."""


class CrossEntropy(AbstractObjective):
    """Cross-entropy with the labels."""

    def __call__(
        self, logits: Float[Array, "n *positions classes"], xs: Shaped[Array, "n ..."], ys: Int[Array, "n *positions"]
    ) -> Scalar:
        """See `cross_entropy`."""
        del xs
        return cross_entropy(logits, ys)


class Distillation(AbstractObjective):
    r"""The network learns what a `teacher` says instead of, or beside, the labels:

    $$\beta\,T^2\,\mathrm{KL}\big(\mathrm{softmax}(z_{teacher}/T)\,\|\,\mathrm{softmax}(z/T)\big)
      + (1 - \beta)\,\mathrm{CE}(z, y)$$

    **Arguments:** `teacher`, a digital model, called on single samples without noise, and not trained; `weight`
    $\beta$; `temperature` T.

    **Reference:** Hinton, Vinyals and Dean, arXiv:1503.02531 (2015); analog foundation models (Büchel et al., NeurIPS
    2025) are trained with $\beta = 1$, $T = 1$.
    """

    teacher: Any
    weight: Scalar = physical(1.0, doc="Büchel 2025")
    temperature: Scalar = physical(1.0, doc="Büchel 2025", above=0.0)

    def __call__(
        self, logits: Float[Array, "n *positions classes"], xs: Shaped[Array, "n ..."], ys: Int[Array, "n *positions"]
    ) -> Scalar:
        """See the class."""
        wanted = jax.lax.stop_gradient(jax.vmap(self.teacher)(xs)).astype(logits.dtype) / self.temperature
        said = jax.nn.log_softmax(logits / self.temperature)
        wanted = jax.nn.log_softmax(wanted)
        divergence = jnp.mean(jnp.sum(jnp.exp(wanted) * (wanted - said), axis=-1)) * self.temperature**2
        return self.weight * divergence + (1.0 - self.weight) * cross_entropy(logits, ys)


class Balanced(AbstractObjective):
    """Another `objective` and, for mixtures of experts, `weight` times `models.load_balancing_loss`: the network is
    called for its routing as well (`models.WithRouting`)."""

    objective: AbstractObjective
    weight: Scalar = physical(0.02, doc="assumed", above=0.0)

    def __call__(
        self,
        logits: tuple[Float[Array, "n *positions classes"], RoutingStats],
        xs: Shaped[Array, "n ..."],
        ys: Int[Array, "n *positions"],
    ) -> Scalar:
        """See the class."""
        said, routing = logits
        return self.objective(said, xs, ys) + self.weight * load_balancing_loss(routing)
