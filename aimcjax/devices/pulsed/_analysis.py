"""What one measures on pulsed cells: staircases, symmetry points, numbers of states, moments of n pulses."""

import functools

import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Float

from ... import _random
from ..._types import PRNGKey, Scalar
from ._base import AbstractAffineStep, AbstractPulsedDevice, AbstractPulseNoise, Cell, Counts, PulsedCells
from ._device import PulsedDevice
from ._noise import AdditiveNoise, RelativeNoise
from ._symmetry import balance


def staircase(
    device: PulsedDevice, n_up: int, n_down: int, *, key: PRNGKey, shape: tuple[int, ...] = ()
) -> Float[Array, "pulses *cell"]:
    """The visible weights of new cells, from the lower bound through `n_up` pulses up and `n_down` down.

    **Returns:** `n_up + n_down + 1` weights of cells of `shape`.
    """
    key_init, key_write, key_pulse = _random.split(key, 3)
    cells = device.init(shape, key=key_init)
    lowest = cells.traits.w_min if cells.reference is None else cells.traits.w_min - cells.reference
    cells = device.write(cells, lowest, key=key_write)

    def one(cells: PulsedCells, i: Array) -> tuple[PulsedCells, Cell]:
        direction = jnp.where(i < n_up, jnp.ones_like(cells.w), -jnp.ones_like(cells.w))
        cells = device.pulse(cells, direction, key=jr.fold_in(key_pulse, i))
        return cells, device.weights(cells)

    _, trace = lax.scan(one, cells, jnp.arange(n_up + n_down))
    return jnp.concatenate([device.weights(cells)[None], trace])


def symmetry_point(device: PulsedDevice, cells: PulsedCells) -> Cell:
    r"""The weight of each cell at which an up and a down pulse cancel, where alternating pulses lead.

    For soft bounds $w^* = \frac{\alpha_+ - \alpha_-}{\alpha_+/w_{max} - \alpha_-/w_{min}}$; likewise in closed form for
    every straight law; else by bisection. A cell with one direction stronger everywhere has it at that bound.

    **Returns:** visible weights, without write noise.

    **Reference:** Rasch et al., Nat. Commun. 15:7133 (2024), Methods.
    """
    w = balance(device.step, cells.traits)
    return w if cells.reference is None else w - cells.reference


def number_of_states(device: AbstractPulsedDevice) -> Scalar:
    """The range of the nominal cell over the nominal length of one pulse, `(w_max - w_min) / granularity`."""
    return (device.w_max - device.w_min) / device.granularity()


def moments_of_pulses(device: PulsedDevice, cells: PulsedCells, counts: Counts) -> tuple[Cell, Cell]:
    r"""Mean and variance of the hidden weights `w` after `counts` pulses, exact while no pulse meets a bound.

    A step $d(a - bw)$ multiplies the distance to $w_\infty = a/b$ by $\lambda = 1 - db$. After n pulses

    $$E[w_n] = \lambda^n w_0 + d\,a\,\tfrac{1 - \lambda^n}{1 - \lambda}, \qquad
      V_{add} = (\alpha\sigma)^2\,\tfrac{1 - \lambda^{2n}}{1 - \lambda^2}, \qquad
      V_{rel} = (w_0 - w_\infty)^2\big[(\lambda^2 + b^2\sigma^2)^n - \lambda^{2n}\big]$$
    with the limits $w_0 + dna$, $n(\alpha\sigma)^2$ and $na^2\sigma^2$ for constant steps, $b = 0$.

    **Raises:** `ValueError` for a step law or a noise that has no closed form.

    **Reference:** Gokmen & Vlasov (2016) for b = 0; the recursion of Rasch et al. (2024), Eqs. (4), (5), solved here.
    """
    if not isinstance(device.step, AbstractAffineStep):
        raise ValueError(f"moments of n pulses are known for straight step laws, got {type(device.step).__name__}")
    counts = jnp.asarray(counts, cells.w.dtype)
    up, n, direction = counts > 0, jnp.abs(counts), jnp.sign(counts)
    a, b = device.step.line(up, cells.traits)
    factor = 1.0 - direction * b
    mean = factor**n * cells.w + direction * a * _geometric(factor, direction * b, n)
    alpha = cells.traits.alpha(up)
    return mean, _variance(device.noise, alpha, a - b * cells.w, b, factor, direction * b, n)


@functools.singledispatch
def _variance(noise: AbstractPulseNoise, alpha: Cell, first: Cell, b: Cell, factor: Cell, loss: Cell, n: Cell) -> Cell:
    raise ValueError(f"moments of n pulses are known for additive and relative noise, got {type(noise).__name__}")


@_variance.register
def _(noise: AdditiveNoise, alpha: Cell, first: Cell, b: Cell, factor: Cell, loss: Cell, n: Cell) -> Cell:
    return (alpha * noise.relative_std) ** 2 * _geometric(factor**2, loss * (1.0 + factor), n)


@_variance.register
def _(noise: RelativeNoise, alpha: Cell, first: Cell, b: Cell, factor: Cell, loss: Cell, n: Cell) -> Cell:
    # With first = a - b w_0 = b (w_inf - w_0): no difference of large numbers for a small slope.
    flat = b == 0
    square, spread = jnp.where(factor == 0, 1.0, factor) ** 2, (noise.relative_std * b) ** 2
    growth = jnp.expm1(n * jnp.log1p(spread / square)) / jnp.where(flat, 1.0, b) ** 2
    return first**2 * jnp.where(flat, n * noise.relative_std**2, factor ** (2.0 * n) * growth)


def _geometric(factor: Cell, loss: Cell, n: Cell) -> Cell:
    """The sum of n powers of `factor = 1 - loss`."""
    flat = loss == 0
    return jnp.where(flat, n, (1.0 - factor**n) / jnp.where(flat, 1.0, loss))
