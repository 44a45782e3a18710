r"""In-memory training of Rasch et al. 2024: what an update takes, its soft bounds, and which algorithm needs what.

Weight programming (Fig. 4): 20x20 cells learn a normal matrix from 40,000 inputs (SGD, which is as good as it gets
after 3,000, from 10,000); the error is the root mean square of what the weights miss, the mean of three seeds.
"""

import functools
import pathlib
import tempfile
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ... import datasets, studies
from ...config import InMemoryToyConfig
from ...devices import pulsed
from ...training import in_memory
from .._check import Absolute, AtLeast, AtMost, Check, Origin, Paper, Range, Relative


PAPER = Paper(
    "rasch2024", "Rasch et al., Nat. Commun. 15:7133 (2024); of its simulator, AIHWKit 1.2.0, what the paper lacks",
    "https://doi.org/10.1038/s41467-024-51221-z",
)  # fmt: skip
_OFFSETS, _STATES = (0.0, 0.1, 0.2, 0.5), (20, 100)
_RUNTIMES = {"ttv2": 56.3, "cttv2": 56.3, "agad": 62.1, "sgd": 30.9, "mixed_precision": 3024.5}
_ALGORITHMS = {"SGD": "sgd", "TTv2": "ttv2", "c-TTv2": "cttv2", "AGAD": "agad"}


@functools.cache
def _errors(name: str) -> np.ndarray:
    """Of one algorithm, by states and offsets."""
    algorithm: dict[str, Any] = {"type": _ALGORITHMS[name], "lr": 0.1}
    cells = {"gain": 0.3, "imbalance": 0.1, "pulse": 0.3, "fast_bounds": 0.3, "slow_bounds": 0.0}
    config = InMemoryToyConfig.model_validate({
        "study": "in_memory_toy", "name": "rasch2024", "seed": 0, "n_seeds": 3, "size": 20, "target_std": 0.3,
        "samples": 10_000 if name == "SGD" else 40_000, "offsets": _OFFSETS, "states": _STATES, "cells": cells,
        "algorithms": {name: {**algorithm, "length": 5} if name == "SGD" else algorithm},
    })  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        report = studies.in_memory_toy(config, pathlib.Path(folder) / "run")
    return np.asarray(report.arrays["error"][1])[0, ..., -1].mean(axis=-1)


def _error(name: str, states: int, offset: float) -> float:
    return float(_errors(name)[_STATES.index(states), _OFFSETS.index(offset)])


def _growth(name: str, offset: float) -> list[float]:
    return [_error(name, n, offset) / _error(name, n, 0.0) for n in _STATES]


@functools.cache
def _smooth() -> tuple[pulsed.PulsedDevice, pulsed.PulsedCells]:
    """Soft bounds without noise of pulses, every cell of its own."""
    device = pulsed.PulsedDevice(
        step=pulsed.SoftBounds(), dw_min=0.01, w_max=1.0, w_min=-1.0, noise=pulsed.AdditiveNoise(0.0),
        variation=pulsed.Variation(gain=pulsed.LogNormalSpread(0.3), imbalance=0.3, w_max=0.3, w_min=0.3),
    )  # fmt: skip
    return device, device.init((200,), key=jr.key(7133))


def _symmetry_point() -> float:
    device, cells = _smooth()
    traits = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), cells.traits)
    up, down = traits.alpha_up, traits.alpha_down
    printed = (up - down) / (up / traits.w_max - down / traits.w_min)
    return float(np.max(np.abs(np.asarray(pulsed.symmetry_point(device, cells)) - printed)))


def _pairs() -> float:
    """The largest distance of pairs of pulses, many of them, to the symmetry point, in steps."""
    device, cells = _smooth()
    up = jnp.ones(200)

    def pair(cells: pulsed.PulsedCells, key: jax.Array) -> tuple[pulsed.PulsedCells, None]:
        return device.pulse(device.pulse(cells, up, key=key), -up, key=key), None

    settle = eqx.filter_jit(lambda cells: jax.lax.scan(pair, cells, jr.split(jr.key(0), 3000))[0])
    goal = pulsed.symmetry_point(device, cells)
    step = np.maximum(np.asarray(cells.traits.alpha_up), np.asarray(cells.traits.alpha_down))
    return float(np.max(np.abs(np.asarray(settle(cells).w - goal)) / step))


