"""What n pulses in one direction do to a cell: mean and noise in closed form if there is one, else one by one."""

import abc
import functools

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Integer, UInt32

from ... import _random
from ...devices import pulsed


Cell = Float[Array, "*cell"]
Count = Float[Array, "*cell"]
Up = Bool[Array, "*cell"]
Words = UInt32[Array, " 2"]


class AbstractResponse(eqx.Module):
    """What is known of every cell before the pulses come, computed once for many samples."""

    w_max: eqx.AbstractVar[Cell]
    w_min: eqx.AbstractVar[Cell]

    @abc.abstractmethod
    def advance(self, w: Cell, n: Count, up: Up, words: Words, first: Integer[Array, ""] | int = 0) -> Cell:
        """The weights after `n` pulses, with noise and within their bounds; `words` of a key, and the number of the
        `first` of these cells in the array."""

    @abc.abstractmethod
    def flow(self, w: Cell, n: Count, up: Up) -> Cell:
        """The weights after `n` infinitely small pulses, of any real number, that together are as long as n."""

    def clip(self, w: Cell) -> Cell:
        """The weights within the bounds of each cell."""
        return jnp.minimum(jnp.maximum(w, self.w_min), self.w_max)


class AbstractClosedForm(AbstractResponse):
    """A response whose mean and variance after any number of pulses are known."""

    @abc.abstractmethod
    def spread(self, w: Cell, variance: Cell, n: Count, up: Up) -> tuple[Cell, Cell]:
        """Mean and variance after `n` pulses from those before, away from the bounds."""

    @abc.abstractmethod
    def mixed(self, w: Cell, n_up: Count, n_down: Count) -> tuple[Cell, Cell]:
        """Mean and variance after pulses in both directions, evenly interleaved."""

    def advance(self, w: Cell, n: Count, up: Up, words: Words, first: Integer[Array, ""] | int = 0) -> Cell:
        """All `n` pulses at once: one noise and one clip at the end of them."""
        mean, variance = self.spread(w, jnp.zeros_like(w), n, up)
        return self.disturbed(mean, variance, words, first)

    def disturbed(self, mean: Cell, variance: Cell, words: Words, first: Integer[Array, ""] | int = 0) -> Cell:
        """A draw with this mean and variance, within the bounds."""
        return self.clip(mean + jnp.sqrt(variance) * noise_of(words, mean, first))


class Flat(AbstractClosedForm):
    r"""Steps $\pm\alpha_\pm$ at any weight, with the standard deviation `std` in units of them."""

    w_max: Cell
    w_min: Cell
    alpha_up: Cell
    alpha_down: Cell
    std: Array

    def spread(self, w: Cell, variance: Cell, n: Count, up: Up) -> tuple[Cell, Cell]:
        """$w \\pm n\\alpha$ and $n(\\alpha\\sigma)^2$."""
        alpha = jnp.where(up, self.alpha_up, self.alpha_down)
        return w + jnp.where(up, n, -n) * alpha, variance + n * (alpha * self.std) ** 2

    def mixed(self, w: Cell, n_up: Count, n_down: Count) -> tuple[Cell, Cell]:
        """The sum over both directions; bounds are met at the end only."""
        variance = n_up * (self.alpha_up * self.std) ** 2 + n_down * (self.alpha_down * self.std) ** 2
        return w + n_up * self.alpha_up - n_down * self.alpha_down, variance

    def flow(self, w: Cell, n: Count, up: Up) -> Cell:
        """The mean."""
        return self.clip(w + jnp.where(up, n * self.alpha_up, -n * self.alpha_down))


