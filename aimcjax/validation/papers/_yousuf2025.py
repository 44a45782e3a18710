r"""Layer ensemble averaging of Yousuf et al. 2025: the mean of the best copies of a layer, against faults."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ... import datasets, models, training
from ...devices import IdealDevice, StuckCells
from ...mapping import GlobalDriftCompensation, averaged, program_copies
from ...periphery import IdealAdc, IdealDac
from ...tiles import TileDesign
from .._check import Check, Origin, Paper, Range


PAPER = Paper("yousuf2025", "Yousuf et al., Nat. Commun. 16 (2025)", "https://doi.org/10.1038/s41467-025-56319-6")
_SAMPLES = 200  # that say how good a copy is


@functools.cache
def _lost() -> tuple[float, float]:
    """What 20 % of stuck cells cost a perceptron on digits, in points: single layers (three chips), and the mean of the
    better half of sixteen copies."""
    data = datasets.digits()
    train, test = (jnp.asarray(x).reshape(len(x), -1) for x in (data.x_train, data.x_test))
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # optax is strict in neither
        model, _ = training.fit(
            models.Mlp(64, 10, (48,), key=jr.key(0)), data.x_train, data.y_train, forward=training.digital_forward,
            schedule=training.Schedule(30, 48, 5e-3), key=jr.key(1),
        )  # fmt: skip
        digital = float(training.accuracy(jax.vmap(model)(test), jnp.asarray(data.y_test)))
    known = (train[:_SAMPLES], jax.nn.relu(jax.vmap(model.layers[0])(train[:_SAMPLES])))
    stuck: Any = StuckCells  # its range is that of what it wraps, which type checkers do not see
    device = stuck(IdealDevice(), p_on=0.1, p_off=0.1)
    plain = GlobalDriftCompensation(strength=0.0)
    design = TileDesign(device=device, dac=IdealDac(), adc=IdealAdc())

    def accuracy(n_copies: int, keep: int, seed: int) -> float:
        values, keys = test, jr.split(jr.key(seed), 4)
        for index, (layer, inputs) in enumerate(zip(model.layers, known, strict=True)):
            w, scale = layer.weight.T, jnp.max(jnp.abs(inputs))
            key_program, key_average = keys[2 * index], keys[2 * index + 1]
            copies = program_copies(design, w, n_copies=n_copies, key=key_program, compensation=plain)
            unit = inputs / scale
            chosen = averaged(copies, keep=keep, x=unit, wanted=unit @ w, key=key_average).at(0.0)
            product = jax.vmap(lambda v, chosen=chosen: chosen(v, key=jr.key(0)))(values / scale)
            values = scale * product + layer.bias[None]
            values = jax.nn.relu(values) if index == 0 else values
        return float(training.accuracy(values, jnp.asarray(data.y_test)))

    alone = float(np.mean([accuracy(1, 1, seed) for seed in (2, 3, 4)]))
    return 100 * (digital - alone), 100 * (digital - accuracy(16, 8, 5))


CHECKS = (
    Check(PAPER, "alone", "accuracy that 20 % stuck cells take from a network on digits", lambda: _lost()[0], (),
          Range(10.0), "the source loses 50 points on another task; that it is no small loss", Origin.STATED, "%",
          seconds=15.0),
    Check(PAPER, "ensemble", "accuracy that is lost with the mean of the better half of 16 copies", lambda: _lost()[1],
          5.0, Range(-2.0, 5.0), "the source: within 5 % of the baseline, on another task; a gain is by chance alone",
          Origin.PRINTED, "%", seconds=1.5),
)  # fmt: skip
