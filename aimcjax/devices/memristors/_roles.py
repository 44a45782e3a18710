"""Memristor models and their parts by name, for preset files."""

from ...components import Role
from ._base import AbstractMemristor
from ._chua import ChuaMemristor
from ._data_driven import AbstractApproach, DataDriven, ExponentialApproach, QuadraticApproach
from ._kjma_pcm import KjmaPcm
from ._linear_ion_drift import LinearIonDrift
from ._pickett import Pickett
from ._stanford_pku import GapNoise, StanfordPku
from ._team import Team
from ._vacancy_filament import VacancyFilament
from ._vteam import Vteam
from ._windows import AbstractWindow, Biolek, Joglekar, Prodromakis, Rectangular, TeamWindow, Zha
from ._yakopcic import Yakopcic


ROLES = {
    AbstractMemristor: Role(
        "a memristor",
        {
            "linear_ion_drift": LinearIonDrift,
            "chua": ChuaMemristor,
            "team": Team,
            "vteam": Vteam,
            "yakopcic": Yakopcic,
            "pickett": Pickett,
            "stanford_pku": StanfordPku,
            "vacancy_filament": VacancyFilament,
            "data_driven": DataDriven,
            "kjma_pcm": KjmaPcm,
        },
    ),
    AbstractWindow: Role(
        "a window",
        {
            "rectangular": Rectangular,
            "joglekar": Joglekar,
            "biolek": Biolek,
            "prodromakis": Prodromakis,
            "zha": Zha,
            "team_window": TeamWindow,
        },
    ),
    AbstractApproach: Role("an approach", {"exponential": ExponentialApproach, "quadratic": QuadraticApproach}),
    GapNoise: Role("a noise of the gap", {"gap_noise": GapNoise}),
}
