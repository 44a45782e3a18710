"""The devices that share a training."""

import math

from jax.sharding import Mesh
from pydantic import Field

from ..training import make_mesh
from ._section import Count, Section


class MeshConfig(Section):
    """`aimcjax.training.make_mesh`: how many devices along each axis. `data` splits samples and, at rest, parameters;
    `model` splits matrices; `expert` splits stacks of experts, and samples."""

    data: Count = Field(1, gt=0)
    model: Count = Field(1, gt=0)
    expert: Count = Field(1, gt=0)

    @property
    def n_devices(self) -> int:
        """How many there must be."""
        return math.prod(self.model_dump().values())

    def build(self) -> Mesh | None:
        """The mesh, none for one device."""
        return make_mesh(self.model_dump()) if self.n_devices > 1 else None
