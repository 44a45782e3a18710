"""Memristive cells as ordinary differential equations, and how to simulate them.

- `AbstractMemristor`: what a model must offer. `simulate(model, t, v)` solves one and returns a `Trace`.
- `LinearIonDrift`, `Vteam`: published models, each with `preset(name)`.
- `Joglekar`, `Biolek`, `Prodromakis`, `Zha`, `TeamWindow`, `Rectangular`: windows near the bounds of the state.
"""

from ._base import AbstractMemristor as AbstractMemristor, State as State
from ._data_driven import (
    AbstractApproach as AbstractApproach,
    DataDriven as DataDriven,
    ExponentialApproach as ExponentialApproach,
    QuadraticApproach as QuadraticApproach,
)
from ._kjma import KjmaPcm as KjmaPcm
from ._lattice import (
    FilamentLattice as FilamentLattice,
    Formation as Formation,
    form as form,
    forming_voltage as forming_voltage,
    forming_voltages as forming_voltages,
)
from ._linear_ion_drift import LinearIonDrift as LinearIonDrift
from ._population import (
    AbstractSpread as AbstractSpread,
    Gauss as Gauss,
    LogNormal as LogNormal,
    Weibull as Weibull,
    vary as vary,
)
from ._simulate import Trace as Trace, simulate as simulate
from ._stanford_pku import GapNoise as GapNoise, StanfordPku as StanfordPku
from ._vacancy import VacancyFilament as VacancyFilament
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
