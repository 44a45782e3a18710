"""Published memristors by one name each."""

from ._base import AbstractMemristor
from ._chua import ChuaMemristor
from ._data_driven import DataDriven
from ._linear_ion_drift import LinearIonDrift
from ._pickett import Pickett
from ._presets import look_up
from ._stanford_pku import StanfordPku
from ._team import Team
from ._vteam import Vteam
from ._yakopcic import Yakopcic


_MODELS = {
    "chua": (ChuaMemristor, ("cubic_charge", "cubic_flux")),
    "data_driven": (DataDriven, ("messaris2018", "messaris2021")),
    "linear_ion_drift": (LinearIonDrift, ("strukov_b", "strukov_c")),
    "pickett": (Pickett, ("pickett2009",)),
    "stanford_pku": (StanfordPku, ("default", "noisy")),
    "team": (Team, ("pickett", "technion")),
    "vteam": (Vteam, ("pt_hf_ti", "technion")),
    "yakopcic": (Yakopcic, ("jo", "miao", "oblea")),
}
_PRESETS = {f"{model}_{name}": (cls, name) for model, (cls, names) in _MODELS.items() for name in names}


def preset(name: str) -> AbstractMemristor:
    """The memristor published under `name`, such as `"vteam_technion"` for `Vteam.preset("technion")`.

    **Arguments:** `name`, one of `preset_names()`.

    **Raises:** `ValueError` for an unknown name, with the known ones.

    **Reference:** the docstring of the class that is returned.
    """
    cls, own = look_up(_PRESETS, name, AbstractMemristor)
    return cls.preset(own)


def preset_names() -> list[str]:
    """The names that `preset` knows, sorted."""
    return sorted(_PRESETS)
