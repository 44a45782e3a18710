"""Published devices with the algorithms that were proposed for them."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

from ...devices import pulsed
from ._agad import agad
from ._compound import OneAtRandom, OneSidedPair, VectorCell
from ._management import Management
from ._mixed_precision import mixed_precision
from ._mvm import transfer_mvm
from ._pulse_update import PulsedUpdate
from ._rule import InMemoryRule
from ._sgd import sgd
from ._tiki_taka import tiki_taka
from ._ttv2 import cttv2, ttv2


class _Tuned(NamedTuple):
    """Hyper-parameters by device: of TTv2 and its chopped form, and those that AGAD has otherwise."""

    eta0: float
    gamma0: float
    length: int
    chop: float
    agad_gamma0: float
    agad_length: int
    agad_chop: float
    tail: float


_PULSED = {
    "reram_es": "reram_es_gong2018",
    "reram_sb": "reram_sb_gong2018",
    "capacitor": "capacitor_li2018",
    "ecram": "ecram_tang2018",
    "ecram_mo": "ecram_mo_kim2019",
    "idealized": "idealized_rasch2019",
}
_SINGLE = {**_PULSED, "gokmen_vlasov": "rpu_unit_gokmen2016"}
_TUNED = {
    "reram_es": _Tuned(0.5, 1000.0, 31, 0.01, 1000.0, 31, 0.02, 5.0),
    "reram_sb": _Tuned(0.5, 1000.0, 31, 0.01, 1000.0, 31, 0.02, 5.0),
    "capacitor": _Tuned(0.1, 1000.0, 31, 0.01, 1000.0, 31, 0.01, 20.0),
    "ecram": _Tuned(0.1, 500.0, 100, 0.01, 750.0, 31, 0.005, 50.0),
    "ecram_mo": _Tuned(0.1, 500.0, 100, 0.001, 500.0, 100, 0.005, 50.0),
    "idealized": _Tuned(0.1, 500.0, 100, 0.001, 500.0, 100, 0.005, 50.0),
}


def preset(name: str, **hyper: Any) -> tuple[pulsed.AbstractPulsedDevice, InMemoryRule]:
    """A published device and a rule on it; the settings are those that AIHWKit ships.

    `D` is `reram_es`, `reram_sb` (Gong 2018), `capacitor` (Li 2018), `ecram` (Tang 2018), `ecram_mo` (Kim 2019) or
    `idealized` (after Gokmen & Vlasov 2016):

    - `D`, `gokmen_vlasov`, `pcm` (a `OneSidedPair` refreshed every batch, Nandakumar 2020): in-memory SGD;
      `D2`, `D4` (`reram_es2`): on `VectorCell` of two and four, one at random per sample.
    - `tiki_taka_D` (Gokmen & Haensch 2020); `ttv2_D` (Gokmen 2021); `chopped_ttv2_D`, `agad_D` (Rasch 2024).
    - `mixed_precision_D`, and with `gokmen_vlasov`, `pcm` (Nandakumar 2020).

    Transfers read by `transfer_mvm()`; read forward and backward by `NoisyMvm()` as the presets do. Learning rates
    are no part of them: give `lr`, or anything else of the algorithm, as `hyper`. Chopped rules on `ecram` have the
    `eta0` 1 of the default there.

    **Raises:** `ValueError` for an unknown name.
    """
    built = _builders()
    if name not in built:
        raise ValueError(f"unknown preset {name!r}; known: {', '.join(sorted(built))}")
    return built[name](hyper)


def preset_names() -> list[str]:
    """The names that `preset` knows, sorted."""
    return sorted(_builders())


_Builder = Callable[[dict[str, Any]], tuple[pulsed.AbstractPulsedDevice, InMemoryRule]]


def _builders() -> dict[str, _Builder]:
    built: dict[str, _Builder] = {
        "pcm": lambda hyper: _with(sgd, _pcm_pair(), {}, hyper),
        "mixed_precision_pcm": lambda hyper: _with(mixed_precision, _pcm_pair(), {}, hyper),
    }
    for name, source in _SINGLE.items():
        built[name] = lambda hyper, s=source: _with(sgd, pulsed.preset(s), {}, hyper)
        built[f"mixed_precision_{name}"] = lambda hyper, s=source: _with(mixed_precision, pulsed.preset(s), {}, hyper)
    for name in _PULSED:
        for n in (2, 4):
            built[f"{name}{n}"] = lambda hyper, s=_PULSED[name], n=n: _with(sgd, _vector(s, n), {}, hyper)
        built[f"tiki_taka_{name}"] = lambda hyper, d=name: _with(tiki_taka, _pair_device(d), _read(), hyper)
        built[f"ttv2_{name}"] = lambda hyper, d=name: _with(ttv2, _pair_device(d), _ttv2_hyper(d), hyper)
        built[f"chopped_ttv2_{name}"] = lambda hyper, d=name: _with(cttv2, _pair_device(d), _chopped_hyper(d), hyper)
        built[f"agad_{name}"] = lambda hyper, d=name: _with(agad, _pair_device(d), _agad_hyper(d), hyper)
    return built


def _with(
    make: Callable[..., InMemoryRule], device: pulsed.AbstractPulsedDevice, settings: dict, hyper: dict
) -> tuple[pulsed.AbstractPulsedDevice, InMemoryRule]:
    return device, make(device, **{**settings, **hyper})


def _read() -> dict[str, Any]:
    return {"read": transfer_mvm(), "every": 1}


def _pulses(length: int) -> PulsedUpdate:
    return PulsedUpdate(management=Management(length=length))


def _ttv2_hyper(name: str) -> dict[str, Any]:
    tuned = _TUNED[name]
    return {**_read(), "eta0": tuned.eta0, "gamma0": tuned.gamma0, "pulses": _pulses(tuned.length)}


def _chopped_hyper(name: str) -> dict[str, Any]:
    tuned = _TUNED[name]
    eta0 = 1.0 if name == "ecram" else tuned.eta0
    return {**_ttv2_hyper(name), "chop": tuned.chop, "random_chop": True, "eta0": eta0}


def _agad_hyper(name: str) -> dict[str, Any]:
    tuned = _TUNED[name]
    return {
        **_read(),
        "eta0": tuned.eta0,
        "gamma0": tuned.agad_gamma0,
        "pulses": _pulses(tuned.agad_length),
        "chop": tuned.agad_chop,
        "random_chop": False,
        "beta": min(tuned.tail * tuned.agad_chop, 1.0),
    }


def _pair_device(name: str) -> pulsed.PulsedDevice:
    device = pulsed.preset(_PULSED[name])
    if name == "reram_sb":  # in pairs of arrays its reference is programmed to the symmetry point
        return dataclasses.replace(device, reference=pulsed.Reference(at_symmetry_point=True))
    return device


def _pcm_pair() -> OneSidedPair:
    device = pulsed.preset("pcm_nandakumar2020")
    return OneSidedPair(device, refresh_every=1)  # pyright: ignore[reportCallIssue]


def _vector(source: str, n: int) -> VectorCell:
    return VectorCell((pulsed.preset(source),) * n, policy=OneAtRandom())
