"""The networks of a sweep: one for every point, made from a few trained ones."""

import hashlib
import importlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr

from ... import nn, sweeps, training
from ...components import shorten
from ...config import Config, shapes, vary
from ...datasets import Dataset
from .._networks import _roads as roads
from .._running import write_text


BASELINE = ("data", "model", "seed", "deep", "digital_training")
RETRAINED = (*BASELINE, "hwa_training", "adapter", "calibration")
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


def check_metrics(config: Config, metrics: Mapping[str, Any], data: Dataset) -> None:
    """Calls the metrics that are somebody's own functions with shapes for arrays: nothing is computed.

    **Raises:** `ValueError` for one that fails, and for one that gives anything but one real number.
    """
    own = {name: metrics[name.replace(":", ".")] for name in config.sweep.metrics if ":" in name}
    if not own:
        return
    xs, labels = (jax.eval_shape(jnp.asarray, one) for one in (data.x_test, data.y_test))
    model = shapes(config.model, data, jr.key(config.seed))
    logits = eqx.filter_eval_shape(lambda model, xs: jax.vmap(model)(xs), model, xs)
    given = f"logits {_shape(logits)} and labels {_shape(labels)}"
    for name, metric in own.items():
        try:
            found = jax.eval_shape(metric, logits, labels)
        except Exception as error:  # whatever a function of somebody else may raise
            told = f"{type(error).__name__}: {error}".strip().splitlines()[0]
            raise ValueError(f"sweep.metrics: {name} fails for {given}: {told}") from None
        if _shape(found) != "[]" or jnp.issubdtype(found.dtype, jnp.complexfloating):
            raise ValueError(f"sweep.metrics: {name} must give one number for {given}, it gives {_shape(found)}")


def _shape(found: Any) -> str:
    return str(list(found.shape)) if isinstance(found, jax.ShapeDtypeStruct) else shorten(found)


def until(config: Config, metrics: Mapping[str, Any]) -> sweeps.Until | None:
    """When to stop.

    **Raises:** `ValueError` for a metric that is not measured.
    """
    asked = config.sweep.until
    if asked is None:
        return None
    metric = None if asked.metric is None else asked.metric.replace(":", ".")
    if metric is not None and metric not in metrics:
        raise ValueError(f"sweep.until.metric: {asked.metric} is not measured; there are {', '.join(metrics)}")
    return sweeps.Until(asked.ci95, metric)


def variants(config: Config, points: sweeps.Points) -> list[Config]:
    """The config of every point."""
    plain = _without_axes(config)
    return [vary(plain, {path: value for path, value in point.items() if path != "network"}) for point in points]


def trained_variant(config: Config, point: Mapping[str, Any]) -> Config:
    """The config that the networks of a point are trained with: on the tile of `config`, for all points the same."""
    return vary(_without_axes(config), {path: value for path, value in point.items() if _is_of(path, RETRAINED)})


def training_of(point: Mapping[str, Any], sections: tuple[str, ...] = RETRAINED) -> tuple[tuple[str, str], ...]:
    """The values of a point that decide which trained network it takes: points with the same share it."""
    return tuple((path, repr(value)) for path, value in point.items() if _is_of(path, sections))


def folder_of(run: Path, which: tuple[tuple[str, str], ...]) -> Path:
    """Where the networks of `training_of` a point lie."""
    return run / "networks" / hashlib.sha256(repr(which).encode()).hexdigest()[:12] if which else run


def share_baseline(source: Path, target: Path) -> None:
    """Copies the trained baseline from one folder of networks to another, if only the first has it."""
    known, facts = (folder / "checkpoint" / "baseline.json" for folder in (source, target))
    if facts.is_file() or not known.is_file():
        return
    shutil.rmtree(facts.with_suffix(""), ignore_errors=True)
    shutil.copytree(known.with_suffix(""), facts.with_suffix(""))
    write_text(facts, known.read_text(encoding="utf-8"))  # last: what it describes is whole


def _is_of(path: str, sections: tuple[str, ...]) -> bool:
    return path.split(".")[0] in sections


def _without_axes(config: Config) -> Config:
    return config.model_copy(update={"sweep": config.sweep.model_copy(update={"axes": {}, "design": "crossed"})})


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