def _pair_of_pulses() -> list[float]:
    """What a pair moves at weights of 0.5 and -0.8, in steps; the device is symmetric and its steps are 1e-4."""
    with jax.enable_x64(True):
        device = pulsed.PulsedDevice(step=pulsed.SoftBounds(), dw_min=1e-4, w_max=1.0, w_min=-1.0,
                                     noise=pulsed.AdditiveNoise(0.0), variation=pulsed.no_variation())  # fmt: skip
        device = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), device)
        w = jnp.asarray([0.5, -0.8])
        cells = device.write(device.init((2,), key=jr.key(0)), w, key=jr.key(0))
        up = jnp.ones(2)
        after = device.pulse(device.pulse(cells, up, key=jr.key(1)), -up, key=jr.key(2))
        return ((after.w - w) / 1e-4).tolist()


def _states() -> float:
    return float(pulsed.number_of_states(_smooth()[0]))


def _cell(bounds: float) -> pulsed.PulsedDevice:
    return pulsed.PulsedDevice(
        step=pulsed.SoftBounds(), dw_min=0.1, w_max=1.0, w_min=-1.0, noise=pulsed.AdditiveNoise(0.3),
        variation=pulsed.Variation(gain=pulsed.LogNormalSpread(0.3), imbalance=0.1, w_max=bounds, w_min=bounds),
        reference=pulsed.Reference(at_symmetry_point=True),
    )  # fmt: skip


