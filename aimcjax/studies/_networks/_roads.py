"""From a network to chips: the steps of a study, each from the public parts of the package."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ... import chips, devices, nn, reports, sweeps
from ..._types import PRNGKey
from ...config import Config, ServiceConfig, shapes
from ...datasets import Dataset
from . import _trainings as trainings
from ._memory import check_memory


_USED = ("n_chips", "times")  # by every study that has a section `sweep`


def conversion_rules(config: Config | ServiceConfig) -> list[nn.Rule]:
    """Everything on the config's tile, but for the layers that it keeps digital."""
    kept = [nn.Rule(pattern, None) for pattern in config.chip.digital_layers]
    return [*kept, nn.Rule(".*", config.tile)]


def converted(config: Config | ServiceConfig, model: Any) -> Any:
    """`model` on the tiles of the config, with its drift compensation."""
    return nn.convert(model, conversion_rules(config), compensation=config.chip.compensation)


def prepare(config: Config, data: Dataset, key: PRNGKey) -> Any:
    """The untrained network, after checking that it fits in memory, converts, fits on the chip and has a cost."""
    config.mesh.build()
    check_memory(shapes(config.model, data, key), config.mesh.n_devices)
    model = config.model.build(data, key)
    analog = converted(config, model)
    chips.check_capacity(analog, config.chip.max_tiles)
    placed(config, analog)
    trainings.check(config, data)  # before minutes of training, not after
    trainings.check_blocks(config, analog)
    trainings.with_adapters(config, analog, key)
    return model


def cautions(config: Config) -> list[str]:
    """Where the study leaves the range in which its device was measured, and what it leaves out, a line each."""
    name = devices.recognised(getattr(config.tile, "device", None))
    outside = [] if name is None else devices.datasheet(name).outside(t=config.sweep.times)
    asked = config.sweep
    fields = {name: field for name, field in type(asked).model_fields.items() if name not in _USED}
    unused = [name for name, field in fields.items() if getattr(asked, name) != field.default]
    if unused:
        which = ", ".join(f"sweep.{name}" for name in unused)
        outside.append(f"run does not use {which}; `aimcjax sweep` does that")
    return outside


def map_directly(config: Config | ServiceConfig, model: Any, data: Dataset) -> Any:
    """The first road: converted, input ranges calibrated on the training data, no further training."""
    analog = converted(config, model)
    return nn.calibrate(
        analog, jnp.asarray(data.x_train[: config.calibration.samples]), quantile=config.calibration.quantile
    )


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


def placed(config: Config | ServiceConfig, analog: Any, **measured: Any) -> chips.Placement:
    """Where the layers of `analog`, in any of their lives, lie on the chip of the config. `measured`: `sample` and
    `input_power`, as `chips.place`."""
    section = config.chip
    return chips.place(
        analog,
        section.design,
        strategy=section.strategy,
        coactivation=section.coactivation or None,
        replicas=section.replicas,
        mapping=None if section.mapping is None else chips.read_mapping(section.mapping),
        **measured,
    )


def chip_cost(
    config: Config | ServiceConfig, analog: Any, chip: Any, data: Dataset
) -> tuple[chips.Placement, chips.Cost]:
    """Where `chip`, a programmed copy of `analog`, lies on the machine, and the cost of one inference on it."""
    power = nn.input_power(analog, jnp.asarray(data.x_test[: config.calibration.samples]))
    placement = placed(config, chip, sample=jnp.asarray(data.x_test[0]), input_power=power)
    return placement, chips.cost(placement)
