"""Memristive cells as ordinary differential equations, and how to simulate them.

- `AbstractMemristor`: what a model must offer. `simulate(model, t, v)` solves one and returns a `Trace`.
- `LinearIonDrift`, `Vteam`: published models, each with `preset(name)`.
- `Joglekar`, `Biolek`, `Prodromakis`, `Zha`, `TeamWindow`, `Rectangular`: windows near the bounds of the state.
"""

from ._base import AbstractMemristor as AbstractMemristor, State as State
from ._linear_ion_drift import LinearIonDrift as LinearIonDrift
from ._simulate import Trace as Trace, simulate as simulate
from ._vteam import Vteam as Vteam
from ._windows import (
    AbstractWindow as AbstractWindow,
    Biolek as Biolek,
    Joglekar as Joglekar,
    Prodromakis as Prodromakis,
    Rectangular as Rectangular,
    TeamWindow as TeamWindow,
    Zha as Zha,
)
