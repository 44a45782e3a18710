"""From a network to chips: the steps of a study, each from the public parts of the package."""

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

from .. import chips, devices, nn, reports, sweeps, training
from .._types import PRNGKey
from ..config import Config, shapes
from ..datasets import Dataset
from ._memory import check_memory


Progress = Callable[[int, float], None]


def conversion_rules(config: Config) -> list[nn.Rule]:
    """Everything on the config's tile, but for the layers that it keeps digital."""
    kept = [nn.Rule(pattern, None) for pattern in config.chip.digital_layers]
    return [*kept, nn.Rule(".*", config.tile)]


def _converted(config: Config, model: Any) -> Any:
    return nn.convert(model, conversion_rules(config), compensation=config.chip.compensation)


def prepare(config: Config, data: Dataset, key: PRNGKey) -> Any:
    """The untrained network, after checking that it fits in memory, converts, fits on the chip and has a cost."""
    check_memory(shapes(config.model, data, key))
    model = config.model.build(data, key)
    analog = _converted(config, model)
    chips.check_capacity(analog, config.chip.max_tiles)
    chips.check_cost(analog)
    for section in ("digital_training", "hwa_training", "adapter"):  # before minutes of training, not after
        with _naming(section):
            if getattr(config, section) is not None:
                getattr(config, section).schedule().check(len(data.y_train))
    with_adapters(config, analog, key)
    return model


def cautions(config: Config) -> list[str]:
    """Where the study leaves the range in which its device was measured, a line each."""
    name = devices.recognised(getattr(config.tile, "device", None))
    return [] if name is None else devices.datasheet(name).outside(t=config.sweep.times)


def train_digital(config: Config, model: Any, data: Dataset, key: PRNGKey, progress: Progress) -> Any:
    """The baseline."""
    schedule = config.digital_training.schedule()
    with _naming("digital_training"):
        trained, _ = training.fit(
            model, data.x_train, data.y_train,
            forward=training.digital_forward, schedule=schedule, key=key, progress=progress,
        )  # fmt: skip
        _check_finite(trained)
    return trained


def map_directly(config: Config, model: Any, data: Dataset) -> Any:
    """The first road: converted, input ranges calibrated on the training data, no further training."""
    analog = _converted(config, model)
    return nn.calibrate(
        analog, jnp.asarray(data.x_train[: config.calibration.samples]), quantile=config.calibration.quantile
    )


def train_for_hardware(config: Config, analog: Any, data: Dataset, key: PRNGKey, progress: Progress) -> Any:
    """The second road: fine-tuned on a fresh chip of a random age in every step; its reads are averaged (see
    `devices.NoiselessReads`), those of the chips afterwards are not."""
    hwa = config.hwa_training
    averaged = nn.map_layers(analog, lambda _, layer: _with_averaged_reads(layer), nn.is_analog)
    forward = ft.partial(training.hwa_forward, ages=hwa.ages)
    projection = training.keep_programmable(hwa.clip_sigma)
    with _naming("hwa_training"):
        trained, _ = training.fit(
            averaged, data.x_train, data.y_train,
            forward=forward, schedule=hwa.schedule(), key=key, projection=projection, progress=progress,
        )  # fmt: skip
        _check_finite(trained)
    return _with_designs(trained, analog)


def with_adapters(config: Config, analog: Any, key: PRNGKey) -> Any:
    """`analog` with the untrained adapters of the config, if it has any."""
    found = config.adapter
    if found is None:
        return analog
    with _naming("adapter"):
        return nn.adapt(analog, found.layers, rank=found.rank, alpha=found.alpha, kind=found.kind, key=key)


