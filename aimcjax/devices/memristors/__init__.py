"""Memristive cells as ordinary differential equations, and how to simulate them.

- `simulate(model, t, v)`: one cell under a waveform; returns a `Trace`. `AbstractMemristor`: what a model must offer.
- `LinearIonDrift`, `ChuaMemristor`, `Team`, `Vteam`, `Yakopcic`, `Pickett`: published models, each with `preset(name)`.
- `Joglekar`, `Biolek`, `Prodromakis`, `Zha`, `TeamWindow`, `Rectangular`: windows near the bounds of the state.
- `hysteresis_loop`, `lobe_area`, `lobe_areas`, `ideality`: the fingerprints of a memristor.
- `positive_part`, `step`: thresholds that are smooth over a width, and sharp at width zero.
- `StanfordPku` (with `GapNoise`), `VacancyFilament`, `DataDriven`, `KjmaPcm`: cells with heat, noise and thresholds.
- `vary(model, key=key, r_on=0.1)`: one cell of a population; `LogNormal`, `Gauss`, `Weibull` spreads.
- `preset(name)`, `preset_names()`: all published parameter sets by one name each.
- `FilamentLattice`, `form`, `forming_voltage`, `forming_voltages`: kinetic Monte-Carlo of forming.
- Bases: `AbstractWindow`, `AbstractSpread`, and `AbstractApproach` (`ExponentialApproach`, `QuadraticApproach`: how a
  data-driven cell nears its end). `Ideality`, `Formation`: results. `ROLES`: all by name, for configs.
"""

from ._base import AbstractMemristor as AbstractMemristor, State as State
from ._chua import ChuaMemristor as ChuaMemristor
from ._data_driven import (
    AbstractApproach as AbstractApproach,
    DataDriven as DataDriven,
    ExponentialApproach as ExponentialApproach,
    QuadraticApproach as QuadraticApproach,
)
from ._diagnostics import (
    Ideality as Ideality,
    hysteresis_loop as hysteresis_loop,
    ideality as ideality,
    lobe_area as lobe_area,
    lobe_areas as lobe_areas,
)
from ._kjma_pcm import KjmaPcm as KjmaPcm
from ._lattice import (
    FilamentLattice as FilamentLattice,
    Formation as Formation,
    form as form,
    forming_voltage as forming_voltage,
    forming_voltages as forming_voltages,
)
from ._linear_ion_drift import LinearIonDrift as LinearIonDrift
from ._named import preset as preset, preset_names as preset_names
from ._pickett import Pickett as Pickett
from ._population import (
    AbstractSpread as AbstractSpread,
    Gauss as Gauss,
    LogNormal as LogNormal,
    Weibull as Weibull,
    vary as vary,
)
from ._roles import ROLES as ROLES
from ._simulate import Trace as Trace, simulate as simulate
from ._smooth import positive_part as positive_part, step as step
from ._stanford_pku import GapNoise as GapNoise, StanfordPku as StanfordPku
from ._team import Team as Team
from ._vacancy_filament import VacancyFilament as VacancyFilament
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
from ._yakopcic import Yakopcic as Yakopcic
