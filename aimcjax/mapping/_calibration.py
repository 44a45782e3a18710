"""Calibration: what a programmed matrix answers to known vectors, and the digital correction that follows."""

import abc
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Time
from ._compensation import ratio
from ._matrix import MatrixSnapshot, TiledMatrix
from ._partition import Partition


class Correction(eqx.Module):
    """Digital `gain` and `offset` of every output: `y = gain * raw + offset`, offset in units of the weights."""

    gain: Float[Array, " n_out"]
    offset: Float[Array, " n_out"]

    def __call__(self, y: Float[Array, " n_out"]) -> Float[Array, " n_out"]:
        """The corrected outputs."""
        return self.gain * y + self.offset


class AbstractCorrector(eqx.Module):
    """Turns answers to calibration vectors into a correction of the outputs."""

    @abc.abstractmethod
    def correction(self, answer: Float[Array, "n n_out"], wanted: Float[Array, "n n_out"]) -> Correction:
        """The correction that leads from what was read, `answer`, to what is `wanted`, for n vectors."""


class AffineColumns(AbstractCorrector):
    r"""Gain and offset of every output by least squares over the vectors, $\min \sum_k (a y_k + b - y^*_k)^2$.

    An output that answers nothing keeps gain one. **Reference:** linear regression; MemTorch fits one line to a
    whole layer in the same way.
    """

    def correction(self, answer: Float[Array, "n n_out"], wanted: Float[Array, "n n_out"]) -> Correction:
        """See the class."""
        mean, target = jnp.mean(answer, axis=0), jnp.mean(wanted, axis=0)
        spread = jnp.sum((answer - mean[None]) ** 2, axis=0)
        both = jnp.sum((answer - mean[None]) * (wanted - target[None]), axis=0)
        gain = jnp.where(spread > 0, both / jnp.where(spread > 0, spread, 1.0), 1.0)
        return Correction(gain, target - gain * mean)


class ColumnGain(AbstractCorrector):
    r"""One gain an output, $\sum_k |y^*_k| / \sum_k |y_k|$: drift compensation by column.

    **Reference:** AIHWKit's compensation per column is this with unit vectors.
    """

    def correction(self, answer: Float[Array, "n n_out"], wanted: Float[Array, "n n_out"]) -> Correction:
        """See the class."""
        gain = ratio(jnp.sum(jnp.abs(wanted), axis=0), jnp.sum(jnp.abs(answer), axis=0))
        return Correction(gain, jnp.zeros_like(gain))


class GlobalGain(AbstractCorrector):
    r"""One gain for all outputs, $\sum_{kc} |y^*_{kc}| / \sum_{kc} |y_{kc}|$.

    **Reference:** Joshi et al., Nat. Commun. 11:2473 (2020), there for every tile (`GlobalDriftCompensation`).
    """

    def correction(self, answer: Float[Array, "n n_out"], wanted: Float[Array, "n n_out"]) -> Correction:
        """See the class."""
        gain = jnp.broadcast_to(ratio(jnp.sum(jnp.abs(wanted)), jnp.sum(jnp.abs(answer))), answer.shape[1:])
        return Correction(gain, jnp.zeros_like(gain))


class CalibratedMatrix(eqx.Module):
    """A matrix at one time with its digital correction: `y = correction(snapshot(x))`."""

    snapshot: MatrixSnapshot
    correction: Correction

    def __call__(self, x: Float[Array, " n_in"], *, key: PRNGKey) -> Float[Array, " n_out"]:
        """One corrected analog product of one vector in [-1, 1]."""
        return self.correction(self.snapshot(x, key=key))


def calibrate_matrix(
    matrix: TiledMatrix,
    x: Float[Array, "n n_in"],
    wanted: Float[Array, "n n_out"],
    *,
    t: Time,
    key: PRNGKey,
    corrector: AbstractCorrector | None = None,
    reads: int = 1,
) -> CalibratedMatrix:
    """The matrix `t` seconds after programming, corrected by what it answers then.

    **Arguments:** `matrix`; calibration vectors `x` in [-1, 1]; `wanted`, their products: `x @ w` for an exact
    reference, or what the matrix answered when it was programmed (`answers(matrix.at(0.0), x, key=...)`); `t` [s];
    `key` of the reads; `corrector`, default `AffineColumns()`; `reads` of every vector, averaged.

    **Raises:** `ValueError` if there is not one product for each vector, or no vector or read.
    """
    check_vectors(matrix.partition, x, wanted)
    if reads < 1:
        raise ValueError(f"a calibration needs at least one read, got reads={reads}")
    snapshot = matrix.at(t)
    correction = (corrector or AffineColumns()).correction(answers(snapshot, x, key=key, reads=reads), wanted)
    return CalibratedMatrix(snapshot, correction)