def train_adapters(config: Config, analog: Any, data: Dataset, key: PRNGKey, progress: Progress) -> Any:
    """The third road: weights as mapped directly, on tiles that are not written again, and adapters trained on a fresh
    chip of a random age in every step, so that they fit any chip; reads are averaged as on the second road."""
    section, (key_adapters, key_training) = config.adapter, jr.split(key)
    assert section is not None  # the road is not taken without
    adapted = with_adapters(config, analog, key_adapters)
    averaged = nn.map_layers(adapted, lambda _, layer: _with_averaged_reads(layer), nn.is_analog)
    forward = ft.partial(training.hwa_forward, ages=config.hwa_training.ages)
    penalty = ft.partial(training.halora_penalty, mu=section.halora_mu) if section.halora_mu else None
    with _naming("adapter"):
        trained, _ = training.fit(
            averaged, data.x_train, data.y_train,
            forward=forward, schedule=section.schedule(), key=key_training, trainable=nn.trainable_adapters(averaged),
            projection=training.lora_plus(section.plus_ratio), penalty=penalty, progress=progress,
        )  # fmt: skip
        _check_finite(trained)
    return _with_designs(trained, adapted)


def _with_designs(trained: Any, original: Any) -> Any:
    designs = {name: layer.design for name, layer in nn.analog_layers(original).items()}
    return nn.map_layers(trained, lambda _, layer: dataclasses.replace(layer, design=designs[layer.name]), nn.is_analog)


def adapter_facts(analog: dict[str, Any], data: Dataset, key: PRNGKey) -> reports.AdapterFacts | None:
    """What trained adapters cost, if there are any: parameters, digital products, and cells written for them, counted
    between the chip of the direct road that `key` draws and the same one with the network of the third road."""
    if "hwa_lora" not in analog:
        return None
    direct, adapted = analog["direct"], analog["hwa_lora"]
    n_parameters = lambda tree: sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array)))
    sample, (before, after) = jnp.asarray(data.x_test[0]), (nn.program(model, key=key) for model in (direct, adapted))
    activities = [chips.count_activity(model, sample) for model in (direct, adapted)]
    return reports.AdapterFacts(
        parameters=n_parameters(nn.adapters_of(adapted)),
        base_parameters=n_parameters(eqx.filter(direct, nn.trainable(direct))),
        analog_writes=chips.rewritten_cells(before, after),
        extra_macs=activities[1].n_macs - activities[0].n_macs,
    )


@contextlib.contextmanager
def _naming(section: str) -> Iterator[None]:
    """Says of a failure which training it was."""
    try:
        yield
    except (FloatingPointError, ValueError) as error:
        raise type(error)(f"{section}: {error}") from None


def _check_finite(model: Any) -> None:
    weights = jax.tree.leaves(eqx.filter(model, nn.trainable(model)))
    if not all(np.all(np.isfinite(weight)) for weight in weights):
        raise FloatingPointError("the last step left weights that are not finite; lower the learning rate")


def _with_averaged_reads(layer: Any) -> Any:
    device = devices.NoiselessReads(layer.design.device)  # pyright: ignore[reportCallIssue] (g_min, g_max are derived)
    return dataclasses.replace(layer, design=dataclasses.replace(layer.design, device=device))


def digital_score(config: Config, model: Any, data: Dataset) -> float:
    """What the network scores on the test data without any hardware."""
    logits = jax.jit(jax.vmap(model))(jnp.asarray(data.x_test))
    return float(config.data.metric.function(logits, jnp.asarray(data.y_test)))


def age(config: Config, analog: Any, data: Dataset, key: PRNGKey) -> np.ndarray:
    """Scores of many chips over time, `[compensated / uncompensated, chips, times]`."""
    scores = sweeps.score_over_time(
        analog,
        jnp.asarray(data.x_test),
        jnp.asarray(data.y_test),
        score=config.data.metric.function,
        n_chips=config.sweep.n_chips,
        times=jnp.asarray(config.sweep.times, float),
        strengths=jnp.asarray([1.0, 0.0]),
        key=key,
    )
    return np.asarray(scores, np.float64)


def chip_cost(config: Config, analog: Any, chip: Any, data: Dataset) -> chips.Cost:
    """Cost of one inference on `chip`, a programmed copy of `analog`."""
    activity = chips.count_activity(analog, jnp.asarray(data.x_test[0]))
    power = nn.input_power(analog, jnp.asarray(data.x_test[: config.calibration.samples]))
    return chips.cost(chip, activity, power, config.cost_model())
