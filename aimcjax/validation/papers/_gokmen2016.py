r"""Stochastic pulses of Gokmen & Vlasov 2016: a binomial law whose mean is the outer product."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ...devices import pulsed
from ...training import in_memory
from .._check import Absolute, Check, Origin, Paper, Relative


PAPER = Paper(
    "gokmen2016", "Gokmen & Vlasov, Front. Neurosci. 10:333 (2016)", "https://doi.org/10.3389/fnins.2016.00333"
)
_LENGTH, _STEP, _RATE, _DRAWS = 10, 0.001, 0.01, 200_000
_PLAIN = in_memory.PulsedUpdate(
    management=in_memory.Management(_LENGTH, adapt_length=False, balance=False),
    order=in_memory.EverySample(sparse=False),
)


@jax.jit
def _moved(x: jax.Array, d: jax.Array, keys: jax.Array) -> jax.Array:
    device = pulsed.PulsedDevice(dw_min=_STEP, noise=pulsed.RelativeNoise(0.0), variation=pulsed.no_variation())
    cells = device.init((1, 1), key=jr.key(0))

    def once(key: jax.Array) -> jax.Array:
        after, _, _ = in_memory.outer_update(device, cells, x, d, _RATE, update=_PLAIN, key=key)
        return device.weights(after)[0, 0]

    return jax.vmap(once)(keys)


@functools.cache
def _moments(x: float, d: float) -> tuple[float, float]:
    moved = np.asarray(_moved(jnp.full((1, 1), x), jnp.full((1, 1), -d), jr.split(jr.key(2016), _DRAWS)), np.float64)
    return float(moved.mean()), float(moved.std())


def _amplitude() -> list[float]:
    x, d = jnp.full((1, 1), 0.5), jnp.full((1, 1), 0.4)
    lines = _PLAIN.lines(x, d, _RATE, jnp.asarray(_STEP))
    return [float(lines.x[0, 0]) / 0.5, float(lines.d[0, 0]) / 0.4]


def _states() -> float:
    device = pulsed.preset("rpu_gokmen2016")
    return float((device.w_max - device.w_min) / device.dw_min)


@eqx.filter_jit
def _one_pulse(device: pulsed.PulsedDevice, direction: float) -> jax.Array:
    key_init, key_pulse = jr.split(jr.key(333))
    cells = device.init((_DRAWS,), key=key_init)
    return device.pulse(cells, jnp.full(_DRAWS, direction), key=key_pulse).w - cells.w


def _single() -> list[float]:
    moved = np.asarray(_one_pulse(pulsed.preset("rpu_gokmen2016"), 1.0), np.float64)
    return [1e3 * float(moved.mean()), float(moved.std() / moved.mean())]


def _law(x: float, d: float) -> tuple[float, float]:
    p = _RATE / (_LENGTH * _STEP) * x * d
    return _LENGTH * _STEP * p, _STEP * (_LENGTH * p * (1 - p)) ** 0.5


_FOUR = "four standard errors of 200 000 updates"
_MEMORY = "length 10, step 0.001 and rate 0.01 of the baseline"

CHECKS = (
    *(Check(PAPER, f"mean_{x:g}_{d:g}", f"mean change of a weight by ten pulses, x = {x:g} and d = {d:g}",
            lambda x=x, d=d: _moments(x, d)[0], mean, Absolute(4 * _law(x, d)[1] / _DRAWS**0.5), _FOUR,
            Origin.FORMULA, to_be_verified=_MEMORY, seconds=2.0)
      for x, d, mean in ((0.5, 0.4, 2e-3), (0.1, 0.05, 5e-5))),
    *(Check(PAPER, f"std_{x:g}_{d:g}", f"deviation of that change, x = {x:g} and d = {d:g}",
            lambda x=x, d=d: _moments(x, d)[1], std, Relative(bound), f"{_FOUR}, of a law with so long a tail",
            Origin.FORMULA, to_be_verified=_MEMORY)
      for x, d, std, bound in ((0.5, 0.4, 1.2649e-3, 0.007), (0.1, 0.05, 2.2305e-4, 0.021))),
    Check(PAPER, "amplitude", "amplification C of rows and columns at rate 0.01, ten pulses of 0.001", _amplitude,
          (1.0, 1.0), Relative(1e-6), "single precision", Origin.FORMULA, to_be_verified=_MEMORY),
    Check(PAPER, "states", "states of the baseline device between its bounds +-0.6", _states, 1200.0, Relative(1e-5),
          "single precision", Origin.PRINTED, to_be_verified="the bounds and the step"),
    Check(PAPER, "one_pulse", "a pulse of the baseline device: mean in thousandths, relative deviation over cells",
          _single, (1.0, (1.09**2 - 1) ** 0.5), Absolute((0.005, 0.01)),
          "four standard errors of 200 000 cells, of a product of two normal variates of 30 % each", Origin.FORMULA,
          to_be_verified="30 % from cell to cell and from pulse to pulse"),
)  # fmt: skip
