r"""Analog SGD is biased, Tiki-Taka is not: Wu et al. 2024 on linear devices, $q_\pm(w) = 1 \mp w/\tau$.

The expected update is $w \leftarrow w - \alpha g - (\alpha/\tau)|g|\,w$. For a quadratic loss with minimum $w^*$ and
gradients of noise $\sigma$ it rests where $w - w^* + \mathrm E|g|\,w/\tau = 0$, $g \sim \mathcal N(w - w^*, \sigma^2)$.
"""

import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ...devices import pulsed
from ...training import in_memory
from .._check import Absolute, Check, Origin, Paper, Range


PAPER = Paper("wu2024", "Wu et al., NeurIPS (2024), arXiv 2406.12774", "https://arxiv.org/abs/2406.12774")
_TAU, _GOAL, _RATE, _COPIES, _STEPS = 0.6, 0.4, 0.002, 1000, 10_000
_NOISES = (0.1, 0.3, 0.5)
_MEAN = in_memory.PulsedUpdate(in_memory.MeanField(), order=in_memory.EverySample(sparse=False))


def _device() -> pulsed.PulsedDevice:
    return pulsed.PulsedDevice(
        step=pulsed.SoftBounds(), dw_min=1e-3, w_max=_TAU, w_min=-_TAU, noise=pulsed.AdditiveNoise(0.0),
        variation=pulsed.no_variation(),
    )  # fmt: skip


def _one_update() -> list[float]:
    """(w' - w) / alpha for two weights and both signs of a gradient of 0.5."""
    device, rate = _device(), 1e-4
    w, d = jnp.asarray([[0.3, 0.3, -0.2, -0.2]]), jnp.asarray([[0.5, -0.5, 0.5, -0.5]])
    with jax.enable_x64(True):
        double = lambda leaf: jnp.asarray(leaf, jnp.float64)
        device = jax.tree.map(double, device)
        cells = device.write(device.init(w.shape, key=jr.key(0)), double(w), key=jr.key(1))
        update = eqx.filter_jit(in_memory.outer_update)
        moved, _, _ = update(device, cells, double([[1.0]]), double(d), rate, update=_MEAN, key=jr.key(2))
        return ((np.asarray(moved.w) - np.asarray(cells.w))[0] / rate).tolist()


@functools.cache
def _biases(name: str) -> list[float]:
    """For every noise: the mean of w - w* over copies, and over the last half of the steps."""
    rule = _rule(name)

    def run(noise: jax.Array, key: jax.Array) -> jax.Array:
        state = rule.init(jnp.zeros((1, _COPIES)), key=key)

        def step(carry: tuple, key: jax.Array) -> tuple[tuple, jax.Array]:
            w, state = carry
            key_noise, key_update = jr.split(key)
            gradient = w - _GOAL + noise * jr.normal(key_noise, w.shape)
            w, state, _ = rule.update(in_memory.Outer(jnp.ones((1, 1)), gradient), state, key=key_update)
            return (w, state), jnp.mean(w) - _GOAL

        return jnp.mean(jax.lax.scan(step, (rule.weights(state), state), jr.split(key, _STEPS))[1][_STEPS // 2 :])

    one_by_one = jax.jit(lambda noises: jax.lax.map(lambda noise: run(noise, jr.key(2024)), noises))
    return one_by_one(jnp.asarray(_NOISES)).tolist()


def _rule(name: str) -> in_memory.InMemoryRule:
    if name == "sgd":
        return in_memory.sgd(_device(), lr=_RATE, pulses=_MEAN)
    return in_memory.tiki_taka(_device(), lr=_RATE, fast_lr=_RATE, pulses=_MEAN, transfer_pulses=_MEAN)


def _left() -> list[float]:
    """The bias of Tiki-Taka over that of SGD."""
    return [abs(left / bias) for left, bias in zip(_biases("tiki_taka"), _biases("sgd"), strict=True)]


def _predicted(noise: float) -> float:
    def force(w: float) -> float:
        m = (w - _GOAL) / noise
        folded = noise * (2 / math.pi) ** 0.5 * math.exp(-(m**2) / 2) + (w - _GOAL) * math.erf(m / 2**0.5)
        return w - _GOAL + folded * w / _TAU

    low, high = 0.0, _GOAL
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if force(middle) < 0 else (low, middle)
    return low - _GOAL


def _formula(w: float, g: float) -> float:
    return -g - abs(g) * w / _TAU


CHECKS = (
    Check(PAPER, "update", "change by the rate, w = 0.3 and -0.2, gradients +-0.5, tau = 0.6", _one_update,
          tuple(_formula(w, g) for w in (0.3, -0.2) for g in (0.5, -0.5)), Absolute(1e-4),
          "pulses of finite number add a term of the order of the rate", Origin.FORMULA),
    Check(PAPER, "bias", "w - w* of analog SGD at noise 0.1, 0.3, 0.5, tau = 0.6, w* = 0.4",
          lambda: _biases("sgd"), tuple(map(_predicted, _NOISES)),
          Absolute(0.002), "weights move about their mean by the root of the rate, which the theory leaves out",
          Origin.FORMULA, seconds=6.0),
    Check(PAPER, "tiki_taka", "what Tiki-Taka leaves of that bias at the same rates, as a part of it", _left, (),
          Range(0.0, 0.1), "nothing in the limit of small rates; about 0.05 at rates of 0.002",
          Origin.STATED, seconds=8.0),
)  # fmt: skip
