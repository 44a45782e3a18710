"""What the trainings of a study take of every device, before anything is allocated."""

import functools as ft

import jax
import numpy as np

from ... import training
from ...config import Config
from .._networks import _roads as roads, _trainings as trainings


def plan(config: Config) -> dict[str, training.Plan]:
    """The plans of both trainings of `config`, by the names of their sections; see `aimcjax.training.plan`.

    **Raises:** `ValueError` if there are fewer devices than the mesh wants, or a batch does not split over it.
    """
    data, mesh = config.data.load(), training.make_mesh(config.mesh.model_dump())
    trainings.check(config, data)
    digital = lambda key: config.model.build(data, key)
    analog = lambda key: trainings.for_hardware(config, roads.converted(config, digital(key)))
    clip = training.keep_programmable(config.hwa_training.clip_sigma, per=config.hwa_training.clip_per)
    plans = {}
    for section, build, forward, projection in (
        ("digital_training", digital, training.digital_forward, None),
        ("hwa_training", analog, trainings.hwa_forward(config), clip),
    ):
        asked = getattr(config, section)
        schedule = asked.schedule()
        batch = ft.partial(_batch, schedule.batch_size)
        with trainings.naming(section):
            plans[section] = training.plan(
                build, batch(data.x_train), batch(data.y_train), forward=trainings.frugal(asked, forward),
                schedule=schedule, mesh=mesh, projection=projection, deep=config.deep,
            )  # fmt: skip
    return plans


def _batch(size: int, samples: np.ndarray) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((size, *samples.shape[1:]), samples.dtype)
