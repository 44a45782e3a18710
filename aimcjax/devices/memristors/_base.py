"""What every memristor must offer: a state that moves with the voltage, and a current."""

import abc

import equinox as eqx
from jaxtyping import Array, Float

from ..._types import Scalar


State = Float[Array, "*state"]


class AbstractMemristor(eqx.Module):
    r"""One memristive cell as a compact model,

    $$\dot x = f(x, v, T), \qquad i = G(x, v)\, v,$$
    after Chua and Kang, Proc. IEEE 64:209 (1976). Unbatched: `v` [V] is a scalar, `x` a scalar or a short vector in SI
    units (metres of a gap, kelvin of a thermal node), unless the model defines a dimensionless state. Parameters,
    cells and waveforms are batched with `vmap`.
    """

    stiff: eqx.AbstractClassVar[bool]  # rates over many decades: `simulate` takes an implicit solver

    @abc.abstractmethod
    def initial(self) -> State:
        """The state at which a simulation starts unless told otherwise; its shape is the shape of the state."""

    @abc.abstractmethod
    def bounds(self) -> tuple[State, State]:
        """The smallest and the largest state."""

    @abc.abstractmethod
    def rate(self, x: State, v: Scalar, temperature: Scalar) -> State:
        """dx/dt [state per second] at `v` [V] and `temperature` [K]."""

    @abc.abstractmethod
    def current(self, x: State, v: Scalar, temperature: Scalar) -> Scalar:
        """Current [A] at `v` [V] and `temperature` [K]; zero at zero volts."""

    @abc.abstractmethod
    def temperature(self, x: State, v: Scalar) -> Scalar:
        """Temperature [K] of the switching region: ambient, heated by the current, or a part of the state."""

    @abc.abstractmethod
    def diffusion(self, x: State, v: Scalar, temperature: Scalar) -> State | None:
        r"""Noise amplitude of the state [state per $\sqrt{\mathrm{s}}$], or `None` for a model without noise."""
