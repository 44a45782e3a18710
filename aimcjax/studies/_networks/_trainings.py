"""The trainings of a study: what a config says of them, as arguments of `training.fit`."""

import contextlib
import dataclasses
import functools as ft
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ... import devices, models, nn, tiles, training
from ..._types import PRNGKey
from ...config import Config, TrainingConfig
from ...datasets import Dataset


Step = Callable[[int, float], None]  # told of every epoch and its loss [nat]


def check(config: Config, data: Dataset) -> None:
    """Raises `ValueError` for trainings that would fail: batches that there are no data or no devices for, ranges of
    tiles that the chip does not have."""
    for section in ("digital_training", "hwa_training", "adapter"):
        with naming(section):
            if getattr(config, section) is not None:
                schedule = getattr(config, section).schedule()
                schedule.check(len(data.y_train))
                training.check_batch(schedule.batch_size // schedule.accumulate, config.mesh.model_dump())
    hwa = config.hwa_training
    with naming("hwa_training"):
        part = hwa.batch_size // hwa.accumulate
        if part % hwa.chips:
            of = f"batch_size={hwa.batch_size}" + f" in accumulate={hwa.accumulate} parts" * (hwa.accumulate > 1)
            raise ValueError(f"{of} does not divide among chips={hwa.chips}")
        if hwa.noise != (1.0, 1.0) and not isinstance(hwa.tile or config.tile, tiles.WeightLevelTile):
            raise ValueError(f"noise={list(hwa.noise)} scales that of a weight_level_tile: set `tile` to one")
        if config.deep and hwa.chips > 1:
            raise ValueError(f"deep=true programs one chip a step, got chips={hwa.chips}; set one of them back")
        if hwa.tile_ranges and hwa.tile is not None and hwa.tile.rows != config.tile.rows:
            raise ValueError(
                f"tile_ranges need tiles with the {config.tile.rows} rows of the chip's, got tile.rows={hwa.tile.rows}"
            )


def check_blocks(config: Config, model: Any) -> None:
    """Raises `ValueError` for modules to compute again that `model` does not have, and for `deep` networks that are no
    decoders."""
    model = training.scanned(model) if config.deep else model
    for section in ("digital_training", "hwa_training", "adapter"):
        asked = getattr(config, section)
        if asked is not None and asked.remat is not None:
            with naming(section):
                training.with_checkpoints(model, asked.remat)


def train_digital(
    config: Config, model: Any, data: Dataset, key: PRNGKey, progress: Step, saves: training.Saves | None = None
) -> Any:
    """The baseline. `saves`, here and below, as `training.fit`."""
    how = {"key": key, "progress": progress, "saves": saves}
    return _trained(config, "digital_training", model, data, training.digital_forward, **how)


def train_for_hardware(
    config: Config,
    analog: Any,
    teacher: Any,
    data: Dataset,
    key: PRNGKey,
    progress: Step,
    saves: training.Saves | None = None,
) -> Any:
    """The second road: fine-tuned on fresh chips of random ages in every step, and back on the tiles of `analog`."""
    hwa = config.hwa_training
    trained = _trained(
        config, "hwa_training", for_hardware(config, analog), data, hwa_forward(config), teacher=teacher,
        projection=training.keep_programmable(hwa.clip_sigma, per=hwa.clip_per), noise=hwa.noise, key=key,
        progress=progress, saves=saves,
    )  # fmt: skip
    return nn.with_designs(trained, analog)


def for_hardware(config: Config, analog: Any) -> Any:
    """The network as it is trained for hardware: its ranges, its limits, its tiles. Cells of the chip's tiles read
    without noise (see `devices.NoiselessReads`): chips afterwards do not."""
    hwa = config.hwa_training
    model = nn.with_ranges(analog, hwa.ranges, per_tile=hwa.tile_ranges)
    model = nn.map_layers(model, lambda _, layer: _on_training_tile(layer, hwa.tile), nn.is_analog)
    return nn.with_weight_ranges(model) if hwa.weight_ranges else model


def hwa_forward(config: Config) -> training.Forward:
    """The forward pass of the second road."""
    if config.deep:
        return ft.partial(training.deep_hwa_forward, ages=config.hwa_training.ages)
    return ft.partial(training.hwa_forward, ages=config.hwa_training.ages, chips=config.hwa_training.chips)


def with_adapters(config: Config, analog: Any, key: PRNGKey) -> Any:
    """`analog` with the untrained adapters of the config, if it has any."""
    found = config.adapter
    if found is None:
        return analog
    with naming("adapter"):
        return nn.adapt(analog, found.layers, rank=found.rank, alpha=found.alpha, kind=found.kind, key=key)


def train_adapters(
    config: Config,
    analog: Any,
    teacher: Any,
    data: Dataset,
    key: PRNGKey,
    progress: Step,
    saves: training.Saves | None = None,
) -> Any:
    """The third road: weights as mapped directly, on tiles that are not written again, and adapters trained on a fresh
    chip of a random age in every step, so that they fit any chip."""
    section, (key_adapters, key_training) = config.adapter, jr.split(key)
    assert section is not None  # the road is not taken without
    adapted = with_adapters(config, analog, key_adapters)
    averaged = nn.map_layers(adapted, lambda _, layer: _on_training_tile(layer, config.hwa_training.tile), nn.is_analog)
    trained = _trained(
        config, "adapter", averaged, data, ft.partial(training.hwa_forward, ages=config.hwa_training.ages),
        teacher=teacher, trainable=nn.trainable_adapters, projection=training.lora_plus(section.plus_ratio),
        penalty=ft.partial(training.halora_penalty, mu=section.halora_mu) if section.halora_mu else None,
        key=key_training, progress=progress, saves=saves,
    )  # fmt: skip
    return nn.with_designs(trained, adapted)


def _trained(
    config: Config,
    section: str,
    model: Any,
    data: Dataset,
    forward: training.Forward,
    *,
    teacher: Any = None,
    trainable: Callable[[Any], Any] = nn.trainable,
    **how: Any,
) -> Any:
    """`training.fit` as a section of the config says; a mixture of experts is trained to spread its tokens too."""
    asked, balance = getattr(config, section), getattr(config.model, "balance", 0.0)
    distillation, objective = getattr(asked, "distillation", None), training.CrossEntropy()
    if distillation is not None:
        objective = training.Distillation(teacher, distillation.weight, distillation.temperature)
    if balance:
        model, objective = models.WithRouting(model), training.Balanced(objective, balance)
    with naming(section):
        trained, _ = training.fit(
            model, data.x_train, data.y_train, forward=frugal(asked, forward), schedule=asked.schedule(),
            objective=objective, trainable=trainable(model), mesh=config.mesh.build(), deep=config.deep, **how,
        )  # fmt: skip
        _check_finite(trained)
    return trained.model if balance else trained


def frugal(section: TrainingConfig, forward: training.Forward) -> training.Forward:
    """`forward` in the precision and the memory of a section."""
    if section.precision != "float32":
        forward = training.in_precision(forward, jnp.dtype(section.precision))
    return forward if section.remat is None else training.rematerialised(forward, section.remat)


@contextlib.contextmanager
def naming(section: str) -> Iterator[None]:
    """Says of a failure which training it was."""
    try:
        yield
    except (FloatingPointError, ValueError) as error:
        raise type(error)(f"{section}: {error}") from None


def _check_finite(model: Any) -> None:
    weights = jax.tree.leaves(eqx.filter(model, nn.trainable(model)))
    if not all(np.all(np.isfinite(weight)) for weight in weights):
        raise FloatingPointError("the last step left weights that are not finite; lower the learning rate")


def _on_training_tile(layer: Any, tile: Any) -> Any:
    if tile is not None:
        return dataclasses.replace(layer, design=tile)
    if getattr(layer.design, "device", None) is None:  # a tile without cells
        return layer
    device = devices.NoiselessReads(layer.design.device)  # pyright: ignore[reportCallIssue] (g_min, g_max are derived)
    return dataclasses.replace(layer, design=dataclasses.replace(layer.design, device=device))
