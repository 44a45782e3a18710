"""What is asked of a chip in service, and what answering takes."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from ..._types import Scalar, physical
from ...units import day, uJ


class Traffic(eqx.Module):
    """Requests over time: `requests` in each of equal steps of `step` [s].

    A request takes `energy` [J] on the chip, all of which heats its tiles, in proportion to `shares` of the layers (a
    number for each, in the order of `nn.analog_layers`; `None`: as they have tiles), or `digital_energy` [J] in the
    digital unit, which is elsewhere. The power of a step is even (assumed): give shorter steps for peaks.

    **Raises:** `ValueError` for no steps, or known values below zero.
    """

    requests: Float[Array, " steps"] = physical()
    step: Scalar = physical(1 * day, unit="s", doc="assumed", above=0.0)
    energy: Scalar = physical(1 * uJ, unit="J", doc="assumed; `cost` of the model on its chip gives it")
    digital_energy: Scalar = physical(100 * uJ, unit="J", doc="assumed: a hundred times as much")
    shares: Float[Array, " layers"] | None = None

    def __check_init__(self) -> None:
        if jnp.ndim(self.requests) != 1 or not jnp.size(self.requests):
            raise ValueError(f"requests is a number for each step, got shape {jnp.shape(self.requests)}")
        for name in ("requests", "step", "energy", "digital_energy"):
            value = getattr(self, name)
            if eqx.is_array(value) and not isinstance(value, Tracer) and not np.all(np.asarray(value) >= 0):
                raise ValueError(f"{name} of traffic is zero or more, got {np.asarray(value).min():g}")

    @classmethod
    def constant(cls, requests_per_s: float, *, steps: int, step: float = 1 * day, **more: Any) -> "Traffic":
        """The same rate in every one of so many steps."""
        return cls(requests=jnp.full((steps,), requests_per_s * step), step=step, **more)