def answers(
    snapshot: MatrixSnapshot, x: Float[Array, "n n_in"], *, key: PRNGKey, reads: int = 1
) -> Float[Array, "n n_out"]:
    """What a matrix answers to vectors `x`, each the mean of so many `reads`."""
    keys = jax.random.split(key, (reads, len(x)))
    one_by_one = jax.vmap(lambda x, key: snapshot(x, key=key))
    return jnp.mean(jax.vmap(lambda keys: one_by_one(x, keys))(keys), axis=0)


class PeriodicCalibration(eqx.Module):
    """When a chip is calibrated: at `first` [s] after programming, then at times that grow by `factor` (drift is a
    matter of decades), or at equal intervals where `factor` is 1 (then every `first`)."""

    first: float = eqx.field(static=True, default=60.0)
    factor: float = eqx.field(static=True, default=10.0)

    def __check_init__(self) -> None:
        if not self.first > 0 or not self.factor >= 1:
            raise ValueError(f"first is above 0 s and factor at least 1, got first={self.first}, factor={self.factor}")

    def times(self, until: float) -> list[float]:
        """All calibrations [s] up to `until` [s], a finite time."""
        if not np.isfinite(until):
            raise ValueError(f"calibrations go on for ever: ask up to a finite time, got {until} s")
        if self.factor == 1.0:
            return list(self.first * np.arange(1, int(until / self.first + 1e-9) + 1, dtype=float))
        count = int(np.floor(np.log(until / self.first) / np.log(self.factor) + 1e-9)) + 1 if until >= self.first else 0
        return list(self.first * self.factor ** np.arange(count, dtype=float))

    def latest(self, t: float) -> float | None:
        """The last calibration [s] before or at `t` [s], `None` if there was none yet."""
        before = self.times(t)
        return before[-1] if before else None


def calibrated_over_time(
    matrix: TiledMatrix,
    x: Float[Array, "n n_in"],
    wanted: Float[Array, "n n_out"],
    times: Sequence[float],
    *,
    schedule: PeriodicCalibration,
    key: PRNGKey,
    corrector: AbstractCorrector | None = None,
) -> list[CalibratedMatrix]:
    """The matrix at each of `times` [s], each with the correction of the latest calibration of `schedule` before it, by
    what `x` should give, `wanted`.

    The matrix's own compensation is computed at every time on top of it: for a chip that is corrected by the schedule
    alone, program the matrix with `GlobalDriftCompensation(strength=0.0)`.
    """
    corrected: dict[float, Correction] = {}
    result = []
    for t in times:
        last = schedule.latest(t)
        if last is not None and last not in corrected:
            key_now = _random.key_for(key, f"calibration at {last!r} s")  # whatever other times are asked for
            done = calibrate_matrix(matrix, x, wanted, t=last, key=key_now, corrector=corrector)
            corrected[last] = done.correction
        result.append(CalibratedMatrix(matrix.at(t), corrected[last] if last is not None else _none(wanted)))
    return result


def check_vectors(part: Partition, x: Array, wanted: Array) -> None:
    """Raises `ValueError` unless `x` and `wanted` are inputs and outputs of a matrix, as many of each and not none."""
    if not len(x) or x.shape[1:] != (part.n_in,) or wanted.shape != (len(x), part.n_out):
        raise ValueError(
            f"calibration needs vectors x[n, {part.n_in}] and their products wanted[n, {part.n_out}], "
            f"got shapes {x.shape} and {wanted.shape}"
        )


def _none(wanted: Any) -> Correction:
    return Correction(jnp.ones_like(wanted[0]), jnp.zeros_like(wanted[0]))