class Straight(AbstractClosedForm):
    r"""Steps $\pm(a - bw)$: n pulses multiply the distance to $w_\infty = a/b$ by $\lambda^n$, $\lambda = 1 \mp b$.

    A pulse that would pass $w_\infty$ ($\lambda < 0$) ends there: for soft bounds that is the bound, where it is cut.
    `square` is $\ln(1 + (b\sigma/\lambda)^2)$ for noise in proportion to the step, else the stationary variance.
    `steep`: $w_\infty$ are the bounds. After several pulses noise in proportion to the step is not exactly normal; its
    variance is exact.
    """

    w_max: Cell
    w_min: Cell
    a_up: Cell
    a_down: Cell
    b_up: Cell
    b_down: Cell
    log_up: Cell
    log_down: Cell
    square_up: Cell
    square_down: Cell
    relative: bool = eqx.field(static=True)
    steep: bool = eqx.field(static=True)

    def spread(self, w: Cell, variance: Cell, n: Count, up: Up) -> tuple[Cell, Cell]:
        """The recursions of mean and variance, solved."""
        log = jnp.where(up, self.log_up, self.log_down)
        square = jnp.where(up, self.square_up, self.square_down)
        factor = jnp.exp(n * log)
        mean, distance = self._mean(w, n, up, factor, log)
        if not self.relative:
            return mean, square + (variance - square) * factor * factor
        growth = factor * factor * _expm1(jnp.minimum(n * square, 80.0))
        # Steps longer than the range would let it grow for ever; no law within the bounds has a larger one.
        largest = (self.w_max - self.w_min) ** 2
        return mean, jnp.minimum(variance * (factor * factor + growth) + distance**2 * growth, largest)

    def mixed(self, w: Cell, n_up: Count, n_down: Count) -> tuple[Cell, Cell]:
        """The flow to the weight where both directions balance, as fast as both factors together; the variance is
        that of the up pulses and then of the down pulses."""
        up = jnp.ones_like(w, dtype=bool)
        fast_up, fast_down = n_up * self.log_up, n_down * self.log_down
        rate = fast_up + fast_down
        push = rate * w - fast_up * self.a_up / self.b_up - fast_down * self.a_down / self.b_down
        mean = w + push * jnp.where(rate == 0, 1.0, jnp.expm1(rate) / jnp.where(rate == 0, 1.0, rate))
        _, variance = self.spread(*self.spread(w, jnp.zeros_like(w), n_up, up), n_down, ~up)
        return mean, variance

    def flow(self, w: Cell, n: Count, up: Up) -> Cell:
        """$e^{-bn}$ in the place of $\\lambda^n$."""
        a, b = jnp.where(up, self.a_up, self.a_down), jnp.where(up, self.b_up, self.b_down)
        gain = jnp.expm1(jnp.where(up, -n, n) * b) / b
        return self.clip(w - gain * (a - b * w))

    def _mean(self, w: Cell, n: Count, up: Up, factor: Cell, log: Cell) -> tuple[Cell, Cell]:
        if self.steep:
            rest = jnp.where(up, self.w_max, self.w_min)
            return rest + (w - rest) * factor, w - rest
        a, b = jnp.where(up, self.a_up, self.a_down), jnp.where(up, self.b_up, self.b_down)
        distance = w - a / b
        return w + _expm1(n * log) * distance, distance


class PulseByPulse(AbstractResponse):
    """Any law and any noise: every pulse has its own, and the bounds cut after each. As many rounds as the largest
    count of a sample."""

    w_max: Cell
    w_min: Cell
    device: pulsed.PulsedDevice
    traits: pulsed.Traits

    def advance(self, w: Cell, n: Count, up: Up, words: Words, first: Integer[Array, ""] | int = 0) -> Cell:
        """One pulse after the other."""
        direction = jnp.where(up, 1.0, -1.0).astype(w.dtype)

        def one(i: Array, w: Cell) -> Cell:
            size = self.device.step.size(w, up, self.traits)
            std = self.device.noise.std(size, w, up, self.traits)
            fresh = _random.bits_at(words, 2 * i.astype(jnp.uint32) + jnp.arange(2, dtype=jnp.uint32))
            moved = self.clip(w + direction * (size + std * noise_of(fresh, w, first)))
            return jnp.where(i.astype(n.dtype) < n, moved, w)

        return lax.fori_loop(jnp.int32(0), jnp.max(n, initial=0.0).astype(jnp.int32), one, w)

    def flow(self, w: Cell, n: Count, up: Up) -> Cell:
        """One Euler step of the mean law."""
        return self.clip(w + jnp.where(up, n, -n) * self.device.step.size(w, up, self.traits))


