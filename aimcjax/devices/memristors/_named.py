"""Every published parameter set of every model, under one name: `vteam_technion`, `stanford_pku_default`, ..."""

from collections.abc import Callable

from ._base import AbstractMemristor
from ._chua import ChuaMemristor
from ._data_driven import DataDriven
from ._kjma_pcm import KjmaPcm
from ._linear_ion_drift import LinearIonDrift
from ._pickett import Pickett
from ._presets import look_up
from ._stanford_pku import StanfordPku
from ._team import Team
from ._vacancy_filament import VacancyFilament
from ._vteam import Vteam
from ._yakopcic import Yakopcic


_MADE: dict[str, tuple[Callable[[str], AbstractMemristor], tuple[str, ...]]] = {
    "linear_ion_drift": (LinearIonDrift.preset, ("strukov_b", "strukov_c")),
    "chua": (ChuaMemristor.preset, ("cubic_charge", "cubic_flux")),
    "team": (Team.preset, ("pickett", "technion")),
    "vteam": (Vteam.preset, ("technion", "pt_hf_ti")),
    "yakopcic": (Yakopcic.preset, ("oblea", "miao", "jo")),
    "pickett": (Pickett.preset, ("pickett2009",)),
    "stanford_pku": (StanfordPku.preset, ("default", "noisy")),
    "vacancy_filament": (VacancyFilament.preset, ("default",)),
    "data_driven": (DataDriven.preset, ("messaris2018", "messaris2021")),
    "kjma_pcm": (KjmaPcm.preset, ("default",)),
}
_NAMES = {f"{model}_{name}": (make, name) for model, (make, names) in _MADE.items() for name in names}


def preset(name: str) -> AbstractMemristor:
    """The model and parameter set of `name`, the model's name and its preset's: `preset("vteam_technion")` is
    `Vteam.preset("technion")`.

    **Raises:** `ValueError` for an unknown name, with the known ones.
    """
    make, part = look_up(_NAMES, name, AbstractMemristor)
    return make(part)


def preset_names() -> list[str]:
    """The names that `preset` knows, sorted."""
    return sorted(_NAMES)
