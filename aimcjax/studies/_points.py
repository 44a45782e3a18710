"""The networks of a sweep: one for every point, made from a few trained ones."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp

from .. import nn, sweeps, training
from ..components import shorten
from ..config import Config, vary
from ..datasets import Dataset
from . import _roads as roads


RETRAINED = ("data", "model", "seed", "deep", "digital_training", "hwa_training", "adapter", "calibration")
_METRICS: Mapping[str, Any] = {
    "accuracy": training.accuracy,
    "loss": training.cross_entropy,
    "perplexity": lambda logits, labels: jnp.exp(training.cross_entropy(logits, labels)),
    "bits_per_character": training.BITS_PER_CHARACTER.function,
    "mvm_error": sweeps.OfChip(sweeps.mvm_error),
}


def metrics(config: Config) -> dict[str, Any]:
    """The metrics of a sweep by name; unless it names some, those of the data and the loss.

    **Raises:** `ValueError` for a function that cannot be imported.
    """
    names = config.sweep.metrics or dict.fromkeys((config.data.metric.key, "loss"))
    return {name.replace(":", "."): _METRICS.get(name) or _imported(name) for name in names}


def _imported(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"sweep.metrics: cannot import {name!r}: {error}") from None
    if not callable(found):
        raise ValueError(f"sweep.metrics: {name} is no function of logits and labels, got {shorten(found)}")
    return found


def variants(config: Config, points: sweeps.Points) -> list[Config]:
    """The config of every point."""
    plain = config.model_copy(update={"sweep": config.sweep.model_copy(update={"axes": {}, "design": "crossed"})})
    return [vary(plain, {path: value for path, value in point.items() if path != "network"}) for point in points]


def training_of(point: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The values of a point that decide which trained network it takes: points with the same share it."""
    return tuple((path, repr(value)) for path, value in point.items() if path.split(".")[0] in RETRAINED)


def at_point(variant: Config, road: str, networks: Mapping[str, Any], baseline: Any, data: Dataset) -> Any:
    """The network of a point: that of a `road`, on the tiles and with the drift compensation of the point's config.

    **Raises:** `ValueError` if other layers than those that were trained would be analog.
    """
    if road == "direct":
        return roads.map_directly(variant, baseline, data)
    trained, like = networks[road], roads.converted(variant, baseline)
    if set(nn.analog_layers(trained)) != set(nn.analog_layers(like)):
        raise ValueError(
            "sweep.axes.chip.digital_layers: a network that was trained for hardware keeps its layers; "
            "sweep them with networks: [direct]"
        )
    return nn.with_designs(nn.with_compensation(trained, variant.chip.compensation), like)