def noise_of(words: Words, like: Cell, first: Integer[Array, ""] | int = 0) -> Cell:
    """Standard normals, one for every cell, of which `first` is the number of the first one."""
    index = jnp.arange(like.size, dtype=jnp.uint32).reshape(like.shape) + jnp.asarray(first, jnp.uint32)
    return _random.normal_at(words, index).astype(like.dtype)


def pulse_by_pulse(device: pulsed.PulsedDevice, traits: pulsed.Traits) -> PulseByPulse:
    """The response that takes no short cut."""
    return PulseByPulse(traits.w_max, traits.w_min, device, traits)


def response_of(device: pulsed.PulsedDevice, traits: pulsed.Traits) -> AbstractResponse:
    """The closed form of the device's law, if it has one."""
    return _response(device.step, device.noise, device, traits)


@functools.singledispatch
def _response(
    step: pulsed.AbstractStep, noise: pulsed.AbstractPulseNoise, device: pulsed.PulsedDevice, traits: pulsed.Traits
) -> AbstractResponse:
    del step, noise
    return pulse_by_pulse(device, traits)


@_response.register
def _(
    step: pulsed.ConstantStep,
    noise: pulsed.AbstractPulseNoise,
    device: pulsed.PulsedDevice,
    traits: pulsed.Traits,
) -> AbstractResponse:
    if not isinstance(noise, pulsed.AdditiveNoise | pulsed.RelativeNoise):
        return pulse_by_pulse(device, traits)
    return Flat(traits.w_max, traits.w_min, traits.alpha_up, traits.alpha_down, noise.relative_std)


@_response.register
def _(
    step: pulsed.AbstractAffineStep,
    noise: pulsed.AbstractPulseNoise,
    device: pulsed.PulsedDevice,
    traits: pulsed.Traits,
) -> AbstractResponse:
    if not isinstance(noise, pulsed.AdditiveNoise | pulsed.RelativeNoise):
        return pulse_by_pulse(device, traits)
    relative, up = isinstance(noise, pulsed.RelativeNoise), jnp.ones_like(traits.w_max, dtype=bool)
    (a_up, b_up), (a_down, b_down) = step.line(up, traits), step.line(~up, traits)
    b_up, b_down = _not_level(b_up), _not_level(b_down)
    losses = [jnp.minimum(b, 0.999) for b in (b_up, -b_down)]
    log_up, log_down = (_log_of_rest(b) for b in losses)
    deviations = traits.alpha_up * noise.relative_std, traits.alpha_down * noise.relative_std
    squares = [
        jnp.log1p((b * noise.relative_std / (1.0 - loss)) ** 2) if relative else deviation**2 / (loss * (2.0 - loss))
        for b, loss, deviation in zip((b_up, b_down), losses, deviations, strict=True)
    ]
    steep = isinstance(step, pulsed.SoftBounds)
    return Straight(
        traits.w_max,
        traits.w_min,
        a_up,
        a_down,
        b_up,
        b_down,
        log_up,
        log_down,
        squares[0],
        squares[1],
        relative,
        steep,
    )


def _not_level(b: Cell) -> Cell:
    # Straight laws have no special case for slope zero: over 31 pulses this one is a rounding error of float32.
    return jnp.where(jnp.abs(b) < 1e-7, 1e-7, b)


def _expm1(t: Cell) -> Cell:
    # The one of XLA takes three times as long on a CPU; this one is off by a rounding error of float32.
    small = t * (1 + t * (1 / 2 + t * (1 / 6 + t * (1 / 24 + t * (1 / 120 + t * (1 / 720))))))
    return jnp.where(jnp.abs(t) < 0.3, small, jnp.exp(t) - 1.0)


def _log_of_rest(b: Cell) -> Cell:
    # log(1 - b), exact to a rounding error also for small b.
    series = b * (1 + b * (1 / 2 + b * (1 / 3 + b * (1 / 4 + b * (1 / 5 + b * (1 / 6 + b * (1 / 7)))))))
    return jnp.where(jnp.abs(b) < 0.05, -series, jnp.log(1.0 - b))
