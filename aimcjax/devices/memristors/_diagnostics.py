"""What makes a cell a memristor: pinched loops that shrink with the frequency, and a state that only counts charge."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Real

from ..._types import AnyArray, Scalar
from ._base import AbstractMemristor
from ._simulate import Trace, simulate


def hysteresis_loop(
    model: AbstractMemristor,
    amplitude: float | Scalar,
    frequency: float | Scalar,
    x0: Any = None,
    *,
    cycles: int = 1,
    samples: int = 200,
    **options: Any,
) -> Trace:
    r"""The last of `cycles` periods under $v = A \sin(2 \pi f t)$.

    **Arguments:** `amplitude` A [V]; `frequency` f [Hz]; `x0`, where the first cycle starts; `samples` per cycle;
    `options` of `simulate`.

    **Returns:** a `Trace` of `samples + 1` samples whose first and last voltages are zero.
    """
    phase = jnp.arange(cycles * samples + 1, dtype=float) / samples
    # The sine of whole turns has a rounding error that would leave the loop open at the origin.
    half_turns = (2 * jnp.arange(cycles * samples + 1)) % samples == 0
    wave = jnp.where(half_turns, jnp.zeros_like(phase), jnp.sin(2 * jnp.pi * phase))
    trace = simulate(model, phase / frequency, amplitude * wave, x0, **options)
    return jax.tree.map(lambda values: values[-samples - 1 :], trace)


def lobe_area(trace: Trace) -> Float[Array, " 2"]:
    r"""Areas $|\oint i\,dv|$ [W] of the lobes at positive and at negative voltage of a closed loop."""

    def area(v: Float[Array, " samples"]) -> Scalar:
        return jnp.abs(jnp.sum((trace.i[1:] + trace.i[:-1]) / 2 * (v[1:] - v[:-1])))

    return jnp.stack([area(jnp.maximum(trace.v, 0.0)), area(jnp.minimum(trace.v, 0.0))])


def lobe_areas(
    model: AbstractMemristor,
    amplitude: float | Scalar,
    frequencies: Real[AnyArray, " frequencies"] | Sequence[float],
    x0: Any = None,
    **options: Any,
) -> Float[Array, "frequencies 2"]:
    """`lobe_area` of `hysteresis_loop` with `amplitude` [V] from `x0` at every one of `frequencies` [Hz]; `options` are
    those of `hysteresis_loop`.

    At high frequencies the areas of every memristor fall as 1 / f (Adhikari et al., IEEE Trans. Circuits Syst. I
    60:3008, 2013, second fingerprint).
    """
    one = lambda frequency: lobe_area(hysteresis_loop(model, amplitude, frequency, x0, **options))
    return jax.vmap(one)(jnp.asarray(frequencies, dtype=float))


class Ideality(eqx.Module):
    """What `ideality` returns: the final `resistance` [Ohm] after each waveform, the `charge` [C] that passed, and
    `error`, the largest deviation of a resistance from their mean, relative; zero for an ideal memristor."""

    resistance: Float[Array, " waveforms"]
    charge: Float[Array, " waveforms"]
    error: Scalar


# Shapes on the unit interval; what differs is when and at which voltage the same flux passes.
_SHAPES: tuple[Callable[[Array], Array], ...] = (
    lambda s: jnp.minimum(1.0, 20 * jnp.minimum(s, 1 - s)),  # a pulse with short edges
    lambda s: jnp.sin(jnp.pi * s),
    lambda s: 1 - jnp.abs(2 * s - 1),
    lambda s: s,
    lambda s: jnp.maximum(0.0, jnp.sin(3 * jnp.pi * s)),  # two short pulses
)


def ideality(
    model: AbstractMemristor,
    flux: float | Scalar,
    duration: float | Scalar,
    x0: Any = None,
    *,
    v_read: float | None = None,
    samples: int = 401,
    **options: Any,
) -> Ideality:
    r"""Whether the resistance is a function of the charge alone, as it is for an ideal memristor.

    Five waveforms carry the same flux $\int v\,dt$ in the same time. In an ideal memristor flux and charge determine
    each other, so the same charge passes and the same resistance results; a cell with thresholds, relaxation or rates
    that are not linear ends elsewhere.

    **Arguments:** `flux` [V s]; `duration` [s] of each waveform; `x0`; `v_read` [V] at which the resistance is taken,
    default a thousandth of the mean voltage; `samples` of each waveform; `options` of `simulate`.

    **Reference:** after Pershin and Di Ventra, J. Phys. D 52:01LT01 (2019), whose circuit compares the resistance after
    equal charges; that flux stands for charge here is our choice.
    """
    phase = jnp.linspace(0.0, 1.0, samples)
    mean = jnp.asarray(flux / duration, dtype=float)
    read = mean / 1000 if v_read is None else jnp.asarray(v_read, dtype=float)

    def one(shape: Float[Array, " samples"]) -> tuple[Scalar, Scalar]:
        v = mean * shape / jnp.trapezoid(shape, phase)
        trace = simulate(model, phase * duration, v, x0, **options)
        x = trace.x[-1]
        resistance = read / model.current(x, read, model.temperature(x, read))
        return resistance, jnp.trapezoid(trace.i, trace.t)

    resistance, charge = jax.vmap(one)(jnp.stack([shape(phase) for shape in _SHAPES]))
    error = jnp.max(jnp.abs(resistance / jnp.mean(resistance) - 1))
    return Ideality(resistance=resistance, charge=charge, error=error)