@functools.cache
def _writes(name: str) -> list[float]:
    """A perceptron of 64-32-10 learns digits in ten epochs at the settings of weight programming: pulses per sample of
    the most pulsed cell of A and of W."""
    data, batch = datasets.digits(), 5
    pulses = in_memory.PulsedUpdate(management=in_memory.Management(5), order=in_memory.EverySample(sparse=False))
    make = {"TTv2": in_memory.ttv2, "c-TTv2": in_memory.cttv2, "AGAD": in_memory.agad}[name]
    rule = make(_cell(0.3), slow=_cell(0.0), lr=0.1, pulses=pulses)
    x, y = jnp.asarray(data.x_train).reshape(len(data.x_train), -1), jnp.asarray(data.y_train)
    start = {"first": 0.2 * jr.normal(jr.key(1), (x.shape[1], 32)), "second": 0.2 * jr.normal(jr.key(2), (32, 10))}

    def loss(w: dict[str, Any], digital: jax.Array, x: jax.Array, y: jax.Array, *, key: jax.Array) -> jax.Array:
        logits = in_memory.linear(w["second"], jnp.tanh(in_memory.linear(w["first"], x)))
        return -jax.nn.log_softmax(logits + digital)[y]

    def step(carry: tuple, item: tuple) -> tuple[tuple, None]:
        w, state, counts = carry
        rows, key = item
        key_loss, key_update = jr.split(key)
        outer = in_memory.outer_factors(loss, w, jnp.zeros(10), x[rows], y[rows], key=key_loss)[1]
        w, state, stats = rule.update(outer, state, key=key_update)
        return (w, state, jax.tree.map(jnp.add, counts, stats.pulses)), None

    samples = 10 * (len(x) // batch) * batch
    rows = jr.permutation(jr.key(3), jnp.arange(samples) % len(x)).reshape(-1, batch)

    def run(state: Any) -> dict[str, jax.Array]:
        zeros = {f"{layer}/{array}": jnp.zeros_like(w) for layer, w in start.items() for array in "AW"}
        carry = (rule.weights(state), state, zeros)
        return jax.lax.scan(step, carry, (rows, jr.split(jr.key(4), len(rows))))[0][2]

    counts = jax.jit(run)(rule.init(start, key=jr.key(5)))
    largest = [max(float(n.max()) for layer, n in counts.items() if layer.endswith(array)) for array in "AW"]
    return [n / samples for n in largest]


_READ = "what is read off a figure, of three seeds"
_LITERALLY = "the bound is ours, the paper says in words"

CHECKS = (
    *(Check(PAPER, f"runtime_{name}", f"time of an update of 512x512 by {name}, per sample (Table 1)",
            lambda name=name: 1e9 * in_memory.runtime(name), value, Absolute(0.051), "half of the last digit",
            Origin.PRINTED, "ns")
      for name, value in _RUNTIMES.items()),
    Check(PAPER, "symmetry_point", "largest distance of the symmetry points of 200 cells from the printed formula",
          _symmetry_point, 0.0, Absolute(1e-5), "single precision", Origin.FORMULA),
    Check(PAPER, "pairs", "where 3,000 pairs of pulses lead: largest distance to the symmetry point, in steps", _pairs,
          1.0, AtMost(), "a pair ends half a step from the point where both steps are equal", Origin.FORMULA,
          seconds=2.0),
    Check(PAPER, "pair", "change of weights 0.5 and -0.8 by a pair of pulses, in steps: -2 w", _pair_of_pulses,
          (-1.0, 1.6), Absolute(2e-3), "the second order of a step of 1e-4", Origin.FORMULA),
    Check(PAPER, "states", "states of a cell, (w_max - w_min) / step, for bounds +-1 and steps of 0.01", _states, 200.0,
          Relative(1e-5), "single precision", Origin.FORMULA),
    Check(PAPER, "ttv2", "error of TTv2 at 20 states, about 5 %", lambda: 100 * _error("TTv2", 20, 0.0), 5.0,
          Absolute(1.0), _READ, Origin.PRINTED, "%", seconds=15.0),
    Check(PAPER, "sgd", "error of in-memory SGD at 20 states, more than 25 %", lambda: 100 * _error("SGD", 20, 0.0),
          25.0, AtLeast(), "the source gives a bound", Origin.PRINTED, "%", seconds=15.0),
    Check(PAPER, "ttv2_offset", "error of TTv2 at 20 states and references off by 0.1, about 9 %",
          lambda: 100 * _error("TTv2", 20, 0.1), 9.0, Absolute(1.0), _READ, Origin.PRINTED, "%", seconds=1.5,
          known_discrepancy="no setting that was tried gives it, nor does AIHWKit 1.2.0 (5.6 %)"),
    Check(PAPER, "peer_exact", "error of TTv2 at 20 states, of SGD at 20 and 100, exact references",
          lambda: [100 * _error("TTv2", 20, 0.0), *(100 * _error("SGD", n, 0.0) for n in _STATES)], (5.15, 28.6, 13.7),
          Absolute((1.0, 2.0, 2.0)), "three seeds of either simulator", Origin.PEER, "%", seconds=1.5),
    Check(PAPER, "peer_offset", "error of TTv2 at 20 states, references off by 0.1 and 0.2",
          lambda: [100 * _error("TTv2", 20, offset) for offset in (0.1, 0.2)], (5.6, 15.5), Absolute((1.0, 5.0)),
          "which of the references are far off is chance, in either simulator", Origin.PEER, "%", seconds=1.5),
    Check(PAPER, "ttv2_needs_references", "error of TTv2 with references off by 0.5 over exact ones, 20 and 100 states",
          lambda: _growth("TTv2", 0.5), (), Range(2.0), f"{_LITERALLY} that it needs them", Origin.STATED,
          seconds=1.5),
    Check(PAPER, "choppers", "error of c-TTv2 over TTv2, references off by 0.2 and 0.5, 20 states",
          lambda: [_error("c-TTv2", 20, off) / _error("TTv2", 20, off) for off in (0.2, 0.5)], (), Range(0.0, 0.7),
          f"{_LITERALLY} that choppers take most of the offset away", Origin.STATED, seconds=15.0),
    Check(PAPER, "agad", "error of AGAD with references off by 0.1, 0.2, 0.5 over exact ones, 20 and 100 states",
          lambda: [growth for offset in _OFFSETS[1:] for growth in _growth("AGAD", offset)], (), Range(0.8, 1.25),
          f"{_LITERALLY} that it needs no reference", Origin.STATED, seconds=15.0),
    Check(PAPER, "more_states", "error at 100 over that at 20 states, exact references: SGD, TTv2, c-TTv2, AGAD",
          lambda: [_error(name, 100, 0.0) / _error(name, 20, 0.0) for name in _ALGORITHMS], (), Range(0.0, 0.8),
          f"{_LITERALLY} that errors fall with the number of states", Origin.STATED, seconds=1.5),
    *(Check(PAPER, f"writes_fast_{_ALGORITHMS[name]}", f"pulses per sample of the most pulsed cell of A, {name}",
            lambda name=name: _writes(name)[0], (), Range(0.5, 4.0), "the range that is printed", Origin.PRINTED,
            seconds=12.0)
      for name in ("TTv2", "c-TTv2", "AGAD")),
    *(Check(PAPER, f"writes_slow_{_ALGORITHMS[name]}", f"pulses per sample of the most pulsed cell of W, {name}",
            lambda name=name: _writes(name)[1], (), Range(2e-4, 4e-4), "the range that is printed", Origin.PRINTED,
            seconds=1.5,
            known_discrepancy="ten epochs of 1,437 digits at a rate of 0.1: W is written most while a network learns, "
            "and the source counts over its long trainings of larger networks, whose rates are not known here; TTv2 "
            "writes 5e-4 over thirty epochs at a rate of 0.01")
      for name in ("TTv2", "c-TTv2", "AGAD")),
)  # fmt: skip
