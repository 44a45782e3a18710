r"""An LSTM, a CNN and a transformer on chips of the standard crossbar: Rasch et al. 2023, on digits.

Each learns digitally, then on a fresh simulated chip of random age in every step (hardware-aware, HWA), and is
programmed on five chips of phase-change cells that are read after an hour, a day and a year. The iso-accuracy is
$1 - (\epsilon(t) - \epsilon_\text{FP}) / (\epsilon_\text{chance} - \epsilon_\text{FP})$, of test errors.

The ranges were stated before anything was computed. In the source five of eleven networks keep 99 % of the way from
chance to their digital accuracy at one hour, networks without retraining lose more, and losses grow slowly with age.
Digits are easier than its tasks, but 360 images make half a percent of uncertainty.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ... import datasets, models, nn, sweeps, training
from ...tiles import preset
from ...units import day, hour, year
from .._check import Check, Origin, Paper, Range


PAPER = Paper(
    "rasch2023_networks", "Rasch et al., Nat. Commun. 14:5282 (2023): networks on its standard crossbar",
    "https://doi.org/10.1038/s41467-023-40770-4",
)  # fmt: skip
_TIMES, _CHIPS, _CHANCE = (hour, day, year), 5, 10.0


class _Network(NamedTuple):
    make: Callable[[jax.Array], Any]
    digital: training.Schedule
    hardware: training.Schedule


_NETWORKS = {
    "lstm": _Network(
        lambda key: models.Lstm(8, 10, hidden=32, key=key),
        training.Schedule(60, 64, 1e-2, 0.05), training.Schedule(15, 64, 2e-3, 0.05),
    ),
    "cnn": _Network(
        lambda key: models.ResNet(1, 10, widths=(8, 16), n_blocks=1, pool=2, key=key),
        training.Schedule(20, 64, 1e-2, 0.05), training.Schedule(6, 64, 2e-3, 0.05),
    ),
    "transformer": _Network(
        lambda key: models.VisionTransformer(8, 2, 10, dim=32, depth=2, n_heads=4, mlp_ratio=2, key=key),
        training.Schedule(60, 64, 3e-3, 0.1), training.Schedule(15, 64, 2e-3, 0.1),
    ),
}  # fmt: skip


class _Accuracy(NamedTuple):
    """In percent: `digital`; mean of chips by time, of weights as they are and after HWA training."""

    digital: float
    direct: np.ndarray
    hardware: np.ndarray
    uncompensated: np.ndarray


@functools.cache
def _accuracy(name: str) -> _Accuracy:
    network, data, tile = _NETWORKS[name], datasets.digits(), preset("standard_pcm")
    key_init, key_digital, key_hardware, key_chips = jr.split(jr.key(14), 4)
    xs, ys = jnp.asarray(data.x_test), jnp.asarray(data.y_test)
    with jax.numpy_dtype_promotion("standard"):  # optax is not written for strict promotion
        model, _ = training.fit(
            network.make(key_init), data.x_train, data.y_train, forward=training.digital_forward,
            schedule=network.digital, key=key_digital,
        )  # fmt: skip
        analog = nn.calibrate(nn.convert(model, [nn.Rule(".*", tile)]), jnp.asarray(data.x_train[:256]))
        hardware, _ = training.fit(
            analog, data.x_train, data.y_train, schedule=network.hardware, key=key_hardware,
            forward=functools.partial(training.hwa_forward, ages=(20.0, year)),
            projection=training.keep_programmable(2.5),
        )  # fmt: skip
        score = functools.partial(
            sweeps.score_over_time, xs=xs, labels=ys, score=training.accuracy, n_chips=_CHIPS,
            times=jnp.asarray(_TIMES), strengths=jnp.asarray([1.0, 0.0]), key=key_chips,
        )  # fmt: skip
        direct, trained = (100 * np.asarray(score(m)).mean(axis=1) for m in (analog, hardware))
        digital = 100 * float(training.accuracy(jax.vmap(model)(xs), ys))
    return _Accuracy(digital, direct[0], trained[0], direct[1])


def _iso(name: str, time: int) -> float:
    found = _accuracy(name)
    return 100 * float(found.hardware[time] - _CHANCE) / (found.digital - _CHANCE)


def _gain(name: str) -> float:
    found = _accuracy(name)
    return float(found.hardware[-1] - found.direct[-1])


def _compensation(name: str) -> float:
    found = _accuracy(name)
    return float(found.direct[-1] - found.uncompensated[-1])


_WHEN = (
    ("1_h", "one hour", 98.0, "the source calls 99 % iso-accurate; one percent less for 360 images and five chips"),
    ("1_day", "one day", 97.5, "half a percent below an hour: the published loss over a day is 0.2 (Joshi 2020)"),
    ("1_year", "one year", 95.0, "three percent below an hour: exponents have spread twice as far as in a day"),
)
_ISO = "the definition of the iso-accuracy, and that 99 % of it are called so"

CHECKS = (
    *(Check(PAPER, f"{name}_{when}", f"{name}: accuracy kept after HWA training at {words}, of the way from chance",
            functools.partial(_iso, name, i), (), Range(low, 105.0), why, Origin.STATED, "%",
            to_be_verified=_ISO, seconds=45.0 if i == 0 else 1.5)
      for name in _NETWORKS for i, (when, words, low, why) in enumerate(_WHEN)),
    *(Check(PAPER, f"{name}_hwa", f"{name}: accuracy at one year after HWA training less that of weights as they are",
            functools.partial(_gain, name), (), Range(-0.5),
            "training for the hardware does no harm, within what 360 images tell", Origin.STATED, "%", seconds=1.5)
      for name in _NETWORKS),
    *(Check(PAPER, f"{name}_compensation", f"{name}: accuracy at one year that drift compensation saves, as they are",
            functools.partial(_compensation, name), (), Range(10.0),
            "drift takes half of every current; norms hide it in the CNN alone", Origin.STATED, "%", seconds=1.5)
      for name in ("lstm", "transformer")),
)  # fmt: skip
