"""From a network to chips: the steps of a study, each from the public parts of the package."""

import contextlib
import dataclasses
import functools as ft
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .. import chips, devices, nn, sweeps, training
from .._types import PRNGKey
from ..config import Config
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
    check_memory(eqx.filter_eval_shape(lambda key: config.model.build(data, key), key))
    model = config.model.build(data, key)
    analog = _converted(config, model)
    chips.check_capacity(analog, config.chip.max_tiles)
    chips.check_cost(analog)
    for section in ("digital_training", "hwa_training"):  # before minutes of training, not after
        with _naming(section):
            getattr(config, section).schedule().check(len(data.y_train))
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
    designs = {name: layer.design for name, layer in nn.analog_layers(analog).items()}
    return nn.map_layers(trained, lambda _, layer: dataclasses.replace(layer, design=designs[layer.name]), nn.is_analog)


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
