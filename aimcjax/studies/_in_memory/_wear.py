"""What training wrote into cells, as the reports of studies tell it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ...training import in_memory


Runs = Float[np.ndarray, " runs"]

LIFETIME = (
    "A lifetime ends when a hundredth of the cells of an array has had as many pulses as it endures, which is the "
    "config's; days are of uninterrupted training at the times of Rasch et al., Nat. Commun. 15:7133 (2024), Table 1."
)


class Wear(NamedTuple):
    """Of every run: `pulses` in all; `mean`, `largest`, pulses per sample of the mean cell and of the most pulsed one,
    in the array that gets most; `epochs`, `days` until the first array ends. `cells` that are written."""

    pulses: Runs
    mean: Runs
    largest: Runs
    epochs: Runs
    days: Runs
    cells: int


def wear_of(stats: in_memory.WriteStats, endurance: float, samples_per_epoch: float) -> Wear:
    """`stats` of all runs, with a leading axis of them."""
    n_runs = len(stats.samples)
    runs = [jax.tree.map(lambda leaf, i=i: jnp.asarray(leaf[i]), stats) for i in range(n_runs)]
    of_runs = lambda f: np.asarray([f(run) for run in runs], np.float64)
    lives = [in_memory.lifetime(run, endurance, samples_per_epoch=samples_per_epoch).values() for run in runs]
    worst = [min(life, key=lambda part: part.samples) for life in lives]
    return Wear(
        pulses=of_runs(lambda run: sum(float(jnp.sum(n)) for n in run.pulses.values())),
        mean=of_runs(lambda run: max(float(n) for n in run.mean().values()) / float(run.samples)),
        largest=of_runs(lambda run: max(float(n) for n in run.max().values()) / float(run.samples)),
        epochs=np.asarray([part.epochs for part in worst]),
        days=np.asarray([part.days for part in worst]),
        cells=sum(int(n.size) for n in runs[0].pulses.values()),
    )


def numbers(accuracy: Float[np.ndarray, "runs epochs"], wear: Wear) -> dict[str, Any]:
    """For `summary.json`: the last accuracies, and the means of `wear`."""
    last = accuracy[:, -1]
    return {
        "accuracy_mean": float(np.mean(last)), "accuracy_std": float(np.std(last, ddof=1)), "cells_written": wear.cells,
        "pulses": float(np.mean(wear.pulses)), "pulses_per_sample_mean_cell": float(np.mean(wear.mean)),
        "pulses_per_sample_most_pulsed": float(np.mean(wear.largest)), "lifetime_epochs": float(np.mean(wear.epochs)),
        "lifetime_days": float(np.mean(wear.days)),
    }  # fmt: skip


HEADER = ["cells that are written", "pulses per sample, mean cell", "most pulsed cell", "lifetime (epochs)",
          "lifetime (days)"]  # fmt: skip


def row(wear: Wear) -> list[str]:
    """The columns of `HEADER`: empty where nothing was written."""
    if not np.any(wear.largest):
        return [""] * len(HEADER)
    return [f"{wear.cells:,}", *(f"{np.mean(v):.2g}" for v in (wear.mean, wear.largest, wear.epochs, wear.days))]
